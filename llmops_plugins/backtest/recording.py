"""Records what real models answer to a dataset's questions, and how right that is: the input of a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from llmops_plugins.backtest.asked_model import AskedModel
from llmops_plugins.backtest.asking import Asker, AskingLimits
from llmops_plugins.backtest.budget import Budget
from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.journal import Answer, Journal, read_journal
from llmops_plugins.backtest.judge_replies import JudgeReplies
from llmops_plugins.backtest.private_loop import with_private_loop
from llmops_plugins.backtest.recorded_file import check_out, write_recorded
from llmops_plugins.backtest.recording_plan import RecordingPlan, plan_recording
from llmops_plugins.backtest.recording_result import ModelEstimate, RecordingResult
from llmops_plugins.backtest.recording_run import Progress, RecordingRun
from llmops_plugins.backtest.scoring.function import FunctionScorer
from llmops_plugins.backtest.scoring.parsing import judge_of, parse_scorer
from llmops_plugins.backtest.user_module import importable
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

__all__ = ["Recording"]


class Recording:
    """Asks models what is missing from a file of records, and scores what they say.

    Every answer is in a journal beside the file before it counts. A run that is killed is gone on with by the
    next: nothing that is in the journal or in the file is asked again.

    Args:
        questions: What to ask; None to score the answers that the file holds.
        models: Names of the registry or ``init_chat_model`` strings; or chat models by name.
        out: The file of records, ``.jsonl`` or ``.jsonl.gz``; models it lacks are added to it.
        score: The scorer, as :func:`~llmops_plugins.backtest.scoring.parsing.parse_scorer` reads it.
        reference: A model whose answer counts as right where a question has no gold: scores are then
            agreement with that model.
        embeddings: For ``score="similarity"``.
        registry: Models and prices by name; lists of public prices go after it.
        max_cost: USD that answers and judges may cost, over all runs until the recording is complete. What
            a call will cost is estimated by the longest answer so far, so calls in flight that write more
            than that can exceed it by as much.
        limits: How hard models may be asked.
        rescore: Score all answers anew, and ask no model for any.
        known: Answers from elsewhere, such as a ledger's traffic.

    Raises:
        ConfigurationError: If a setting is wrong.
        RecordError: If a row of the file cannot be used.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> import tempfile
        >>> out = tempfile.mkdtemp() + "/records.jsonl"
        >>> question = Question(question_id="1", prompt="6 * 7?", messages=(("user", "6 * 7?"),), gold="42")
        >>> model = ScriptedChatModel(replies=["The answer is 42."])
        >>> Recording([question], models={"small": model}, out=out).run().models["small"].score
        1.0
    """

    def __init__(
        self,
        questions: Sequence[Question] | None,
        *,
        models: Sequence[str] | Mapping[str, BaseChatModel],
        out: Path | str,
        score: str = "answer",
        reference: str | None = None,
        embeddings: str | Embeddings | None = None,
        registry: ModelRegistry | None = None,
        max_cost: float | None = None,
        limits: AskingLimits | None = None,
        rescore: bool = False,
        known: Sequence[Answer] = (),
    ) -> None:
        if max_cost is not None and not max_cost > 0:
            raise ConfigurationError("max_cost", f"must be above 0 USD, got {max_cost!r}")
        if rescore and models:
            raise ConfigurationError("rescore", "asks no model, leave out the models or leave out --rescore")
        registry = registry if registry is not None else ModelRegistry()
        prices = PriceBook(registry)
        chat_models = models if isinstance(models, Mapping) else {}
        asked = [AskedModel("models", name, registry, prices, chat_models.get(name)) for name in models]
        self._out = check_out(out)
        self._plan = plan_recording(self._out, questions, asked)
        self._plan.add(known)
        judge = judge_of(score)
        self._judge = AskedModel("score", judge, registry, prices) if judge else None
        self._judge_replies: JudgeReplies | None = None
        self._scorer = parse_scorer(score, embeddings=embeddings, judge=self._ask_judge)
        self._reference = reference
        self._scored_by = score if reference is None else f"{score} against {reference}"
        self._rescore = rescore
        self._max_cost = max_cost
        self._limits = limits if limits is not None else AskingLimits()
        self._check_scores()

    @property
    def journal_path(self) -> Path:
        """The file that answers are in until the recording is complete."""
        return self._out.with_name(f"{self._out.name}.partial.jsonl")

    def estimate(self) -> list[ModelEstimate]:
        """Return what is left to ask, and about what it costs; asks nobody."""
        if self.journal_path.exists():
            answers, _ = read_journal(str(self.journal_path), self.journal_path.read_bytes())
            self._plan.add(answers)
        self._plan.learn()
        return [_estimate(model, self._plan) for model in self._plan.asked.values()]

    def run(self, progress: Progress | None = None) -> RecordingResult:
        """Ask what is missing, score what is not, and write the file.

        Args:
            progress: Told how far it has come.

        Raises:
            ConfigurationError: If a model cannot be built, a price that a cap needs is unknown, another
                process records to the file, or it cannot be written.
        """
        return with_private_loop(lambda runner: runner.run(self.arun(progress)))

    async def arun(self, progress: Progress | None = None) -> RecordingResult:
        """Do as :meth:`run`, in the event loop that is there."""
        journal = Journal(self.journal_path)
        finished = False
        try:
            self._plan.add(journal.answers.values())
            self._plan.learn()
            self._check_models()
            budget = Budget(self._max_cost, journal.charged_usd)
            asker = Asker(journal, budget, self._limits)
            if self._judge is not None:
                self._judge_replies = JudgeReplies(self._judge, asker, journal)
            run = RecordingRun(
                self._plan,
                asker=asker,
                budget=budget,
                scorer=self._scorer,
                scored_by=self._scored_by,
                reference=self._reference,
                rescore=self._rescore,
            )
            with self._scorer_imports():
                rows = await run.all_rows(self._limits.concurrency, progress)
            result = run.result(rows)
            whole = [row for row in rows if row["responses"]]
            # What is paid for stays: an answer that could not be scored has its place in the old file alone.
            if whole and not self._plan.unscored(rows) and (result.complete or not self._rescore):
                write_recorded(self._out, [*whole, *self._plan.others])
            finished = result.complete and not self._foreign(journal)
            return result
        finally:
            journal.close(finished=finished)

    def _scorer_imports(self) -> AbstractContextManager[None]:
        return importable(self._scorer.name) if isinstance(self._scorer, FunctionScorer) else nullcontext()

    def _check_scores(self) -> None:
        kept = {by for _, by in self._plan.scores.values()} - {self._scored_by}
        if kept and not self._rescore:
            said = ", ".join(sorted(repr(by) if by else "nobody says what" for by in kept))
            raise ConfigurationError(
                "score",
                f"{self._out.name} was scored by {said}, not {self._scored_by!r}; scores of two kinds do not "
                "compare, so keep to the one, or score all anew with --rescore",
            )
        others = {one.get("scored_by") for row in self._plan.others for one in row["responses"].values()}
        if others - {self._scored_by}:
            raise ConfigurationError(
                "score",
                f"{self._out.name} holds records of other prompts with scores of another kind; score all "
                "of it with --rescore and no dataset first, or name another file",
            )
        models = self._plan.models
        if self._reference is not None and self._reference not in models:
            raise ConfigurationError(
                "reference",
                f"{self._reference!r} is not among the models ({', '.join(models) or 'none'}), add it",
            )
        without = next((one for one in self._plan.questions if one.gold is None), None)
        if self._scorer.needs_gold and self._reference is None and without is not None:
            raise ConfigurationError(
                "score",
                f"{self._scorer.name!r} compares with gold, which question {without.question_id!r} lacks; "
                "add it, or take a model's answers for it with --reference MODEL",
            )

    def _check_models(self) -> None:
        """Build every model that will be asked, and see to it that a cap can be kept, before any is paid."""
        asked = {model.name: model for _, model in self._plan.missing()}
        for model in [*asked.values(), *([self._judge] if self._judge is not None else [])]:
            _ = model.chat_model
            if self._max_cost is not None and model.estimate_usd([("user", "")]) is None:
                raise ConfigurationError(
                    "max_cost", f"cannot be kept, since {model.name!r} has no price: add one to the registry"
                )

    async def _ask_judge(self, messages: Sequence[tuple[str, str]]) -> str:
        if self._judge_replies is None:
            raise RuntimeError("a judge is asked only while the recording runs")
        return await self._judge_replies(messages)

    def _foreign(self, journal: Journal) -> bool:
        """Return whether the journal holds paid answers to prompts that the dataset does not."""
        held = {question.fingerprint for question in self._plan.questions}
        return any(one.kind == "answer" and one.fingerprint not in held for one in journal.answers.values())


def _estimate(model: AskedModel, plan: RecordingPlan) -> ModelEstimate:
    questions = [question for question, one in plan.missing() if one is model]
    costs = [model.estimate_usd(question.messages, mean=True) for question in questions]
    known = [cost for cost in costs if cost is not None]
    return ModelEstimate(
        model=model.name,
        calls=len(questions),
        input_tokens=sum(model.estimate_input(question.messages) for question in questions),
        output_tokens=model.mean_output * len(questions),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        assumed=not model.has_answered,
    )
