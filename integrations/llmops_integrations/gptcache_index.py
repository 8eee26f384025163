"""GPTCache's index of vectors: searched under any namespace, and mended from what SQLite holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmops_integrations.gptcache_rows import GPTCacheRows, ItemRow, RowsOf
from llmops_plugins.errors import ConfigurationError

__all__ = ["GPTCacheIndex"]

_SEARCHED_EXACTLY = 300
"""Up to so many items are compared one by one: the nearest of the whole index may all be other tenants'."""
_FETCHED_FIRST = 8
_FETCHED_MOST = 8192
_GROWTH = 8
_ADDED_AT_ONCE = 5000
_UNLIKE = -2.0


class GPTCacheIndex:
    """Finds items by meaning in a GPTCache data manager.

    Args:
        manager: GPTCache's ``SSDataManager``.
        rows: Its tables.
    """

    def __init__(self, manager: Any, rows: GPTCacheRows) -> None:
        self._manager = manager
        self._rows = rows

    @property
    def dimension(self) -> int | None:
        """Numbers in a vector; None where the vector store does not say."""
        return getattr(getattr(self._manager.v, "_index", None), "d", None)

    def vector_of(self, embedding: Any) -> np.ndarray | None:
        """Return an embedding with norm 1, float32; None for one that points nowhere.

        Raises:
            ConfigurationError: If the index holds vectors of another size.
        """
        vector = np.asarray(embedding, dtype=np.float32).reshape(-1)
        if self.dimension not in (None, len(vector)):
            raise ConfigurationError(
                "cache",
                f"its embedding_func makes {len(vector)} numbers and its index holds {self.dimension}: "
                "use the embeddings it was made with",
            )
        norm = float(np.linalg.norm(vector))
        return vector / np.float32(norm) if np.isfinite(norm) and norm > 0 else None

    def nearest(self, rows: RowsOf, vector: np.ndarray, wanted: int) -> Iterator[list[tuple[float, ItemRow]]]:
        """Yield items in rounds, each with its cosine similarity, while more are sought.

        Args:
            rows: Among which.
            vector: Near which, with norm 1.
            wanted: How many are asked for.
        """
        few = self._rows.vectors(rows, _SEARCHED_EXACTLY)
        rounds = self._rounds(vector, wanted) if few is None else _by_similarity(few, vector, wanted)
        for ids in rounds:
            found = [(_cosine(item.vector, vector), item) for item in self._rows.select(rows, ids)]
            yield sorted((one for one in found if one[0] > _UNLIKE), key=lambda one: -one[0])

    def mend(self) -> int:
        """Make the index hold what SQLite holds, and return how many vectors that took.

        faiss is written only when GPTCache closes, so a process that is killed leaves rows without a vector
        and vectors without a row, whose ids SQLite gives to other rows later.
        """
        index: Any = getattr(self._manager.v, "_index", None)
        if not hasattr(index, "id_map"):
            return 0  # no faiss: a database that keeps its own vectors
        known = _held(index)
        missing: list[tuple[int, np.ndarray]] = []
        for id, stored in self._rows.all_vectors():
            vector = np.frombuffer(stored, dtype=np.float32)
            held = known.pop(id, None)
            if len(vector) == index.d and (held is None or not np.allclose(held, vector, atol=1e-3)):
                missing.append((id, vector))
                if held is not None:
                    known[id] = held
        if known:
            self._manager.v.delete(list(known))
        for start in range(0, len(missing), _ADDED_AT_ONCE):
            some = missing[start : start + _ADDED_AT_ONCE]
            index.add_with_ids(
                np.stack([vector for _, vector in some]), np.array([id for id, _ in some], dtype=np.int64)
            )
        return len(missing) + len(known)

    def _rounds(self, vector: np.ndarray, wanted: int) -> Iterator[list[int]]:
        seen: set[int] = {-1}  # faiss fills up with it
        size = _FETCHED_FIRST * wanted
        while True:
            size = min(size, _FETCHED_MOST)
            ids = [int(id) for _, id in self._manager.search(vector, top_k=size) or ()]
            yield list(dict.fromkeys(id for id in ids if id not in seen))
            exhausted = len(ids) < size or -1 in ids
            if exhausted or size == _FETCHED_MOST:
                return
            seen.update(ids)
            size *= _GROWTH


def _by_similarity(few: list[tuple[int, bytes]], vector: np.ndarray, wanted: int) -> Iterator[list[int]]:
    like = [(id, stored) for id, stored in few if len(stored) == vector.nbytes]
    stored = np.frombuffer(b"".join(stored for _, stored in like), dtype=np.float32)
    order = np.argsort(stored.reshape(-1, len(vector)) @ -vector, kind="stable")
    for start in range(0, len(order), wanted):
        yield [like[place][0] for place in order[start : start + wanted]]


def _cosine(stored: bytes, vector: np.ndarray) -> float:
    if len(stored) != vector.nbytes:
        return _UNLIKE  # of other embeddings, or of none
    return float(np.frombuffer(stored, dtype=np.float32) @ vector)


def _held(index: Any) -> dict[int, np.ndarray]:
    import faiss

    ids = faiss.vector_to_array(index.id_map).tolist()
    held: dict[int, np.ndarray] = {}
    for id, vector in zip(ids, index.index.reconstruct_n(0, index.ntotal) if ids else (), strict=True):
        held[id] = vector if id not in held else np.full_like(vector, np.nan)  # twice there: equal to none
    return held
