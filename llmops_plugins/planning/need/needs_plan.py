"""Whether a request needs a plan at all: decided from its text, or left in doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llmops_plugins.json_file import read_json_file
from llmops_plugins.planning.need.features import FEATURE_NAMES, PlanFeatures, plan_features

__all__ = ["NeedDecision", "PlanNeed", "PlanNeedRule", "needs_plan", "read_plan_need_rule", "shipped_rule"]

NeedDecision = Literal["yes", "no", "doubt"]
"""Plan it; answer it as it is; ask somebody who understands it."""

_SHIPPED = Path(__file__).with_name("plan_need_rule.json")
_Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class PlanNeed:
    """Whether a request needs a plan.

    Args:
        decision: Yes, no or in doubt.
        probability: That it does, as far as its text shows.
        features: What that is read from.
    """

    decision: NeedDecision
    probability: float
    features: PlanFeatures


class PlanNeedRule(BaseModel):
    """Log odds of needing a plan that are linear in a request's features, and what counts as sure.

    Args:
        format: Version of the file.
        intercept: Log odds where all features are 0.
        weights: One a feature, by name.
        no_below: Probability up to which a request needs none.
        yes_from: Probability from which it needs one; between the two it is in doubt.
        rows: Requests it was fitted on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    intercept: float
    weights: dict[str, float]
    no_below: _Probability = 0.2
    yes_from: _Probability = 0.8
    rows: int = 0

    @model_validator(mode="after")
    def _is_whole(self) -> PlanNeedRule:
        if set(self.weights) != set(FEATURE_NAMES):
            raise ValueError(f"weights must be those of {', '.join(FEATURE_NAMES)}")
        if self.no_below > self.yes_from:
            raise ValueError("no_below must be at most yes_from")
        return self

    def __call__(self, features: PlanFeatures) -> PlanNeed:
        """Return whether a request with these features needs a plan."""
        log_odds = self.intercept + sum(
            self.weights[name] * value for name, value in zip(FEATURE_NAMES, features.values, strict=True)
        )
        probability = 1 / (1 + math.exp(-max(min(log_odds, 500.0), -500.0)))
        decision: NeedDecision = "doubt"
        if probability >= self.yes_from:
            decision = "yes"
        elif probability <= self.no_below:
            decision = "no"
        return PlanNeed(decision=decision, probability=probability, features=features)


def needs_plan(text: str, experts: Sequence[str] = (), *, rule: PlanNeedRule | None = None) -> PlanNeed:
    """Return whether a request needs a plan, without asking a model.

    Args:
        text: The request.
        experts: Descriptions of the experts there are.
        rule: How features are weighed; the one that ships with this package by default.
    """
    return (rule or shipped_rule())(plan_features(text, experts))


def read_plan_need_rule(path: Path | str) -> PlanNeedRule:
    """Read a rule from a JSON file.

    Args:
        path: The file.

    Raises:
        ConfigurationError: If it cannot be read or is no rule.
    """
    return read_json_file(path, PlanNeedRule, field="rule", name="rule of plan need", remedy="fit it anew")


@cache
def shipped_rule() -> PlanNeedRule:
    """Return the rule that ships with this package."""
    return read_plan_need_rule(_SHIPPED)
