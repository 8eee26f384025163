"""Keeps a cache from growing for ever: above so many entries the oldest go."""

from __future__ import annotations

import random
from collections.abc import Callable

from langgraph.store.base import BaseStore, PutOp, SearchItem

from llmops_plugins.caching.partition import ROOT
from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.scan import scan

__all__ = ["Room", "entries_of"]

_PAGE = 1_000
_LEFT = 0.9


class Room:
    """Makes room when a store may hold too much.

    After one put in as many as a tenth of the bound, drawn by chance, the entries are counted; above the
    bound the oldest go until a tenth is free. No process needs to know what others have put, or itself
    before it was started anew; a store holds about 1.1 times the bound at most.

    Args:
        max_entries: The most entries a store keeps.
        chance: Returns numbers from 0 to 1.

    Raises:
        ConfigurationError: If ``max_entries`` is no whole number from 1.
    """

    def __init__(self, max_entries: int, *, chance: Callable[[], float] = random.random) -> None:
        if isinstance(max_entries, bool) or not isinstance(max_entries, int) or max_entries < 1:
            raise ConfigurationError("max_entries", f"must be a whole number from 1, got {max_entries!r}")
        self._max_entries = max_entries
        self._chance = chance

    def note_put(self) -> bool:
        """Note that an entry was written; returns whether it is time to count them."""
        return self._chance() * max(1, self._max_entries // 10) < 1

    def make(self, store: BaseStore) -> Flow[int]:
        """Delete the oldest entries of a store that holds too many, and return how many."""
        places: list[tuple[float, tuple[str, ...], str]] = []

        def visit(item: SearchItem) -> None:
            if "reply" in item.value:
                places.append((_age(item), item.namespace, item.key))

        yield from scan(store, (ROOT,), visit)
        if len(places) <= self._max_entries:
            return 0
        oldest = sorted(places)[: len(places) - int(self._max_entries * _LEFT)]
        for start in range(0, len(oldest), _PAGE):
            page = oldest[start : start + _PAGE]
            yield StoreOps(store, [PutOp(namespace, key, None) for _, namespace, key in page])
        return len(oldest)


def _age(item: SearchItem) -> float:
    """Return when an entry was made; one that does not say goes first."""
    created_at = item.value.get("created_at")
    return float(created_at) if isinstance(created_at, int | float) else 0.0


def entries_of(store: BaseStore) -> Flow[list[SearchItem]]:
    """Read all entries of the cache in a store, page by page, labels and state left out."""
    found: list[SearchItem] = []

    def visit(item: SearchItem) -> None:
        if "reply" in item.value:
            found.append(item)

    yield from scan(store, (ROOT,), visit)
    return found
