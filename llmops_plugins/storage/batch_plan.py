"""What one batch of operations will do, checked and embedded before anything is read or written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from langgraph.store.base import GetOp, ListNamespacesOp, Op, PutOp, SearchOp

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.item_filters import check_filter, to_json
from llmops_plugins.storage.item_indexing import ItemIndexing, Vectors
from llmops_plugins.storage.item_rows import ItemWrite
from llmops_plugins.storage.namespace_paths import path_of
from llmops_plugins.storage.vector_index import unit

__all__ = ["BatchPlan", "EmbeddedTexts"]


@dataclass(frozen=True, kw_only=True)
class EmbeddedTexts:
    """Vectors by the text they are of: unit ones of queries, as they came of documents."""

    queries: Mapping[str, Vectors]
    documents: Mapping[str, Vectors]


class BatchPlan:
    """The operations of a batch: reads see what was there before it, and of two puts the last counts.

    Args:
        operations: LangGraph's store operations.
        indexing: The store's index configuration; None for none.

    Raises:
        ValueError: If an operation, a namespace or a filter is none.
        TypeError: If a value cannot be written as JSON.
    """

    def __init__(self, operations: Iterable[Op], indexing: ItemIndexing | None) -> None:
        self.operations = list(operations)
        self._indexing = indexing
        puts: dict[tuple[str, str], PutOp] = {}
        queries: dict[str, None] = {}
        for operation in self.operations:
            if isinstance(operation, PutOp):
                puts[path_of(operation.namespace), operation.key] = operation
            elif isinstance(operation, SearchOp):
                _check_search(operation)
                if operation.query and indexing:
                    queries[operation.query] = None
            elif isinstance(operation, GetOp):
                path_of(operation.namespace)
            elif not isinstance(operation, ListNamespacesOp):
                raise ValueError(f"Unknown operation type: {type(operation)}")
        self._puts = puts
        self._values = {
            at: None if put.value is None else to_json(dict(put.value)) for at, put in puts.items()
        }
        self._texts = {
            at: indexing.texts(put.value, put.index)
            for at, put in puts.items()
            if indexing and put.value is not None
        }
        self.queries = list(queries)
        self.documents = list(dict.fromkeys(text for texts in self._texts.values() for text in texts))

    def embed(self) -> EmbeddedTexts:
        """Embed queries and documents."""
        embeddings = self._indexing.embeddings if self._indexing else None
        if embeddings is None:
            return EmbeddedTexts(queries={}, documents={})
        queries = [embeddings.embed_query(query) for query in self.queries]
        return self._embedded(queries, embeddings.embed_documents(self.documents) if self.documents else [])

    async def aembed(self) -> EmbeddedTexts:
        """Embed queries and documents without blocking the event loop."""
        embeddings = self._indexing.embeddings if self._indexing else None
        if embeddings is None:
            return EmbeddedTexts(queries={}, documents={})
        queries = [await embeddings.aembed_query(query) for query in self.queries]
        documents = await embeddings.aembed_documents(self.documents) if self.documents else []
        return self._embedded(queries, documents)

    def writes(self, embedded: EmbeddedTexts) -> Iterable[ItemWrite | tuple[str, str]]:
        """Give what is to be put, and the path and key of what is to be deleted, in order."""
        for at, put in self._puts.items():
            value = self._values[at]
            if value is None:
                yield at
                continue
            texts = self._texts.get(at)
            yield ItemWrite(
                path=at[0],
                key=put.key,
                value=value,
                indexed=json.dumps(put.index),
                vectors=np.stack([embedded.documents[text] for text in texts]) if texts else None,
                ttl_minutes=put.ttl,
            )

    @property
    def puts(self) -> int:
        """How many of the operations put or delete."""
        return sum(isinstance(operation, PutOp) for operation in self.operations)

    def _embedded(self, queries: list[list[float]], documents: list[list[float]]) -> EmbeddedTexts:
        return EmbeddedTexts(
            queries=dict(zip(self.queries, unit(self._rows(queries)), strict=True)),
            documents=dict(zip(self.documents, self._rows(documents), strict=True)),
        )

    def _rows(self, vectors: list[list[float]]) -> Vectors:
        if self._indexing is None or not vectors:
            return np.empty((0, 1), dtype=np.float32)
        return self._indexing.vectors(vectors, len(vectors))


def _check_search(operation: SearchOp) -> None:
    path_of(operation.namespace_prefix)
    check_filter(operation.filter or {})
    for field in ("limit", "offset"):
        if getattr(operation, field) < 0:
            raise ConfigurationError(field, f"must be 0 or more, got {getattr(operation, field)}")
