"""A store in a file that is opened when it is first needed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from os import PathLike

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, IndexConfig, Op, Result

from llmops_plugins.storage.local_store import LocalStore

__all__ = ["LazyStore"]


class LazyStore(BaseStore):
    """A :class:`~llmops_plugins.LocalStore` that is opened at the first operation, and again after a failure.

    An agent must start although its disk is full, and learning how long a model's vectors are may
    cost a call.

    Args:
        path: The file.
        embeddings: What questions are embedded with; None where nobody searches by meaning.
    """

    supports_ttl = True

    def __init__(self, path: str | PathLike[str], embeddings: Embeddings | None) -> None:
        super().__init__()
        self._path = path
        self.embeddings = embeddings
        self._lock = threading.Lock()
        self._store: LocalStore | None = None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations, as :meth:`LocalStore.batch` does."""
        return self._opened().batch(ops)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations, as :meth:`LocalStore.abatch` does."""
        store = self._store
        if store is None:
            store = await asyncio.to_thread(self._opened)
        return await store.abatch(ops)

    def close(self) -> None:
        """Close the file; a later operation opens it again."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self) -> LocalStore:
        with self._lock:
            if self._store is None:
                self._store = LocalStore(self._path, index=self._index(), ttl={"refresh_on_read": False})
                self._store.start_ttl_sweeper()
            return self._store

    def _index(self) -> IndexConfig | None:
        if self.embeddings is None:
            return None
        dimensions = len(self.embeddings.embed_query("How many dimensions have you?"))
        return {"dims": dimensions, "embed": self.embeddings, "fields": ["question"]}
