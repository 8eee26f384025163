"""Embeddings that remember: a text asked for again costs no call."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.embeddings import Embeddings

from llmops_plugins.embeddings import CountedEmbeddings
from llmops_plugins.storage.vector_cache import VectorCache, VectorCacheInfo

__all__ = ["CachedEmbeddings"]

_TEXTS_A_CALL = 256


class CachedEmbeddings(Embeddings):
    """Wraps any embeddings with a bounded cache and calls of bounded size.

    Only texts that are not in the cache are embedded, each once however often it is asked for in one call,
    and only those calls are announced to a ledger: wrapping this in :class:`CountedEmbeddings` adds nothing.
    Vectors are served in float32, the first time as every other.

    Args:
        embeddings: The embeddings to wrap.
        cache_size: The most vectors kept, 0 for none: 10,000 of 384 dimensions are 15 MB.
        symmetric: Whether queries are embedded as documents are, so that one vector serves both; None asks
            the embeddings.
    """

    announces_calls = True

    def __init__(
        self, embeddings: Embeddings, *, cache_size: int = 10_000, symmetric: bool | None = None
    ) -> None:
        self.embeddings = embeddings
        self._counted = CountedEmbeddings(embeddings)
        self._cache = VectorCache(cache_size)
        self.symmetric = bool(getattr(embeddings, "symmetric", False)) if symmetric is None else symmetric

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, one vector each."""
        found = self._lookup(texts)
        for few in _missing(texts, found):
            self._keep(few, self._counted.embed_documents(few), found)
        return [found[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Embed one text."""
        if self.symmetric:
            return self.embed_documents([text])[0]
        kept = self._cache.get("query", text)
        return kept or self._cache.put("query", text, self._counted.embed_query(text))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, one vector each."""
        found = self._lookup(texts)
        for few in _missing(texts, found):
            self._keep(few, await self._counted.aembed_documents(few), found)
        return [found[text] for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        """Embed one text."""
        if self.symmetric:
            return (await self.aembed_documents([text]))[0]
        kept = self._cache.get("query", text)
        return kept or self._cache.put("query", text, await self._counted.aembed_query(text))

    def cache_info(self) -> VectorCacheInfo:
        """Return what the cache holds and how often it helped."""
        return self._cache.info()

    def _lookup(self, texts: list[str]) -> dict[str, list[float]]:
        looked_up = ((text, self._cache.get("document", text)) for text in dict.fromkeys(texts))
        return {text: vector for text, vector in looked_up if vector is not None}

    def _keep(self, texts: list[str], vectors: list[list[float]], found: dict[str, list[float]]) -> None:
        for text, vector in zip(texts, vectors, strict=True):
            found[text] = self._cache.put("document", text, vector)


def _missing(texts: list[str], found: dict[str, list[float]]) -> Iterator[list[str]]:
    missing = [text for text in dict.fromkeys(texts) if text not in found]
    return (missing[start : start + _TEXTS_A_CALL] for start in range(0, len(missing), _TEXTS_A_CALL))
