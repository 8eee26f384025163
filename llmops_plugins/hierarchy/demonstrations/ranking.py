"""Which of some demonstrations to show: those that solve what is asked, not only those that sound like it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.hierarchy.demonstrations.lexical import (
    question_terms,
    time_similarities,
    word_similarities,
)
from llmops_plugins.hierarchy.demonstrations.solution_calls import solution_calls
from llmops_plugins.storage.blas_threads import one_blas_thread

__all__ = ["Candidate", "rank"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

# Each may be halved or doubled without much of a difference: `llmops backtest demonstrations` measures it.
_RIDGE = 0.3
"""How far one question's calls are doubted: more draws what is expected towards what most call."""
_TIME_WEIGHT = 0.3
"""What speaking of the same time counts beside the words."""
_SIMILARITY_WEIGHT = 0.3
"""What the likeness of the questions counts beside the calls expected."""
_DIVERSITY = 0.3
"""What being new counts beside being relevant, from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A demonstration that may be shown.

    Args:
        question: What was asked.
        solution: What solved it.
        similarity: Cosine of its question to the new one, by embeddings; None where there are none.
        usefulness: A lower confidence limit of how often it helps, from 0 to 1.
        calls: What :func:`~llmops_plugins.hierarchy.demonstrations.solution_calls.solution_calls` says of the
            solution, where that is known; None reads it, which takes a millisecond or two for one not seen
            before.
    """

    question: str
    solution: str
    similarity: float | None
    usefulness: float
    calls: frozenset[str] | None = None


def rank(question: str, candidates: Sequence[Candidate], *, limit: int) -> list[int]:
    """Return which demonstrations to show for a question, the best first.

    What a stored solution calls is known, and what the new question needs is expected from that: kernel
    ridge regression (Saunders et al. 1998) of the calls on the words of the questions says how far each
    candidate's calls are those needed, in Jaccard's measure, so that questions alike vote together and one
    that only shares a phrase is outvoted. That, with the likeness of the questions, is the relevance; times
    usefulness, it is what maximal marginal relevance (Carbonell and Goldstein 1998,
    https://doi.org/10.1145/290941.291025) weighs against repeating what is already shown. Where all
    solutions call the same, or are prose, likeness alone decides.

    Args:
        question: The new question.
        candidates: Those to choose from, tens of them, in any order.
        limit: How many to return at most.

    Returns:
        Indices into ``candidates``.
    """
    if limit < 1 or not candidates:
        return []
    # In an order of their own, so that equal sets of candidates come out the same to the last digit.
    order = sorted(range(len(candidates)), key=lambda index: _order_key(candidates[index]))
    with one_blas_thread():
        chosen = _chosen(question, [candidates[index] for index in order], min(limit, len(order)))
    return [order[place] for place in chosen]


def _chosen(question: str, candidates: Sequence[Candidate], limit: int) -> list[int]:
    terms = [question_terms(text) for text in (question, *(candidate.question for candidate in candidates))]
    words = word_similarities(terms)
    likeness = _likeness(candidates, words[0, 1:])
    relevance = likeness
    agreement = _agreement(candidates)
    if not (agreement == 1).all():
        needed = _regressed(words + _TIME_WEIGHT * time_similarities(terms), agreement)
        relevance = (needed + _SIMILARITY_WEIGHT * likeness) / (1 + _SIMILARITY_WEIGHT)
    usefulness = np.array([candidate.usefulness for candidate in candidates])
    gains = _clipped(relevance) * _clipped(usefulness)
    return _diverse(gains, words[1:, 1:], limit)


def _order_key(candidate: Candidate) -> tuple[str, str, float, float]:
    # Not NaN for one without: that has no place in an order.
    distance = math.inf if candidate.similarity is None else -candidate.similarity
    return candidate.question, candidate.solution, -candidate.usefulness, distance


def _likeness(candidates: Sequence[Candidate], by_words: Vector) -> Vector:
    """Return how alike the questions are, by embeddings where there are some."""
    given = np.array([math.nan if each.similarity is None else each.similarity for each in candidates])
    return _clipped(np.where(np.isfinite(given), given, by_words))


def _clipped(values: Vector) -> Vector:
    return np.minimum(np.maximum(values, 0), 1)  # as np.clip does, which takes longer to begin


def _agreement(candidates: Sequence[Candidate]) -> Matrix:
    """Return the share of calls that each two solutions have in common, of those of either; 1 for none."""
    calls = [
        solution_calls(candidate.solution) if candidate.calls is None else candidate.calls
        for candidate in candidates
    ]
    # Many call the same.
    kinds = {names: kind for kind, names in enumerate(dict.fromkeys(calls))}
    columns = {name: column for column, name in enumerate(frozenset().union(*kinds))}
    rows = np.zeros((len(kinds), len(columns)))
    for names, row in kinds.items():
        rows[row, [columns[name] for name in names]] = 1
    common = rows @ rows.T
    counts = rows.sum(axis=1)
    either = counts[:, None] + counts - common
    agreement = np.where(either == 0, 1.0, common / np.maximum(either, 1))
    each = [kinds[names] for names in calls]
    return agreement[each][:, each]


def _regressed(kernel: Matrix, agreement: Matrix) -> Vector:
    """Return how far each candidate is expected to agree with what the first row's question needs."""
    among, to_new = kernel[1:, 1:], kernel[0, 1:]
    mean = agreement.mean(axis=0)
    weights = np.linalg.solve(among + _RIDGE * np.eye(len(among)), to_new)
    return np.asarray(mean + weights @ (agreement - mean))


def _diverse(gains: Vector, similarities: Matrix, limit: int) -> list[int]:
    """Choose one at a time the one of most gain that repeats least of those chosen."""
    chosen: list[int] = []
    values, repeating = (1 - _DIVERSITY) * gains, _DIVERSITY * similarities
    repeated = np.zeros(len(gains))
    for _ in range(limit):
        best = int((values - repeated).argmax())
        chosen.append(best)
        values[best] = -math.inf
        np.maximum(repeated, repeating[best], out=repeated)
    return chosen
