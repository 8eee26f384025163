"""Performs a flow's costly effects once, though the node around it runs again after an interrupt.

Each is a LangGraph ``@task``, whose outcome the checkpointer keeps (https://docs.langchain.com/oss/python/langgraph/durable-execution).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from langgraph.errors import GraphInterrupt
from langgraph.func import task

from llmops_plugins.effects import NEVER_SWALLOWED, CallModel, Effect, Embed, Gather, Invoke, ModelReply
from llmops_plugins.errors import AssistantFailedError
from llmops_plugins.flow import AsyncForward, SyncForward, aperform, perform
from llmops_plugins.hierarchy.cancellation import cancelling

__all__ = ["FailedBeforeError", "ado_once", "do_once"]


class FailedBeforeError(AssistantFailedError):
    """It failed before the graph was interrupted or ended."""


_COSTLY = (CallModel, Embed, Gather, Invoke)


def do_once(effect: Effect, forward: SyncForward | None) -> Any:
    """Perform an effect in the calling thread, or return what it came to before an interrupt.

    Raises:
        FailedBeforeError: In place of what it raised then.
    """
    if not isinstance(effect, _COSTLY):
        return perform(effect, forward)
    outcomes: list[Any] = []

    def performed() -> dict[str, Any]:
        try:
            outcomes.append(perform(effect, forward))
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - raised again below; a task that fails would fail the node
            outcomes.append(error)
        return _kept(outcomes[0])

    try:
        with cancelling():  # LangGraph runs it in a thread, and waits for that whatever happens here
            kept = _assistant(performed).result()
    except GraphInterrupt:
        raise GraphInterrupt from None  # the task has told of it, and the graph counts both
    return _returned(outcomes[0] if outcomes else _read(kept["outcome"]))


async def ado_once(effect: Effect, forward: AsyncForward | None) -> Any:
    """Perform an effect in the running event loop; the async twin of :func:`do_once`."""
    if not isinstance(effect, _COSTLY):
        return await aperform(effect, forward)
    outcomes: list[Any] = []

    async def performed() -> dict[str, Any]:
        try:
            outcomes.append(await aperform(effect, forward))
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - likewise
            outcomes.append(error)
        return _kept(outcomes[0])

    try:
        kept = await _aassistant(performed)
    except GraphInterrupt:
        raise GraphInterrupt from None  # the task has told of it
    return _returned(outcomes[0] if outcomes else _read(kept["outcome"]))


def _now(performed: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return performed()


async def _anow(performed: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    return await performed()


# One name for both, so that what one has done the other does not repeat.
_task: Any = task  # its overloads take no name beside a function
_assistant = _task(name="assistant")(_now)
_aassistant = _task(name="assistant")(_anow)


def _kept(outcome: Any) -> dict[str, Any]:
    # Two deep: LangGraph streams messages that a task returns in a list or a mapping to the user.
    return {"outcome": _plain(outcome)}


def _plain(outcome: Any) -> dict[str, Any]:
    """Return an outcome as checkpointers keep it without custom types."""
    match outcome:
        case ModelReply(message=message, parsed=parsed):
            return {"message": message, "parsed": parsed}
        case Exception():
            return {"failed": type(outcome).__name__}
        case list() if any(isinstance(one, Exception | ModelReply) for one in outcome):
            return {"gathered": [_plain(one) for one in outcome]}
    return {"value": outcome}


def _returned(outcome: Any) -> Any:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _read(kept: dict[str, Any]) -> Any:
    if "message" in kept:
        return ModelReply(message=kept["message"], parsed=kept["parsed"])
    if "failed" in kept:
        # Named as it was then, since reasons name the exception's class.
        named = type(kept["failed"], (FailedBeforeError,), {})
        return cast(FailedBeforeError, named("it failed before an interrupt"))
    if "gathered" in kept:
        return [_read(one) for one in kept["gathered"]]
    return kept["value"]
