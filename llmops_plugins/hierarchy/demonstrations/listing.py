"""Reads demonstrations back: one of them, or all that a user is shown, or all there are."""

from __future__ import annotations

from collections.abc import Iterable

from langgraph.store.base import SearchItem

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.sharing import owners
from llmops_plugins.storage.scan import scan

__all__ = ["each_once", "find_one", "list_all"]


def list_all(collection: Collection, user: str | None) -> Flow[list[Demonstration]]:
    """Return demonstrations, the latest first, each once: of several copies the shared one.

    Args:
        collection: Where they lie.
        user: Hash of the user who is shown them; None for all users' own too.
    """
    items: list[SearchItem] = []
    for place in (collection.shared, collection.private if user is None else collection.private_of(user)):
        yield from scan(collection.store, place, items.append)
    return each_once(filter(None, map(collection.read, items)))


def each_once(copies: Iterable[Demonstration]) -> list[Demonstration]:
    """Return demonstrations, the latest first, each once: of several copies the shared one."""
    found: dict[str, Demonstration] = {}
    for one in copies:
        if one.shared or one.demonstration_id not in found:
            found[one.demonstration_id] = one
    return sorted(
        found.values(), key=lambda one: (one.provenance.solved_at, one.demonstration_id), reverse=True
    )


def find_one(collection: Collection, demonstration_id: str, user: str | None) -> Flow[Demonstration | None]:
    """Return a demonstration by its id, the shared copy if there is one.

    Args:
        collection: Where it lies.
        demonstration_id: Which one it is.
        user: Hash of the user who is shown it; None for any user's own too.
    """
    users = [user] if user is not None else []
    if user is None:
        items: list[SearchItem] = []
        yield from scan(collection.store, collection.roles_of(demonstration_id), items.append)
        users.extend(owners(collection.roles(items)))
    places = [collection.shared, *map(collection.private_of, users)]
    copies = yield StoreOps(collection.store, [collection.get(place, demonstration_id) for place in places])
    return next(filter(None, map(collection.read, copies)), None)
