"""What the cache does around a model call: look up, share the call with equal requests, keep the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.caching.cache import Brought
from llmops_plugins.caching.decisions import failed, hit, missed, passed_by
from llmops_plugins.caching.entry import recorded_usage
from llmops_plugins.caching.keeping import Kept, keep
from llmops_plugins.caching.lookup import Found, LookUp, look_up
from llmops_plugins.caching.partition import provider_and_model
from llmops_plugins.caching.place import PassedBy, Place, find_place
from llmops_plugins.caching.recheck import compare, recheck
from llmops_plugins.caching.replay import replay
from llmops_plugins.caching.single_flight import Flight
from llmops_plugins.effects import Emit, Flow, Forward, Request, Response, Spawn, Wait
from llmops_plugins.events import AvoidedCall
from llmops_plugins.messages import calls_tools
from llmops_plugins.verification.verdict import answer_message

if TYPE_CHECKING:
    from llmops_plugins.caching.cache import Cache

__all__ = ["cached", "shadow_cached"]


def cached(request: Request, cache: Cache) -> Flow[Response]:
    """Answer from the cache, or pass the request on and keep its answer.

    Equal requests at once make one call: the first leads, the others are given what it brings. Where it
    fails the next one leads; where its reply may not be shared, everybody asks for themselves.

    Args:
        request: The request.
        cache: What is looked up where.

    Returns:
        A stored reply under new ids, or the model's, which streams as it comes.
    """
    place = find_place(request, cache.partition)
    if isinstance(place, PassedBy):
        yield Emit(passed_by(place))
        reply: Response = yield Forward(request, live=True)
        return reply
    warm = cache.prompt_caching.note_request(place.partition.identity, cache.clock())
    flight = cache.flights.join(place.flight_key)
    unlooked = LookUp(question=place.conversation.question)
    waiting_since = cache.clock()
    while not flight.leads:
        if flight.waits_for_itself:
            return (yield from _asked(request, place, unlooked, cache, None))
        brought = yield from _brought(flight, waiting_since + cache.patience_seconds - cache.clock())
        if brought is None:
            flight = cache.flights.join(place.flight_key)
            continue
        found = Found(entry=brought.entry, tier="shared") if brought.entry is not None else None
        response = replay(found.entry, request, found.tier) if found is not None else None
        if found is not None and response is not None:
            yield Emit(hit(cache, place, found, response, warm=True))
            return response
        return (yield from _asked(request, place, unlooked, cache, None))
    try:
        looked = yield from look_up(request, place, cache)
        response = yield from _served(request, place, looked, cache, flight, warm=warm)
        if response is None:
            response = yield from _asked(request, place, looked, cache, flight)
    finally:
        flight.land(None)  # unless it has: somebody may be waiting, and this run has failed
    return response


def shadow_cached(request: Request, reply: Response, cache: Cache) -> Flow[None]:
    """Do what :func:`cached` would have done for a request that has been answered, and keep the answer.

    What a hit would have avoided is the call that was made, so it is measured.
    """
    place = find_place(request, cache.partition)
    if isinstance(place, PassedBy):
        yield Emit(passed_by(place, mode="shadow"))
        return
    looked = yield from look_up(request, place, cache)
    if looked.error is not None:
        yield Emit(failed(looked, "look-up", looked.error, mode="shadow"))
        return
    kept = yield from keep(request, place, reply, cache)
    if looked.found is not None:
        avoided = _spared(request, reply, cache)
        yield Emit(
            hit(
                cache,
                place,
                looked.found,
                reply,
                warm=False,
                hidden=looked.hidden,
                avoided=avoided,
                mode="shadow",
            )
        )
    else:
        yield Emit(missed(place, looked, kept.reason, mode="shadow"))
    candidate = looked.found.candidate if looked.found is not None else looked.nearest
    if candidate is not None and looked.question is not None and cache.semantic is not None:
        yield from compare(request, reply, place, candidate, looked.question, cache, cache.semantic)


def _spared(request: Request, reply: Response, cache: Cache) -> AvoidedCall | None:
    message = answer_message(reply)
    usage = recorded_usage([message], *provider_and_model(request)) if message is not None else None
    return cache.prompt_caching.avoided(usage, exact=True, warm=False)


def _brought(flight: Flight[Brought], seconds: float) -> Flow[Brought | None]:
    """Wait for a flight's leader; one that takes too long brings nothing to share."""
    try:
        brought: Brought | None = yield Wait(flight.future, max(seconds, 0.0))
    except TimeoutError:
        flight.give_up()
        return Brought(entry=None)
    return brought


def _served(
    request: Request, place: Place, looked: LookUp, cache: Cache, flight: Flight[Brought], *, warm: bool
) -> Flow[Response | None]:
    """Serve what was found, unless it is this one's turn to be checked."""
    found, semantic = looked.found, cache.semantic
    if found is None:
        return None
    response = replay(found.entry, request, found.tier)
    if response is None:
        return None
    due = found.candidate is not None and semantic is not None and semantic.monitor.is_due()
    if due and request.tools and found.candidate is not None and looked.question is not None:
        cache.withheld.put(place.run_key, found.candidate, looked.question)
        return None
    flight.land(Brought(entry=found.entry))
    yield Emit(hit(cache, place, found, response, warm=warm, hidden=looked.hidden))
    if due and semantic is not None and found.candidate is not None and looked.question is not None:
        yield Spawn(recheck(request, place, found.candidate, looked.question, cache, semantic))
    return response


def _asked(
    request: Request, place: Place, looked: LookUp, cache: Cache, flight: Flight[Brought] | None
) -> Flow[Response]:
    """Pass the request on, keep the answer and share it, and compare it with what was not served."""
    reply: Response = yield Forward(request, live=True)
    kept = Kept(entry=None, reason="")
    if looked.error is None:
        kept = yield from keep(request, place, reply, cache)
    if flight is not None:
        flight.land(Brought(entry=kept.entry))
    if looked.error is not None:
        yield Emit(failed(looked, "look-up", looked.error))
    elif kept.failed:
        yield Emit(failed(looked, "store", kept.reason))
    else:
        yield Emit(missed(place, looked, kept.reason))
    semantic, candidate, question = cache.semantic, looked.nearest, looked.question
    message = answer_message(reply)
    if message is not None and not calls_tools(message) and semantic is not None:
        withheld = cache.withheld.take(place.run_key)
        if withheld is not None:
            candidate, question = withheld
        # What a guard refused is no question of the rule's, and needs no label.
        if candidate is not None and question is not None and (withheld or candidate.in_shadow):
            yield Spawn(compare(request, reply, place, candidate, question, cache, semantic))
    return reply
