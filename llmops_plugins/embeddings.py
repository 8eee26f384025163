"""Embeddings that are counted: LangChain's fire no callbacks, so their cost is on nobody's bill."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from langchain_core.embeddings import Embeddings

from llmops_plugins.dispatch import adispatch_event, dispatch_event

__all__ = ["EMBEDDING_EVENT", "CountedEmbeddings"]

EMBEDDING_EVENT = "llmops.embedding"
"""Name of the custom event that says an embedding call was made."""


class CountedEmbeddings(Embeddings):
    """Wraps any embeddings so that a ledger on the current run counts each call, under kind ``embed``.

    Providers return no usage through LangChain's interface, so the tokens are an estimate and marked as one.
    Embeddings that announce their own calls (``announces_calls = True``: these here, and those with a cache,
    whose hits are no calls) are passed on in silence, so that nothing counts twice.

    Args:
        embeddings: The embeddings to wrap.

    Example:
        >>> from langchain_core.embeddings import DeterministicFakeEmbedding
        >>> len(CountedEmbeddings(DeterministicFakeEmbedding(size=3)).embed_query("hello"))
        3
    """

    announces_calls = True

    def __init__(self, embeddings: Embeddings) -> None:
        self.embeddings = embeddings
        self._announced = bool(getattr(embeddings, "announces_calls", False))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, one vector each, and count the call."""
        started = time.perf_counter()
        vectors = self.embeddings.embed_documents(texts)
        if not self._announced:
            dispatch_event(EMBEDDING_EVENT, self._event(texts, started))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed one text and count the call."""
        started = time.perf_counter()
        vector = self.embeddings.embed_query(text)
        if not self._announced:
            dispatch_event(EMBEDDING_EVENT, self._event([text], started))
        return vector

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, one vector each, and count the call."""
        started = time.perf_counter()
        vectors = await self.embeddings.aembed_documents(texts)
        if not self._announced:
            await adispatch_event(EMBEDDING_EVENT, self._event(texts, started))
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """Embed one text and count the call."""
        started = time.perf_counter()
        vector = await self.embeddings.aembed_query(text)
        if not self._announced:
            await adispatch_event(EMBEDDING_EVENT, self._event([text], started))
        return vector

    def _event(self, texts: Sequence[str], started: float) -> dict[str, Any]:
        return {
            "provider": type(self.embeddings).__module__.split(".")[0].removeprefix("langchain_"),
            "model": getattr(self.embeddings, "model", None) or getattr(self.embeddings, "model_name", None),
            "free": bool(getattr(self.embeddings, "free_of_charge", False)),
            "texts": len(texts),
            "bytes": sum(len(text.encode("utf-8", "replace")) for text in texts),
            "latency_seconds": time.perf_counter() - started,
        }
