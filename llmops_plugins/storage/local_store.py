"""LangGraph's store in one SQLite file: durable, shared by processes, searched exactly."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from os import PathLike, fspath
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    ListNamespacesOp,
    Op,
    Result,
    SearchOp,
    TTLConfig,
)

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.batch_plan import BatchPlan, EmbeddedTexts
from llmops_plugins.storage.embedding_record import check_embeddings, embed_again, record_embeddings
from llmops_plugins.storage.item_database import ItemDatabase
from llmops_plugins.storage.item_indexing import ItemIndexing
from llmops_plugins.storage.item_rows import (
    ItemRow,
    ItemWrite,
    delete_expired,
    delete_item,
    live_namespaces,
    postpone_expiry,
    put_item,
    read_item,
)
from llmops_plugins.storage.item_search import Hit, search_in_order, search_nearest
from llmops_plugins.storage.namespace_paths import list_matching, path_of
from llmops_plugins.storage.ttl_sweeper import TtlSweeper
from llmops_plugins.storage.vector_index import VectorIndex

__all__ = ["LocalStore"]

_SWEPT_AT_ONCE = 500
_SWEEP_MINUTES = 5.0
_POSTPONED_FROM = 0.99


class LocalStore(BaseStore):
    """A LangGraph store in an SQLite file that threads and processes share and a killed one leaves whole.

    It answers as ``InMemoryStore`` does, and as ``PostgresStore`` where that one lasts: an update keeps
    ``created_at``, an item replaced loses its old vectors, and expiry counts in minutes.

    Args:
        path: The file, made when it is not there; ``":memory:"`` keeps nothing and belongs to this process.
        index: ``dims``, ``embed`` and ``fields`` for search by ``query``; None for none.
        ttl: ``default_ttl`` and ``sweep_interval_minutes``, in minutes, and ``refresh_on_read``.

    Raises:
        ConfigurationError: If ``index`` or ``ttl`` is wrong, or the file's vectors are of other embeddings.
        DatabaseUnavailableError: If the file cannot be opened; every later operation may raise it too.

    Example:
        >>> store = LocalStore(":memory:")
        >>> store.put(("users", "ada"), "language", {"name": "German"})
        >>> store.get(("users", "ada"), "language").value
        {'name': 'German'}
    """

    supports_ttl = True

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        super().__init__()
        self.index_config = index
        self.ttl_config = _checked_ttl(ttl)
        self._indexing = ItemIndexing(index) if index else None
        self.embeddings = self._indexing.embeddings if self._indexing else None
        self._sweeper = TtlSweeper(self.sweep_ttl)
        self._database = ItemDatabase(_file(path))
        self._vectors = self._new_vectors()
        self._vectors_generation = 0
        try:
            self.setup()
        except BaseException:
            self._database.close()
            raise

    @classmethod
    @contextlib.contextmanager
    def from_conn_string(
        cls, conn_string: str, *, index: IndexConfig | None = None, ttl: TTLConfig | None = None
    ) -> Iterator[LocalStore]:
        """Open a store for the length of a ``with`` block.

        Args:
            conn_string: The file's path, or that after ``sqlite:///``.
            index: As for the class.
            ttl: As for the class.
        """
        store = cls(conn_string, index=index, ttl=ttl)
        try:
            yield store
        finally:
            store.close()

    @classmethod
    def reembed(cls, path: str | PathLike[str], *, index: IndexConfig) -> int:
        """Replace a file's vectors by those of other embeddings, all at once or not at all.

        Other processes go on meanwhile; afterwards their searches and puts are refused until they use the new
        embeddings.

        Args:
            path: The file.
            index: The new index configuration.

        Returns:
            How many items were embedded.

        Raises:
            ConfigurationError: If ``index`` is wrong.
            DatabaseUnavailableError: If the file cannot be read or written.
        """
        indexing = ItemIndexing(index)
        with contextlib.closing(ItemDatabase(_file(path))) as database:
            return embed_again(database, indexing)

    def setup(self) -> None:
        """Make the tables that are missing; the constructor has done so already.

        Raises:
            ConfigurationError: If the file's vectors are of other embeddings.
            DatabaseUnavailableError: If the file cannot be written.
        """
        self._database.create_tables()
        if self._indexing:
            record_embeddings(self._database, self._indexing)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations: reads see what was there before, puts are kept all together or not at all.

        Returns:
            A result for each operation, in order.

        Raises:
            ValueError: If a namespace, filter or operation is none.
            DatabaseUnavailableError: If the file cannot be read or written.
        """
        plan = BatchPlan(ops, self._indexing)
        return self._run(plan, plan.embed())

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations as :meth:`batch` does, in a thread, so that the event loop goes on."""
        plan = BatchPlan(ops, self._indexing)
        embedded = await plan.aembed()
        return await asyncio.to_thread(self._run, plan, embedded)

    def sweep_ttl(self) -> int:
        """Delete what has expired, a few hundred at a time so that nobody waits, and return how many."""
        total = 0
        while True:
            with self._database.writing() as connection:
                deleted = delete_expired(connection, _SWEPT_AT_ONCE)
            total += deleted
            if deleted < _SWEPT_AT_ONCE:
                return total

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Delete what has expired every so often, in a daemon thread; without a ``ttl``, do nothing.

        Args:
            sweep_interval_minutes: Minutes between sweeps; by default as configured, or 5.

        Returns:
            A future that is done when sweeping ends; cancelling it ends it.
        """
        if not self.ttl_config:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        minutes = sweep_interval_minutes or self.ttl_config.get("sweep_interval_minutes") or _SWEEP_MINUTES
        return self._sweeper.start(60 * minutes)

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop sweeping and return whether that ended within ``timeout`` seconds."""
        return self._sweeper.stop(timeout)

    def close(self) -> None:
        """Stop sweeping and close the file; what was put is kept."""
        self._sweeper.stop()
        self._database.close()

    def _run(self, plan: BatchPlan, embedded: EmbeddedTexts) -> list[Result]:
        results: list[Result] = [None] * len(plan.operations)
        read: list[ItemRow] = []
        if len(plan.operations) > plan.puts:
            with self._database.reading() as connection:
                for number, operation in enumerate(plan.operations):
                    if isinstance(operation, GetOp):
                        row = read_item(connection, path_of(operation.namespace), operation.key)
                        results[number] = row and row.item()
                        if row and operation.refresh_ttl:
                            read.append(row)
                    elif isinstance(operation, SearchOp):
                        hits = self._search(connection, operation, embedded)
                        results[number] = [hit.item for hit in hits]
                        if operation.refresh_ttl:
                            read.extend(hit.row for hit in hits)
                    elif isinstance(operation, ListNamespacesOp):
                        results[number] = list_matching(live_namespaces(connection), operation)
        self._write(plan, embedded, [row for row in read if _is_to_be_postponed(row)])
        return results

    def _search(
        self, connection: sqlite3.Connection, operation: SearchOp, embedded: EmbeddedTexts
    ) -> list[Hit]:
        query = embedded.queries.get(operation.query) if operation.query else None
        if query is None or self._vectors is None:
            return search_in_order(connection, operation)
        if self._vectors_generation != self._database.generation:
            self._vectors.clear()
            self._vectors_generation = self._database.generation
        self._vectors.refresh(connection)
        return search_nearest(connection, operation, self._vectors, query)

    def _write(self, plan: BatchPlan, embedded: EmbeddedTexts, postponed: list[ItemRow]) -> None:
        if not plan.puts and not postponed:
            return
        with self._database.writing() as connection:
            if plan.documents and self._indexing:
                check_embeddings(connection, self._indexing)
            for write in plan.writes(embedded):
                if isinstance(write, ItemWrite):
                    put_item(connection, write)
                else:
                    delete_item(connection, *write)
            postpone_expiry(connection, postponed)

    def _new_vectors(self) -> VectorIndex | None:
        indexing = self._indexing
        if indexing is None:
            return None
        return VectorIndex(indexing.dims, lambda connection: check_embeddings(connection, indexing))


def _file(path: str | PathLike[str]) -> str:
    return str(fspath(path)).removeprefix("sqlite:///") or ":memory:"


def _checked_ttl(ttl: TTLConfig | None) -> TTLConfig | None:
    for name in ("default_ttl", "sweep_interval_minutes"):
        minutes: Any = (ttl or {}).get(name)
        if minutes is not None and (isinstance(minutes, str) or not minutes > 0):
            raise ConfigurationError(f"ttl.{name}", f"must be minutes above 0 or None, got {minutes!r}")
    return ttl


def _is_to_be_postponed(row: ItemRow) -> bool:
    """Tell whether a read moves an item's expiry by enough to be worth a write: a hundredth of its time."""
    if row.ttl_minutes is None or row.expires_at is None:
        return False
    return row.expires_at - time.time() < _POSTPONED_FROM * 60 * row.ttl_minutes
