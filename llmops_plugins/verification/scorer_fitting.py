"""Fits a learned scorer: its weights on one half of the rows, its threshold on the other.

The weights are a logistic regression's with a ridge penalty, found by iteratively reweighted least squares,
its log odds scaled so that they are calibrated (Platt 1999, *Probabilistic Outputs for Support Vector
Machines*) on predictions for rows that were each left out of the regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.bounds import mean_upper
from llmops_plugins.errors import BoundNotMetError
from llmops_plugins.verification.scorer_features import feature_names
from llmops_plugins.verification.scorer_rows import ScorerRows
from llmops_plugins.verification.scoring import ErrorBound, FittedOn, Scoring, probability

__all__ = ["fit_scoring", "split_rows"]

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_FIT_SHARE = 0.5
_FOLDS = 5
_RIDGE = 16.0
"""Penalty on a standardised feature's weight: as of 64 rows whose answers are as likely right as wrong."""

_RIDGE_OF_PLATT = 1e-3
"""Just enough for log odds that do not vary to have a solution."""

_MOST_STEPS = 50
_SMALLEST_STEP = 1e-8
_SHARES = np.linspace(0.025, 1.0, 40)
_BINS = 10


@dataclass(frozen=True)
class _LogOdds:
    """Log odds, linear in the features."""

    intercept: float
    weights: Array

    def of(self, values: Array) -> Array:
        return np.asarray(values @ self.weights + self.intercept)

    def probabilities(self, values: Array) -> Array:
        """Return each row's probability, to the last bit what the running scorer computes."""
        weights = self.weights.tolist()
        return np.array([probability(self.intercept, weights, row) for row in values.tolist()])


def split_rows(rows: int, seed: int) -> tuple[Rows, Rows]:
    """Return the indices of the rows to fit on, and of those to calibrate on.

    Args:
        rows: How many there are.
        seed: Of the shuffle.
    """
    shuffled = np.random.default_rng(seed).permutation(rows)
    return shuffled[: int(rows * _FIT_SHARE)], shuffled[int(rows * _FIT_SHARE) :]


def fit_scoring(
    rows: ScorerRows,
    *,
    models: Sequence[str],
    embedded: bool,
    max_error: float,
    confidence: float,
    seed: int,
) -> Scoring:
    """Fit the weights, and choose the lowest threshold that can be shown to keep the bound.

    Args:
        rows: What was read from recorded answers.
        models: The models whose replies were read, in order.
        embedded: Whether the texts were embedded.
        max_error: Most that the error among accepted answers may be, from 0 to 1.
        confidence: Probability with which it holds.
        seed: Of the shuffle that splits the rows.

    Raises:
        BoundNotMetError: If no threshold can be shown to keep ``max_error``.
    """
    fit, held_out = split_rows(len(rows), seed)
    known, losses = np.array(rows.values), 1 - np.array(rows.scores)
    left_out = _left_out(known[fit], 1 - losses[fit])
    log_odds = _calibrated(known[fit], 1 - losses[fit], left_out)
    probabilities = log_odds.probabilities(known)
    sequence = _from_careful_to_thrifty(probabilities[fit], left_out, losses[fit], confidence)
    threshold, bound = _within(
        sequence, probabilities[held_out], losses[held_out], max_error=max_error, confidence=confidence
    )
    names = feature_names(models, embedded=embedded)
    return Scoring(
        models=tuple(models),
        embedded=embedded,
        intercept=log_odds.intercept,
        weights=dict(zip(names, log_odds.weights.tolist(), strict=True)),
        threshold=threshold,
        bound=bound,
        fitted_on=FittedOn(
            fingerprint=rows.fingerprint,
            rows=len(rows),
            calibration_error=_calibration_error(probabilities[held_out], 1 - losses[held_out]),
        ),
    )


def _left_out(values: Array, scores: Array) -> Array:
    """Return each row's log odds by a regression on four fifths of the rows, it not among them."""
    log_odds = np.empty(len(scores))
    for fold in range(_FOLDS):
        tested = np.arange(len(scores)) % _FOLDS == fold
        log_odds[tested] = _regression(values[~tested], scores[~tested], _RIDGE).of(values[tested])
    return log_odds


def _calibrated(values: Array, scores: Array, left_out: Array) -> _LogOdds:
    """Return the regression on all rows, scaled as those on four fifths of them needed to be."""
    scale = _regression(left_out[:, None], scores, _RIDGE_OF_PLATT)
    slope = float(scale.weights[0])
    if slope <= 0:  # what tells nothing is not to be believed the other way round
        return _regression(np.zeros_like(values), scores, _RIDGE)
    whole = _regression(values, scores, _RIDGE)
    return _LogOdds(scale.intercept + slope * whole.intercept, slope * whole.weights)


def _regression(values: Array, scores: Array, ridge: float) -> _LogOdds:
    """Return the ridge-penalised logistic regression, its intercept unpenalised."""
    mean, deviation = values.mean(0), values.std(0)
    scale = np.where(deviation > 1e-9, deviation, np.inf)  # what never varies weighs nothing
    standard = np.column_stack([np.ones(len(values)), (values - mean) / scale])
    penalties = np.diag([0.0, *[ridge] * values.shape[1]])
    # Platt's targets: they keep the log odds finite where all answers are right, or all wrong.
    right, wrong = scores.sum(), (1 - scores).sum()
    low, high = 1 / (wrong + 2), (right + 1) / (right + 2)
    targets = low + (high - low) * scores
    weights = np.zeros(standard.shape[1])
    weights[0] = np.log(targets.mean() / (1 - targets.mean()))
    weights = _reweighted(standard, targets, penalties, weights)
    unscaled = weights[1:] / scale
    return _LogOdds(float(weights[0] - unscaled @ mean), unscaled)


def _reweighted(values: Array, targets: Array, penalties: Array, weights: Array) -> Array:
    """Return the weights that iteratively reweighted least squares comes to."""

    def loss(weights: Array) -> float:
        log_odds = values @ weights
        likelihood = targets @ log_odds - np.logaddexp(0, log_odds).sum()
        return float(weights @ penalties @ weights / 2 - likelihood)

    for _ in range(_MOST_STEPS):
        expected = np.exp(-np.logaddexp(0, -values @ weights))
        curvature = (values.T * (expected * (1 - expected))) @ values + penalties
        step = np.linalg.solve(curvature, values.T @ (targets - expected) - penalties @ weights)
        while loss(weights + step) > loss(weights) and np.abs(step).max() > _SMALLEST_STEP:
            step = step / 2  # a whole one can overshoot where a row stands far from the others
        weights = weights + step
        if np.abs(step).max() <= _SMALLEST_STEP:
            break
    return weights


def _from_careful_to_thrifty(
    probabilities: Array, left_out: Array, losses: Array, confidence: float
) -> list[float]:
    """Order thresholds by the fit part alone: first the one surest to be shown, then lower ones.

    Higher ones than the first accept fewer answers than their bound needs.
    """
    thresholds = np.quantile(probabilities, 1 - _SHARES, method="lower")
    likewise = np.quantile(left_out, 1 - _SHARES, method="lower")
    uppers = [mean_upper(losses[left_out >= one].tolist(), confidence) for one in likewise]
    return list(dict.fromkeys(thresholds[int(np.argmin(uppers)) :].tolist()))


def _within(
    sequence: Sequence[float], probabilities: Array, losses: Array, *, max_error: float, confidence: float
) -> tuple[float, ErrorBound]:
    """Test thresholds until the first that fails, and return the last that passed."""
    passed: tuple[float, ErrorBound] | None = None
    lowest_upper = 1.0
    for threshold in sequence:
        accepted = losses[probabilities >= threshold]
        upper = mean_upper(accepted.tolist(), confidence)
        lowest_upper = min(lowest_upper, upper)
        if upper > max_error:
            break
        bound = ErrorBound(
            max_error=max_error,
            confidence=confidence,
            rows=len(losses),
            accepted=len(accepted) / len(losses),
            error=float(accepted.mean()),
            error_upper=upper,
        )
        passed = threshold, bound
    if passed is None:
        raise BoundNotMetError("max_error", max_error, lowest_upper, len(losses))
    return passed


def _calibration_error(probabilities: Array, scores: Array) -> float:
    """Return the expected calibration error (Guo, Pleiss, Sun and Weinberger 2017, arXiv 1706.04599)."""
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.bincount(bins, probabilities - scores, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(scores))
