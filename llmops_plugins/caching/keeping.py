"""Keeps a reply that may be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage
from langgraph.store.base import PutOp

from llmops_plugins.caching.admission import storable_reply
from llmops_plugins.caching.conversation import Conversation
from llmops_plugins.caching.entry import CacheEntry, recorded_usage
from llmops_plugins.caching.freshness import minutes_left, tags_of
from llmops_plugins.caching.injected import takes_run_state
from llmops_plugins.caching.partition import provider_and_model
from llmops_plugins.caching.place import CHECK_FUNCTIONS, CHECK_STORE, Place
from llmops_plugins.effects import NEVER_SWALLOWED, Flow, Request, Response, Spawn, StoreOps
from llmops_plugins.failures import warn_once
from llmops_plugins.verification.verdict import answer_message

if TYPE_CHECKING:
    from llmops_plugins.caching.cache import Cache

__all__ = ["Kept", "keep", "put_entry"]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What became of a reply.

    Args:
        entry: What was made of it; None where it may not be kept, not even for requests that wait.
        reason: Why not, or why it could not be written.
        failed: Whether writing it failed.
    """

    entry: CacheEntry | None
    reason: str
    failed: bool = False


def keep(request: Request, place: Place, reply: Response, cache: Cache) -> Flow[Kept]:
    """Store a reply, and in an agent's run its last one as the answer to the whole of it.

    Args:
        request: What was asked.
        place: Where its answer is looked for.
        reply: The model's reply, complete.
        cache: Where it is kept.
    """
    try:
        refusal = cache.admission.refusal(request, place.conversation, reply)
        minutes = cache.freshness.minutes_of(request)
        if refusal is not None or minutes == 0:
            return Kept(entry=None, reason=refusal or "answers of its class are not kept")
        key, entry = _entry(request, place, reply, minutes, cache)
    except NEVER_SWALLOWED:
        raise
    except Exception as error:  # noqa: BLE001 - a user's own function may raise anything
        warn_once("the cache's admit, freshness or tags", error, CHECK_FUNCTIONS)
        return Kept(entry=None, reason=type(error).__name__, failed=True)
    try:
        yield StoreOps(cache.store, [put_entry(cache, place.partition.namespace, key, entry)])
    except Exception as error:  # noqa: BLE001 - whatever a store raises, the answer is there to share
        warn_once("the cache's store", error, CHECK_STORE)
        return Kept(entry=entry, reason=type(error).__name__, failed=True)
    if cache.room.note_put():
        yield Spawn(cache.room.make(cache.store))
    return Kept(entry=entry, reason="its answer was stored")


def put_entry(cache: Cache, namespace: tuple[str, ...], key: str, entry: CacheEntry) -> PutOp:
    """Return the operation that writes an entry, found by its question if it has one."""
    ttl = minutes_left(cache.store, entry.expires_at, cache.clock())
    return PutOp(namespace, key, entry.to_value(), ["question"] if _is_indexed(entry, cache) else False, ttl)


def _is_indexed(entry: CacheEntry, cache: Cache) -> bool:
    semantic, question = cache.semantic, entry.question
    return semantic is not None and question is not None and semantic.can_compare(question)


def _entry(
    request: Request, place: Place, reply: Response, minutes: float | None, cache: Cache
) -> tuple[str, CacheEntry]:
    conversation, now = place.conversation, cache.clock()
    message = answer_message(reply)
    final = reply.structured_response is not None or message is None or not message.tool_calls
    answers_run = bool(conversation.steps) and final and _covers_run(request, conversation, cache)
    calls = [step for step in conversation.steps if isinstance(step, AIMessage)] if answers_run else []
    provider, model = provider_and_model(request)
    entry = CacheEntry(
        # A rewritten question finds answers, but what was answered in a conversation may lean on all of it.
        question=conversation.question if final and (answers_run or not conversation.steps) else None,
        reply=storable_reply(reply),
        usage=recorded_usage([*calls, *([message] if message else [])], provider, model),
        tenant=place.partition.tenant,
        corpus_version=place.partition.corpus_version,
        tags=tags_of(cache.tags, request),
        tools=tuple(sorted(_tools(reply, message) | (conversation.tools_called if answers_run else set()))),
        created_at=now,
        expires_at=None if minutes is None else now + 60 * minutes,
    )
    return (conversation.opening_key if answers_run else conversation.key), entry


def _tools(reply: Response, message: AIMessage | None) -> set[str]:
    """Return the tools a reply calls; a structured output's tool is none."""
    if message is None or reply.structured_response is not None:
        return set()
    return {call["name"] for call in message.tool_calls}


def _covers_run(request: Request, conversation: Conversation, cache: Cache) -> bool:
    """Tell whether another run with the same question would come to the same answer."""
    if not cache.admission.covers_run(conversation):
        return False
    called = conversation.tools_called
    tools = [tool for tool in request.tools if getattr(tool, "name", None) in called]
    return cache.partition.knows_whose or not any(map(takes_run_state, tools))
