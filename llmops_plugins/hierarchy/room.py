"""Keeps demonstrations from growing without end: above so many, the least useful go."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.store.base import PutOp, SearchItem

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.hierarchy.collection import Collection
from llmops_plugins.hierarchy.usefulness import usefulness
from llmops_plugins.storage.scan import scan

__all__ = ["allowance", "is_due", "make_room"]

_LEFT = 0.9
_AT_ONCE = 1_000


def is_due(most: int, chance: float) -> bool:
    """Tell whether it is time to count, after one addition in as many as a tenth of the bound.

    No process needs to know what others have added; a collection holds about 1.1 times the bound at most.

    Args:
        most: The most that are kept.
        chance: A random number from 0 to 1.
    """
    return chance * max(1, most // 10) < 1


def make_room(collection: Collection) -> Flow[int]:
    """Delete demonstrations of a collection that holds too many, and return how many.

    Shared ones stay as long as they alone are not too many. Of users' own copies, those of whoever has most
    go first, so that who floods a collection pushes out nobody else's.

    Args:
        collection: Where they lie.
    """
    shared: list[SearchItem] = []
    private: list[SearchItem] = []
    yield from scan(collection.store, collection.shared, shared.append)
    yield from scan(collection.store, collection.private, private.append)
    if len(shared) + len(private) <= collection.most:
        return 0
    kept = int(collection.most * _LEFT)
    leaving = _worst(shared, kept)
    by_user: dict[tuple[str, ...], list[SearchItem]] = {}
    for item in private:
        by_user.setdefault(tuple(item.namespace), []).append(item)
    each = allowance([len(items) for items in by_user.values()], kept - (len(shared) - len(leaving)))
    leaving += [item for items in by_user.values() for item in _worst(items, each)]
    gone = [operation for item in leaving for operation in _deletions(collection, item)]
    for start in range(0, len(gone), _AT_ONCE):
        yield StoreOps(collection.store, gone[start : start + _AT_ONCE])
    return len(leaving)


def allowance(sizes: Sequence[int], room: int) -> int:
    """Return the most that each may keep so that all together fit.

    Args:
        sizes: How many each has.
        room: How many fit.
    """
    left, pending = room, sorted(sizes)
    for number, size in enumerate(pending):
        share = left // (len(pending) - number)
        if size > share:
            return max(share, 0)
        left -= size
    return max(pending, default=0)


def _worst(items: Sequence[SearchItem], kept: int) -> list[SearchItem]:
    return sorted(items, key=_merit, reverse=True)[max(kept, 0) :]


def _merit(item: SearchItem) -> tuple[float, float]:
    """Return how useful a copy is, and how new; one that nobody can read goes first."""
    helped, tried, expires_at = (item.value.get(name) for name in ("helped", "tried", "expires_at"))
    if type(helped) is not int or type(tried) is not int or not isinstance(expires_at, int | float):
        return 0.0, 0.0
    return usefulness(helped, tried) if 0 <= helped <= tried else 0.0, float(expires_at)


def _deletions(collection: Collection, item: SearchItem) -> list[PutOp]:
    """Return what deletes a copy; who has none left is no longer its author either."""
    namespace = tuple(item.namespace)
    deletions = [PutOp(namespace, item.key, None)]
    if namespace != collection.shared:
        deletions.append(PutOp(collection.roles_of(item.key), namespace[-1], None))
    return deletions
