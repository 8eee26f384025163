"""When to stop asking: the value of staying against the best of what can come after.

An optimal-stopping problem solved backwards by regression, as Longstaff and Schwartz price options (2001,
https://doi.org/10.1093/rfs/14.1.113): the value of going on, as seen from the evidence at a stage, is a
regression on what the rule already found for the later stages brought in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.cascade.traffic import Traffic
from llmops_plugins.verification.evidence import evidence_names, is_of_texts

__all__ = ["Order", "Outcome", "StageRule", "Stopping", "ValueEstimate", "apply_rules"]

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_RIDGE = 32.0
_RIDGE_OF_TEXTS = 256.0
"""Penalties in rows: how many rows a weight has to convince. What is read from texts is doubted more."""


@dataclass(frozen=True)
class Order:
    """In which order models are asked.

    Args:
        groups: Indices of the models before the last; those of a group are asked at once.
        last: Index of the model that answers when no candidate is good enough.
    """

    groups: tuple[tuple[int, ...], ...]
    last: int

    @property
    def size(self) -> int:
        """How many models it asks before the last."""
        return sum(map(len, self.groups))

    def asked(self, stage: int) -> tuple[int, ...]:
        """Return the models that have answered after so many further groups than the first."""
        return tuple(chain.from_iterable(self.groups[: stage + 1]))


@dataclass(frozen=True)
class ValueEstimate:
    """An expected value, linear in the evidence: right answers, less what they cost in right answers.

    Args:
        intercept: Value where all evidence is zero.
        weights: One for each piece of evidence.
    """

    intercept: float
    weights: tuple[float, ...]

    def of(self, values: Array) -> Array:
        """Return the value of each row of evidence, rows x names, or of one."""
        return np.asarray(values @ np.array(self.weights) + self.intercept)


@dataclass(frozen=True)
class StageRule:
    """The three things that can be done after a group has answered, and what each is worth.

    Args:
        stay: Answering with the candidate: the probability that it is right.
        go_on: Asking the next group; None after the last group.
        last: Asking the last model at once.
    """

    stay: ValueEstimate
    go_on: ValueEstimate | None
    last: ValueEstimate

    def choose(self, values: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return for which rows of evidence to stay, and for which to ask the last model if not."""
        last = self.last.of(values)
        go_on = np.full(len(values), -np.inf) if self.go_on is None else self.go_on.of(values)
        return self.stay.of(values) >= np.maximum(last, go_on), last >= go_on


@dataclass(frozen=True)
class Outcome:
    """What a rule comes to on each row.

    Args:
        scores: Score of the answer given.
        costs: USD spent on all models asked.
        accepted: Whether it was a candidate's answer rather than the last model's.
        answered_by: Index of the model whose answer it was.
    """

    scores: Array
    costs: Array
    accepted: NDArray[np.bool_]
    answered_by: NDArray[np.int64]


@dataclass(frozen=True)
class Stopping:
    """Fits rules on some rows of recorded answers, for any order of its models.

    Args:
        traffic: The answers.
        rows: Indices of the rows to fit on.
        by_accuracy: Indices of all models, the most accurate first.
    """

    traffic: Traffic
    rows: Rows
    by_accuracy: tuple[int, ...]
    _regressions: dict[tuple[int, ...], _Regression] = field(default_factory=dict)

    def fit(self, order: Order, usd_a_right_answer: float) -> tuple[StageRule, ...]:
        """Fit what staying, going on and asking the last model are worth at every stage of an order.

        Args:
            order: The order.
            usd_a_right_answer: What one right answer more may cost, in USD.
        """
        scores, prices = self.traffic.scores[self.rows], self.traffic.costs[self.rows] / usd_a_right_answer
        last = scores[:, order.last] - prices[:, order.last]
        after, rules = last, []
        for stage in reversed(range(len(order.groups))):
            asked = order.asked(stage)
            known = self.traffic.evidence(asked, self.by_accuracy)
            fit = self._regression(asked)
            stay = scores[np.arange(len(self.rows)), known.candidates[self.rows]]
            is_final = stage == len(order.groups) - 1
            rule = StageRule(fit.of(stay), None if is_final else fit.of(after), fit.of(last))
            rules.append(rule)
            staying, to_last = rule.choose(known.values[self.rows])
            after = np.where(staying, stay, np.where(to_last, last, after))
            after -= prices[:, list(order.groups[stage])].sum(1)
        return tuple(rules[::-1])

    def _regression(self, asked: tuple[int, ...]) -> _Regression:
        if asked not in self._regressions:
            names = evidence_names([self.traffic.models[model] for model in asked])
            penalties = np.array([_RIDGE_OF_TEXTS if is_of_texts(name) else _RIDGE for name in names])
            values = self.traffic.evidence(asked, self.by_accuracy).values[self.rows]
            self._regressions[asked] = _Regression(values, penalties)
        return self._regressions[asked]


def apply_rules(
    traffic: Traffic, rows: Rows, by_accuracy: Sequence[int], order: Order, rules: Sequence[StageRule]
) -> Outcome:
    """Return what the rules come to on some rows; arguments as for :class:`Stopping` and its ``fit``."""
    all_scores, all_costs = traffic.scores[rows], traffic.costs[rows]
    answered_by = np.full(len(rows), order.last)
    costs = np.zeros(len(rows))
    going = np.ones(len(rows), dtype=np.bool_)
    accepted = ~going
    for stage, rule in enumerate(rules):
        known = traffic.evidence(order.asked(stage), by_accuracy)
        costs += going * all_costs[:, list(order.groups[stage])].sum(1)
        staying, to_last = rule.choose(known.values[rows])
        answered_by = np.where(going & staying, known.candidates[rows], answered_by)
        accepted = accepted | (going & staying)
        going = going & ~staying & ~to_last
    costs += ~accepted * all_costs[:, order.last]
    return Outcome(all_scores[np.arange(len(rows)), answered_by], costs, accepted, answered_by)


class _Regression:
    """Ridge regressions on the same evidence, standardised, with an unpenalised intercept."""

    def __init__(self, values: Array, penalties: Array) -> None:
        self._mean = values.mean(0)
        deviation = values.std(0)
        self._scale = np.where(deviation > 1e-9, deviation, np.inf)  # what never varies weighs nothing
        standard = (values - self._mean) / self._scale
        self._solve = np.linalg.solve(standard.T @ standard + np.diag(penalties), standard.T)

    def of(self, target: Array) -> ValueEstimate:
        mean = float(target.mean())
        weights = self._solve @ (target - mean) / self._scale
        return ValueEstimate(mean - float(weights @ self._mean), tuple(map(float, weights)))
