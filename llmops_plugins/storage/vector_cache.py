"""A bounded, thread-safe memory of vectors by their text, the least recently used dropped first."""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from llmops_plugins.storage.fork_safe_lock import ForkSafeLock

__all__ = ["VectorCache", "VectorCacheInfo"]


@dataclass(frozen=True, kw_only=True)
class VectorCacheInfo:
    """What a cache holds and how often it helped.

    Args:
        hits: Texts whose vector was there.
        misses: Texts whose vector was not.
        entries: Vectors held.
        max_entries: The most it may hold.
        bytes: Size of the vectors held, at four bytes a dimension. Keys and bookkeeping come on top.
    """

    hits: int
    misses: int
    entries: int
    max_entries: int
    bytes: int


class VectorCache:
    """Holds at most so many vectors, as float32, under a hash of their text: no text is kept.

    Args:
        max_entries: The most vectors it may hold; with vectors of one model that bounds its bytes too.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._vectors: OrderedDict[bytes, array[float]] = OrderedDict()
        self._lock = ForkSafeLock()
        self._hits = 0
        self._misses = 0
        self._bytes = 0

    def get(self, kind: str, text: str) -> list[float] | None:
        """Return the vector of a text, or None.

        Args:
            kind: What the text was embedded as; the same text has a vector a kind.
            text: The text.
        """
        key = _key(kind, text)
        with self._lock:
            vector = self._vectors.get(key)
            if vector is None:
                self._misses += 1
                return None
            self._hits += 1
            self._vectors.move_to_end(key)
        return vector.tolist()

    def put(self, kind: str, text: str, vector: Sequence[float]) -> list[float]:
        """Keep the vector of a text; returns it in the precision in which it will be served."""
        kept = array("f", vector)
        key = _key(kind, text)
        with self._lock:
            self._forget(self._vectors.pop(key, None))
            self._vectors[key] = kept
            self._bytes += len(kept) * kept.itemsize
            while len(self._vectors) > self._max_entries:
                self._forget(self._vectors.popitem(last=False)[1])
        return kept.tolist()

    def info(self) -> VectorCacheInfo:
        """Return what it holds and how often it helped."""
        with self._lock:
            return VectorCacheInfo(
                hits=self._hits,
                misses=self._misses,
                entries=len(self._vectors),
                max_entries=self._max_entries,
                bytes=self._bytes,
            )

    def _forget(self, dropped: array[float] | None) -> None:
        if dropped is not None:
            self._bytes -= len(dropped) * dropped.itemsize


def _key(kind: str, text: str) -> bytes:
    content = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16).digest()
