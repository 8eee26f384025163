"""One run of a recording: asks what is missing, question by question, and scores every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from llmops_plugins.backtest.asked_model import AskedModel
from llmops_plugins.backtest.asking import Asker, ModelFailedError
from llmops_plugins.backtest.budget import Budget
from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.error_sentence import error_sentence
from llmops_plugins.backtest.recorded_file import RecordedRow, record_row, recorded_response
from llmops_plugins.backtest.recording_plan import RecordingPlan
from llmops_plugins.backtest.recording_result import ModelOutcome, RecordingResult
from llmops_plugins.backtest.scoring.scorer import Scorer
from llmops_plugins.errors import BudgetExceeded, ConfigurationError

__all__ = ["Progress", "RecordingRun"]

Progress = Callable[[int, int], None]
"""Called with the number of steps done and of all."""


class RecordingRun:
    """Carries a plan out.

    Questions are done one after the other, as many at once as calls may be in flight, each by all its models
    and with its scores: a run that a cost cap ends leaves whole questions behind.

    Args:
        plan: What there is to do; answers are added to it.
        asker: Asks the models.
        budget: What may be spent.
        scorer: Scores the answers.
        scored_by: What is recorded as the scorer.
        reference: The model whose answer stands in for a missing gold.
        rescore: Whether scores in the file are of no account.
    """

    def __init__(
        self,
        plan: RecordingPlan,
        *,
        asker: Asker,
        budget: Budget,
        scorer: Scorer,
        scored_by: str,
        reference: str | None,
        rescore: bool,
    ) -> None:
        self._plan = plan
        self._asker = asker
        self._budget = budget
        self._scorer = scorer
        self._scored_by = scored_by
        self._reference = reference
        self._rescore = rescore
        self._models = plan.models
        self._failures: list[tuple[str, str]] = []

    async def all_rows(self, concurrency: int, progress: Progress | None) -> list[RecordedRow]:
        """Return a record of every question, in the dataset's order; it may lack responses."""
        groups = self._plan.groups
        steps, done = len(self._plan.missing()) + len(groups), 0
        rows: dict[int, RecordedRow] = {}
        waiting = iter(groups)

        def tick() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, steps)

        async def work() -> None:
            for group in waiting:
                await self._ask_missing(group[0], tick)
                for question in group:
                    rows[id(question)] = record_row(question, await self._scored(question))
                tick()

        await _together([work() for _ in range(min(concurrency, len(groups)))])
        return [rows[id(question)] for question in self._plan.questions]

    def result(self, rows: Sequence[RecordedRow]) -> RecordingResult:
        """Return what the run came to.

        Args:
            rows: What :meth:`all_rows` returned.
        """
        models = {name: self._outcome(name, rows) for name in self._models}
        others, unscored = len(self._plan.others), self._plan.unscored(rows)
        notes = [f"{others:,} records of other prompts stay at the end of the file."] if others else []
        if self._plan.repeated:
            notes.append(f"{self._plan.repeated:,} questions repeat another one, and count once.")
        if unscored:
            notes.append(
                f"The file is left as it was, since {unscored:,} of its answers could not be scored."
            )
        return RecordingResult(
            out=str(self._plan.out),
            questions=len(rows),
            models=models,
            calls=dict(self._asker.calls),
            spent_usd=self._budget.spent_usd,
            failed=len(self._failures),
            stopped_by_cap=self._budget.refused_usd is not None,
            complete=not any(outcome.missing for outcome in models.values()),
            notes=notes,
        )

    async def _ask_missing(self, question: Question, tick: Callable[[], None]) -> None:
        key, responses = question.fingerprint, self._plan.responses

        async def ask(model: AskedModel) -> None:
            try:
                answer = await self._asker.ask(model, question.messages, "answer")
                responses[key, model.name] = recorded_response(answer)
            except ModelFailedError as error:
                self._failures.append((model.name, str(error)))
            except BudgetExceeded:
                return
            tick()

        await _together(
            [ask(model) for name, model in self._plan.asked.items() if (key, name) not in responses]
        )

    async def _scored(self, question: Question) -> dict[str, dict[str, Any]]:
        """Return a question's responses with their scores, but for those that could not be scored."""
        key, responses = question.fingerprint, self._plan.responses
        models = [name for name in self._models if (key, name) in responses]
        scores: dict[str, float | None] = {}

        async def score(name: str) -> None:
            scores[name] = await self._score(question, name)

        await _together([score(name) for name in models])
        return {
            name: {**responses[key, name], "score": scores[name], "scored_by": self._scored_by}
            for name in models
            if scores[name] is not None
        }

    async def _score(self, question: Question, name: str) -> float | None:
        kept = self._plan.scores.get((question.fingerprint, question.gold, name))
        if kept is not None and not self._rescore:
            return kept[0]
        try:
            text = self._plan.responses[question.fingerprint, name].get("text")
            if text is None:
                raise ValueError("the answer's text was not recorded")
            return await self._scorer(self._with_gold(question), text)
        except ConfigurationError:
            raise
        except BudgetExceeded:
            return None
        except Exception as error:  # noqa: BLE001 - whatever a scorer raises, the answer is kept and unscored
            self._failures.append(
                (name, f"question {question.question_id} cannot be scored: {error_sentence(error)}")
            )
            return None

    def _with_gold(self, question: Question) -> Question:
        if question.gold is not None or self._reference is None:
            return question
        gold = self._plan.responses.get((question.fingerprint, self._reference), {}).get("text")
        if gold is None:
            if self._budget.refused_usd is not None:
                raise BudgetExceeded("max_cost: the reference was not asked")
            raise ValueError(f"{self._reference} has not answered it")
        return replace(question, gold=gold)

    def _outcome(self, name: str, rows: Sequence[RecordedRow]) -> ModelOutcome:
        given = [row["responses"][name] for row in rows if name in row["responses"]]
        key = [question.fingerprint for question in self._plan.questions]
        expected = len(rows)
        if name not in self._plan.asked:  # of a model that nobody asks now, only what it has said is due
            expected = sum((one, name) in self._plan.responses for one in key)
        # Questions that differ in gold alone share the answer that was paid for.
        costs = {
            one: row["responses"][name].get("cost_usd")
            for one, row in zip(key, rows, strict=True)
            if name in row["responses"]
        }
        known = [cost for cost in costs.values() if cost is not None]
        return ModelOutcome(
            answers=len(given),
            missing=expected - len(given),
            score=sum(response["score"] for response in given) / len(given) if given else None,
            cost_usd=sum(known) if len(known) == len(costs) else None,
            failure=next((why for model, why in self._failures if model == name), None),
        )


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Await all; the first that raises, or a cancellation from outside, ends the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
