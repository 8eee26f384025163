"""Feedback on a run, by its id: evidence that comes later, from whoever got the answer or from LangSmith."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from llmops_plugins.effects import Flow
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import arun, run
from llmops_plugins.hierarchy.demonstrations import DemonstrationStore
from llmops_plugins.hierarchy.kept_runs import KeptRun, feedback, kept_runs

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
) -> KeptRun:
    """Say whether a run of a hierarchy resolved its request; saying it again changes nothing.

    What did becomes a demonstration, private to its user as every new one is; what did not is one no longer.
    The demonstrations that were shown are credited or debited.

    Args:
        demonstrations: The hierarchy's.
        run_id: The run's id: the ``run_id`` of its config, or what the answer's ``response_metadata`` says
            under ``llmops_run_id``.
        resolved: Whether it did.
        source: Who says so.
        request: What a function for the tenant is given.

    Returns:
        The run as it is kept now.

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
) -> KeptRun:
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
        run_ids: Which runs; by default all that are kept and have no feedback yet.
        request: What a function for the tenant is given.

    Returns:
        On how many runs there was feedback.

    Raises:
        ConfigurationError: If a run is none that is kept.
        Exception: Whatever LangSmith or the store raises.
    """
    if run_ids is None:
        kept = run(kept_runs(demonstrations.collection(request)))
        run_ids = [one.run_id for one in kept if one.resolved is None]
    scores = dict(_scores(client, key, list(run_ids)))
    for run_id, score in scores.items():
        record_feedback(
            demonstrations, run_id, resolved=score >= minimum_score, source="langsmith", request=request
        )
    return len(scores)


def _feedback(
    demonstrations: DemonstrationStore, run_id: Any, resolved: Any, source: str, request: Any
) -> Flow[KeptRun]:
    if not isinstance(resolved, bool):
        raise ConfigurationError("resolved", f"must be True or False, got {resolved!r}")
    if not str(source).strip():
        raise ConfigurationError("source", "is empty: name who says so")
    collection = demonstrations.collection(request)
    return (yield from feedback(collection, str(run_id), resolved=resolved, source=source))


def _scores(client: Client, key: str, run_ids: list[str]) -> Iterable[tuple[str, float]]:
    """Give run ids and scores, the oldest first; what has no score says nothing."""
    for start in range(0, len(run_ids), _AT_ONCE):
        found = client.list_feedback(run_ids=run_ids[start : start + _AT_ONCE], feedback_key=[key])
        for one in sorted(found, key=lambda one: one.created_at):
            if isinstance(one.score, bool | int | float):
                yield str(one.run_id), float(one.score)
