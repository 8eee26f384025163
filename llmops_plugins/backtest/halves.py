"""Whether what is chosen on some records holds on others: random halves, again and again.

On one half everything is chosen, the best single model included; on the other it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.backtest.answering import Progress
from llmops_plugins.backtest.calibrating import CalibrationSettings
from llmops_plugins.backtest.intervals import resampled_interval
from llmops_plugins.backtest.policy_outcome import apply_policy
from llmops_plugins.cascade.calibration import calibrate_traffic
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.cascade.search import find_reference
from llmops_plugins.cascade.traffic import Traffic
from llmops_plugins.errors import ConfigurationError

__all__ = ["HalvesOutcome", "measure_halves"]

_CONFIDENCE = 0.95
_BOUNDS = ("max_risk", "max_cost")


@dataclass(frozen=True, kw_only=True)
class HalvesOutcome:
    """Means over random halves, each measured on rows that nothing was chosen on.

    Args:
        count: How often the records were halved.
        questions: Questions that each choice was measured on.
        accuracy: Mean score of the cascade's answers.
        best_single_accuracy: Mean score of the best single model, chosen on the same half as the cascade.
        interval: 95% interval of the difference between the two.
        cost_usd: What the cascade's calls cost on a half.
        best_single_cost_usd: What the best single model's did.
        cost_ratio: Mean of the ratio of the two.
        cost_ratio_interval: 95% interval of that.
        risk: Mean score lost on the questions where the cascade loses, against the policy's own reference:
            the best single model on those rows of the half that rules were fitted on.
        max_risk_kept: Halves, those refused left out, on which the risk was within ``max_risk``; None where
            none was asked for.
        refused: Halves on which no cascade kept what was asked for, so that the best single model counts.
        without_cascade: Halves on which the best single model was the better choice, those refused among
            them.
    """

    count: int
    questions: int
    accuracy: float
    best_single_accuracy: float
    interval: tuple[float, float]
    cost_usd: float
    best_single_cost_usd: float
    cost_ratio: float
    cost_ratio_interval: tuple[float, float]
    risk: float
    max_risk_kept: int | None
    refused: int
    without_cascade: int


@dataclass(frozen=True, kw_only=True)
class _Half:
    accuracy: float
    single_accuracy: float
    cost_usd: float
    single_cost_usd: float
    risk: float
    refused: bool
    is_cascade: bool

    @property
    def cost_ratio(self) -> float:
        return self.cost_usd / self.single_cost_usd if self.single_cost_usd else 1.0


def measure_halves(
    traffic: Traffic, count: int, settings: CalibrationSettings, progress: Progress | None = None
) -> HalvesOutcome:
    """Choose on random halves of recorded answers and measure on the others.

    The intervals are corrected for halves that share rows
    (:func:`~llmops_plugins.backtest.intervals.resampled_interval`).

    Args:
        traffic: The answers.
        count: How many halves, at least two.
        settings: What to calibrate for.
        progress: Told how far it has come.

    Raises:
        ConfigurationError: If the halves are too small, or a setting is wrong.
    """
    if count < 2:
        raise ConfigurationError("halves", f"must be 2 or more, got {count}")
    random = np.random.default_rng(settings.seed)
    halves: list[_Half] = []
    for number in range(count):
        chosen_on, measured = np.split(random.permutation(len(traffic)), [len(traffic) // 2])
        halves.append(_half(traffic, chosen_on, measured, settings, number))
        if progress is not None:
            progress(number + 1, count)
    return _outcome(halves, len(chosen_on), len(measured), settings.max_risk)


def _half(
    traffic: Traffic,
    chosen_on: NDArray[np.int64],
    measured: NDArray[np.int64],
    settings: CalibrationSettings,
    number: int,
) -> _Half:
    single = find_reference(traffic, chosen_on).model
    scores, costs = traffic.scores[measured, single], traffic.costs[measured, single]
    single_accuracy, single_cost, risk = float(scores.mean()), float(costs.sum()), 0.0
    policy = _policy(traffic, chosen_on, settings, number)
    if policy is not None:
        outcome = apply_policy(policy, traffic, measured)
        scores, costs = outcome.scores, outcome.costs
        reference = traffic.scores[measured, traffic.models.index(policy.last)]
        risk = float(np.maximum(reference - scores, 0).mean())
    return _Half(
        accuracy=float(scores.mean()),
        single_accuracy=single_accuracy,
        cost_usd=float(costs.sum()),
        single_cost_usd=single_cost,
        risk=risk,
        refused=policy is None,
        is_cascade=policy is not None and policy.is_cascade,
    )


def _policy(
    traffic: Traffic, rows: NDArray[np.int64], settings: CalibrationSettings, number: int
) -> CascadePolicy | None:
    """Calibrate on a half; None where what was asked for cannot be had on it."""
    try:
        return calibrate_traffic(
            traffic,
            rows,
            max_cost=settings.max_cost,
            max_risk=settings.max_risk,
            confidence=settings.bound_confidence,
            seed=settings.seed + number,
            data_fingerprint="",
        )
    except ConfigurationError as error:
        if error.field in _BOUNDS:
            return None
        raise ConfigurationError("halves", f"are too small to choose on: {error.problem}") from error


def _outcome(halves: Sequence[_Half], chosen_on: int, measured: int, max_risk: float | None) -> HalvesOutcome:
    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    def interval(values: Sequence[float]) -> tuple[float, float]:
        return resampled_interval(values, measured=measured, chosen_on=chosen_on, confidence=_CONFIDENCE)

    ratios = [half.cost_ratio for half in halves]
    kept = None
    if max_risk is not None:
        kept = sum(half.risk <= max_risk for half in halves if not half.refused)
    return HalvesOutcome(
        count=len(halves),
        questions=measured,
        accuracy=mean([half.accuracy for half in halves]),
        best_single_accuracy=mean([half.single_accuracy for half in halves]),
        interval=interval([half.accuracy - half.single_accuracy for half in halves]),
        cost_usd=mean([half.cost_usd for half in halves]),
        best_single_cost_usd=mean([half.single_cost_usd for half in halves]),
        cost_ratio=mean(ratios),
        cost_ratio_interval=interval(ratios),
        risk=mean([half.risk for half in halves]),
        max_risk_kept=kept,
        refused=sum(half.refused for half in halves),
        without_cascade=sum(not half.is_cascade for half in halves),
    )
