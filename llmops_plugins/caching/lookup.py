"""Looks a request up: exactly, then by the meaning of its question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from langchain_core.messages import HumanMessage
from langgraph.store.base import GetOp, Item, SearchItem, SearchOp

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.neighbourhood import normalized_answer
from llmops_plugins.caching.place import CHECK_STORE, Place
from llmops_plugins.caching.rewriting import standalone_question
from llmops_plugins.caching.semantic import Candidate, SemanticTier
from llmops_plugins.effects import Embed, Flow, Request, StoreOps
from llmops_plugins.failures import warn_once

if TYPE_CHECKING:
    from llmops_plugins.caching.cache import Cache

__all__ = ["Found", "LookUp", "Tier", "by_meaning", "exactly", "look_up"]

Tier = Literal["exact", "semantic", "shared"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A stored answer that may be served.

    Args:
        entry: The answer.
        tier: How it was found: ``shared`` is the reply to an equal request that was being answered.
        candidate: Of a semantic one, what is known of it.
    """

    entry: CacheEntry
    tier: Tier
    candidate: Candidate | None = None


@dataclass(frozen=True, kw_only=True)
class LookUp:
    """What a look-up brought.

    Args:
        found: The answer to serve, if there is one.
        nearest: The most likely stored question that is not served, with the reason.
        question: What an answer may be found by: the question, or its rewriting; None where only exactly.
        hidden: Message ids of the calls made to rewrite it.
        error: Name of what went wrong, after which the look-up ended.
    """

    found: Found | None = None
    nearest: Candidate | None = None
    question: str | None = None
    hidden: tuple[str, ...] = ()
    error: str | None = None


def look_up(request: Request, place: Place, cache: Cache) -> Flow[LookUp]:
    """Look a request up; whatever fails ends it and is named, since nobody's call may fail for it.

    Args:
        request: The request.
        place: Where its answer is.
        cache: What is looked up where.
    """
    question = place.conversation.question
    hidden: tuple[str, ...] = ()
    try:
        entry = yield from exactly(place, cache)
        if entry is not None:
            return LookUp(found=Found(entry=entry, tier="exact"), question=question)
        semantic = cache.semantic
        if semantic is None or not isinstance(_last(request), HumanMessage):
            return LookUp(question=question)
        if question is None and semantic.rewriter is not None:
            question, hidden = yield from standalone_question(request, semantic.rewriter)
        if question is None:
            return LookUp(hidden=hidden)
        found = yield from by_meaning(question, place, cache, semantic)
    except Exception as error:  # noqa: BLE001 - whatever a store or its embeddings raise
        warn_once("the cache's look-up", error, CHECK_STORE)
        return LookUp(question=question, hidden=hidden, error=type(error).__name__)
    return replace(found, question=question, hidden=hidden)


def exactly(place: Place, cache: Cache) -> Flow[CacheEntry | None]:
    """Return the stored answer to the very same conversation, if it is fresh."""
    # A hit prolongs no answer's life, and must write nothing.
    key = GetOp(place.partition.namespace, place.conversation.key, refresh_ttl=False)
    items: list[Item | None] = yield StoreOps(cache.store, [key])
    entry = _fresh(items[0], cache)
    return entry if entry is not None and cache.admission.allows(entry) else None


def by_meaning(question: str, place: Place, cache: Cache, semantic: SemanticTier) -> Flow[LookUp]:
    """Look for the answer to the same question in other words.

    Args:
        question: What is asked.
        place: Where its answer is.
        cache: What is looked up where.
        semantic: Decides what is the same.
    """
    if not semantic.can_compare(question):
        return LookUp()
    # First, and counted: some stores embed in threads of their own, where no ledger hears of it.
    yield Embed(semantic.embeddings, [question])
    found = yield StoreOps(
        cache.store,
        [
            GetOp(*semantic.breach_place, refresh_ttl=False),
            SearchOp(place.partition.namespace, query=question, limit=semantic.candidates, refresh_ttl=False),
        ],
    )
    breached, items = found
    entries = [(item.key, entry) for item in items if (entry := _searchable(item, cache)) is not None]
    if not entries:
        return LookUp()
    stored = [entry.question or "" for _, entry in entries]
    vectors: Sequence[Sequence[float]] = yield Embed(semantic.embeddings, [question, *stored])
    answers = [normalized_answer(entry.message.text) for _, entry in entries]
    matches = semantic.matches(question, vectors, stored, answers)
    likeliest = sorted(
        zip(entries, matches, strict=True), key=lambda one: (one[1].probability, one[1].cosine), reverse=True
    )
    nearest = served = None
    for (key, entry), match in likeliest:  # guards take their time, so only until one is served
        candidate = semantic.candidate(key, entry, match, question)
        nearest = nearest or candidate
        if candidate.refused_by is None:
            served = candidate
            break
        if candidate.refused_by in ("rule", "threshold", "uncalibrated"):
            break
    if served is None:
        return LookUp(nearest=nearest)
    if breached is not None:
        return LookUp(nearest=replace(served, refused_by="breach"))
    return LookUp(found=Found(entry=served.entry, tier="semantic", candidate=served))


def _fresh(item: Item | None, cache: Cache) -> CacheEntry | None:
    entry = CacheEntry.from_value(item.value) if item is not None else None
    return entry if entry is not None and entry.is_fresh(cache.clock()) else None


def _searchable(item: SearchItem, cache: Cache) -> CacheEntry | None:
    entry = _fresh(item, cache)
    if entry is None or not entry.question or entry.calls_tools:
        return None
    return entry if cache.admission.allows(entry) else None


def _last(request: Request) -> object:
    return request.messages[-1] if request.messages else None
