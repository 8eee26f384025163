"""Keeps a cache from growing for ever: above so many entries the oldest go."""

from __future__ import annotations

import threading

from langgraph.store.base import BaseStore, PutOp, SearchItem

from llmops_plugins.caching.partition import ROOT
from llmops_plugins.caching.scan import scan
from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.errors import ConfigurationError

__all__ = ["Room", "entries_of"]

_PAGE = 1_000
_LEFT = 0.9


class Room:
    """Counts what is put, and makes room when there may be too much.

    Every tenth of the bound that is put, the entries are counted; above the bound the oldest go until a
    tenth is free. So a store holds at most 1.1 times the bound for each process that fills it.

    Args:
        max_entries: The most entries a store keeps.

    Raises:
        ConfigurationError: If that is no whole number from 1.
    """

    def __init__(self, max_entries: int) -> None:
        if isinstance(max_entries, bool) or not isinstance(max_entries, int) or max_entries < 1:
            raise ConfigurationError("max_entries", f"must be a whole number from 1, got {max_entries!r}")
        self._max_entries = max_entries
        self._lock = threading.Lock()
        self._put = 0

    def note_put(self) -> bool:
        """Note that an entry was written; returns whether it is time to count them."""
        with self._lock:
            self._put += 1
            due = self._put >= max(1, self._max_entries // 10)
            self._put = 0 if due else self._put
        return due

    def make(self, store: BaseStore) -> Flow[int]:
        """Delete the oldest entries of a store that holds too many, and return how many."""
        entries = yield from entries_of(store)
        excess = len(entries) - self._max_entries
        if excess <= 0:
            return 0
        excess = len(entries) - int(self._max_entries * _LEFT)
        oldest = sorted(entries, key=lambda item: item.value.get("created_at", 0.0))[:excess]
        for start in range(0, len(oldest), _PAGE):
            yield StoreOps(
                store, [PutOp(one.namespace, one.key, None) for one in oldest[start : start + _PAGE]]
            )
        return len(oldest)


def entries_of(store: BaseStore) -> Flow[list[SearchItem]]:
    """Read all entries of the cache in a store, page by page, labels and state left out."""
    found: list[SearchItem] = []

    def visit(item: SearchItem) -> None:
        if "reply" in item.value:
            found.append(item)

    yield from scan(store, (ROOT,), visit)
    return found
