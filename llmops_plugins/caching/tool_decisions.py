"""What the tool tier says of each call on the bus; arguments and results are never part of it."""

from __future__ import annotations

from typing import Any

from langchain.agents.middleware.types import ToolCallRequest

from llmops_plugins.caching.tool_cache import ToolPlace
from llmops_plugins.caching.tool_result import ToolResult
from llmops_plugins.events import Decision, Mode

__all__ = ["CAPABILITY", "tool_call_failed", "tool_call_passed_by", "tool_hit", "tool_missed"]

CAPABILITY = "tool_cache"
_REASONS = {"exact": "the same call was made before", "shared": "an equal call was being made"}


def tool_call_passed_by(request: ToolCallRequest, reason: str, mode: Mode = "on") -> Decision:
    """A call that the cache has nothing to do with."""
    return _decision("passed_by", reason, request, mode)


def tool_hit(
    request: ToolCallRequest,
    place: ToolPlace,
    result: ToolResult,
    tier: str,
    *,
    age_seconds: float,
    mode: Mode = "on",
    **details: Any,
) -> Decision:
    """A stored result was served, or in shadow would have been; no call of a model was avoided by it.

    Args:
        request: The call.
        place: Where the result was.
        result: The result.
        tier: How it was found.
        age_seconds: How old it was.
        mode: As of a decision.
        details: Anything else worth reading later.
    """
    known = {"age_seconds": round(age_seconds, 3), "tool_seconds": round(result.seconds, 6)}
    return _decision(f"{tier}_hit", _REASONS[tier], request, mode, place, **known, **details)


def tool_missed(request: ToolCallRequest, place: ToolPlace, reason: str, mode: Mode = "on") -> Decision:
    """Nothing was served."""
    return _decision("miss", f"no result of such a call is stored; {reason}", request, mode, place)


def tool_call_failed(request: ToolCallRequest, where: str, error: str, mode: Mode = "on") -> Decision:
    """Something inside failed, and the call was made as if there were no cache."""
    return _decision("failed_open", f"{error} inside the tool cache's {where}", request, mode)


def _decision(
    outcome: str,
    reason: str,
    request: ToolCallRequest,
    mode: Mode,
    place: ToolPlace | None = None,
    **details: Any,
) -> Decision:
    known: dict[str, Any] = {"tool": request.tool_call["name"]}
    if place is not None:
        known["partition"] = place.partition.identity[:16]
    return Decision(
        capability=CAPABILITY, outcome=outcome, reason=reason, mode=mode, details={**known, **details}
    )
