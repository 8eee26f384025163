"""What a policy comes to on recorded answers: the decisions of its ``choose``, on all rows at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.cascade.policy import CascadePolicy, PolicyStage, Value
from llmops_plugins.cascade.stopping import Order, Outcome, StageRule, ValueEstimate, apply_rules
from llmops_plugins.cascade.traffic import Traffic
from llmops_plugins.verification.evidence import evidence_names

__all__ = ["apply_policy"]


def apply_policy(policy: CascadePolicy, traffic: Traffic, rows: NDArray[np.int64]) -> Outcome:
    """Return what a policy comes to on some rows.

    Args:
        policy: The policy; the traffic holds all its models.
        traffic: Recorded answers.
        rows: Indices of the rows.
    """
    index = {model: place for place, model in enumerate(traffic.models)}
    order = Order(
        groups=tuple(tuple(index[model] for model in stage.ask) for stage in policy.stages),
        last=index[policy.last],
    )
    asked: list[str] = []
    rules = []
    for stage in policy.stages:
        asked += stage.ask
        rules.append(_rule(stage, evidence_names(asked)))
    return apply_rules(traffic, rows, [index[model] for model in policy.by_accuracy], order, rules)


def _rule(stage: PolicyStage, names: Sequence[str]) -> StageRule:
    def estimate(value: Value) -> ValueEstimate:
        return ValueEstimate(value.intercept, tuple(value.weights[name] for name in names))

    go_on = None if stage.go_on is None else estimate(stage.go_on)
    return StageRule(estimate(stage.stay), go_on, estimate(stage.ask_last))
