"""What a hierarchy takes from its demonstrations before it solves a request, and adds to them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from llmops_plugins.effects import NEVER_SWALLOWED, Flow
from llmops_plugins.failures import warn_once
from llmops_plugins.hierarchy.demonstrations.adding import Addition
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration, Evidence, EvidenceKind
from llmops_plugins.hierarchy.demonstrations.kept_runs import KeptRun, keep_run
from llmops_plugins.hierarchy.demonstrations.rendering import asked_question, is_all_text, with_demonstrations
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.demonstrations.tenancy import FromRequest, name_from
from llmops_plugins.hierarchy.solving import Solution
from llmops_plugins.models.avoided import provider_and_name
from llmops_plugins.models.call_cost import reply_cost_usd
from llmops_plugins.models.prices import PriceBook

__all__ = ["Lesson", "RunIds", "Teacher", "only_question"]

_STRENGTH: Sequence[EvidenceKind] = ("human", "execution", "judge", "verifier")
"""Kinds of evidence, the strongest first: a demonstration says the strongest it rests on."""
_REMEDY = (
    "check what `user`, `tenant` and `question` return, and that the demonstrations' store can be reached"
)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What can be learned from a run, now or once feedback on it comes; plain data.

    Args:
        question: What was asked.
        solution: What solved it, or may have.
        assistant: Who wrote that.
        model: Its model; the assistant's name where nobody knows.
        model_version: As the provider named it in its reply.
        cost_usd: What its replies cost; None where that is unknown.
        evidence: What kind of evidence there is; None where there is none yet.
        source: Who or what gave it.
        statement: What was found, in one sentence.
        shown: Ids of the demonstrations that were shown.
        helped: Whether the first assistant that was judged solved the request with them; None where nobody
            was, or only feedback can say.
    """

    question: str
    solution: str
    assistant: str
    model: str
    model_version: str
    cost_usd: float | None
    evidence: EvidenceKind | None
    source: str
    statement: str
    shown: tuple[str, ...]
    helped: bool | None


@dataclass(frozen=True, kw_only=True)
class RunIds:
    """By which ids feedback finds a run.

    Args:
        run_id: The hierarchy's own.
        trace_id: Of the whole trace in LangSmith; None where nothing is traced.
    """

    run_id: str
    trace_id: str | None


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Recalls for a hierarchy, and learns from it; neither ever fails a request.

    Args:
        store: The demonstrations.
        user: Whose requests they are.
        limit: Most demonstrations that are shown.
        token_budget: Most tokens of them together.
        prices: Prices what solving a request took.
        question: Returns what a request asks, standing alone; None where it does not.
    """

    store: DemonstrationStore
    user: FromRequest
    limit: int
    token_budget: int
    prices: PriceBook
    question: Callable[[Sequence[AnyMessage]], str | None]

    def recall(self, messages: Sequence[AnyMessage], config: RunnableConfig) -> Flow[list[dict[str, Any]]]:
        """Return the demonstrations for a request, as plain data; none where the store fails."""
        try:
            question = self.question(messages)
            if not question:
                return []
            found = yield from self.store.recall_flow(
                question, user=self.user, limit=self.limit, token_budget=self.token_budget, request=config
            )
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the request can be solved without
            warn_once("the recall of demonstrations", error, _REMEDY)
            return []
        return [one.to_dict() for one in found.demonstrations]

    def shown(
        self, messages: Sequence[AnyMessage], recalled: Sequence[Mapping[str, Any]]
    ) -> list[AnyMessage]:
        """Return a request with demonstrations in it."""
        return with_demonstrations(messages, [Demonstration.from_dict(one) for one in recalled])

    def lesson(
        self, messages: Sequence[AnyMessage], recalled: Sequence[Mapping[str, Any]], solution: Solution
    ) -> Lesson:
        """Return what a run teaches."""
        author = solution.assistant.author
        versions = (reply.response_metadata.get("model_name") for reply in solution.replies)
        kind, source = _strongest(solution.evidence)
        judged = [one["outcome"] == "accepted" for one in solution.attempts if one["outcome"] != "failed"]
        return Lesson(
            question=self._question_or_none(messages) or "",
            solution=solution.solution,
            assistant=solution.assistant.name,
            model=(provider_and_name(author)[1] if author is not None else "") or solution.assistant.name,
            model_version=next((one for one in versions if isinstance(one, str)), ""),
            cost_usd=reply_cost_usd(self.prices, author, solution.replies, datetime.now(UTC)),
            evidence=kind,
            source=source,
            statement=solution.reason,
            shown=tuple(one["demonstration_id"] for one in recalled),
            helped=judged[0] if judged and (kind is not None or not judged[0]) else None,
        )

    def _question_or_none(self, messages: Sequence[AnyMessage]) -> str | None:
        try:
            return self.question(messages)
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - a function of the user's must not cost the answer
            warn_once("the hierarchy's question", error, _REMEDY)
            return None

    def learn(self, lesson: Mapping[str, Any], run: RunIds, config: RunnableConfig) -> Flow[None]:
        """Keep what was solved, note what helped, and keep the run for feedback that may come."""
        learned = Lesson(**lesson)
        try:
            yield from self._learn(learned, run, config)
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the answer is there
            warn_once("learning from a solved request", error, _REMEDY)

    def _learn(self, lesson: Lesson, run: RunIds, config: RunnableConfig) -> Flow[None]:
        if not lesson.question or not lesson.solution.strip():
            return
        added: Addition | None = None
        if lesson.evidence is not None:
            evidence = Evidence(kind=lesson.evidence, source=lesson.source, statement=lesson.statement)
            added = yield from self.store.add_flow(
                lesson.question, lesson.solution, evidence=evidence, **self._who(lesson, config)
            )
        if lesson.shown and lesson.helped is not None:
            yield from self.store.record_outcome_flow(
                lesson.shown, helped=lesson.helped, user=self.user, request=config
            )
        yield from self._keep(lesson, run, added, config)

    def _keep(
        self, lesson: Lesson, run: RunIds, added: Addition | None, config: RunnableConfig
    ) -> Flow[None]:
        collection = self.store.collection(config)
        learned = added.demonstration if added is not None else None
        kept = KeptRun(
            run_id=run.run_id,
            trace_id=run.trace_id,
            question=lesson.question,
            solution=lesson.solution,
            user=collection.user_hash(name_from("user", self.user, config)),
            assistant=lesson.assistant,
            model=lesson.model,
            model_version=lesson.model_version,
            cost_usd=lesson.cost_usd,
            shown=lesson.shown,
            voted=lesson.helped is not None,
            learned=learned.demonstration_id if learned is not None else None,
            at=collection.now,
        )
        yield from keep_run(collection, kept)

    def _who(self, lesson: Lesson, config: RunnableConfig) -> dict[str, Any]:
        return {
            "user": self.user,
            "assistant": lesson.assistant,
            "model": lesson.model,
            "model_version": lesson.model_version,
            "cost_usd": lesson.cost_usd,
            "request": config,
        }


def only_question(messages: Sequence[AnyMessage]) -> str | None:
    """Return what the only message of a person asks; None in a conversation, and beside an image.

    What is asked later in one means something only with what was said before, and an answer to it may hold
    what is nobody else's business.
    """
    asked = [message for message in messages if isinstance(message, HumanMessage)]
    return asked_question(asked[0]) if len(asked) == 1 and is_all_text(asked[0]) else None


def _strongest(evidence: Sequence[str]) -> tuple[EvidenceKind | None, str]:
    """Return the strongest kind of evidence, and who gave it."""
    given = dict(one.partition(":")[::2] for one in reversed(evidence))
    kind = next((kind for kind in _STRENGTH if kind in given), None)
    return kind, (given[kind] or f"the {kind}") if kind is not None else ""
