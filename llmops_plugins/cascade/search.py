"""Which cascades there could be, and what each would have cost and answered on rows it was not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.cascade.stopping import Order, Stopping, apply_rules
from llmops_plugins.cascade.traffic import Traffic
from llmops_plugins.errors import ConfigurationError

__all__ = ["Candidate", "Reference", "Search", "find_reference"]

Rows = NDArray[np.int64]

_FOLDS = 4
_MOST_MODELS = 5
_LARGEST_CASCADE = 3
_KEPT = 4
"""The models worth combining, those a cascade asks before its last, and the orders kept at each size."""

_WORTH = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Right answers that the reference's price for one answer may buy: from careful to thrifty."""

_REFINED = 6
_HALVINGS = 5
"""How many orders are brought to a cost that is asked for, and in how many steps."""

_CHEAP = 0.5
"""A model that costs more than this share of the reference is no cheap one."""


@dataclass(frozen=True)
class Reference:
    """The best single model: what a cascade is measured against.

    Args:
        model: Its index.
        by_accuracy: Indices of all models, the most accurate first; of equals the cheaper.
        cost: USD it costs an answer.
    """

    model: int
    by_accuracy: tuple[int, ...]
    cost: float


@dataclass(frozen=True)
class Candidate:
    """A cascade, and what it came to on rows it was not fitted on.

    Args:
        order: The models it asks.
        usd_a_right_answer: What one right answer more may cost it, in USD.
        loss: Mean score lost against the reference; negative where it gains.
        error: Standard error of the loss.
        risk: Mean score lost on the rows where it loses: the share where it is wrong and the reference right.
        cost_ratio: Its cost over the reference's.
    """

    order: Order
    usd_a_right_answer: float
    loss: float
    error: float
    risk: float
    cost_ratio: float


def find_reference(traffic: Traffic, rows: Rows, fit: Rows | None = None) -> Reference:
    """Return the most accurate model, of equals the cheaper.

    Args:
        traffic: Recorded answers.
        rows: Indices of the rows that decide which model it is.
        fit: Of those, the rows that everything else is fitted on; all by default.

    Raises:
        ConfigurationError: If it costs nothing, so that there is nothing to save.
    """
    fit = rows if fit is None else fit
    best = _by_accuracy(traffic, rows)[0]
    cost = float(traffic.costs[fit, best].mean())
    if cost <= 0:
        name = traffic.models[best]
        raise ConfigurationError("prices", f"{name} is the best single model and costs nothing, price it")
    return Reference(best, _by_accuracy(traffic, fit), cost)


def _by_accuracy(traffic: Traffic, rows: Rows) -> tuple[int, ...]:
    accuracy, cost = traffic.scores[rows].mean(0), traffic.costs[rows].mean(0)
    return tuple(int(model) for model in np.lexsort((cost, -accuracy)))


@dataclass(frozen=True)
class Search:
    """Looks for cascades, and measures each by cross-fitting.

    Args:
        traffic: Recorded answers.
        rows: Indices of the rows to search on.
        reference: The best single model on those rows.
    """

    traffic: Traffic
    rows: Rows
    reference: Reference

    def candidates(self) -> list[Candidate]:
        """Return the cascades worth a look, each at several prices of a right answer.

        Pairs of cheap models are extended by those that help most (a beam search): all orders of all models
        would be so many that some look good by chance.
        """
        return [candidate for worth in _WORTH for candidate in self._candidates(worth)]

    def at_cost(self, candidates: list[Candidate], cost_ratio: float) -> list[Candidate]:
        """Return some candidates' orders at the price of a right answer that brings them to a cost.

        Args:
            candidates: What :meth:`candidates` found.
            cost_ratio: The cost aimed at, over the reference's.
        """
        close = sorted(candidates, key=lambda one: one.loss + abs(one.cost_ratio - cost_ratio))
        orders = list(dict.fromkeys(candidate.order for candidate in close))[:_REFINED]
        found = []
        for order in orders:
            low, high = self.reference.cost / max(_WORTH), self.reference.cost / min(_WORTH)
            for _ in range(_HALVINGS):
                middle = float(np.sqrt(low * high))
                found.append(self._measure(order, middle))
                low, high = (middle, high) if found[-1].cost_ratio <= cost_ratio else (low, middle)
        return found

    def _candidates(self, worth: float) -> Iterator[Candidate]:
        usd_a_right_answer = self.reference.cost / worth
        measured: dict[Order, Candidate] = {}

        def merit(order: Order) -> float:
            if order not in measured:
                measured[order] = self._measure(order, usd_a_right_answer)
            return -measured[order].loss - measured[order].cost_ratio * worth

        for order in self._orders(worth, merit):
            merit(order)
        yield from measured.values()

    def _orders(self, worth: float, merit: Callable[[Order], float]) -> Iterator[Order]:
        models, last = self._worth_combining(worth), self.reference.model
        yield from (Order(((model,),), last) for model in models)
        level = [Order((pair,), last) for pair in combinations(models, 2)]
        for _ in range(2, _LARGEST_CASCADE):
            yield from level
            kept = sorted(level, key=merit, reverse=True)[:_KEPT]
            level = [
                Order((*order.groups, (model,)), last)
                for order in kept
                for model in models
                if model not in order.asked(len(order.groups))
            ]
        yield from level

    def _worth_combining(self, worth: float) -> list[int]:
        accuracy = self.traffic.scores[self.rows].mean(0)
        cost = self.traffic.costs[self.rows].mean(0) / self.reference.cost
        cheap = [
            model
            for model in self.reference.by_accuracy
            if cost[model] < _CHEAP and model != self.reference.model
        ]
        return sorted(cheap, key=lambda model: worth * cost[model] - accuracy[model])[:_MOST_MODELS]

    @cached_property
    def _folds(self) -> list[tuple[Stopping, Rows]]:
        """For each fold, rules fitted on all the others, and its rows."""
        parts = [np.arange(fold, len(self.rows), _FOLDS) for fold in range(_FOLDS)]
        by_accuracy = self.reference.by_accuracy
        return [
            (Stopping(self.traffic, np.delete(self.rows, part), by_accuracy), self.rows[part])
            for part in parts
        ]

    def _measure(self, order: Order, usd_a_right_answer: float) -> Candidate:
        lost, cost = [], 0.0
        for fitter, rows in self._folds:
            rules = fitter.fit(order, usd_a_right_answer)
            outcome = apply_rules(self.traffic, rows, self.reference.by_accuracy, order, rules)
            lost.append(self.traffic.scores[rows, self.reference.model] - outcome.scores)
            cost += float(outcome.costs.sum())
        losses = np.concatenate(lost)
        return Candidate(
            order=order,
            usd_a_right_answer=usd_a_right_answer,
            loss=float(losses.mean()),
            error=float(losses.std() / np.sqrt(len(losses))),
            risk=float(np.maximum(losses, 0).mean()),
            cost_ratio=cost / len(self.rows) / self.reference.cost,
        )
