"""One search operation over rows and vectors of the same moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from langgraph.store.base import SearchItem, SearchOp

from llmops_plugins.storage.item_filters import matches, needle_of
from llmops_plugins.storage.item_indexing import Vectors
from llmops_plugins.storage.item_rows import ItemRow, read_items, scan_items
from llmops_plugins.storage.vector_index import VectorIndex

__all__ = ["Hit", "search_in_order", "search_nearest"]

_LARGEST_READ = 2_048


class Hit(NamedTuple):
    """A search result and the row it was made from."""

    row: ItemRow
    item: SearchItem


def search_in_order(connection: sqlite3.Connection, operation: SearchOp) -> list[Hit]:
    """Return a page of what the filter lets through, in the order in which it was first put."""
    rows = scan_items(connection, operation.namespace_prefix, needle=needle_of(operation.filter))
    return _page(operation, ((row, None) for row in rows))


def search_nearest(
    connection: sqlite3.Connection, operation: SearchOp, index: VectorIndex, query: Vectors
) -> list[Hit]:
    """Return a page of what the filter lets through, nearest first; items without vectors come last.

    Args:
        connection: In a transaction, and what the index was refreshed from.
        operation: The search.
        index: All vectors.
        query: The embedded query at length one.
    """
    wanted = operation.offset + operation.limit
    # A filter may leave none of the nearest, so with one everything is ranked.
    for exact in (bool(operation.filter), True):
        nearest, complete = index.nearest(connection, operation.namespace_prefix, query, wanted, exact=exact)
        scored = _rows_of(connection, operation, nearest, wanted)
        rest = _rows_without_vectors(connection, operation) if complete else ()
        hits = _page(operation, chain(scored, rest))
        if complete or len(hits) == operation.limit:
            break
    return hits


def _rows_of(
    connection: sqlite3.Connection, operation: SearchOp, nearest: Iterator[tuple[int, float]], wanted: int
) -> Iterator[tuple[ItemRow, float]]:
    needle = needle_of(operation.filter)
    size = max(wanted, 1)
    while chunk := list(islice(nearest, size)):
        rows = read_items(connection, [item_id for item_id, _ in chunk], needle)
        yield from ((rows[item_id], score) for item_id, score in chunk if item_id in rows)
        size = min(4 * size, _LARGEST_READ)


def _rows_without_vectors(
    connection: sqlite3.Connection, operation: SearchOp
) -> Iterator[tuple[ItemRow, None]]:
    needle = needle_of(operation.filter)
    for row in scan_items(connection, operation.namespace_prefix, needle=needle, without_vectors=True):
        yield row, None


def _page(operation: SearchOp, found: Iterable[tuple[ItemRow, float | None]]) -> list[Hit]:
    start, stop = operation.offset, operation.offset + operation.limit
    if not operation.filter:
        # Parsing a row takes most of the time, so those before the page are not.
        return [Hit(row, row.search_item(row.parsed(), score)) for row, score in islice(found, start, stop)]
    passing = (
        Hit(row, row.search_item(value, score))
        for row, score in found
        for value in [row.parsed()]
        if matches(value, operation.filter)
    )
    return list(islice(passing, start, stop))
