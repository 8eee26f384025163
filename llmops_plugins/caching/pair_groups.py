"""Which labelled pairs hang together, because they share a question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.question_words import question_words

__all__ = ["connected_groups"]

_LARGEST = 0.25
"""Largest share of all pairs that may be one group and still leave two parts worth having."""


def connected_groups(pairs: Sequence[LabelledPair]) -> NDArray[np.int64]:
    """Return the number of each pair's group: pairs that share a question, also through others, have one.

    What is shown on pairs holds for others only where they are independent of those that were fitted on, and
    a question written again in other spelling is the same question. Where nearly all hang together, as the
    look-ups of one stream do, each pair is a group of its own: there is nothing to keep apart.

    Args:
        pairs: Labelled pairs.
    """
    parent: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(text: tuple[str, ...]) -> tuple[str, ...]:
        parent.setdefault(text, text)
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for pair in pairs:
        parent[root(question_words(pair.a).words)] = root(question_words(pair.b).words)
    numbers: dict[tuple[str, ...], int] = {}
    found = (root(question_words(pair.a).words) for pair in pairs)
    groups = np.array([numbers.setdefault(one, len(numbers)) for one in found], dtype=np.int64)
    return groups if np.bincount(groups).max() <= _LARGEST * len(pairs) else np.arange(len(pairs))
