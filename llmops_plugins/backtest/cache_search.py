"""Exact search among the requests of a stream that came before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from llmops_plugins.backtest.cache_vectors import Vectors
from llmops_plugins.storage.blas_threads import one_blas_thread

__all__ = ["StoredRows", "cosines_to_earlier"]

_ROWS_AT_ONCE = 256


def cosines_to_earlier(vectors: Vectors) -> Iterator[Vectors]:
    """Yield for each row its cosines to the rows before it.

    Args:
        vectors: Rows of norm 1.
    """
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        few = vectors[start : start + _ROWS_AT_ONCE]
        with one_blas_thread():
            cosines = few @ vectors[: start + len(few)].T
        for row in range(len(few)):
            yield cosines[row, : start + row]


class StoredRows:
    """Which rows of a stream are stored.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._rows = np.empty(most, np.int64)
        self._count = 0

    def add(self, row: int) -> None:
        """Store a row."""
        self._rows[self._count] = row
        self._count += 1

    def nearest(self, cosines: Vectors, count: int) -> list[int]:
        """Return the stored rows that are nearest, the nearest first.

        Args:
            cosines: To every earlier row, as :func:`cosines_to_earlier` yields them.
            count: The most to return.
        """
        stored = self._rows[: self._count]
        found = cosines[stored]
        first = np.argpartition(-found, count)[:count] if len(found) > count else np.arange(len(found))
        nearest: list[int] = stored[first[np.argsort(-found[first], kind="stable")]].tolist()
        return nearest
