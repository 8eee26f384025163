"""Fits a learned scorer: its weights on one half of the rows, its threshold on the other.

The weights are a logistic regression's with a ridge penalty, found by iteratively reweighted least squares,
its log odds scaled so that they are calibrated (Platt 1999, *Probabilistic Outputs for Support Vector
Machines*) on predictions for rows that were each left out of the regression.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.bounds import mean_upper
from llmops_plugins.errors import BoundNotMetError
from llmops_plugins.verification.fixed_sequence import careful_to_thrifty
from llmops_plugins.verification.logistic import LogOdds, fit_logistic
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

_BINS = 10


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
    weights = log_odds.weights.tolist()
    # To the last bit what the running scorer computes.
    probabilities = np.array([probability(log_odds.intercept, weights, row) for row in known.tolist()])
    sequence = careful_to_thrifty(probabilities[fit], left_out, losses[fit], confidence)
    threshold, bound = _within(
        sequence, probabilities[held_out], losses[held_out], max_error=max_error, confidence=confidence
    )
    names = feature_names(models, embedded=embedded)
    return Scoring(
        models=tuple(models),
        embedded=embedded,
        intercept=log_odds.intercept,
        weights=dict(zip(names, weights, strict=True)),
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
        log_odds[tested] = fit_logistic(values[~tested], scores[~tested], _RIDGE).of(values[tested])
    return log_odds


def _calibrated(values: Array, scores: Array, left_out: Array) -> LogOdds:
    """Return the regression on all rows, scaled as those on four fifths of them needed to be."""
    scale = fit_logistic(left_out[:, None], scores, _RIDGE_OF_PLATT)
    slope = float(scale.weights[0])
    if slope <= 0:  # what tells nothing is not to be believed the other way round
        return fit_logistic(np.zeros_like(values), scores, _RIDGE)
    whole = fit_logistic(values, scores, _RIDGE)
    return LogOdds(scale.intercept + slope * whole.intercept, slope * whole.weights)


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
