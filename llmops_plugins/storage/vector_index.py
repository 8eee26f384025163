"""All vectors of a store in memory, kept equal to its rows, and the search over them.

Nothing is saved: the rows are read once and then only what changed since, so there is nothing to go stale.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.storage.item_indexing import Vectors
from llmops_plugins.storage.item_rows import namespace_ids
from llmops_plugins.storage.vector_block import Ids, VectorBlock

__all__ = ["VectorIndex", "unit"]

_OWN_BLOCK_FROM = 1_024
_CHUNK = 1_024
_CACHED_PREFIXES = 256
_GROUP = 64


class VectorIndex:
    """The vectors by namespace: large ones have a block of their own, all others share one.

    A search of one large namespace reads only its rows, and one of ten thousand small ones is still one pass.

    Args:
        dims: The vectors' length.
        check: Called before all rows are read; raises where they hold vectors of other embeddings.
    """

    def __init__(self, dims: int, check: Callable[[sqlite3.Connection], None]) -> None:
        self._dims = dims
        self._check = check
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next refresh reads all rows."""
        self._sequence: int | None = None
        self._shared = VectorBlock(self._dims)
        self._own: dict[int, VectorBlock] = {}
        self._shared_counts: Counter[int] = Counter()
        self._prefixes: dict[tuple[str, ...], Ids] = {}

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read what changed since the last time, whichever process changed it.

        Args:
            connection: In a transaction, so that what is then searched is what is then read.
        """
        oldest, newest = connection.execute(
            "SELECT (SELECT min(sequence) FROM llmops_store_changes), "
            "(SELECT max(sequence) FROM llmops_store_changes)"
        ).fetchone()
        newest = newest or 0
        if newest == self._sequence:
            return
        known, self._sequence = self._sequence, None
        self._prefixes.clear()
        if known is None or newest < known or oldest > known + 1:
            self._check(connection)
            self.clear()
            self._load(connection.execute(_ALL))
        else:
            self._load(connection.execute(_CHANGED, (known,)))
        self._sequence = newest

    def _load(self, rows: sqlite3.Cursor) -> None:
        empty = not self._shared.length and not self._own
        while chunk := rows.fetchmany(_CHUNK):
            if not empty:
                self._remove([row[:2] for row in chunk])
            present = [row for row in chunk if row[2] is not None]
            if present:
                self._add(present)

    def _add(self, chunk: Sequence[tuple[int, int, bytes]]) -> None:
        vectors = unit(
            np.frombuffer(b"".join(blob for *_, blob in chunk), np.float32).reshape(-1, self._dims)
        )
        each = [len(blob) // (4 * self._dims) for *_, blob in chunk]
        item_ids = np.repeat(np.array([row[0] for row in chunk], dtype=np.int64), each)
        spaces = np.repeat(np.array([row[1] for row in chunk], dtype=np.int64), each)
        pooled = np.ones(len(vectors), dtype=bool)
        for space in set(spaces.tolist()) & self._own.keys():
            mine = spaces == space
            self._own[space].extend(vectors[mine], item_ids[mine], spaces[mine])
            pooled &= ~mine
        if pooled.any():
            self._shared.extend(vectors[pooled], item_ids[pooled], spaces[pooled])
            counts = Counter(spaces[pooled].tolist())
            self._shared_counts.update(counts)
            for space in counts:
                if self._shared_counts[space] >= _OWN_BLOCK_FROM:
                    self._give_own_block(space)

    def _give_own_block(self, space: int) -> None:
        positions = np.flatnonzero(self._shared.namespace_ids == space)
        block = self._own[space] = VectorBlock(self._dims)
        block.extend(*self._shared.take(positions))
        self._shared.remove(positions)
        del self._shared_counts[space]

    def _remove(self, items: Iterable[tuple[int, int]]) -> None:
        by_space: dict[int | None, list[int]] = {}
        for item_id, space in items:
            by_space.setdefault(space if space in self._own else None, []).append(item_id)
        for owner, item_ids in by_space.items():
            block = self._shared if owner is None else self._own[owner]
            positions = np.flatnonzero(np.isin(block.item_ids, item_ids))
            if owner is None:
                self._shared_counts.subtract(block.namespace_ids[positions].tolist())
            block.remove(positions)
            if owner is not None and not block.length:
                del self._own[owner]
        self._shared_counts = +self._shared_counts

    def nearest(
        self,
        connection: sqlite3.Connection,
        prefix: Sequence[str],
        query: Vectors,
        wanted: int,
        *,
        exact: bool,
    ) -> tuple[Iterator[tuple[int, float]], bool]:
        """Give items below a prefix, best first, each once with the score of its best vector.

        Args:
            connection: The one refreshed from.
            prefix: Where to search.
            query: A unit vector.
            wanted: How many are likely to be taken.
            exact: Whether large blocks are read in full instead of their nearest rows only.

        Returns:
            The items, and whether they are all that there are.
        """
        scored, complete = [], True
        for block, asked in self._scope(connection, tuple(prefix)):
            if exact or asked is not None:
                positions, scores = asked, block.scores(query, asked)
            else:
                positions, scores = block.nearest(query, wanted)
                complete = complete and positions is None
            rows = slice(None) if positions is None else positions
            scored.append((scores, block.item_ids[rows], block.namespace_ids[rows]))
        if not scored:
            return iter(()), complete
        scores, item_ids, spaces = (
            column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*scored, strict=True)
        )
        return _best_first(scores, item_ids, spaces, 2 * wanted + 16), complete

    def _scope(
        self, connection: sqlite3.Connection, prefix: tuple[str, ...]
    ) -> Iterator[tuple[VectorBlock, NDArray[np.intp] | None]]:
        """Give each block to search and the positions in it, None for all of them."""
        if not prefix:
            yield from ((block, None) for block in (*self._own.values(), self._shared))
            return
        spaces = self._spaces(connection, prefix)
        own = self._own.keys() & set(spaces.tolist()) if self._own else ()
        yield from ((self._own[space], None) for space in own)
        if len(spaces) > len(own) and self._shared.length:
            mine = self._shared.namespace_ids
            yield (
                self._shared,
                np.flatnonzero(mine == spaces[0] if len(spaces) == 1 else np.isin(mine, spaces)),
            )

    def _spaces(self, connection: sqlite3.Connection, prefix: tuple[str, ...]) -> Ids:
        # A namespace cannot gain its first vector without a change, which empties this.
        found = self._prefixes.get(prefix)
        if found is None:
            found = np.array(namespace_ids(connection, prefix), dtype=np.int64)
            if len(self._prefixes) >= _CACHED_PREFIXES:
                self._prefixes.clear()
            self._prefixes[prefix] = found
        return found


_ALL = "SELECT item_id, namespace_id, vectors FROM llmops_store_vectors"
_CHANGED = """
SELECT changed.item_id, changed.namespace_id, current.vectors
FROM (SELECT DISTINCT item_id, namespace_id FROM llmops_store_changes WHERE sequence > ?) changed
LEFT JOIN llmops_store_vectors current ON current.item_id = changed.item_id
"""


def unit(rows: Vectors) -> Vectors:
    """Return the rows at length one; a row of zeros stays."""
    wide = rows.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    lengths[lengths == 0] = 1
    scaled: Vectors = (wide / lengths).astype(np.float32)
    return scaled


def _best_first(scores: Vectors, item_ids: Ids, spaces: Ids, first: int) -> Iterator[tuple[int, float]]:
    """Sort no more than is taken; equal scores come in the order in which the items were put."""
    seen: set[int] = set()
    above, count = np.inf, first
    while True:
        everything = count >= len(scores)
        least = -np.inf if everything else _bar(scores, count)
        chosen = np.flatnonzero((scores >= least) & (scores < above))
        order = chosen[np.lexsort((item_ids[chosen], spaces[chosen], -scores[chosen]))]
        for item_id, score in zip(item_ids[order].tolist(), scores[order].tolist(), strict=True):
            if item_id not in seen:
                seen.add(item_id)
                yield item_id, score
        if everything:
            return
        above, count = least, 8 * count


def _bar(scores: Vectors, count: int) -> float:
    """Return a score that at least ``count`` reach and few more."""
    groups = len(scores) // _GROUP
    if groups > 4 * count:
        # Each of the best groups has one such score; the best of a group are found without sorting.
        scores = scores[: groups * _GROUP].reshape(groups, _GROUP).max(axis=1)
    return float(np.partition(scores, len(scores) - count)[len(scores) - count])
