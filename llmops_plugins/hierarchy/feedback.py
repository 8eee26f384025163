"""Feedback on a run, by its id: evidence that comes later, from whoever got the answer or from LangSmith."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmops_plugins.effects import Flow
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import arun, run
from llmops_plugins.hierarchy.demonstrations.kept_runs import KeptRun, feedback, kept_runs, runs_of
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore

if TYPE_CHECKING:
    from langsmith import Client

__all__ = ["arecord_feedback", "record_feedback", "record_langsmith_feedback"]

_AT_ONCE = 100


def record_feedback(
    demonstrations: DemonstrationStore,
    run_id: str,
    *,
    resolved: bool,
    source: str = "user",
    request: Any = None,
) -> list[KeptRun]:
    """Say whether a run of a hierarchy resolved its request; saying it again changes nothing.

    What did becomes a demonstration, private to its user as every new one is; what did not is one no longer.
    The demonstrations that were shown are credited or debited.

    Args:
        demonstrations: The hierarchy's.
        run_id: The run's id, or its trace's in LangSmith: the ``run_id`` of its config, or what the answer's
            ``response_metadata`` says under ``llmops_run_id``.
        resolved: Whether it did.
        source: Who says so.
        request: What a function for the tenant is given.

    Returns:
        The run as it is kept now; of a trace all its runs.

    Raises:
        ConfigurationError: If no such run is kept, or an argument is wrong.
        Exception: Whatever the store raises.
    """
    return run(_feedback(demonstrations, run_id, resolved, source, request))


async def arecord_feedback(
    demonstrations: DemonstrationStore,
    run_id: str,
    *,
    resolved: bool,
    source: str = "user",
    request: Any = None,
) -> list[KeptRun]:
    """Say whether a run resolved its request; the twin of :func:`record_feedback`."""
    return await arun(_feedback(demonstrations, run_id, resolved, source, request))


def record_langsmith_feedback(
    demonstrations: DemonstrationStore,
    client: Client,
    *,
    key: str = "resolved",
    minimum_score: float = 0.5,
    run_ids: Sequence[str] | None = None,
    request: Any = None,
) -> int:
    """Take over the feedback that LangSmith has on runs; of several on one run the latest counts.

    Args:
        demonstrations: The hierarchy's.
        client: LangSmith's client.
        key: The key of the feedback.
        minimum_score: The score from which on a request counts as resolved.
        run_ids: Which runs or traces; by default all that are kept. Others are passed over.
        request: What a function for the tenant is given.

    Returns:
        On how many runs there was feedback that was not known yet.

    Raises:
        Exception: Whatever LangSmith or the store raises.
    """
    collection = demonstrations.collection(request)
    kept: dict[str, list[KeptRun]] = {}
    for one in run(kept_runs(collection)):
        if run_ids is None or one.run_id in run_ids or one.trace_id in run_ids:
            kept.setdefault(one.trace_id or one.run_id, []).append(one)
    changed = 0
    for named, score in dict(_scores(client, key, list(kept))).items():
        for one in kept[named]:
            changed += one.resolved is not (score >= minimum_score)
            run(feedback(collection, one, resolved=score >= minimum_score, source="langsmith"))
    return changed


def _feedback(
    demonstrations: DemonstrationStore, run_id: Any, resolved: Any, source: str, request: Any
) -> Flow[list[KeptRun]]:
    if not isinstance(resolved, bool):
        raise ConfigurationError("resolved", f"must be True or False, got {resolved!r}")
    if not isinstance(demonstrations, DemonstrationStore):
        problem = f"must be the hierarchy's DemonstrationStore, got {type(demonstrations).__name__}"
        raise ConfigurationError("demonstrations", problem)
    if not str(source).strip():
        raise ConfigurationError("source", "is empty: name who says so")
    collection = demonstrations.collection(request)
    found = yield from runs_of(collection, str(run_id))
    if not found:
        problem = (
            f"{run_id!r} is no run that is kept for this tenant, give the answer's "
            "response_metadata['llmops_run_id'] after the run has ended; of a conversation's later "
            "requests none is kept, unless question= says what is asked"
        )
        raise ConfigurationError("run_id", problem)
    told = []
    for one in found:
        told.append((yield from feedback(collection, one, resolved=resolved, source=source)))
    return told


def _scores(client: Client, key: str, run_ids: list[str]) -> Iterable[tuple[str, float]]:
    """Give run ids and scores, the oldest first; what has no score says nothing."""
    for start in range(0, len(run_ids), _AT_ONCE):
        found = client.list_feedback(run_ids=run_ids[start : start + _AT_ONCE], feedback_key=[key])
        for one in sorted(found, key=lambda one: one.created_at):
            if isinstance(one.score, bool | int | float):
                yield str(one.run_id), float(one.score)
