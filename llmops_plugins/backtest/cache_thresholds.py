"""What fixed thresholds of the cosine would have served on a stream, many of them in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.backtest.cache_requests import StreamRequest
from llmops_plugins.backtest.cache_search import cosines_to_earlier
from llmops_plugins.backtest.cache_vectors import Vectors

__all__ = ["THRESHOLDS", "FixedThresholds", "fixed_thresholds"]

THRESHOLDS = tuple(round(0.005 * step, 3) for step in range(100, 200))
"""Cosines that are tried: from 0.5 up, in steps of 0.005."""

_MOST_WRONG = 0.01
_NEVER = np.float32(-4.0)
"""Added to a cosine it makes one that is below every other."""


@dataclass(frozen=True, kw_only=True)
class FixedThresholds:
    """What caches with a fixed threshold did on a stream, one each.

    Args:
        thresholds: The lowest cosine each serves.
        nearest: By cache and request, the earlier request whose answer was the nearest stored; -1 for none.
        served: Likewise, whether that answer was served.
        wrong: Likewise, whether that was a mistake.
    """

    thresholds: tuple[float, ...]
    nearest: NDArray[np.int32]
    served: NDArray[np.bool_]
    wrong: NDArray[np.bool_]

    def best(self, most_wrong: float = _MOST_WRONG) -> int | None:
        """Return which one serves most, in hindsight, with at most a share of all requests answered wrong."""
        kept = self.wrong.mean(1) <= most_wrong
        return int(np.argmax(np.where(kept, self.served.mean(1), -1.0))) if kept.any() else None


def fixed_thresholds(
    requests: Sequence[StreamRequest], vectors: Vectors, thresholds: Sequence[float] = THRESHOLDS
) -> FixedThresholds:
    """Ask requests one after the other; each cache stores those that it does not serve.

    Args:
        requests: In the order they come.
        vectors: Theirs, rows of norm 1.
        thresholds: One a cache.
    """
    lowest = np.array(thresholds, dtype=np.float32)
    shape = (len(thresholds), len(requests))
    unstored = np.full(shape, _NEVER)
    nearest, served = np.full(shape, -1, np.int32), np.zeros(shape, np.bool_)
    caches = np.arange(len(thresholds))
    for row, cosines in enumerate(cosines_to_earlier(vectors)):
        if row:
            among = unstored[:, :row] + cosines
            nearest[:, row] = among.argmax(1)
            # Rounding must not keep equal texts below a threshold of 1.
            served[:, row] = among[caches, nearest[:, row]] >= lowest - np.float32(1e-6)
        unstored[~served[:, row], row] = 0
    wrong = served & ~_same(requests, nearest)
    return FixedThresholds(thresholds=tuple(thresholds), nearest=nearest, served=served, wrong=wrong)


def _same(requests: Sequence[StreamRequest], nearest: NDArray[np.int32]) -> NDArray[np.bool_]:
    numbers: dict[str, int] = {}
    intents = np.array([numbers.setdefault(request.intent, len(numbers)) for request in requests])
    in_scope = np.array([request.is_same(request) for request in requests])
    return np.asarray((nearest >= 0) & (intents[nearest] == intents) & in_scope)
