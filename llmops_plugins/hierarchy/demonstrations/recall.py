"""Finds the demonstrations that help with a question: near, useful, unlike each other, affordable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from langgraph.store.base import SearchItem, SearchOp

from llmops_plugins.effects import Embed, Flow, StoreOps
from llmops_plugins.hierarchy.demonstrations.adding import LONGEST_QUESTION, LONGEST_READ
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration, tidied
from llmops_plugins.hierarchy.demonstrations.ranking import Candidate, rank
from llmops_plugins.hierarchy.demonstrations.rendering import rendered_tokens, without_rendered
from llmops_plugins.hierarchy.demonstrations.scrubbing import scrubbed_question
from llmops_plugins.hierarchy.demonstrations.searchable_store import counted_embeddings
from llmops_plugins.hierarchy.demonstrations.usefulness import usefulness

__all__ = ["Recall", "query_of", "recall"]

_SHARED_CANDIDATES, _OWN_CANDIDATES = 15, 10
"""How many of the nearest are ranked: reading and comparing one takes some 0.1 ms."""
_RANKED_FOR_EACH = 3
"""How many are chosen from for each that is wanted, so that others fill in for what does not fit."""


@dataclass(frozen=True, kw_only=True)
class Recall:
    """What was found for a question.

    Args:
        demonstrations: What to show, best first.
        considered: How many there were to choose from.
        changed: How many were left out because they are not what was once stored.
    """

    demonstrations: tuple[Demonstration, ...] = ()
    considered: int = 0
    changed: int = 0


def query_of(question: str) -> str:
    """Return what is looked for: the question as one would be stored, without examples put into it.

    Args:
        question: As it is asked; of a very long one the beginning.
    """
    return tidied(scrubbed_question(without_rendered(question[:LONGEST_READ])[:LONGEST_QUESTION])).strip()


def recall(
    collection: Collection, question: str, *, user: str, limit: int, token_budget: int
) -> Flow[Recall]:
    """Find demonstrations among the user's own and those that the tenant's users share.

    Args:
        collection: Where they lie.
        question: What is asked.
        user: Hash of the user who asks.
        limit: The most that are wanted.
        token_budget: The most tokens that they may take in a prompt, at four characters each.
    """
    query = query_of(question)
    if not query:
        return Recall()
    embeddings = counted_embeddings(collection.store)
    if embeddings is not None:
        yield Embed(embeddings, [query])
    places = {collection.shared: _SHARED_CANDIDATES, collection.private_of(user): _OWN_CANDIDATES}
    found = yield StoreOps(
        collection.store,
        [
            SearchOp(place, query=query, limit=candidates, refresh_ttl=False)
            for place, candidates in places.items()
        ],
    )
    items = [
        item
        for place, items in zip(places, found, strict=True)
        for item in items
        if tuple(item.namespace) == place  # to some stores ("a",) is a prefix of ("ab",) as well
    ]
    nearest = _nearest(items)
    wanted = _RANKED_FOR_EACH * limit
    ranked = rank(query, [candidate for _, candidate in nearest], limit=wanted)
    return _chosen(collection, [nearest[index][0] for index in ranked], limit, token_budget, len(nearest))


def _nearest(items: Iterable[SearchItem]) -> list[tuple[SearchItem, Candidate]]:
    """Return the nearest, once each; of two copies the first, the shared one, in which all votes count.

    Their content is only glanced at: checking it is for those that are chosen.
    """
    found: dict[str, tuple[SearchItem, Candidate]] = {}
    for item in items:
        candidate = _candidate(item)
        if candidate is not None:
            found.setdefault(item.key, (item, candidate))
    return list(found.values())


def _candidate(item: SearchItem) -> Candidate | None:
    """Return what ranking needs of an item; None for one without it, or that was not found by its meaning."""
    if item.score is None:
        return None
    try:
        helped, tried = int(item.value["helped"]), int(item.value["tried"])
        return Candidate(
            question=str(item.value["question"]),
            solution=str(item.value["solution"]),
            similarity=float(item.score),
            usefulness=usefulness(helped, tried) if 0 <= helped <= tried else 0.0,
            calls=frozenset(map(str, item.value["calls"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _chosen(
    collection: Collection, ranked: Iterable[SearchItem], limit: int, token_budget: int, considered: int
) -> Recall:
    """Take the first that are what was stored, may still be shown, and fit."""
    chosen: tuple[Demonstration, ...] = ()
    changed = 0
    for item in ranked:
        demonstration = collection.intact(item)
        changed += demonstration is None
        if demonstration is None or not demonstration.is_fresh(collection.now):
            continue
        longer = (*chosen, demonstration)
        if rendered_tokens(longer) <= token_budget:
            chosen = longer
        if len(chosen) == limit:
            break
    return Recall(demonstrations=chosen, considered=considered, changed=changed)
