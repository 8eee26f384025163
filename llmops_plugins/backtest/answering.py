"""Has an agent answer recorded prompts, keeps its bill, and finds out how right each answer is.

Scores are no part of what an agent sees: a question's comes in when its answer is given.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.error_sentence import error_sentence
from llmops_plugins.backtest.recorded_models import RecordedModels, without_repeated_prompts
from llmops_plugins.backtest.scoring.scorer import Scorer
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.records.reading import Record

__all__ = ["Agent", "AgentRun", "Answered", "BeginAgainError", "BuildAgent", "Progress", "answer_all"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


class Agent(Protocol):
    """A graph, or any other runnable that takes messages."""

    def invoke(self, input: Any, config: RunnableConfig | None = None) -> Any:
        """Return what it makes of ``{"messages": [...]}``."""


BuildAgent: TypeAlias = Callable[[Mapping[str, BaseChatModel]], Agent]
"""Makes an agent of chat models, which it takes by their names in the records."""


class BeginAgainError(Exception):
    """An agent failed half-way for a reason it has seen to: what it has called so far must not be billed."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer that was given.

    Args:
        row: The record it answers.
        model: The model that gave it; None where the agent made it of others' words.
        score: How right it is, from 0 to 1.
    """

    row: Record
    model: str | None
    score: float


@dataclass(frozen=True, kw_only=True)
class AgentRun:
    """All answers, and their bill.

    Args:
        answers: One for each row.
        cost_usd: What all calls cost, by the ledger; None when a call has no known price.
        calls: Calls by model.
        seconds: How long it took.
    """

    answers: list[Answered]
    cost_usd: float | None
    calls: dict[str, int]
    seconds: float


def answer_all(
    rows: Sequence[Record],
    build: BuildAgent,
    *,
    field: str,
    registry: ModelRegistry | None,
    scorer: Scorer | None,
    progress: Progress | None,
    runner: asyncio.Runner,
) -> AgentRun:
    """Have an agent answer every row.

    Args:
        rows: The records.
        build: Makes the agent.
        field: The setting that the agent comes from, for errors.
        registry: Prices of the models.
        scorer: Scores answers that no record holds.
        progress: Told how far it has come.
        runner: Runs a scorer that is async.

    Raises:
        ConfigurationError: If an answer cannot be scored.
    """
    answered = partial(_answered, scorer=scorer, field=field, runner=runner)
    try:
        return _run(rows, build, answered, field=field, registry=registry, progress=progress)
    except BeginAgainError:
        return _run(rows, build, answered, field=field, registry=registry, progress=progress)


def _run(
    rows: Sequence[Record],
    build: BuildAgent,
    answered: Callable[[Record, AIMessage], Answered],
    *,
    field: str,
    registry: ModelRegistry | None,
    progress: Progress | None,
) -> AgentRun:
    started = time.perf_counter()
    answers: list[Answered] = []
    with closing(CostLedger("sqlite://", registry=registry, max_queue=1_000_000)) as ledger:
        for part in without_repeated_prompts(rows):
            agent = build(RecordedModels(part, field))
            for row in part:
                output = agent.invoke({"messages": [("user", row.prompt)]}, {"callbacks": [ledger]})
                answers.append(answered(row, _last_message(output, row, field)))
                if progress is not None:
                    progress(len(answers), len(rows))
        report = ledger.report(by=["model"])
    complete = report.totals.unpriced_calls == 0 and report.totals.lost_calls == 0
    return AgentRun(
        answers=answers,
        cost_usd=report.totals.cost_usd if complete else None,
        calls={row.key["model"]: row.calls for row in report.rows},
        seconds=time.perf_counter() - started,
    )


def _last_message(output: Any, row: Record, field: str) -> AIMessage:
    """Return what the user would read: the last AI message of a state, or the output itself."""
    if isinstance(output, str):
        return AIMessage(output)
    given = output.get("messages", []) if isinstance(output, Mapping) else output
    messages: Sequence[Any] = [given] if isinstance(given, BaseMessage) else given
    if isinstance(messages, Sequence):
        for message in reversed(messages):
            if isinstance(message, AIMessage):
                return message
    raise ConfigurationError(
        field, f"gave no AI message to line {row.line}, return a state with messages or a message"
    )


def _answered(
    row: Record, message: AIMessage, *, scorer: Scorer | None, field: str, runner: asyncio.Runner
) -> Answered:
    """Find the recorded answer that a message is, or have its text scored."""
    said = message.text.strip()
    named = message.response_metadata.get("model_name")
    named = named if isinstance(named, str) and named in row.responses else None
    # A message's metadata outlives a change of its text, which a recorded score is no score of.
    for model in (named,) if named is not None else row.responses:
        if (row.responses[model].text or "").strip() == said and row.responses[model].text is not None:
            return Answered(row=row, model=model, score=row.responses[model].score)
    if scorer is None:
        raise ConfigurationError(
            field,
            f"gave line {row.line} an answer that no record holds, say with --score how to score it",
        )
    return Answered(row=row, model=named, score=_score(row, message.text, scorer, runner))


def _score(row: Record, text: str, scorer: Scorer, runner: asyncio.Runner) -> float:
    messages = (("user", row.prompt),)
    question = Question(question_id=row.record_id, prompt=row.prompt, messages=messages, gold=row.gold)
    try:
        return runner.run(_awaited(scorer, question, text))
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            "score",
            f"{scorer.name} cannot score the answer to line {row.line} ({error_sentence(error)}), choose "
            "another scorer",
        ) from error


async def _awaited(scorer: Scorer, question: Question, text: str) -> float:
    return await scorer(question, text)
