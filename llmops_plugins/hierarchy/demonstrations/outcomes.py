"""Whether demonstrations helped, by users' votes: each user's latest few count, however many there were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from langgraph.store.base import Item, PutOp

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.hierarchy.demonstrations.collection import Collection, noted_at
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.places import MOST_USERS
from llmops_plugins.hierarchy.demonstrations.writing import put_unless_revoked

__all__ = ["VOTES_PER_USER", "record_outcome", "tally"]

VOTES_PER_USER = 5
"""How many of a user's latest votes on a demonstration count: what one user can do to it."""


def record_outcome(collection: Collection, ids: Iterable[str], *, helped: bool, user: str) -> Flow[int]:
    """Note whether a request that demonstrations were shown for was solved.

    Args:
        collection: Where they lie.
        ids: Which ones were shown.
        helped: Whether the request was solved.
        user: Hash of the user whose request it was.

    Returns:
        How many of them this user could have been shown; the others are left alone.
    """
    count = 0
    for demonstration_id in dict.fromkeys(ids):
        count += yield from _record(collection, demonstration_id, helped, user)
    return count


def tally(votes: Iterable[Sequence[bool]]) -> tuple[int, int]:
    """Return how many votes say that a demonstration helped, and how many there are.

    Args:
        votes: Each user's, oldest first.
    """
    counted = [vote for one in votes for vote in one[-VOTES_PER_USER:]]
    return sum(counted), len(counted)


def _record(collection: Collection, demonstration_id: str, helped: bool, user: str) -> Flow[bool]:
    places, votes = (collection.private_of(user), collection.shared), collection.votes_of(demonstration_id)
    *items, item = yield StoreOps(
        collection.store,
        [*(collection.get(place, demonstration_id) for place in places), collection.get(votes, user)],
    )
    own, shared = map(collection.read, items)
    if own is None and shared is None:
        return False
    earlier = _votes(item) if item is not None and collection.is_current(item) else []
    mine = [*earlier, helped][-VOTES_PER_USER:]
    puts = [collection.note(votes, user, {"votes": mine})]
    if own is not None:
        puts.append(collection.put(_counted(own, [mine])))
    yield StoreOps(collection.store, puts[:1])
    if shared is not None:
        voters, leaving = yield from _voters(collection, votes)
        puts.append(collection.put(_counted(shared, voters)))
        puts.extend(leaving)
    yield from put_unless_revoked(collection, demonstration_id, puts)
    return True


def _voters(collection: Collection, place: tuple[str, ...]) -> Flow[tuple[list[list[bool]], list[PutOp]]]:
    """Return the latest voters' votes, and what deletes those of the others."""
    (items,) = yield StoreOps(collection.store, [collection.users(place)])
    latest = sorted(filter(collection.is_current, items), key=noted_at, reverse=True)[:MOST_USERS]
    staying = {item.key for item in latest}
    leaving = [PutOp(item.namespace, item.key, None) for item in items if item.key not in staying]
    return [_votes(item) for item in latest], leaving


def _counted(demonstration: Demonstration, votes: Iterable[Sequence[bool]]) -> Demonstration:
    helped, tried = tally(votes)
    return replace(demonstration, helped=helped, tried=tried)


def _votes(item: Item) -> list[bool]:
    votes = item.value.get("votes")
    return [vote for vote in votes if isinstance(vote, bool)] if isinstance(votes, list) else []
