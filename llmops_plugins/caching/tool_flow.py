"""What the cache does around a tool call: look up, share the call with equal ones, keep the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langgraph.store.base import GetOp, Item, PutOp

from llmops_plugins.caching.freshness import minutes_left
from llmops_plugins.caching.place import CHECK_FUNCTIONS, CHECK_STORE, PassedBy
from llmops_plugins.caching.single_flight import Flight
from llmops_plugins.caching.tool_cache import Shared, ToolCache, ToolPlace, ToolReply, find_tool_place
from llmops_plugins.caching.tool_decisions import tool_call_failed, tool_call_passed_by, tool_hit, tool_missed
from llmops_plugins.caching.tool_result import ToolResult, refusal_of_result, storable_result
from llmops_plugins.effects import Emit, Flow, Forward, Request, Spawn, StoreOps, Wait
from llmops_plugins.events import Decision, Mode
from llmops_plugins.failures import warn_once

__all__ = ["cached_call", "forwarded", "shadow_cached_call"]


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What is kept of a reply, or why nothing is; ``failed`` where something inside went wrong."""

    result: ToolResult | None
    reason: str
    failed: bool = False


def forwarded(request: ToolCallRequest) -> Flow[ToolReply]:
    """Pass the call on untouched; the drivers forward a tool's request as they do a model's."""
    reply: ToolReply = yield Forward(cast(Request, request), live=True)
    return reply


def cached_call(request: ToolCallRequest, cache: ToolCache) -> Flow[ToolReply]:
    """Answer a tool call from the cache, or make it and keep its result.

    Equal calls at once are made once, as in :func:`~llmops_plugins.caching.flow.cached`.

    Args:
        request: The call, of a tool in ``cache.minutes``.
        cache: What is looked up where.

    Returns:
        A stored result under a new id and the id of this call, or what the tool brought.
    """
    place = find_tool_place(request, cache)
    if isinstance(place, PassedBy):
        yield Emit(tool_call_passed_by(request, place.reason))
        return (yield from forwarded(request))
    flight, waiting_since = cache.flights.join(place.flight_key), cache.clock()
    while not flight.leads:
        shared = yield from _awaited(flight, waiting_since + cache.patience_seconds - cache.clock())
        if shared is None:
            flight = cache.flights.join(place.flight_key)
        elif shared.result is not None:
            return (yield from _served(request, place, shared.result, "shared", cache))
        else:
            return (yield from _made(request, place, cache, None))
    try:
        return (yield from _led(request, place, cache, flight))
    finally:
        flight.land(None)  # unless it has: somebody may be waiting, and this call has failed


def shadow_cached_call(
    request: ToolCallRequest, reply: ToolReply, seconds: float, cache: ToolCache
) -> Flow[None]:
    """Do what :func:`cached_call` would have done for a call that has been made, and keep its result.

    Args:
        request: The call.
        reply: What the tool brought.
        seconds: How long that took.
        cache: What is looked up where.
    """
    place = find_tool_place(request, cache)
    if isinstance(place, PassedBy):
        yield Emit(tool_call_passed_by(request, place.reason, mode="shadow"))
        return
    try:
        found = yield from _looked_up(place, cache)
    except Exception as error:  # noqa: BLE001 - whatever a store raises
        warn_once("the tool cache's look-up", error, CHECK_STORE)
        yield Emit(tool_call_failed(request, "look-up", type(error).__name__, mode="shadow"))
        return
    kept = yield from _keep(request, place, reply, seconds, cache)
    if found is None:
        yield Emit(_not_served(request, place, kept, mode="shadow"))
        return
    same = isinstance(reply, ToolMessage) and reply.content == found.message.content
    age = cache.clock() - found.created_at
    yield Emit(tool_hit(request, place, found, "exact", age_seconds=age, mode="shadow", differs=not same))


def _led(
    request: ToolCallRequest, place: ToolPlace, cache: ToolCache, flight: Flight[Shared]
) -> Flow[ToolReply]:
    failure: str | None = None
    try:
        found = yield from _looked_up(place, cache)
    except Exception as error:  # noqa: BLE001 - whatever a store raises
        warn_once("the tool cache's look-up", error, CHECK_STORE)
        found, failure = None, type(error).__name__
    if found is not None:
        flight.land(Shared(result=found))
        return (yield from _served(request, place, found, "exact", cache))
    return (yield from _made(request, place, cache, flight, failure))


def _awaited(flight: Flight[Shared], seconds: float) -> Flow[Shared | None]:
    """Wait for a flight's leader; one that takes too long brings nothing to share."""
    try:
        shared: Shared | None = yield Wait(flight.future, max(seconds, 0.0))
    except TimeoutError:
        flight.give_up()
        return Shared(result=None)
    return shared


def _looked_up(place: ToolPlace, cache: ToolCache) -> Flow[ToolResult | None]:
    items: list[Item | None] = yield StoreOps(
        cache.store, [GetOp(place.partition.namespace, place.key, refresh_ttl=False)]
    )
    result = ToolResult.from_value(items[0].value) if items[0] is not None else None
    return result if result is not None and result.is_fresh(cache.clock()) else None


def _served(
    request: ToolCallRequest,
    place: ToolPlace,
    result: ToolResult,
    tier: Literal["exact", "shared"],
    cache: ToolCache,
) -> Flow[ToolReply]:
    message = result.replayed(request.tool_call["id"])
    age = cache.clock() - result.created_at
    yield Emit(tool_hit(request, place, result, tier, age_seconds=age, reply=message.id))
    return message


def _made(
    request: ToolCallRequest,
    place: ToolPlace,
    cache: ToolCache,
    flight: Flight[Shared] | None,
    failure: str | None = None,
) -> Flow[ToolReply]:
    """Make the call, share its result and, where the look-up did not fail, store it."""
    began = cache.timer()
    reply = yield from forwarded(request)
    seconds = cache.timer() - began
    kept = yield from _keep(request, place, reply, seconds, cache, write=failure is None)
    if flight is not None:
        flight.land(Shared(result=kept.result))
    if failure is not None:
        yield Emit(tool_call_failed(request, "look-up", failure))
    else:
        yield Emit(_not_served(request, place, kept))
    return reply


def _not_served(request: ToolCallRequest, place: ToolPlace, kept: _Kept, mode: Mode = "on") -> Decision:
    if kept.failed:
        return tool_call_failed(request, "store", kept.reason, mode)
    return tool_missed(request, place, kept.reason, mode)


def _keep(
    request: ToolCallRequest,
    place: ToolPlace,
    reply: ToolReply,
    seconds: float,
    cache: ToolCache,
    *,
    write: bool = True,
) -> Flow[_Kept]:
    refusal = refusal_of_result(reply)
    if refusal is not None or not isinstance(reply, ToolMessage):
        return _Kept(result=None, reason=str(refusal))
    try:
        result = _result(request, place, reply, seconds, cache)
    except Exception as error:  # noqa: BLE001 - a user's own function may raise anything
        warn_once("the tool cache's tags", error, CHECK_FUNCTIONS)
        return _Kept(result=None, reason=type(error).__name__, failed=True)
    if not write:
        return _Kept(result=result, reason="the store fails")
    ttl = minutes_left(cache.store, result.expires_at, cache.clock())
    put = PutOp(place.partition.namespace, place.key, result.to_value(), False, ttl)
    try:
        yield StoreOps(cache.store, [put])
    except Exception as error:  # noqa: BLE001 - whatever a store raises, the result is there to share
        warn_once("the tool cache's store", error, CHECK_STORE)
        return _Kept(result=result, reason=type(error).__name__, failed=True)
    if cache.room.note_put():
        yield Spawn(cache.room.make(cache.store))
    return _Kept(result=result, reason="its result was stored")


def _result(
    request: ToolCallRequest, place: ToolPlace, reply: ToolMessage, seconds: float, cache: ToolCache
) -> ToolResult:
    now, minutes = cache.clock(), cache.minutes[place.tool]
    tags = cache.tags(request) if callable(cache.tags) else cache.tags
    return ToolResult(
        message=storable_result(reply),
        tool=place.tool,
        seconds=seconds,
        tenant=place.partition.tenant,
        corpus_version=place.partition.corpus_version,
        tags=tuple(sorted(set(tags))),
        created_at=now,
        expires_at=None if minutes is None else now + 60 * minutes,
    )
