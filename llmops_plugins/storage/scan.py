"""Reads what a store holds below a prefix, page by page, while others write to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langgraph.store.base import BaseStore, SearchItem, SearchOp

from llmops_plugins.effects import Flow, StoreOps

__all__ = ["scan"]

_PAGE = 2_000


def scan(
    store: BaseStore,
    prefix: tuple[str, ...],
    visit: Callable[[SearchItem], None],
    filter: Mapping[str, Any] | None = None,
) -> Flow[None]:
    """Show each item below a prefix once to a function, without prolonging any item's life.

    What others delete moves the pages, so each begins with the last item of the one before; where it does
    not, some are read again.

    Args:
        store: The store.
        prefix: First parts of the namespaces.
        visit: Is given the items.
        filter: Values that fields must have, so that the store reads less.
    """
    seen: set[tuple[tuple[str, ...], str]] = set()
    wanted = dict(filter) if filter else None
    offset = 0
    while True:
        search = SearchOp(prefix, filter=wanted, limit=_PAGE, offset=offset, refresh_ttl=False)
        (page,) = yield StoreOps(store, [search])
        if offset and (not page or _place(page[0]) not in seen):
            offset = max(0, offset - _PAGE)
            continue
        for item in page:
            # To some stores ("a",) is a prefix of ("ab",) as well.
            if _place(item) not in seen and tuple(item.namespace[: len(prefix)]) == prefix:
                visit(item)
            seen.add(_place(item))
        if len(page) < _PAGE:
            return
        offset += len(page) - 1


def _place(item: SearchItem) -> tuple[tuple[str, ...], str]:
    return tuple(item.namespace), item.key
