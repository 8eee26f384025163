"""The SQLite file under a :class:`LocalStore`: its tables, connections, transactions and errors.

Plain ``sqlite3``: an operation takes some 20 to 80 us here, and SQLAlchemy would add as much again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator

from llmops_plugins.errors import DatabaseUnavailableError

__all__ = ["SCHEMA_VERSION", "ItemDatabase"]

SCHEMA_VERSION = 1
"""Raised with every change to the tables, so that an older program refuses a newer file by name."""

_BUSY_SECONDS = 5.0
_ATTEMPTS = 4
# AUTOINCREMENT: an id or a sequence number is never used twice, so "what came after N" has one answer.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS llmops_store_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS llmops_store_namespaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS llmops_store_items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace_id INTEGER NOT NULL, key TEXT NOT NULL,
    value TEXT NOT NULL, indexed TEXT NOT NULL, vector_count INTEGER NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, ttl_minutes REAL, expires_at REAL,
    UNIQUE (namespace_id, key));
CREATE INDEX IF NOT EXISTS llmops_store_items_in_order ON llmops_store_items (namespace_id);
CREATE INDEX IF NOT EXISTS llmops_store_items_without_vectors ON llmops_store_items (namespace_id)
    WHERE vector_count = 0;
CREATE INDEX IF NOT EXISTS llmops_store_items_expiring ON llmops_store_items (expires_at)
    WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS llmops_store_vectors (
    item_id INTEGER PRIMARY KEY, namespace_id INTEGER NOT NULL, vectors BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS llmops_store_changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, item_id INTEGER NOT NULL, namespace_id INTEGER NOT NULL);
"""


class ItemDatabase:
    """Two connections to one file, each used by one thread at a time: readers do not wait for writers.

    Args:
        path: The file, made with its tables when it is not there; ``":memory:"`` for none.

    Raises:
        DatabaseUnavailableError: If the file cannot be opened, is no database, or is of a newer version.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.generation = 0
        """Raised in a forked child: what was read before the fork may have been half read."""
        self._in_memory = path == ":memory:"
        self._closed: str | None = None
        self._reset()
        try:
            self.create_tables()
        except BaseException:
            self.close()
            raise
        _DATABASES.add(self)

    def _reset(self) -> None:
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._write_lock = threading.RLock()
        # Memory belongs to its connection, so that readers and writers take turns at one.
        self._read_lock = self._write_lock if self._in_memory else threading.RLock()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        # In WAL mode NORMAL survives a killed process; only a power cut can lose the last commits.
        connection.execute("PRAGMA synchronous=NORMAL")
        # What was deleted or has expired is overwritten, not only unlinked.
        connection.execute("PRAGMA secure_delete=ON")
        return connection

    def create_tables(self) -> None:
        """Create the tables that are missing and check the schema's version.

        Raises:
            DatabaseUnavailableError: If that is not possible, or a newer version of this made them.
        """
        if not self._has_tables():
            self._switch_to_write_ahead_log()
            with self.writing() as connection:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(
                    "INSERT OR IGNORE INTO llmops_store_meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),)
                )
        with self.reading() as connection:
            (version,) = connection.execute(
                "SELECT value FROM llmops_store_meta WHERE name = 'schema'"
            ).fetchone()
        if int(version) > SCHEMA_VERSION:
            raise DatabaseUnavailableError(
                f"path: {self.path} was made by a newer llmops-plugins (schema {version}), upgrade this one"
            )

    def _has_tables(self) -> bool:
        with self.reading() as connection:
            found = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'llmops_store_changes'"
            ).fetchone()
        return found is not None

    def _switch_to_write_ahead_log(self) -> None:
        with self._write_lock, self._translated("written"):
            connection = self._connected_writer()
            # Where it cannot be had (some network drives), the file's own mode serves, slower.
            _retried(lambda: connection.execute("PRAGMA journal_mode=WAL"))

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for reading: everything read sees one moment.

        Raises:
            DatabaseUnavailableError: If the file cannot be read.
        """
        with self._read_lock, self._translated("read"):
            connection = self._connected_reader()
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for writing: all of it is kept, or on any error none.

        Raises:
            DatabaseUnavailableError: If the file cannot be written.
        """
        with self._write_lock, self._translated("written"):
            connection = self._connected_writer()
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    def _connected_reader(self) -> sqlite3.Connection:
        if self._in_memory:
            return self._connected_writer()
        if self._reader is None:
            self._reader = self._open()
        return self._reader

    def _connected_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._open()
        return self._writer

    @contextlib.contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        if self._closed:
            raise DatabaseUnavailableError(
                f"path: {self.path} cannot be {verb} ({self._closed}), open it anew"
            )
        try:
            yield
        except sqlite3.Error as error:
            raise DatabaseUnavailableError(
                f"path: {self.path} cannot be {verb} ({error}), {_remedy(error)}"
            ) from error

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        with self._read_lock, self._write_lock:
            self._closed = self._closed or "it was closed"
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

    def forget_parent(self) -> None:
        """Let a forked child open the file anew: it must not touch its parent's connections."""
        _ABANDONED.extend(one for one in (self._reader, self._writer) if one is not None)
        self._reset()
        self.generation += 1
        if self._in_memory:
            self._closed = self._closed or "memory is not shared with a forked process"


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    _retried(lambda: connection.execute(begin))
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite itself has rolled back where the disk was full.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _retried(act: Callable[[], object]) -> None:
    """Try again where SQLite says "busy" at once, without waiting: during recovery and a change of mode."""
    for attempt in range(_ATTEMPTS):
        try:
            act()
        except sqlite3.OperationalError as error:
            if attempt == _ATTEMPTS - 1 or "locked" not in str(error):
                raise
            time.sleep(0.01 * 2**attempt)
        else:
            return


def _remedy(error: sqlite3.Error) -> str:
    cause = str(error)
    if "full" in cause:
        return "free some disk space"
    if "locked" in cause:
        return f"another process has been writing for over {_BUSY_SECONDS:g} seconds, let it finish"
    if "malformed" in cause or "not a database" in cause:
        return "restore it from a backup or name another file"
    return "check the path and its permissions"


_ABANDONED: list[sqlite3.Connection] = []
_DATABASES: weakref.WeakSet[ItemDatabase] = weakref.WeakSet()


def _forget_parents() -> None:
    for database in list(_DATABASES):
        database.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
