"""What the planner's nodes write into the state, say in the stream, and learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from langgraph.config import get_stream_writer

from llmops_plugins.effects import Flow
from llmops_plugins.planning.execution.assignment import Assignment, ExecutionEvent, Observe
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.planner_state import PlannerState, assignments_in, outcomes_in
from llmops_plugins.planning.planning_flow import Planning

__all__ = [
    "Outcomes",
    "begun",
    "left_to_do",
    "observer",
    "plain_outcomes",
    "replanned",
    "said",
    "settle_flow",
    "usable_results",
]

Outcomes: TypeAlias = Mapping[str, TaskOutcome]
"""How tasks ended, by id."""


def begun(planning: Planning, tenant: str) -> dict[str, Any]:
    """Return the update of a request that was planned or is not; what was before is gone."""
    assignments = [one.to_dict() for one in planning.assignments]
    return {
        "plan": _plan_of(assignments) if assignments else None,
        "outcomes": {},
        "planned": planning.outcome == "planned",
        "assignments": assignments,
        "replans": 0,
        "planning": planning.notes(),
        "tenant": tenant,
    }


def replanned(state: PlannerState, planning: Planning) -> dict[str, Any]:
    """Return the update of a request that was planned again."""
    assignments = [*state["assignments"], *(one.to_dict() for one in planning.assignments)]
    before, now = state["planning"], planning.notes()
    hidden = [*before["hidden"], *now["hidden"]]
    return {
        "plan": _plan_of(assignments),
        "assignments": assignments,
        "replans": 1,
        "planning": {**now, "hidden": hidden},
    }


def _plan_of(assignments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"tasks": [one["task"] for one in assignments]}


def said(update: dict[str, Any]) -> dict[str, Any]:
    """Stream a plan, who does its tasks included, to those who listen to custom events."""
    if update["plan"] is not None:
        experts = {one["task"]["id"]: one["expert"] for one in update["assignments"]}
        get_stream_writer()({"type": "plan", "plan": update["plan"], "experts": experts})
    return update


def observer() -> Observe:
    """Return what streams an execution's events to those who listen to custom events."""
    write = get_stream_writer()

    def observe(event: ExecutionEvent) -> None:
        if event.event != "plan":  # the node that planned has said it
            data = event.to_dict()
            (data["task"],) = data.pop("task_ids")
            write({"type": data.pop("event"), **data})

    return observe


def left_to_do(state: PlannerState, observe: Observe) -> tuple[list[Assignment], dict[str, TaskOutcome]]:
    """Return the tasks that are to be done, and how those ended that are not, some of which are skipped."""
    ended = outcomes_in(state)
    pending = [one for one in assignments_in(state) if one.task.id not in ended]
    while skipped := {one.task.id: why for one in pending if (why := _reason_to_skip(one, ended, state))}:
        for one in pending:
            if one.task.id in skipped:
                outcome = skipped[one.task.id]
                ended[one.task.id] = outcome
                observe(
                    ExecutionEvent(
                        event="task_ended",
                        task_ids=(one.task.id,),
                        kind=one.task.kind,
                        expert=one.expert,
                        outcome=outcome,
                    )
                )
        pending = [one for one in pending if one.task.id not in skipped]
    return pending, ended


def _reason_to_skip(one: Assignment, ended: Outcomes, state: PlannerState) -> TaskOutcome | None:
    """Return that a task is skipped, if one failed early that it needs, or that ends the plan."""
    ends_all = () if state["replans"] else [task for task in state["assignments"] if _ended_all(task, ended)]
    running = next((task_id for task_id, other in ended.items() if other.still_running), None)
    if one.side_effects and running is not None:
        error = f"task {running}, which has side effects too, may still be running"
        return TaskOutcome(status="skipped", because_of=running, error=error)
    needed = [other for other in one.task.dependencies if other in ended and not ended[other].usable]
    failed = next(iter(needed), None) or next((task["task"]["id"] for task in ends_all), None)
    if failed is None:
        return None
    failed = ended[failed].because_of or failed
    return TaskOutcome(status="skipped", because_of=failed, error=f"task {failed} failed")


def _ended_all(assignment: Mapping[str, Any], ended: Outcomes) -> bool:
    task = assignment["task"]
    outcome = ended.get(task["id"])
    return task["on_failure"] == "fail_plan" and outcome is not None and outcome.status == "failed"


def usable_results(ended: Outcomes) -> dict[str, Any]:
    """Return the results that tasks may refer to, by task id."""
    return {task_id: one.result for task_id, one in ended.items() if one.usable}


def plain_outcomes(outcomes: Outcomes) -> dict[str, dict[str, Any]]:
    """Return outcomes as the state holds them."""
    return {task_id: one.to_dict() for task_id, one in outcomes.items()}


def settle_flow(
    planner: Planner, tenant: str, assignments: Iterable[Assignment], outcomes: Outcomes
) -> Flow[None]:
    """Learn from how tasks ended."""
    for one in assignments:
        outcome = outcomes[one.task.id]
        yield from planner.chooser.settle_flow(one, outcome, tenant=tenant, costs=outcome.costs_usd)
