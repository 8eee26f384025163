"""What the stored answers around a candidate say: whether near questions agree in their answer.

Where answers repeat (intents, labels, routes, extracted values), the nearest question that has another answer
tells far more than the nearest alone: it is the margin of nearest-neighbour classifiers (Cover and Hart 1967,
https://doi.org/10.1109/TIT.1967.1053964), and is high only where there is no doubt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEIGHBOURHOOD", "normalized_answer", "surroundings"]

NEIGHBOURHOOD: Mapping[str, int] = {
    "margin to another answer": 1,
    "cosine of another answer": -1,
    "agreement of the nearest": 1,
    "weighted agreement": 1,
    "entries that agree": 1,
    "own margin to another answer": 1,
}
"""The features by name, each with its natural direction, as in
:data:`~llmops_plugins.caching.pair_features.FEATURES`."""

_NEAREST = 3
_SHARPNESS = 20.0
_BEYOND = 0.02
"""How much farther than the last candidate another answer is taken to be, where none is among them."""


def surroundings(
    cosines: Sequence[float], answers: Sequence[str], vectors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each candidate's features, one row for each.

    Args:
        cosines: Of the question and each candidate.
        answers: Their answers, equal where they say the same.
        vectors: The candidates' vectors, rows of norm 1.
    """
    near = np.asarray(cosines, dtype=np.float64)
    among = vectors @ vectors.T
    rows = [_of(place, near, answers, among[place]) for place in range(len(near))]
    return np.array(rows).reshape(-1, len(NEIGHBOURHOOD))


def normalized_answer(text: str) -> str:
    """Return an answer's text without case and spacing, so that equal answers compare equal."""
    return " ".join(text.casefold().split())


def _of(
    place: int, cosines: NDArray[np.float64], answers: Sequence[str], among: NDArray[np.float64]
) -> tuple[float, ...]:
    same = np.array([answer == answers[place] for answer in answers])
    others = ~same
    own = float(cosines[place])
    other = float(cosines[others].max()) if others.any() else float(cosines.min()) - _BEYOND
    beside = np.argsort(-cosines, kind="stable")
    beside = beside[beside != place][:_NEAREST]
    weights = np.exp((cosines - cosines.max()) * _SHARPNESS)
    return (
        own - other,
        other,
        float(same[beside].mean()) if len(beside) else 0.0,
        float(weights[same].sum() / weights.sum()),
        math.log(int(same.sum())),
        own - float(among[others].max()) if others.any() else 0.5,
    )
