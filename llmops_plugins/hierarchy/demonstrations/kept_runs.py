"""Runs that are kept for feedback that may come days later, by run id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from langgraph.store.base import Item, PutOp, SearchItem

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.hierarchy.demonstrations.adding import (
    LONGEST_QUESTION,
    LONGEST_SOLUTION,
    Solved,
    add,
    storable,
)
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence, Provenance
from llmops_plugins.hierarchy.demonstrations.outcomes import record_outcome
from llmops_plugins.hierarchy.demonstrations.room import make_room_if_due
from llmops_plugins.hierarchy.demonstrations.tenancy import hashed
from llmops_plugins.storage.scan import scan

__all__ = ["KeptRun", "feedback", "keep_run", "kept_runs", "runs_of"]


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """One run of a hierarchy, as a store keeps it.

    Args:
        run_id: Which run it was.
        trace_id: Of its trace in LangSmith, in which there may be others; None where nothing was traced.
        question: What was asked, scrubbed.
        solution: What the answer rests on, scrubbed.
        user: Hash of the user whose request it was.
        assistant: Who answered.
        model: Its model.
        model_version: The model's version; empty where nobody said.
        cost_usd: What the answer cost; None where that is unknown.
        shown: Ids of the demonstrations that were shown.
        voted: Whether it was noted already whether they helped.
        learned: Id of the demonstration that was made of it; None where none was.
        resolved: What feedback said so far; None before any.
        at: When it was kept, as Unix time in seconds.
    """

    run_id: str
    trace_id: str | None = None
    question: str
    solution: str
    user: str
    assistant: str
    model: str
    model_version: str
    cost_usd: float | None
    shown: tuple[str, ...]
    voted: bool = False
    learned: str | None
    resolved: bool | None = None
    at: float

    @classmethod
    def from_item(cls, item: Item) -> KeptRun:
        """Return the run that a store's item holds."""
        return cls(**{**item.value, "shown": tuple(item.value["shown"])})


def keep_run(collection: Collection, run: KeptRun) -> Flow[None]:
    """Keep a run, scrubbed; one whose texts are too long to be an example is not kept."""
    question = storable(run.question, LONGEST_QUESTION, is_code=False)
    solution = storable(run.solution, LONGEST_SOLUTION, is_code=True)
    if question and solution:
        kept = replace(run, question=question, solution=solution)
        yield StoreOps(collection.store, [_put(collection, kept)])
        yield from make_room_if_due(collection)


def runs_of(collection: Collection, run_id: str) -> Flow[list[KeptRun]]:
    """Return the kept run of an id, or those of the trace of that id."""
    (item,) = yield StoreOps(collection.store, [collection.get(collection.runs, hashed(run_id))])
    if item is not None:
        return [KeptRun.from_item(item)]
    kept = yield from kept_runs(collection)
    return [one for one in kept if one.trace_id == run_id]


def feedback(collection: Collection, run: KeptRun, *, resolved: bool, source: str) -> Flow[KeptRun]:
    """Take in whether a run resolved its request: learn from it, or take back what was learned.

    The user's own copy is taken back; others may stand for the same, so what they share stays.

    Args:
        collection: Where its demonstrations lie.
        run: The run, as it is kept.
        resolved: Whether it resolved the request.
        source: Who says so.
    """
    if run.resolved is resolved:
        return run
    if resolved:
        run = replace(run, learned=(yield from _learn(collection, run, source)))
    elif run.learned is not None:
        yield from _withdraw(collection, run)
        run = replace(run, learned=None)
    if not run.voted:  # one run is one vote, however often feedback on it changes
        yield from record_outcome(collection, run.shown, helped=resolved, user=run.user)
    run = replace(run, resolved=resolved, voted=True)
    yield StoreOps(collection.store, [_put(collection, run)])
    return run


def kept_runs(collection: Collection) -> Flow[list[KeptRun]]:
    """Return all runs that are kept."""
    items: list[SearchItem] = []
    yield from scan(collection.store, collection.runs, items.append)
    return list(map(KeptRun.from_item, items))


def _learn(collection: Collection, run: KeptRun, source: str) -> Flow[str | None]:
    evidence = Evidence(
        kind="feedback", source=source, statement="feedback says that it resolved the request"
    )
    provenance = Provenance(
        assistant=run.assistant,
        model=run.model,
        model_version=run.model_version,
        evidence=evidence,
        solved_at=datetime.fromtimestamp(run.at, UTC),
        cost_usd=run.cost_usd,
    )
    solved = Solved(question=run.question, solution=run.solution, user=run.user, provenance=provenance)
    addition = yield from add(collection, solved)
    return addition.demonstration.demonstration_id if addition.demonstration is not None else None


def _withdraw(collection: Collection, run: KeptRun) -> Flow[None]:
    """Delete the user's own copy, and that the user stands for it, unless another run of theirs does."""
    learned = str(run.learned)
    kept = yield from kept_runs(collection)
    if any(one.learned == learned and one.user == run.user and one.run_id != run.run_id for one in kept):
        return
    places = (collection.private_of(run.user), learned), (collection.roles_of(learned), run.user)
    yield StoreOps(collection.store, [PutOp(namespace, key, None) for namespace, key in places])


def _put(collection: Collection, run: KeptRun) -> PutOp:
    value: Mapping[str, Any] = {**run.__dict__, "shown": list(run.shown)}
    return collection.note(collection.runs, hashed(run.run_id), dict(value))
