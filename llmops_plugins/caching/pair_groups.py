"""Which labelled pairs hang together, because they share a question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.question_words import question_words

__all__ = ["connected_groups"]


def connected_groups(pairs: Sequence[LabelledPair]) -> NDArray[np.int64]:
    """Return the number of each pair's group: pairs that share a question, also through others, have one.

    What is shown on pairs holds for others only where they are independent of those that were fitted on, and
    a question written again in other spelling is the same question.

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
    return np.array([numbers.setdefault(one, len(numbers)) for one in found], dtype=np.int64)
