"""Reading and writing items; input reaches SQL as parameters only."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from langgraph.store.base import Item, SearchItem

from llmops_plugins.storage.item_indexing import Vectors
from llmops_plugins.storage.namespace_paths import namespace_of, path_range

__all__ = [
    "ItemRow",
    "ItemWrite",
    "delete_expired",
    "delete_item",
    "live_namespaces",
    "namespace_ids",
    "postpone_expiry",
    "put_item",
    "read_item",
    "read_items",
    "scan_items",
]

_JSON = json.JSONDecoder()
"""Decodes what was written here, which begins and ends without the blanks that ``json.loads`` looks for."""
_CHANGES_KEPT = 50_000
_CHUNK = 32
_FEW = 4
_SELECT = """
SELECT item.id, space.path, item.key, item.value, item.created_at, item.updated_at, item.ttl_minutes,
    item.expires_at
FROM llmops_store_items item JOIN llmops_store_namespaces space ON space.id = item.namespace_id
"""
_ALIVE = "(item.expires_at IS NULL OR item.expires_at > ?)"
_HAS_NEEDLE = "(?1 IS NULL OR instr(item.value, ?1))"
_BY_KEY = f"{_SELECT} WHERE space.path = ? AND item.key = ? AND {_ALIVE}"
_BY_ID = f"{_SELECT} WHERE {_HAS_NEEDLE} AND {_ALIVE} AND item.id = ?"
_BY_IDS = f"{_SELECT} WHERE {_HAS_NEEDLE} AND {_ALIVE} AND item.id IN ({', '.join('?' * _CHUNK)})"
_BELOW = "item.namespace_id IN (SELECT id FROM llmops_store_namespaces WHERE path >= ? AND path < ?)"
_IN_ORDER = f"{_SELECT} WHERE {_HAS_NEEDLE} AND {_ALIVE} AND {_BELOW}"
_IN_ORDER_ALL = f"{_IN_ORDER} ORDER BY item.namespace_id, item.id"
_IN_ORDER_UNINDEXED = f"{_IN_ORDER} AND item.vector_count = 0 ORDER BY item.namespace_id, item.id"


class ItemRow(NamedTuple):
    """An item as it is stored; times are seconds since 1970."""

    id: int
    path: str
    key: str
    value: str
    created_at: float
    updated_at: float
    ttl_minutes: float | None
    expires_at: float | None

    def parsed(self) -> dict[str, Any]:
        """Return the value."""
        parsed: dict[str, Any] = _JSON.raw_decode(self.value)[0]
        return parsed

    def item(self) -> Item:
        """Return the row as LangGraph's item."""
        return Item(
            namespace=namespace_of(self.path),
            key=self.key,
            value=self.parsed(),
            created_at=datetime.fromtimestamp(self.created_at, UTC),
            updated_at=datetime.fromtimestamp(self.updated_at, UTC),
        )

    def search_item(self, value: dict[str, Any], score: float | None) -> SearchItem:
        """Return the row as a search result."""
        return SearchItem(
            namespace=namespace_of(self.path),
            key=self.key,
            value=value,
            created_at=datetime.fromtimestamp(self.created_at, UTC),
            updated_at=datetime.fromtimestamp(self.updated_at, UTC),
            score=score,
        )


@dataclass(frozen=True, kw_only=True)
class ItemWrite:
    """An item to be put, everything computed.

    Args:
        path: The namespace's text.
        key: The item's key.
        value: The value as JSON.
        indexed: The put's own ``index`` as JSON, so that the item can be embedded again.
        vectors: One row for each text embedded; None for none.
        ttl_minutes: Minutes from now, and from each read that refreshes, until the item expires.
    """

    path: str
    key: str
    value: str
    indexed: str
    vectors: Vectors | None
    ttl_minutes: float | None


def read_item(connection: sqlite3.Connection, path: str, key: str) -> ItemRow | None:
    """Return the item under a key, or None where there is none or it has expired."""
    row = connection.execute(_BY_KEY, (path, key, time.time())).fetchone()
    return None if row is None else ItemRow._make(row)


def read_items(
    connection: sqlite3.Connection, ids: Sequence[int], needle: str | None = None
) -> dict[int, ItemRow]:
    """Return the rows of ``ids`` that have not expired and whose value contains ``needle``, by id."""
    found: dict[int, ItemRow] = {}
    now = time.time()
    size, query = (1, _BY_ID) if len(ids) < _FEW else (_CHUNK, _BY_IDS)
    for start in range(0, len(ids), size):
        chunk = [*ids[start : start + size]]
        chunk += [-1] * (size - len(chunk))
        rows = map(ItemRow._make, connection.execute(query, (needle, now, *chunk)))
        found.update((row.id, row) for row in rows)
    return found


def scan_items(
    connection: sqlite3.Connection,
    prefix: Sequence[str],
    *,
    needle: str | None = None,
    without_vectors: bool = False,
) -> Iterator[ItemRow]:
    """Give the rows below ``prefix`` in the order in which namespaces and then items were first put."""
    query = _IN_ORDER_UNINDEXED if without_vectors else _IN_ORDER_ALL
    return map(ItemRow._make, connection.execute(query, (needle, time.time(), *path_range(prefix))))


def namespace_ids(connection: sqlite3.Connection, prefix: Sequence[str]) -> list[int]:
    """Return the ids of the namespaces at and below ``prefix``."""
    rows = connection.execute(
        "SELECT id FROM llmops_store_namespaces WHERE path >= ? AND path < ?", path_range(prefix)
    )
    return [id_ for (id_,) in rows]


def live_namespaces(connection: sqlite3.Connection) -> Iterator[str]:
    """Give the paths of the namespaces that have an item which has not expired."""
    rows = connection.execute(
        f"SELECT path FROM llmops_store_namespaces space WHERE EXISTS ("  # noqa: S608 - a constant
        f"SELECT 1 FROM llmops_store_items item WHERE item.namespace_id = space.id AND {_ALIVE})",
        (time.time(),),
    )
    return (path for (path,) in rows)


def put_item(connection: sqlite3.Connection, write: ItemWrite) -> None:
    """Put an item and its vectors; an earlier one keeps its place and when it was created."""
    now = time.time()
    expires_at = None if write.ttl_minutes is None else now + 60 * write.ttl_minutes
    count = 0 if write.vectors is None else len(write.vectors)
    columns = (write.value, write.indexed, count, now, write.ttl_minutes, expires_at)
    namespace_id = _namespace_id(connection, write.path)
    earlier = _find(connection, namespace_id, write.key)
    if earlier and earlier.expires_at is not None and earlier.expires_at <= now:
        _delete(connection, earlier.id, namespace_id, earlier.vector_count)
        earlier = None
    item_id: int | None
    if earlier:
        item_id = earlier.id
        connection.execute(
            "UPDATE llmops_store_items SET value = ?, indexed = ?, vector_count = ?, updated_at = ?, "
            "ttl_minutes = ?, expires_at = ? WHERE id = ?",
            (*columns, item_id),
        )
    else:
        item_id = connection.execute(
            "INSERT INTO llmops_store_items (value, indexed, vector_count, updated_at, ttl_minutes, "
            "expires_at, namespace_id, key, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*columns, namespace_id, write.key, now),
        ).lastrowid
    if count or (earlier and earlier.vector_count):
        replace_vectors(connection, item_id, namespace_id, write.vectors)


def replace_vectors(
    connection: sqlite3.Connection, item_id: int | None, namespace_id: int, vectors: Vectors | None
) -> None:
    """Replace an item's vectors and tell every process that they changed."""
    if vectors is None:
        connection.execute("DELETE FROM llmops_store_vectors WHERE item_id = ?", (item_id,))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO llmops_store_vectors VALUES (?, ?, ?)",
            (item_id, namespace_id, vectors.tobytes()),
        )
    sequence = connection.execute(
        "INSERT INTO llmops_store_changes (item_id, namespace_id) VALUES (?, ?)", (item_id, namespace_id)
    ).lastrowid
    if sequence and sequence % 1000 == 0:
        # A process that is further behind loads everything, which is faster by then.
        connection.execute(
            "DELETE FROM llmops_store_changes WHERE sequence <= ?", (sequence - _CHANGES_KEPT,)
        )


def delete_item(connection: sqlite3.Connection, path: str, key: str) -> None:
    """Delete an item, its vectors, and its namespace when that is now empty."""
    row = connection.execute("SELECT id FROM llmops_store_namespaces WHERE path = ?", (path,)).fetchone()
    found = row and _find(connection, row[0], key)
    if found:
        _delete(connection, found.id, row[0], found.vector_count)
        _drop_empty(connection, row[0])


def delete_expired(connection: sqlite3.Connection, limit: int) -> int:
    """Delete up to ``limit`` items that have expired and return how many there were."""
    rows = connection.execute(
        "SELECT id, namespace_id, vector_count FROM llmops_store_items WHERE expires_at <= ? LIMIT ?",
        (time.time(), limit),
    ).fetchall()
    for item_id, namespace_id, vector_count in rows:
        _delete(connection, item_id, namespace_id, vector_count)
    for namespace_id in {row[1] for row in rows}:
        _drop_empty(connection, namespace_id)
    return len(rows)


def postpone_expiry(connection: sqlite3.Connection, rows: Iterable[ItemRow]) -> None:
    """Let items that were read live their full time again."""
    connection.executemany(
        "UPDATE llmops_store_items SET expires_at = ? + 60 * ttl_minutes WHERE id = ?",
        [(time.time(), row.id) for row in rows],
    )


class _Found(NamedTuple):
    id: int
    vector_count: int
    expires_at: float | None


def _find(connection: sqlite3.Connection, namespace_id: int, key: str) -> _Found | None:
    row = connection.execute(
        "SELECT id, vector_count, expires_at FROM llmops_store_items WHERE namespace_id = ? AND key = ?",
        (namespace_id, key),
    ).fetchone()
    return None if row is None else _Found._make(row)


def _namespace_id(connection: sqlite3.Connection, path: str) -> int:
    row = connection.execute("SELECT id FROM llmops_store_namespaces WHERE path = ?", (path,)).fetchone()
    if row is None:
        cursor = connection.execute("INSERT INTO llmops_store_namespaces (path) VALUES (?)", (path,))
        return int(cursor.lastrowid or 0)
    return int(row[0])


def _delete(connection: sqlite3.Connection, item_id: int, namespace_id: int, vector_count: int) -> None:
    connection.execute("DELETE FROM llmops_store_items WHERE id = ?", (item_id,))
    if vector_count:
        replace_vectors(connection, item_id, namespace_id, None)


def _drop_empty(connection: sqlite3.Connection, namespace_id: int) -> None:
    connection.execute(
        "DELETE FROM llmops_store_namespaces WHERE id = ? AND NOT EXISTS ("
        "SELECT 1 FROM llmops_store_items WHERE namespace_id = ?)",
        (namespace_id, namespace_id),
    )
