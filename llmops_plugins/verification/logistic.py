"""Logistic regression with a ridge penalty, by iteratively reweighted least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogOdds", "fit_logistic", "fit_signed_logistic"]

Array = NDArray[np.float64]

_MOST_STEPS = 50
_SMALLEST_STEP = 1e-8


@dataclass(frozen=True)
class LogOdds:
    """Log odds that are linear in the features.

    Args:
        intercept: Log odds where all features are 0.
        weights: One a feature.
    """

    intercept: float
    weights: Array

    def of(self, values: Array) -> Array:
        """Return the log odds of rows of features."""
        return np.asarray(values @ self.weights + self.intercept)


def fit_signed_logistic(values: Array, scores: Array, ridge: float, signs: Array) -> LogOdds:
    """Fit log odds in which each feature may only count in its natural direction.

    Few rows, or rows of another kind, easily teach that more agreement is worse: then the feature whose
    weight is furthest on the wrong side is left out, again and again.

    Args:
        values: Rows of features, standardised.
        scores: How right each row is, from 0 to 1.
        ridge: Penalty on a feature's weight.
        signs: One a feature: 1 or -1 for its direction, 0 to leave it out.
    """
    used = np.flatnonzero(signs)
    while True:
        fitted = fit_logistic(values[:, used], scores, ridge)
        against = fitted.weights * signs[used]
        if not len(used) or against.min() >= 0:
            break
        used = np.delete(used, int(np.argmin(against)))
    weights = np.zeros(values.shape[1])
    weights[used] = fitted.weights
    return LogOdds(fitted.intercept, weights)


def fit_logistic(values: Array, scores: Array, ridge: float) -> LogOdds:
    """Fit log odds; the features are standardised for it, and the intercept is not penalised.

    Targets are Platt's (1999, *Probabilistic Outputs for Support Vector Machines*): they keep the log odds
    finite where all rows are right, or all wrong.

    Args:
        values: Rows of features.
        scores: How right each row is, from 0 to 1.
        ridge: Penalty on a standardised feature's weight.
    """
    mean, deviation = values.mean(0), values.std(0)
    scale = np.where(deviation > 1e-9, deviation, np.inf)  # what never varies weighs nothing
    standard = np.column_stack([np.ones(len(values)), (values - mean) / scale])
    penalties = np.array([0.0, *[ridge] * values.shape[1]])
    right, wrong = scores.sum(), (1 - scores).sum()
    low, high = 1 / (wrong + 2), (right + 1) / (right + 2)
    targets = low + (high - low) * scores
    weights = np.zeros(standard.shape[1])
    weights[0] = np.log(targets.mean() / (1 - targets.mean()))
    weights = _reweighted(standard, targets, penalties, weights)
    unscaled = weights[1:] / scale
    return LogOdds(float(weights[0] - unscaled @ mean), unscaled)


def _reweighted(values: Array, targets: Array, penalties: Array, weights: Array) -> Array:
    """Return the weights that iteratively reweighted least squares comes to."""

    def loss(weights: Array) -> float:
        log_odds = values @ weights
        likelihood = targets @ log_odds - np.logaddexp(0, log_odds).sum()
        return float(penalties @ weights**2 / 2 - likelihood)

    for _ in range(_MOST_STEPS):
        expected = np.exp(-np.logaddexp(0, -values @ weights))
        curvature = (values.T * (expected * (1 - expected))) @ values + np.diag(penalties)
        step = np.linalg.solve(curvature, values.T @ (targets - expected) - penalties * weights)
        while loss(weights + step) > loss(weights) and np.abs(step).max() > _SMALLEST_STEP:
            step = step / 2  # a whole one can overshoot where a row stands far from the others
        weights = weights + step
        if np.abs(step).max() <= _SMALLEST_STEP:
            break
    return weights
