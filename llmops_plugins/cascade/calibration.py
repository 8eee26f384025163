"""Calibrates a cascade on recorded answers: which models, in which order, and when to stop.

The records are split. On the fit part the stop rules are fitted and every cascade is measured by
cross-fitting; on the calibration part, which nothing was fitted on, the risk of the one chosen is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.bounds import mean_upper
from llmops_plugins.cascade.policy import CascadePolicy, MeasuredOn, PolicyStage, RiskBound, Value
from llmops_plugins.cascade.search import Candidate, Reference, Search, find_reference
from llmops_plugins.cascade.stopping import Outcome, StageRule, Stopping, ValueEstimate, apply_rules
from llmops_plugins.cascade.traffic import Traffic, read_traffic
from llmops_plugins.errors import BoundNotMetError, ConfigurationError
from llmops_plugins.records.fingerprint import fingerprint
from llmops_plugins.records.reading import Record
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.evidence import evidence_names

if TYPE_CHECKING:
    from llmops_plugins.models.prices import PriceBook

__all__ = ["calibrate", "calibrate_traffic"]

Rows = NDArray[np.int64]

_FEWEST_ROWS = 40
_FIT_SHARE = 0.75
_FIT_SHARE_UNDER_A_BOUND = 0.35
"""Share of the records that rules are fitted on. A bound to be shown needs most of them for itself."""

_MOST_LOSS = 0.0075
_LEAST_CALLS_A_RIGHT_ANSWER = 12
_WORTH_HAVING = 0.75
"""What is worth having when nothing else was asked for: a cascade whose loss, half a standard error added, is
at most 0.75 points of accuracy; that would pay for twelve calls of the best single model to have one more
answer right; and that costs at most this share of that model, because it has to pay for its moving parts."""

_SAME_COST = 0.02
_SAME_LOSS = 0.001
"""Differences that may be chance; within them the cascade with the fewest models is taken."""

_SAVES_ANYTHING = 0.95


def calibrate(
    records: Sequence[Record],
    *,
    prices: PriceBook,
    max_cost: float | None = None,
    max_risk: float | None = None,
    confidence: float = 0.9,
    extract: Callable[[str], str | None] = extract_answer,
    seed: int = 0,
) -> CascadePolicy:
    """Return the cascade to use for traffic like the records.

    Without ``max_cost`` and ``max_risk``: the cheapest cascade whose loss against the best single model, half
    a standard error added, is at most 0.75 points of accuracy, and which saves at least a quarter of cost.

    ``max_risk`` bounds the probability that the cascade is wrong and the best single model right, for scores
    that are not all 0 or 1 the mean score lost where it loses. Cascades are put in an order, from careful to
    thrifty, on the fit part; each is tested on the calibration part until the first that fails, and the last
    that passed is taken. By fixed-sequence testing (Angelopoulos, Bates, Candès, Jordan and Lei 2021, *Learn
    then Test*, https://arxiv.org/abs/2110.01052, theorem 1 with section 4's fixed sequences) the risk of the
    one taken is at most ``max_risk`` with probability ``confidence`` over the calibration records, provided
    that they and the traffic to come are drawn alike.

    Args:
        records: Recorded answers, at least 40.
        prices: Prices the answers that have no recorded cost.
        max_cost: Most that a question may cost, as a share of the best single model's cost (0 to 1): the most
            accurate cascade within it is taken.
        max_risk: Most that the risk may be, from 0 to 1.
        confidence: Probability with which bounds hold.
        extract: Finds the final answer in a reply's text, to see which models agree.
        seed: Of the shuffle that splits the records.

    Returns:
        The policy. One without stages says that the best single model alone is the better choice.

    Raises:
        ConfigurationError: If a setting is wrong, or the records are too few or lack what is needed.
        BoundNotMetError: If no cascade can be shown to keep ``max_risk``; it says what could be shown.
    """
    _check_settings(max_cost, max_risk, confidence)
    _check_count(len(records))
    traffic, left_out = read_traffic(records, prices, extract)
    if len(traffic.models) < 2:
        reasons = "; ".join(f"{model} {reason}" for model, reason in left_out.items())
        raise ConfigurationError("records", f"need two models with all answers and prices: {reasons}")
    return calibrate_traffic(
        traffic,
        np.arange(len(traffic)),
        max_cost=max_cost,
        max_risk=max_risk,
        confidence=confidence,
        seed=seed,
        data_fingerprint=fingerprint(records),
    )


def calibrate_traffic(
    traffic: Traffic,
    rows: Rows,
    *,
    max_cost: float | None,
    max_risk: float | None,
    confidence: float,
    seed: int,
    data_fingerprint: str,
) -> CascadePolicy:
    """Calibrate on some rows of records that have been read; arguments as for :func:`calibrate`."""
    _check_count(len(rows))
    shuffled = np.random.default_rng(seed).permutation(rows)
    share = _FIT_SHARE if max_risk is None else _FIT_SHARE_UNDER_A_BOUND
    fit, held_out = np.split(shuffled, [int(len(rows) * share)])
    calibration = _Calibration(traffic, fit, held_out, confidence)
    chosen: Candidate | None
    if max_risk is not None:
        chosen = calibration.within_risk(max_risk)
    elif max_cost is not None:
        chosen = calibration.within_cost(max_cost)
    else:
        chosen = calibration.worth_having()
    return calibration.policy(chosen, max_risk, data_fingerprint)


class _Calibration:
    """One split of the records, and the cascades found on its fit part."""

    def __init__(self, traffic: Traffic, fit: Rows, held_out: Rows, confidence: float) -> None:
        self._traffic, self._fit, self._held_out, self._confidence = traffic, fit, held_out, confidence
        # The best model by all rows. That it looks good on the held-out ones too makes the losses measured
        # on them greater, so the bound stays on the safe side; whatever else is chosen, the fit rows choose.
        self._reference: Reference = find_reference(traffic, np.concatenate([fit, held_out]), fit)
        self._search = Search(traffic, fit, self._reference)
        self._stopping = Stopping(traffic, fit, self._reference.by_accuracy)
        self._candidates = self._search.candidates()

    def worth_having(self) -> Candidate | None:
        least = _LEAST_CALLS_A_RIGHT_ANSWER * self._reference.cost
        good = [
            one
            for one in self._candidates
            if one.loss + one.error / 2 <= _MOST_LOSS
            and one.cost_ratio <= _WORTH_HAVING
            and one.usd_a_right_answer >= least
        ]
        lowest = min((one.cost_ratio for one in good), default=0.0)
        return _simplest(one for one in good if one.cost_ratio <= lowest + _SAME_COST)

    def within_cost(self, max_cost: float) -> Candidate | None:
        found = self._candidates + self._search.at_cost(self._candidates, max_cost)
        affordable = [one for one in found if one.cost_ratio <= max_cost]
        if not affordable and max_cost < 1:
            lowest = min((one.cost_ratio for one in found), default=1.0)
            raise ConfigurationError(
                "max_cost", f"{max_cost:g} is below the cheapest cascade's {lowest:.2f}, give at least that"
            )
        lowest = min((one.loss for one in affordable), default=0.0)
        if max_cost >= 1 and lowest > 0:  # the reference itself can be afforded and is better
            return None
        return _simplest(one for one in affordable if one.loss <= lowest + _SAME_LOSS)

    def within_risk(self, max_risk: float) -> Candidate | None:
        best, lowest_upper = None, 1.0
        path = self._from_careful_to_thrifty(max_risk)
        if not path:  # none saves anything, and the reference alone risks nothing
            return None
        for candidate in path:
            upper = mean_upper(self._losses(candidate).tolist(), self._confidence)
            lowest_upper = min(lowest_upper, upper)
            if upper > max_risk:
                break
            best = candidate
        if best is None:
            raise BoundNotMetError("max_risk", max_risk, lowest_upper, len(self._held_out))
        return best

    def _from_careful_to_thrifty(self, max_risk: float) -> list[Candidate]:
        """Order cascades by their risk on the fit part, each cheaper than the one before.

        The first is there whatever its risk: what can be shown of it is the best that can be shown.
        """
        path: list[Candidate] = []
        for one in sorted(self._candidates, key=lambda one: (one.risk, -one.cost_ratio)):
            cheapest = path[-1].cost_ratio if path else _SAVES_ANYTHING
            within = one.risk <= max_risk or not path
            if within and one.cost_ratio < cheapest - 0.01 and self._saves(one):
                path.append(one)
        return path

    def _saves(self, candidate: Candidate) -> bool:
        """Tell whether rules fitted on all rows save too: those of the folds may have stayed more often."""
        costs = self._outcome(candidate, self._fit).costs
        return float(costs.mean()) < _SAVES_ANYTHING * self._reference.cost

    def _rules(self, candidate: Candidate) -> tuple[StageRule, ...]:
        return self._stopping.fit(candidate.order, candidate.usd_a_right_answer)

    def _outcome(self, candidate: Candidate, rows: Rows) -> Outcome:
        by_accuracy, rules = self._reference.by_accuracy, self._rules(candidate)
        return apply_rules(self._traffic, rows, by_accuracy, candidate.order, rules)

    def _losses(self, candidate: Candidate) -> NDArray[np.float64]:
        """Return the score lost to the reference on each calibration row, where any is."""
        scores = self._outcome(candidate, self._held_out).scores
        losses: NDArray[np.float64] = self._traffic.scores[self._held_out, self._reference.model] - scores
        return losses.clip(0.0)

    def policy(
        self, chosen: Candidate | None, max_risk: float | None, data_fingerprint: str
    ) -> CascadePolicy:
        """Return the chosen cascade as a policy, or the reference alone."""
        names = self._traffic.models
        accuracy = float(self._traffic.scores[self._held_out, self._reference.model].mean())
        outcome = self._outcome(chosen, self._held_out) if chosen else None
        cost = float(self._traffic.costs[self._held_out, self._reference.model].mean())
        asked = chosen.order.asked(len(chosen.order.groups)) if chosen else ()
        return CascadePolicy(
            stages=self._stages(chosen) if chosen else (),
            last=names[self._reference.model],
            by_accuracy=tuple(names[model] for model in self._reference.by_accuracy if model in asked),
            bound=self._bound(chosen, max_risk),
            measured_on=MeasuredOn(
                fingerprint=data_fingerprint,
                rows=len(self._fit) + len(self._held_out),
                reference_accuracy=accuracy,
                expected_accuracy=float(outcome.scores.mean()) if outcome else accuracy,
                expected_cost_ratio=float(outcome.costs.mean()) / cost if outcome else 1.0,
            ),
        )

    def _stages(self, chosen: Candidate) -> tuple[PolicyStage, ...]:
        models = self._traffic.models
        stages = []
        for number, (group, rule) in enumerate(zip(chosen.order.groups, self._rules(chosen), strict=True)):
            names = evidence_names([models[model] for model in chosen.order.asked(number)])
            stages.append(
                PolicyStage(
                    ask=tuple(models[model] for model in group),
                    stay=_named(rule.stay, names),
                    go_on=None if rule.go_on is None else _named(rule.go_on, names),
                    ask_last=_named(rule.last, names),
                )
            )
        return tuple(stages)

    def _bound(self, chosen: Candidate | None, max_risk: float | None) -> RiskBound:
        rows = self._held_out
        if chosen is None:  # the reference is never wrong where it is right
            return RiskBound(
                max_risk=max_risk,
                confidence=self._confidence,
                rows=len(rows),
                risk=0.0,
                risk_upper=0.0,
                accepted=0.0,
                differing=0.0,
                differing_upper=0.0,
            )
        losses = self._losses(chosen)
        outcome = self._outcome(chosen, rows)
        differing = [
            float(self._differs(row, int(model)))
            for row, model in zip(rows[outcome.accepted], outcome.answered_by[outcome.accepted], strict=True)
        ]
        return RiskBound(
            max_risk=max_risk,
            confidence=self._confidence,
            rows=len(rows),
            risk=float(losses.mean()),
            risk_upper=mean_upper(losses.tolist(), self._confidence),
            accepted=float(outcome.accepted.mean()),
            differing=sum(differing) / max(len(differing), 1),
            differing_upper=mean_upper(differing, self._confidence),
        )

    def _differs(self, row: int, model: int) -> bool:
        facts = self._traffic.facts[row]
        answer = facts[model].answer
        return answer is None or answer != facts[self._reference.model].answer


def _simplest(candidates: Iterable[Candidate]) -> Candidate | None:
    return min(candidates, key=lambda one: (one.order.size, one.cost_ratio), default=None)


def _named(value: ValueEstimate, names: Sequence[str]) -> Value:
    return Value(intercept=value.intercept, weights=dict(zip(names, value.weights, strict=True)))


def _check_count(rows: int) -> None:
    if rows < _FEWEST_ROWS:
        raise ConfigurationError("records", f"there are {rows}, calibration needs {_FEWEST_ROWS} or more")


def _check_settings(max_cost: float | None, max_risk: float | None, confidence: float) -> None:
    if max_cost is not None and max_risk is not None:
        raise ConfigurationError("max_cost", "and max_risk exclude each other, give one of them")
    for field, value in (("max_cost", max_cost), ("max_risk", max_risk), ("confidence", confidence)):
        if value is not None and not 0 < value < 1 and not (field == "max_cost" and value == 1):
            raise ConfigurationError(field, f"must be between 0 and 1, got {value!r}")
