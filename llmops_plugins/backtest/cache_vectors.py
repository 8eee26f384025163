"""Embeds all texts of an offline run, once each, so that whatever reads them afterwards costs no call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from llmops_plugins.backtest.error_sentence import error_sentence
from llmops_plugins.errors import ConfigurationError, LlmopsError
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings
from llmops_plugins.storage.embeddings import resolve_embeddings

__all__ = ["Vectors", "embed_all", "vectors_of"]

Vectors = NDArray[np.float32]

_TEXTS_A_CALL = 256


def embed_all(
    texts: Iterable[str],
    embeddings: Embeddings | str | None,
    progress: Callable[[int, int], None] | None = None,
) -> CachedEmbeddings:
    """Return embeddings that hold the vectors of texts.

    Args:
        texts: What will be asked for.
        embeddings: As :func:`~llmops_plugins.storage.embeddings.resolve_embeddings` takes them.
        progress: Told how many are embedded, of how many.

    Raises:
        ConfigurationError: If the embeddings are none, or fail.
        MissingExtraError: If they are not installed.
    """
    # Sorted by length, because a batch is as slow as its longest text.
    by_length = sorted(set(texts), key=lambda text: (len(text), text))
    kept = CachedEmbeddings(resolve_embeddings(embeddings, cache_size=0), cache_size=len(by_length))
    for start in range(0, len(by_length), _TEXTS_A_CALL):
        if progress is not None:
            progress(start, len(by_length))
        _embed(by_length[start : start + _TEXTS_A_CALL], kept)
    return kept


def vectors_of(texts: Sequence[str], embeddings: CachedEmbeddings) -> Vectors:
    """Return a row of norm 1 for each text.

    Args:
        texts: The texts.
        embeddings: What :func:`embed_all` returned for them.
    """
    parts = [
        np.array(_embed(texts[start : start + _TEXTS_A_CALL], embeddings), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_A_CALL)
    ]
    rows = np.vstack(parts)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _embed(texts: Sequence[str], embeddings: CachedEmbeddings) -> list[list[float]]:
    try:
        return embeddings.embed_documents(list(texts))
    except LlmopsError:
        raise
    except Exception as error:
        problem = f"failed ({error_sentence(error)}), check that they can be reached"
        raise ConfigurationError("embeddings", problem) from error
