"""Keeps a store from growing without end: what has expired goes, and above so many the least useful."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langgraph.store.base import PutOp, SearchItem

from llmops_plugins.effects import Flow, Spawn, StoreOps
from llmops_plugins.hierarchy.demonstrations.collection import Collection, noted_at
from llmops_plugins.hierarchy.demonstrations.usefulness import usefulness
from llmops_plugins.storage.scan import scan

__all__ = ["allowance", "is_due", "make_room", "make_room_if_due"]

_LEFT = 0.9
_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What is known of an item that may have to go: its place, its worth, and whether its time is over."""

    namespace: tuple[str, ...]
    key: str
    worth: tuple[float, float]
    expired: bool


def make_room_if_due(collection: Collection) -> Flow[None]:
    """Make room in the background, after some of the times that something was written.

    Args:
        collection: Where it was written: a demonstration, or a run that is kept for feedback.
    """
    if is_due(collection.most, random.random()):  # noqa: S311 - no secret
        yield Spawn(make_room(collection))


def is_due(most: int, chance: float) -> bool:
    """Tell whether it is time to count, after one addition in as many as a tenth of the bound.

    No process needs to know what others have added; a collection holds about 1.1 times the bound at most.

    Args:
        most: The most that are kept.
        chance: A random number from 0 to 1.
    """
    return chance * max(1, most // 10) < 1


def make_room(collection: Collection) -> Flow[int]:
    """Delete what has expired, and demonstrations and runs of a collection that holds too many.

    Shared ones stay as long as they alone are not too many. Of users' own copies, those of whoever has most
    go first, so that who floods a collection pushes out nobody else's. Of runs that are kept for feedback the
    oldest go.

    Args:
        collection: Where they lie.

    Returns:
        How many demonstrations were deleted.
    """
    shared = yield from _scanned(collection, collection.shared, _copy)
    private = yield from _scanned(collection, collection.private, _copy)
    runs = yield from _scanned(collection, collection.runs, _note)
    leaving = _leaving(collection, shared, private)
    gone = [operation for one in leaving for operation in _deletions(collection, one)]
    gone += [_deletion(one) for one in (*_expired(runs), *_worst(_fresh(runs), collection.most))]
    if not collection.store.supports_ttl:
        for place in (collection.all_roles, collection.all_votes):
            notes = yield from _scanned(collection, place, _note)
            gone += map(_deletion, _expired(notes))
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


def _scanned(
    collection: Collection, place: tuple[str, ...], known: Callable[[Collection, SearchItem], _Kept]
) -> Flow[list[_Kept]]:
    found: list[_Kept] = []
    yield from scan(collection.store, place, lambda item: found.append(known(collection, item)))
    return found


def _leaving(collection: Collection, shared: Sequence[_Kept], private: Sequence[_Kept]) -> list[_Kept]:
    """Return the copies that go."""
    leaving = [*_expired(shared), *_expired(private)]
    shared, private = _fresh(shared), _fresh(private)
    if len(shared) + len(private) <= collection.most:
        return leaving
    kept = int(collection.most * _LEFT)
    unshared = _worst(shared, kept)
    by_user: dict[tuple[str, ...], list[_Kept]] = {}
    for one in private:
        by_user.setdefault(one.namespace, []).append(one)
    each = allowance([len(copies) for copies in by_user.values()], kept - (len(shared) - len(unshared)))
    return [*leaving, *unshared, *(one for copies in by_user.values() for one in _worst(copies, each))]


def _expired(items: Sequence[_Kept]) -> list[_Kept]:
    return [one for one in items if one.expired]


def _fresh(items: Sequence[_Kept]) -> list[_Kept]:
    return [one for one in items if not one.expired]


def _worst(items: Sequence[_Kept], kept: int) -> list[_Kept]:
    return sorted(items, key=lambda one: one.worth, reverse=True)[max(kept, 0) :]


def _copy(collection: Collection, item: SearchItem) -> _Kept:
    """Read how useful a copy is, and how new; one that nobody can read goes first."""
    helped, tried, expires_at = (item.value.get(name) for name in ("helped", "tried", "expires_at"))
    worth = 0.0, 0.0
    if type(helped) is int and type(tried) is int and isinstance(expires_at, int | float):
        worth = usefulness(helped, tried) if 0 <= helped <= tried else 0.0, float(expires_at)
    expired = isinstance(expires_at, int | float) and expires_at <= collection.now
    return _Kept(namespace=tuple(item.namespace), key=item.key, worth=worth, expired=expired)


def _note(collection: Collection, item: SearchItem) -> _Kept:
    expired = not collection.is_current(item)
    return _Kept(namespace=tuple(item.namespace), key=item.key, worth=(0.0, noted_at(item)), expired=expired)


def _deletion(one: _Kept) -> PutOp:
    return PutOp(one.namespace, one.key, None)


def _deletions(collection: Collection, one: _Kept) -> list[PutOp]:
    """Return what deletes a copy; who has none left is no longer its author either."""
    if one.namespace == collection.shared:
        return [_deletion(one)]
    return [_deletion(one), PutOp(collection.roles_of(one.key), one.namespace[-1], None)]
