"""Which embeddings a file's vectors are of, so that others are refused instead of compared with them."""

from __future__ import annotations

import json
import sqlite3

import numpy as np

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.item_database import ItemDatabase
from llmops_plugins.storage.item_indexing import ItemIndexing, Vectors
from llmops_plugins.storage.item_rows import replace_vectors

__all__ = ["check_embeddings", "embed_again", "record_embeddings"]

_CHUNK = 256


def record_embeddings(database: ItemDatabase, indexing: ItemIndexing) -> None:
    """Record the embeddings of a file that has none yet, and refuse others than the recorded ones.

    Raises:
        ConfigurationError: If the file's vectors are of other embeddings.
        DatabaseUnavailableError: If the file cannot be read or written.
    """
    with database.reading() as connection:
        recorded = _recorded(connection)
    if recorded is None:
        with database.writing() as connection:
            if _recorded(connection) is None:
                _record(connection, indexing)
    with database.reading() as connection:
        check_embeddings(connection, indexing)


def check_embeddings(connection: sqlite3.Connection, indexing: ItemIndexing) -> None:
    """Refuse embeddings other than the recorded ones.

    Raises:
        ConfigurationError: If the file's vectors are of other embeddings.
    """
    recorded = _recorded(connection)
    if recorded not in (None, _name(indexing)):
        raise ConfigurationError(
            "index",
            f"embeds with {_name(indexing)}, but the file's vectors are of {recorded}: use those, or call "
            "LocalStore.reembed once",
        )


def embed_again(database: ItemDatabase, indexing: ItemIndexing) -> int:
    """Replace all vectors by those of other embeddings, in one transaction, and count the items.

    Most is embedded before the transaction, so that other processes go on writing meanwhile.

    Raises:
        ConfigurationError: If the embeddings give vectors of another shape than configured.
        DatabaseUnavailableError: If the file cannot be read or written.
    """
    vectors: dict[str, Vectors] = {}
    with database.reading() as connection:
        rows = connection.execute(_ITEMS).fetchall()
    for start in range(0, len(rows), _CHUNK):
        _embed_missing(
            [text for row in rows[start : start + _CHUNK] for text in _texts(row, indexing)],
            vectors,
            indexing,
        )
    with database.writing() as connection:
        return _replace_all(connection, indexing, vectors)


_ITEMS = "SELECT id, namespace_id, value, indexed FROM llmops_store_items ORDER BY id"


def _replace_all(connection: sqlite3.Connection, indexing: ItemIndexing, vectors: dict[str, Vectors]) -> int:
    embedded = 0
    connection.execute("DELETE FROM llmops_store_vectors")
    for row in connection.execute(_ITEMS).fetchall():
        texts = _texts(row, indexing)
        _embed_missing(texts, vectors, indexing)
        own = np.stack([vectors[text] for text in texts]) if texts else None
        connection.execute(
            "UPDATE llmops_store_items SET vector_count = ? WHERE id = ?", (len(texts), row[0])
        )
        replace_vectors(connection, row[0], row[1], own)
        embedded += own is not None
    connection.execute("DELETE FROM llmops_store_meta WHERE name = 'embeddings'")
    _record(connection, indexing)
    # A gap in the changes makes every process read all rows and check its embeddings.
    connection.execute("INSERT INTO llmops_store_changes (item_id, namespace_id) VALUES (0, 0), (0, 0)")
    connection.execute(
        "DELETE FROM llmops_store_changes WHERE sequence < (SELECT max(sequence) FROM llmops_store_changes)"
    )
    return embedded


def _texts(row: tuple[int, int, str, str], indexing: ItemIndexing) -> list[str]:
    return indexing.texts(json.loads(row[2]), json.loads(row[3]))


def _embed_missing(texts: list[str], vectors: dict[str, Vectors], indexing: ItemIndexing) -> None:
    missing = [text for text in dict.fromkeys(texts) if text not in vectors]
    if missing:
        rows = indexing.vectors(indexing.embeddings.embed_documents(missing), len(missing))
        vectors.update(zip(missing, rows, strict=True))


def _name(indexing: ItemIndexing) -> str:
    return f"{indexing.identity} in {indexing.dims} dimensions"


def _recorded(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT value FROM llmops_store_meta WHERE name = 'embeddings'").fetchone()
    return None if row is None else str(row[0])


def _record(connection: sqlite3.Connection, indexing: ItemIndexing) -> None:
    connection.execute("INSERT INTO llmops_store_meta VALUES ('embeddings', ?)", (_name(indexing),))
