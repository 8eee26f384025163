"""The first stage as a flow: whether to plan, the plan, and who does its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AnyMessage

from llmops_plugins.effects import Emit, Flow
from llmops_plugins.events import Decision
from llmops_plugins.failures import warn_once
from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.need_flow import need_flow
from llmops_plugins.planning.plan.complaints import Complaint
from llmops_plugins.planning.plan.errors import PlanInvalidError
from llmops_plugins.planning.plan_making import MadePlan, PlanMaking
from llmops_plugins.planning.planner import Planner

__all__ = [
    "Planning",
    "PlanningOutcome",
    "error_decision",
    "failed_open",
    "plan_flow",
    "planned",
    "replan_flow",
]

PlanningOutcome = Literal["planned", "replanned", "direct", "invalid", "failed_open"]
"""How a request is answered: by experts, by experts after a second plan, or by the controller alone: since it
needs no plan, since there is none that can run, or since planning failed."""

_MOST_COMPLAINTS = 20


@dataclass(frozen=True, kw_only=True)
class Planning:
    """What planning came to.

    Args:
        outcome: How the request is answered.
        reason: Why, in one sentence.
        assignments: The tasks that are to be done, and by whom.
        hidden: Ids of the replies that it took.
        complaints: What was wrong with the last plan.
    """

    outcome: PlanningOutcome
    reason: str
    assignments: tuple[Assignment, ...] = ()
    hidden: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = ()

    def notes(self) -> dict[str, Any]:
        """Return what a decision says of it, as plain data."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "hidden": list(self.hidden),
            "complaints": [one.sentence for one in self.complaints[:_MOST_COMPLAINTS]],
        }


def plan_flow(planner: Planner, messages: Sequence[AnyMessage], tenant: str) -> Flow[Planning]:
    """Decide whether a request is planned, plan it, and choose experts.

    Args:
        planner: Who plans.
        messages: The conversation.
        tenant: Whose it is.

    Raises:
        PlanInvalidError: If there is no plan that can run, and such a request is not answered otherwise.
        Exception: What the controller raised, likewise.
    """
    need = yield from need_flow(planner, messages)
    if not need.needed:
        return Planning(outcome="direct", reason=f"It needs no plan: {need.reason}.", hidden=need.hidden)
    making = PlanMaking(planner, messages, tenant)
    making.hidden += need.hidden
    try:
        made = yield from making.make_flow()
        return planned(planner, made, making.hidden, f"It needs a plan: {need.reason}.")
    except Exception as error:
        if planner.on_invalid == "fail":
            yield Emit(error_decision(error, making.hidden))
            raise
        return failed_open(planner, error, making.hidden)


def replan_flow(
    planner: Planner, messages: Sequence[AnyMessage], tenant: str, earlier: Earlier
) -> Flow[Planning]:
    """Plan what is still missing. Without such a plan the answer is written from what there is.

    Args:
        planner: Who plans.
        messages: The conversation.
        tenant: Whose it is.
        earlier: What was done.
    """
    making = PlanMaking(planner, messages, tenant, earlier)
    try:
        made = yield from making.make_flow()
    except Exception as error:  # noqa: BLE001 - providers raise anything, and there are results to answer from
        warn_once("planning again", error, "check the controller")
        made, problem = MadePlan(), f"planning again failed ({type(error).__name__})"
    else:
        problem = "no second plan can run" if made.complaints else "nothing more can be done"
    hidden = tuple(making.hidden)
    if not made.assignments:
        reason = f"Tasks failed, and {problem}."
        return Planning(outcome="planned", reason=reason, hidden=hidden, complaints=made.complaints)
    reason = f"Tasks failed, and {len(made.assignments)} more were planned in their place."
    return Planning(outcome="replanned", reason=reason, hidden=hidden, assignments=made.assignments)


def planned(planner: Planner, made: MadePlan, hidden: Sequence[str], reason: str) -> Planning:
    """Return what a plan that was made comes to.

    Args:
        planner: Who planned.
        made: The plan.
        hidden: Ids of the replies that it took.
        reason: Why it was asked for, in one sentence.

    Raises:
        PlanInvalidError: If it cannot run, and the request is not answered otherwise.
    """
    if made.complaints:
        if planner.on_invalid == "fail":
            raise PlanInvalidError([one.sentence for one in made.complaints])
        sentence = f"No plan can run, the controller answers: {made.complaints[0].sentence}"
        return Planning(outcome="invalid", reason=sentence, hidden=tuple(hidden), complaints=made.complaints)
    if not made.assignments:
        nothing = "The controller found nothing in it for an expert to do."
        return Planning(outcome="direct", reason=nothing, hidden=tuple(hidden))
    return Planning(outcome="planned", reason=reason, hidden=tuple(hidden), assignments=made.assignments)


def error_decision(error: Exception, hidden: Sequence[str]) -> Decision:
    """Return what is announced of a request whose planning ends in an error.

    Args:
        error: The error.
        hidden: Ids of the replies that it took.
    """
    invalid = isinstance(error, PlanInvalidError)
    complaints = list(error.complaints[:_MOST_COMPLAINTS]) if isinstance(error, PlanInvalidError) else []
    problem = "No plan can run" if invalid else f"Planning failed with {type(error).__name__}"
    return Decision(
        capability="planning",
        outcome="invalid" if invalid else "failed",
        reason=f"{problem}, and that is an error.",
        hidden=tuple(hidden),
        details={"tasks": 0, "complaints": complaints},
    )


def failed_open(planner: Planner, error: Exception, hidden: Sequence[str]) -> Planning:
    """Return that planning failed and the controller answers, or raise what it failed with.

    Args:
        planner: Who planned.
        error: What it failed with.
        hidden: Ids of the replies that it took.

    Raises:
        Exception: The error that it is given, if such a request is not answered otherwise.
    """
    if planner.on_invalid == "fail":
        raise error
    warn_once("planning", error, "check the controller")
    reason = f"Planning failed with {type(error).__name__}, the controller answers."
    return Planning(outcome="failed_open", reason=reason, hidden=tuple(hidden))
