"""How often the cheap decision whether a request needs a plan is wrong, on labelled requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmops_plugins.bounds import binomial_upper
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.need.fitting import fit_plan_need, read_requests
from llmops_plugins.planning.need.needs_plan import needs_plan

__all__ = ["PlanNeedBacktest", "backtest_plan_need"]


@dataclass(frozen=True, kw_only=True)
class PlanNeedBacktest:
    """What the decision whether a request needs a plan came to.

    Args:
        requests: Requests tested.
        needing: Of those, requests that need a plan.
        decided: Requests decided from their text.
        wrongly_planned: Of those decided, requests planned that need no plan.
        wrongly_answered: Of those decided, requests that need a plan and were not given one.
        confidence: Probability with which the limit holds.
        error_upper: Upper limit of the share of wrong ones among those decided.
        repeated: Requests that the rule was fitted on too, which flatters the figures.
    """

    requests: int
    needing: int
    decided: int
    wrongly_planned: int
    wrongly_answered: int
    confidence: float
    error_upper: float
    repeated: int

    @property
    def in_doubt(self) -> float:
        """Share of the requests that are left to a model."""
        return 1 - self.decided / self.requests

    @property
    def error(self) -> float | None:
        """Share of wrong ones among those decided; None where none was."""
        return (self.wrongly_planned + self.wrongly_answered) / self.decided if self.decided else None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {**asdict(self), "in_doubt": self.in_doubt, "error": self.error}


def backtest_plan_need(
    path: Path | str, *, fit: Path | str | None = None, confidence: float = 0.9
) -> PlanNeedBacktest:
    """Test the decision whether a request needs a plan on labelled requests.

    Args:
        path: The requests, as :func:`~llmops_plugins.planning.need.fitting.read_requests` reads them.
        fit: Other requests to fit a rule on; None tests the one that ships with this package.
        confidence: Probability with which the limit holds.

    Raises:
        ConfigurationError: If a setting or a file is wrong.
        RecordError: If a line is no request.
    """
    if not 0 < confidence < 1:
        raise ConfigurationError("confidence", f"must be above 0 and below 1, got {confidence:g}")
    fitted_on = read_requests(fit, field="fit") if fit is not None else []
    rule = fit_plan_need(fitted_on) if fitted_on else None
    requests = read_requests(path)
    known = {request.text for request in fitted_on}
    decided = [(needs_plan(request.text, rule=rule).decision, request.needs_plan) for request in requests]
    decided = [(decision, needed) for decision, needed in decided if decision != "doubt"]
    planned = sum(decision == "yes" and not needed for decision, needed in decided)
    answered = sum(decision == "no" and needed for decision, needed in decided)
    return PlanNeedBacktest(
        requests=len(requests),
        needing=sum(request.needs_plan for request in requests),
        decided=len(decided),
        wrongly_planned=planned,
        wrongly_answered=answered,
        confidence=confidence,
        error_upper=binomial_upper(planned + answered, len(decided), confidence),
        repeated=sum(request.text in known for request in requests),
    )
