"""What serves the same pairs without a rule: a threshold of the cosine, with care or GPTCache's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.backtest.cache_result import PairsBaseline
from llmops_plugins.bounds import binomial_upper

__all__ = [
    "GPTCACHE_THRESHOLD",
    "served_at_most",
    "shares_at",
    "threshold_at",
    "threshold_baseline",
    "threshold_for",
]

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]

GPTCACHE_THRESHOLD = 0.6
"""The cosine from which GPTCache 0.1.44 serves by default.

Its ``SearchDistanceEvaluation`` scores a squared distance d of unit vectors as 4 - d = 2 + 2 cos, and serves
from 0.8 of the largest score on.
"""

_SHARES = (0.005, 0.01, 0.02, 0.05)
_STEPS = np.round(np.arange(200) * 0.005, 3)


def shares_at(scores: Scores, same: Flags, allowed: Flags | None = None) -> dict[str, float]:
    """Return the share of same pairs that can be served at each of some shares of different ones.

    Args:
        scores: Higher is served first.
        same: Which pairs are the same question.
        allowed: Which may be served at all; None for all.
    """
    return {f"{share:g}": served_at_most(share, scores, same, allowed)[1] for share in _SHARES}


def served_at_most(
    share: float, scores: Scores, same: Flags, allowed: Flags | None = None
) -> tuple[float | None, float]:
    """Return the lowest threshold that serves at most a share of the different pairs, chosen in hindsight.

    Args:
        share: Of the different pairs.
        scores: Higher is served first; equal ones together.
        same: Which pairs are the same question.
        allowed: Which may be served at all; None for all.

    Returns:
        The threshold, None where every one serves more, and the share of the same pairs it serves.
    """
    kept = np.ones(len(scores), np.bool_) if allowed is None else allowed
    order = np.argsort(-scores[kept], kind="stable")
    ordered, labels = scores[kept][order], same[kept][order]
    last_of_equals = np.append(ordered[1:] != ordered[:-1], [True])[: len(ordered)]
    few = np.cumsum(~labels) <= share * (~same).sum()
    ends = np.flatnonzero(last_of_equals & few)
    if not len(ends):
        return None, 0.0
    return float(ordered[ends[-1]]), _share(int(labels[: ends[-1] + 1].sum()), int(same.sum()))


def threshold_for(cosines: Scores, same: Flags, max_error: float, confidence: float) -> float | None:
    """Return the lowest threshold shown to keep a bound on some pairs; None where none is.

    Args:
        cosines: Of the pairs to choose it on.
        same: Which of them are the same question.
        max_error: Largest share of different ones among those served.
        confidence: Probability with which that holds for one threshold.
    """
    for threshold in _STEPS.tolist():
        served = cosines >= threshold
        count, wrong = int(served.sum()), int((served & ~same).sum())
        # The limit takes its time, and is never below what was counted.
        if wrong <= max_error * count and binomial_upper(wrong, count, confidence) <= max_error:
            return float(threshold)
    return None


def threshold_at(served_different: float, cosines: Scores, same: Flags) -> float | None:
    """Return the threshold that serves no larger share of the different pairs, chosen in hindsight."""
    return served_at_most(served_different, cosines, same)[0]


def threshold_baseline(threshold: float | None, cosines: Scores, same: Flags) -> PairsBaseline:
    """Return what a threshold comes to.

    Args:
        threshold: The lowest cosine it serves; None serves nothing.
        cosines: Of the tested pairs.
        same: Which of them are the same question.
    """
    served = cosines >= (np.inf if threshold is None else threshold)
    right, wrong = int((served & same).sum()), int((served & ~same).sum())
    return PairsBaseline(
        threshold=threshold,
        served_same=_share(right, int(same.sum())),
        served_different=_share(wrong, int((~same).sum())),
        wrong_of_served=wrong / (right + wrong) if right + wrong else None,
        at_served_different=shares_at(cosines, same),
    )


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0
