"""The semantic cache over an existing GPTCache, whose data stays where it is."""

from __future__ import annotations

import asyncio
import importlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from os import PathLike
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from langgraph.store.base import (
    BaseStore,
    GetOp,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    tokenize_path,
)

from llmops_integrations.gptcache_adoption import AdoptedRows, Adoption
from llmops_integrations.gptcache_import import import_gptcache
from llmops_integrations.gptcache_index import GPTCacheIndex
from llmops_integrations.gptcache_open import check_cache, open_cache
from llmops_integrations.gptcache_rows import GPTCacheRows, ItemRow, RowsOf
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.storage.item_filters import check_filter, matches
from llmops_plugins.storage.namespace_paths import list_matching, path_of

__all__ = ["Adoption", "GPTCacheBackend", "import_gptcache"]


class GPTCacheBackend(BaseStore):
    """A LangGraph store in the SQLite tables and the vector index of a GPTCache 0.1.44.

    An item is one of GPTCache's rows: its question, embedded by the cache's own ``embedding_func``, with the
    reply's text as answer. Items are found by namespace, so tenants and agents are kept apart here.
    **GPTCache itself knows no namespaces**: its own ``get`` on the same cache serves these rows to anybody.

    Rows that GPTCache made stay as they are and are served to nobody, unless ``adopt`` says for whom. Above
    its ``max_size`` GPTCache deletes the least recently used rows, items among them.

    Threads may share it; of processes, one at a time: faiss is a file that whoever closes last overwrites.

    Args:
        cache: A ``gptcache.Cache`` after ``init``, with a data manager of SQLite and a vector store.
        adopt: Whom GPTCache's own rows answer for; None serves them to nobody.

    Raises:
        ConfigurationError: If ``cache`` is none that can be used.

    Example:
        >>> from llmops_integrations.gptcache import GPTCacheBackend
        >>> store = GPTCacheBackend.open("gptcache_data", embeddings, dimension=384)  # doctest: +SKIP
        >>> agent = create_agent(model, middleware=[CacheMiddleware(store=store)])  # doctest: +SKIP
    """

    supports_ttl = False

    def __init__(self, cache: Any, *, adopt: Adoption | None = None) -> None:
        super().__init__()
        import_gptcache()
        check_cache(cache)
        self.cache = cache
        self._manager = cache.data_manager
        # GPTCache has no lock of its own, and two agents may have a store each over one cache.
        self._lock: threading.RLock = vars(self._manager).setdefault("_llmops_lock", threading.RLock())
        with self._lock:
            self._rows = GPTCacheRows(self._manager.s)
            self._adopted = AdoptedRows(self._rows, adopt) if adopt is not None else None
            self._index = GPTCacheIndex(self._manager, self._rows)
            self._index.mend()

    @classmethod
    def open(
        cls,
        directory: str | PathLike[str],
        embeddings: Embeddings,
        *,
        dimension: int,
        max_size: int = 100_000,
        adopt: Adoption | None = None,
    ) -> GPTCacheBackend:
        """Open the directory of ``manager_factory("sqlite,faiss", data_dir=directory)``, or make one.

        Args:
            directory: Where ``sqlite.db`` and ``faiss.index`` are.
            embeddings: Those that the rows were embedded with.
            dimension: Numbers in one of their vectors.
            max_size: Most rows; GPTCache deletes the least recently used above that.
            adopt: As for the class.

        Raises:
            ConfigurationError: If ``directory`` is no folder, ``dimension`` is not the index's, or
                ``max_size`` is below the rows there.
            MissingExtraError: If GPTCache or faiss is not installed.
        """
        return cls(open_cache(directory, embeddings, dimension, max_size), adopt=adopt)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations: reads see what was there before, and of puts of one key the last counts.

        Returns:
            A result for each operation, in order.

        Raises:
            ValueError: If a namespace or filter is none.
        """
        operations = list(ops)
        vectors = self._embed(operations)
        puts = {(op.namespace, op.key): op for op in operations if isinstance(op, PutOp)}
        with self._lock:
            results = [self._read(op, vectors) for op in operations]
            for op in puts.values():
                self._put(op, vectors)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations as :meth:`batch` does, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def flush(self) -> None:
        """Write the vector index to its file, as GPTCache does at exit.

        Nothing is lost without it: vectors are in SQLite too, and put into the index when it is next opened.
        """
        with self._lock:
            self._manager.flush()

    def _embed(self, operations: Sequence[Op]) -> dict[str, np.ndarray | None]:
        texts = {text for op in operations if (text := _searched_text(op))}
        return {text: self._index.vector_of(self.cache.embedding_func(text)) for text in texts}

    def _read(self, op: Op, vectors: Mapping[str, np.ndarray | None]) -> Result:
        if isinstance(op, GetOp):
            rows = self._named(op.namespace, op.key)
            return self._touched(rows[-1]).item() if rows else None
        if isinstance(op, SearchOp):
            return self._search(op, vectors)
        if isinstance(op, ListNamespacesOp):
            adopted = [self._adopted.path] if self._adopted else []
            return list_matching([*self._rows.paths(), *adopted], op)
        return None

    def _named(self, namespace: Sequence[str], key: str) -> list[ItemRow]:
        adopted = self._adopted.named(namespace, key) if self._adopted else []
        sources = [*adopted, self._rows.named(namespace, key)]
        return list(chain.from_iterable(map(self._rows.select, sources)))

    def _search(self, op: SearchOp, vectors: Mapping[str, np.ndarray | None]) -> list[SearchItem]:
        check_filter(op.filter or {})
        sources = [self._rows.under(op.namespace_prefix)]
        if self._adopted:
            sources += self._adopted.under(op.namespace_prefix)
        wanted = op.offset + op.limit
        if not op.query:
            return [row.search_item() for row in self._listed(op, sources)]
        vector = vectors[op.query]
        if vector is None or not wanted:
            return []
        hits = [hit for rows in sources for hit in self._nearest(rows, vector, wanted, op.filter)]
        hits.sort(key=lambda hit: -hit[0])
        return [self._touched(row).search_item(score) for score, row in hits[op.offset : wanted]]

    def _listed(self, op: SearchOp, sources: Sequence[RowsOf]) -> list[ItemRow]:
        if op.filter:
            listed = chain.from_iterable(map(self._rows.select, sources))
            chosen = (row for row in listed if matches(row.value, op.filter))
            return list(islice(chosen, op.offset, op.offset + op.limit))
        found: list[ItemRow] = []
        offset = op.offset
        for rows in sources:
            page = self._rows.page(rows, offset, op.limit - len(found))
            offset = 0 if page else offset - self._rows.count(rows)
            found += page
        return found

    def _nearest(
        self, rows: RowsOf, vector: np.ndarray, wanted: int, conditions: Mapping[str, Any] | None
    ) -> list[tuple[float, ItemRow]]:
        hits = chain.from_iterable(self._index.nearest(rows, vector, wanted))
        return list(islice((hit for hit in hits if matches(hit[1].value, conditions)), wanted))

    def _touched(self, row: ItemRow) -> ItemRow:
        self._manager.hit_cache_callback((None, row.id))  # so that it is evicted later
        return row

    def _put(self, op: PutOp, vectors: Mapping[str, np.ndarray | None]) -> None:
        path_of(op.namespace)
        earlier = self._named(op.namespace, op.key)
        if op.value is not None:
            text = _searched_text(op)
            created_at = earlier[0].created_at if earlier else None
            part = self._rows.part_of(op.namespace, op.key, op.value, created_at)
            self._insert(text, _answer_of(op.value), part, vectors.get(text))
        if earlier:
            self._delete([row.id for row in earlier])

    def _insert(self, text: str, answer: str, part: tuple[str, str], vector: np.ndarray | None) -> None:
        base = importlib.import_module("gptcache.manager.scalar_data.base")
        question = base.Question(text, [base.QuestionDep(*part)])
        if vector is not None:
            self._manager.import_data([question], [answer], [vector], [None])
            return
        # No vector: neither a search here nor one of GPTCache's own can come upon it.
        nowhere = np.empty(0, dtype=np.float32)
        ids = self._manager.s.batch_insert([base.CacheData(question, [answer], nowhere)])
        self._manager.eviction_base.put(ids)

    def _delete(self, ids: list[int]) -> None:
        self._rows.delete(ids)
        self._manager.v.delete(ids)
        used = getattr(self._manager.eviction_base, "_cache", {})
        for id in ids:
            used.pop(id, None)  # or rows that are gone would count towards max_size


def _searched_text(op: Op) -> str:
    """Return what an operation needs the vector of; empty where that is nothing."""
    if isinstance(op, SearchOp):
        return op.query or ""
    if not isinstance(op, PutOp) or op.value is None or op.index is False:
        return ""
    paths = op.index or ["question"]
    texts = [text for path in paths for text in get_text_at_path(op.value, tokenize_path(path))]
    return "\n".join(texts)


def _answer_of(value: Mapping[str, Any]) -> str:
    """Return what GPTCache's own readers see as the answer."""
    entry = CacheEntry.from_value(value)
    return json.dumps(dict(value)) if entry is None else entry.message.text
