"""What a hierarchy takes from its demonstrations before it solves a request, and adds to them afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from llmops_plugins.effects import Flow
from llmops_plugins.failures import warn_once
from llmops_plugins.hierarchy.adding import Addition
from llmops_plugins.hierarchy.demonstration import Demonstration, Evidence, EvidenceKind
from llmops_plugins.hierarchy.demonstrations import DemonstrationStore
from llmops_plugins.hierarchy.kept_runs import KeptRun, keep_run
from llmops_plugins.hierarchy.rendering import asked_question, last_human_index, with_demonstrations
from llmops_plugins.hierarchy.solving import Solution
from llmops_plugins.hierarchy.tenancy import FromRequest, name_from
from llmops_plugins.models.avoided import provider_and_name
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.reply_cost import reply_cost

__all__ = ["Lesson", "Teacher"]

_STRENGTH: Sequence[EvidenceKind] = ("human", "execution", "judge", "verifier")
_REMEDY = "check that the demonstrations' store can be reached"


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
        statement: What was found, in one sentence.
        shown: Ids of the demonstrations that were shown.
        outcomes: Whether each assistant that was asked solved the request.
    """

    question: str
    solution: str
    assistant: str
    model: str
    model_version: str
    cost_usd: float | None
    evidence: EvidenceKind | None
    statement: str
    shown: tuple[str, ...]
    outcomes: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Recalls for a hierarchy, and learns from it; neither ever fails a request.

    Args:
        store: The demonstrations.
        user: Whose requests they are.
        limit: Most demonstrations that are shown.
        token_budget: Most tokens of them together.
        prices: Prices what solving a request took.
    """

    store: DemonstrationStore
    user: FromRequest
    limit: int
    token_budget: int
    prices: PriceBook

    def recall(self, messages: Sequence[AnyMessage], config: RunnableConfig) -> Flow[list[dict[str, Any]]]:
        """Return the demonstrations for a request, as plain data; none where the store fails."""
        question = _question(messages)
        if not question:
            return []
        try:
            found = yield from self.store.recall_flow(
                question, user=self.user, limit=self.limit, token_budget=self.token_budget, request=config
            )
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
        return Lesson(
            question=_question(messages),
            solution=solution.solution,
            assistant=solution.assistant.name,
            model=(provider_and_name(author)[1] if author is not None else "") or solution.assistant.name,
            model_version=next((one for one in versions if isinstance(one, str)), ""),
            cost_usd=reply_cost(self.prices, author, solution.replies, datetime.now(UTC)),
            evidence=next((kind for kind in _STRENGTH if kind in solution.evidence), None),
            statement=solution.reason,
            shown=tuple(one["demonstration_id"] for one in recalled),
            outcomes=tuple(attempt["outcome"] == "accepted" for attempt in solution.attempts),
        )

    def learn(self, lesson: Mapping[str, Any], run_id: str, config: RunnableConfig) -> Flow[None]:
        """Keep what was solved, note what helped, and keep the run for feedback that may come."""
        learned = Lesson(**lesson)
        try:
            yield from self._learn(learned, run_id, config)
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the answer is there
            warn_once("learning from a solved request", error, _REMEDY)

    def _learn(self, lesson: Lesson, run_id: str, config: RunnableConfig) -> Flow[None]:
        if not lesson.question or not lesson.solution.strip():
            return
        added: Addition | None = None
        if lesson.evidence is not None:
            evidence = Evidence(kind=lesson.evidence, source="success", statement=lesson.statement)
            added = yield from self.store.add_flow(
                lesson.question, lesson.solution, evidence=evidence, **self._who(lesson, config)
            )
        judged = lesson.outcomes if lesson.evidence is not None else lesson.outcomes[:-1]
        for solved in judged if lesson.shown else ():
            yield from self.store.record_outcome_flow(
                lesson.shown, helped=solved, user=self.user, request=config
            )
        yield from self._keep(lesson, run_id, added, config)

    def _keep(
        self, lesson: Lesson, run_id: str, added: Addition | None, config: RunnableConfig
    ) -> Flow[None]:
        collection = self.store.collection(config)
        learned = added.demonstration if added is not None else None
        kept = KeptRun(
            run_id=run_id,
            question=lesson.question,
            solution=lesson.solution,
            user=collection.user_hash(name_from("user", self.user, config)),
            assistant=lesson.assistant,
            model=lesson.model,
            model_version=lesson.model_version,
            cost_usd=lesson.cost_usd,
            shown=lesson.shown,
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


def _question(messages: Sequence[AnyMessage]) -> str:
    index = last_human_index(messages)
    asked = messages[index] if index is not None else None
    return asked_question(asked) if isinstance(asked, HumanMessage) else ""
