"""A growing matrix of unit vectors and whose they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.storage.item_indexing import Vectors

__all__ = ["SKETCHED_FROM", "Ids", "VectorBlock"]

Ids = NDArray[np.int64]

SKETCHED_FROM = 8_192
"""Rows from which a search looks at each vector's signs first: from here on reading all waits for memory."""

_SHORTLIST = 256
_DEVIATIONS = 3  # of a thousand rows as near, one is missed
_WORTH_CHOOSING = 10  # reading one row in five, here and there, takes as long as reading all
_WORD_BITS = 64


class VectorBlock:
    """Unit vectors, each with its item's id and namespace's id; rows move when others are removed.

    Args:
        dims: The vectors' length.
    """

    def __init__(self, dims: int) -> None:
        self.length = 0
        self._rows = np.empty((16, dims), dtype=np.float32)
        self._item_ids = np.empty(16, dtype=np.int64)
        self._namespace_ids = np.empty(16, dtype=np.int64)
        # Words by rows: a sum over words then runs along the rows.
        self._signs = np.empty((-(-dims // _WORD_BITS), 0), dtype=np.uint64)

    @property
    def item_ids(self) -> Ids:
        """The item of each row."""
        return self._item_ids[: self.length]

    @property
    def namespace_ids(self) -> Ids:
        """The namespace of each row."""
        return self._namespace_ids[: self.length]

    def extend(self, rows: Vectors, item_ids: Ids, namespace_ids: Ids) -> None:
        """Append unit vectors, shape ``(n, dims)``, and whose they are."""
        start, self.length = self.length, self.length + len(rows)
        if self.length > len(self._rows):
            self._grow()
        added = slice(start, self.length)
        self._rows[added] = rows
        self._item_ids[added] = item_ids
        self._namespace_ids[added] = namespace_ids
        if self._signs.shape[1]:
            self._signs[:, added] = signs_of(rows).T
        elif self.length > SKETCHED_FROM:
            self._sketch()

    def take(self, positions: NDArray[np.intp]) -> tuple[Vectors, Ids, Ids]:
        """Return copies of rows, their items and their namespaces."""
        return self._rows[positions], self._item_ids[positions], self._namespace_ids[positions]

    def remove(self, positions: NDArray[np.intp]) -> None:
        """Remove rows; the last ones take their places."""
        length = self.length - len(positions)
        gone = np.zeros(self.length - length, dtype=bool)
        gone[positions[positions >= length] - length] = True
        movers = np.flatnonzero(~gone) + length
        holes = positions[positions < length]
        for column in (self._rows, self._item_ids, self._namespace_ids):
            column[holes] = column[movers]
        if self._signs.shape[1]:
            self._signs[:, holes] = self._signs[:, movers]
        self.length = length

    def scores(self, query: Vectors, positions: NDArray[np.intp] | None = None) -> Vectors:
        """Return the cosine of a unit query with all rows, or with those at ``positions``."""
        rows = self._rows[: self.length] if positions is None else self._rows[positions]
        # As n products of one row: BLAS then starts no threads, whose start costs more than they save.
        products: Vectors = np.matmul(rows[:, None, :], query)[:, 0]
        return products

    def nearest(self, query: Vectors, wanted: int) -> tuple[NDArray[np.intp] | None, Vectors]:
        """Return where the nearest rows are, None for everywhere, and their cosines with a unit query.

        In a large block the signs of a vector's numbers choose what is scored: each is a random-hyperplane
        hash, so of d signs as many differ as a binomial with p = angle / pi says (Charikar 2002,
        https://doi.org/10.1145/509907.509965). Where that leaves a chance worth naming that something nearer
        was not chosen, because nothing is near, all rows are scored.

        Args:
            query: A unit vector.
            wanted: How many rows are likely to be taken.
        """
        size = max(_SHORTLIST, 20 * wanted)
        # NumPy 1 cannot count bits fast.
        if not self._signs.shape[1] or 4 * size > self.length or not hasattr(np, "bitwise_count"):
            return None, self.scores(query)
        differing = self._differing(query)
        rows_within = np.cumsum(np.bincount(differing, minlength=self._rows.shape[1] + 1))
        radius = int(np.searchsorted(rows_within, size))
        positions, scores = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32)
        unread = 0
        while rows_within[radius] * _WORTH_CHOOSING < self.length:
            within = np.flatnonzero(differing <= np.uint16(radius))
            added = within[differing[within] >= unread]  # each lies elsewhere in memory: read once
            positions = np.concatenate((positions, added))
            scores = np.concatenate((scores, self.scores(query, added)))
            needed = self._radius_of(scores, wanted)
            if needed <= radius:
                return positions, scores
            unread, radius = radius + 1, needed
        return None, self.scores(query)

    def _differing(self, query: Vectors) -> NDArray[np.uint16]:
        """Return how many signs of each row are not the query's."""
        differing = np.zeros(self.length, dtype=np.uint16)
        words = np.empty(self.length, dtype=np.uint64)
        for stored, asked in zip(self._signs[:, : self.length], signs_of(query[None])[0], strict=True):
            np.bitwise_xor(stored, asked, out=words)
            differing += np.bitwise_count(words)
        return differing

    def _radius_of(self, scores: Vectors, wanted: int) -> int:
        """Return how many signs may differ in a row as near as the last one wanted."""
        dims, place = self._rows.shape[1], len(scores) - max(wanted, 1)
        last = float(np.partition(scores, place)[place])
        share = math.acos(max(-1.0, min(1.0, last))) / math.pi
        return min(dims, round(share * dims + _DEVIATIONS * math.sqrt(share * (1 - share) * dims)))

    def _grow(self) -> None:
        capacity = len(self._rows)
        while capacity < self.length:
            capacity *= 2
        self._rows = _resized(self._rows, capacity)
        self._item_ids = _resized(self._item_ids, capacity)
        self._namespace_ids = _resized(self._namespace_ids, capacity)
        if self._signs.shape[1]:
            self._sketch()

    def _sketch(self) -> None:
        self._signs = np.empty((len(self._signs), len(self._rows)), dtype=np.uint64)
        step = 4_096
        for start in range(0, self.length, step):
            part = slice(start, min(start + step, self.length))
            self._signs[:, part] = signs_of(self._rows[part]).T


def signs_of(rows: Vectors) -> NDArray[np.uint64]:
    """Return which numbers are positive, 64 to a word."""
    used = -(-rows.shape[1] // 8)
    words = np.zeros((len(rows), -(-rows.shape[1] // _WORD_BITS) * _WORD_BITS // 8), dtype=np.uint8)
    words[:, :used] = np.packbits(rows > 0, axis=1)
    return words.view(np.uint64)


def _resized(column: NDArray[Any], capacity: int) -> NDArray[Any]:
    larger = np.empty((capacity, *column.shape[1:]), dtype=column.dtype)
    larger[: len(column)] = column
    return larger
