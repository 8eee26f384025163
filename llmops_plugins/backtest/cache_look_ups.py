"""The look-ups of a cache on a stream with known intents, as labelled pairs to calibrate a rule on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llmops_plugins.backtest.cache_requests import StreamRequest
from llmops_plugins.backtest.cache_search import StoredRows, cosines_to_earlier
from llmops_plugins.backtest.cache_thresholds import fixed_thresholds
from llmops_plugins.backtest.cache_vectors import Vectors
from llmops_plugins.caching.neighbourhood import surroundings
from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.semantic import CANDIDATES

__all__ = ["pairs_from_stream"]


def pairs_from_stream(requests: Sequence[StreamRequest], vectors: Vectors) -> list[LabelledPair]:
    """Return the look-ups of a cache on a stream: each question with its nearest stored one, same or not.

    What is stored depends on what was served. Here that is what the best fixed threshold in hindsight serves
    with at most 1% of requests answered wrong. Exact repeats are left out, since no rule is asked about them.

    Args:
        requests: In the order they come.
        vectors: Theirs, rows of norm 1.
    """
    tried = fixed_thresholds(requests, vectors)
    best = tried.best()
    served = tried.served[-1 if best is None else best]
    stored, pairs = StoredRows(len(requests)), []
    for row, cosines in enumerate(cosines_to_earlier(vectors)):
        near = stored.nearest(cosines, CANDIDATES)
        if near and requests[near[0]].text != requests[row].text:
            pairs.append(_look_up(requests, vectors, row, near, cosines))
        if not served[row]:
            stored.add(row)
    return pairs


def _look_up(
    requests: Sequence[StreamRequest], vectors: Vectors, row: int, near: Sequence[int], cosines: Vectors
) -> LabelledPair:
    asked, stored = requests[row], requests[near[0]]
    answers = [requests[one].answer(one) for one in near]
    around = surroundings(cosines[near].tolist(), answers, vectors[near].astype(np.float64))
    return LabelledPair(
        a=stored.text, b=asked.text, same=asked.is_same(stored), neighbourhood=tuple(around[0].tolist())
    )
