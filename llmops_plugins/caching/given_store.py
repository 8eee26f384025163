"""The store that a cache is given, or makes of a file's path."""

from __future__ import annotations

from os import PathLike
from typing import Any

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.lazy_store import LazyStore

__all__ = ["as_store"]


def as_store(store: Any, embeddings: Embeddings | None) -> BaseStore:
    """Return the store that a cache was given, or that it makes of a file's path.

    Args:
        store: A path, or a LangGraph store.
        embeddings: What questions are embedded with; None for a cache of exact answers.

    Raises:
        ConfigurationError: If it is neither, or has no index to search by meaning.
    """
    if isinstance(store, str | PathLike):
        return LazyStore(store, embeddings)
    if not isinstance(store, BaseStore):
        problem = f"must be a file or a LangGraph store, got {type(store).__name__}"
        raise ConfigurationError("store", problem)
    if embeddings is not None and getattr(store, "index_config", ...) is None:
        problem = 'has no index to search by meaning, build it with index={"dims": ..., "embed": ...}'
        raise ConfigurationError("store", problem)
    return store
