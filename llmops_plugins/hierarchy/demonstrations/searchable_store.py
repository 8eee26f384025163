"""The store that demonstrations are kept in, and searched in by meaning."""

from __future__ import annotations

from os import PathLike
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings
from llmops_plugins.storage.embeddings import resolve_embeddings
from llmops_plugins.storage.lazy_store import LazyStore

__all__ = ["as_searchable_store", "counted_embeddings"]


def as_searchable_store(store: Any, embeddings: Embeddings | str | None) -> BaseStore:
    """Return the LangGraph store that was given, or one that opens a file.

    Args:
        store: A path, or a store with an index to search by meaning.
        embeddings: What a file's questions are embedded with, as ``resolve_embeddings`` takes it.

    Raises:
        ConfigurationError: If it is neither, has no index, or brings embeddings of its own beside others.
        MissingExtraError: If the embedded default is not installed.
    """
    if isinstance(store, str) and not store.strip():
        raise ConfigurationError("store", 'is empty, name a file, or ":memory:" for one that keeps nothing')
    if isinstance(store, str | PathLike):
        return LazyStore(store, _symmetric(resolve_embeddings(embeddings)))
    if not isinstance(store, BaseStore):
        problem = f"must be a file or a LangGraph store, got {type(store).__name__}"
        raise ConfigurationError("store", problem)
    if getattr(store, "index_config", ...) is None:
        problem = 'has no index to search by meaning, build it with index={"dims": ..., "embed": ...}'
        raise ConfigurationError("store", problem)
    if embeddings is not None:
        problem = "belong to the store, give them as embed in its index and leave them out here"
        raise ConfigurationError("embeddings", problem)
    return store


def counted_embeddings(store: BaseStore) -> Embeddings | None:
    """Return a store's embeddings where embedding a question before the search costs nothing twice.

    Some stores embed in threads of their own, where no ledger hears of it. Where the vector is then served
    from memory, the question is embedded, and counted, in the caller's.

    Args:
        store: The store.
    """
    embeddings = getattr(store, "embeddings", None)
    return embeddings if isinstance(embeddings, CachedEmbeddings) and embeddings.symmetric else None


def _symmetric(embeddings: Embeddings) -> CachedEmbeddings:
    """Questions are compared with questions, so one vector serves storing and searching."""
    inner = embeddings.embeddings if isinstance(embeddings, CachedEmbeddings) else embeddings
    if isinstance(embeddings, CachedEmbeddings) and embeddings.symmetric:
        return embeddings
    return CachedEmbeddings(inner, symmetric=True)
