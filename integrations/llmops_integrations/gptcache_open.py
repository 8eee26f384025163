"""Opens a GPTCache directory, and refuses a cache whose rows cannot be used."""

from __future__ import annotations

import contextlib
import importlib
from os import PathLike
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings
from sqlalchemy import URL

from llmops_integrations.gptcache_import import import_gptcache
from llmops_plugins.errors import ConfigurationError

__all__ = ["check_cache", "open_cache"]


def check_cache(cache: Any) -> None:
    """Refuse a cache that holds no rows with vectors.

    Raises:
        ConfigurationError: If it is not initialised, not on an SQLite file, or embeds nothing.
    """
    if not getattr(cache, "has_init", False):
        raise ConfigurationError("cache", "must be a gptcache.Cache after its init()")
    manager = cache.data_manager
    engine = getattr(getattr(manager, "s", None), "_engine", None)
    if engine is None or engine.dialect.name != "sqlite" or engine.url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "cache",
            "needs a data manager with its scalar store in an SQLite file and a vector store, such as "
            'manager_factory("sqlite,faiss", ...)',
        )
    if getattr(cache.embedding_func, "__module__", "") == "gptcache.embedding.string":
        raise ConfigurationError(
            "cache", "its embedding_func returns the text itself: name one that makes vectors in init()"
        )


def open_cache(directory: str | PathLike[str], embeddings: Embeddings, dimension: int, max_size: int) -> Any:
    """Return a ``gptcache.Cache`` over a directory, made where it is not there.

    Args:
        directory: Where ``sqlite.db`` and ``faiss.index`` are.
        embeddings: Those that the rows were embedded with.
        dimension: Numbers in one of their vectors.
        max_size: Most rows.

    Raises:
        ConfigurationError: If ``directory`` is no folder, ``dimension`` is not the index's, or
            ``max_size`` is below the rows there.
        MissingExtraError: If GPTCache or faiss is not installed.
    """
    gptcache = import_gptcache()
    manager = importlib.import_module("gptcache.manager")
    folder = Path(directory).resolve()  # faiss is written at exit, wherever the process works by then
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"must be a folder that is there or can be made, {folder} is not: {error.strerror}"
        raise ConfigurationError("directory", problem) from error
    rows = manager.CacheBase("sqlite", sql_url=URL.create("sqlite", database=str(folder / "sqlite.db")))
    if rows.count() > max_size:
        raise ConfigurationError(
            "max_size", f"must be at least {rows.count()}, or GPTCache deletes rows that are there"
        )
    vectors = _open_faiss(manager, folder / "faiss.index", dimension)
    cache = gptcache.Cache()
    cache.init(
        pre_embedding_func=importlib.import_module("gptcache.processor.pre").get_prompt,
        embedding_func=lambda text, **_: embeddings.embed_query(text),
        data_manager=manager.get_data_manager(rows, vectors, max_size=max_size),
    )
    return cache


def _open_faiss(manager: Any, path: Path, dimension: int) -> Any:
    with contextlib.suppress(RuntimeError):
        return _checked(manager.VectorBase("faiss", index_path=str(path), dimension=dimension), dimension)
    # Killed while it was written; every vector is in SQLite too.
    path.replace(path.with_suffix(".broken"))
    return manager.VectorBase("faiss", index_path=str(path), dimension=dimension)


def _checked(vectors: Any, dimension: int) -> Any:
    held = vectors._index.d
    if held != dimension:
        raise ConfigurationError(
            "dimension", f"must be {held}, as in the index that is there, got {dimension}"
        )
    return vectors
