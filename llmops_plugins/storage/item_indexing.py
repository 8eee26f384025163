"""What of an item is embedded, by which embeddings, and how its vectors are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from langchain_core.embeddings import Embeddings
from langgraph.store.base import IndexConfig, ensure_embeddings, get_text_at_path, tokenize_path
from numpy.typing import NDArray

from llmops_plugins.errors import ConfigurationError

__all__ = ["ItemIndexing", "Vectors", "embeddings_name"]

Vectors = NDArray[np.float32]


class ItemIndexing:
    """The checked ``index`` configuration of a store.

    Args:
        index: LangGraph's index configuration: ``dims``, ``embed`` and optionally ``fields``.

    Raises:
        ConfigurationError: If one of them is missing or no such thing.
    """

    def __init__(self, index: IndexConfig) -> None:
        self.dims = _checked_dims(index)
        fields = index.get("fields") or ["$"]
        if isinstance(fields, str) or not all(isinstance(field, str) and field for field in fields):
            raise ConfigurationError("index.fields", 'must be a list of paths, for example ["text"]')
        self.fields = list(fields)
        if index.get("embed") is None:
            raise ConfigurationError(
                "index.embed", "is missing, give Embeddings, a function or a model's name"
            )
        self.embeddings: Embeddings = ensure_embeddings(index["embed"])
        self.identity = embeddings_name(self.embeddings)

    def texts(self, value: Mapping[str, Any], paths: Literal[False] | Sequence[str] | None) -> list[str]:
        """Return what is to be embedded of a value, once each.

        Args:
            value: The item's value.
            paths: The put's own ``index``: fields, False for none, None for the store's.
        """
        if paths is False:
            return []
        fields = self.fields if paths is None else paths
        found = [
            text
            for field in fields
            for text in get_text_at_path(dict(value), field if field == "$" else tokenize_path(field))
        ]
        return list(dict.fromkeys(found))

    def vectors(self, embedded: Sequence[Sequence[float]], texts: int) -> Vectors:
        """Return what the embeddings gave as one float32 row a text.

        Raises:
            ConfigurationError: If it is not ``texts`` vectors of ``dims`` finite numbers.
        """
        rows = np.asarray(embedded, dtype=np.float32)
        if rows.shape != (texts, self.dims):
            raise ConfigurationError(
                "index.dims",
                f"is {self.dims}, but {texts} texts were embedded as {rows.shape}: set it to match",
            )
        if not np.isfinite(rows).all():
            raise ConfigurationError("index.embed", "gave a vector that is not finite, fix the embeddings")
        return rows


def _checked_dims(index: IndexConfig) -> int:
    dims = index.get("dims")
    if isinstance(dims, bool) or not isinstance(dims, int) or dims < 1:
        raise ConfigurationError("index.dims", f"must be how long the vectors are, got {dims!r}")
    return dims


def embeddings_name(embeddings: Embeddings) -> str:
    """Name embeddings so that other ones are noticed: the innermost wrapped ones and their model, if any."""
    inner = getattr(embeddings, "embeddings", None)
    if isinstance(inner, Embeddings):
        return embeddings_name(inner)
    function = getattr(embeddings, "func", None) or getattr(embeddings, "afunc", None)
    name = getattr(function, "__qualname__", None) or type(function or embeddings).__qualname__
    model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
    return f"{name}({model})" if isinstance(model, str) else name
