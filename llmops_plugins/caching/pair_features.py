"""What a rule knows of two questions: how near their vectors are, and how their words differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from llmops_plugins.caching.question_words import QuestionWords, WordWeights, question_words

__all__ = ["FEATURES", "pair_features"]

FEATURES: Mapping[str, int] = {
    "cosine": 1,
    "angle": 0,
    "shared words": 1,
    "shared content words": 1,
    "shared weight": 1,
    "weighted cosine": 1,
    "heaviest word of one side, larger": -1,
    "heaviest word of one side, smaller": -1,
    "weight of one side, larger": -1,
    "weight of one side, smaller": -1,
    "weight of shared words": 0,
    "shared trigrams": 1,
    "shared neighbours": 1,
    "common order": 1,
    "length ratio": 1,
    "length difference": -1,
    "length": 0,
    "same kind of question": 1,
    "same first word that asks": 1,
    "same negation": 1,
    "same numbers": 1,
    "one holds the other": 0,
    "words of one side": -1,
    "cosine of what is shared": 0,
    "changed order": 1,
}
"""The features by name, each with its natural direction: 1 where more of it makes the same question likelier,
-1 where it makes it less likely, 0 where that depends on the others."""


def pair_features(one: str, other: str, cosine: float, weights: WordWeights) -> tuple[float, ...]:
    """Return the features of a pair, one for each of ``FEATURES``; they do not depend on its order.

    Args:
        one: A question.
        other: Another.
        cosine: Of their vectors.
        weights: How much each word tells.
    """
    a, b = question_words(one), question_words(other)
    shared, only_a, only_b = a.bag & b.bag, a.bag - b.bag, b.bag - a.bag
    shared_weight, a_weight, b_weight = weights.sum(shared), weights.sum(only_a), weights.sum(only_b)
    a_heaviest, b_heaviest = weights.largest(only_a), weights.largest(only_b)
    whole = shared_weight + a_weight + b_weight
    jaccard = shared_weight / whole if whole else 1.0
    length, words = len(a.stems) + len(b.stems), (len(a.stems), len(b.stems))
    order = 2 * _common_order(a.stems, b.stems) / length if length else 1.0
    in_common = sum((Counter(a.stems) & Counter(b.stems)).values())
    return (
        cosine,
        math.acos(max(-1.0, min(1.0, cosine))),
        _jaccard(a.bag, b.bag),
        _jaccard(a.content, b.content),
        jaccard,
        _weighted_cosine(shared, only_a, only_b, weights),
        max(a_heaviest, b_heaviest),
        min(a_heaviest, b_heaviest),
        max(a_weight, b_weight),
        min(a_weight, b_weight),
        shared_weight,
        _trigram_cosine(a, b),
        _jaccard(a.pairs, b.pairs),
        order,
        min(words) / max(words) if any(words) else 1.0,
        abs(words[0] - words[1]) / 10,
        math.log1p(length),
        float(a.kind == b.kind),
        float(a.first_kind == b.first_kind),
        float(a.negated == b.negated),
        float(a.numbers == b.numbers),
        float(not only_a or not only_b),
        math.log1p(len(only_a) + len(only_b)),
        cosine * jaccard,
        order - 2 * in_common / length if length else 0.0,
    )


def _jaccard(one: frozenset[object], other: frozenset[object]) -> float:
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def _weighted_cosine(
    shared: frozenset[str], only_a: frozenset[str], only_b: frozenset[str], weights: WordWeights
) -> float:
    both = weights.sum(shared, power=2)
    lengths = math.sqrt((both + weights.sum(only_a, power=2)) * (both + weights.sum(only_b, power=2)))
    return both / lengths if lengths else 1.0


def _trigram_cosine(a: QuestionWords, b: QuestionWords) -> float:
    product = sum(count * b.trigrams[three] for three, count in a.trigrams.items() if three in b.trigrams)
    return product / (a.trigram_length * b.trigram_length or 1.0)


def _common_order(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    before = [0] * (len(other) + 1)
    for word in one:
        row = [0]
        for index, against in enumerate(other):
            row.append(before[index] + 1 if word == against else max(before[index + 1], row[index]))
        before = row
    return before[-1]
