"""What `llmops plan` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmops_plugins.cli.render import console, literal, new_table, print_json, print_notes, print_table, usd

if TYPE_CHECKING:
    from llmops_plugins.planning.execution.assignment import Assignment
    from llmops_plugins.planning.experts.expert import Expert
    from llmops_plugins.planning.plan_cost import PlanEstimate
    from llmops_plugins.planning.planning_flow import Planning

__all__ = ["print_planning"]


def print_planning(planning: Planning, experts: Sequence[Expert], *, json: bool) -> None:
    """Print a plan, who would do it, and what it is thought to cost.

    Args:
        planning: The plan, or why there is none.
        experts: Who there is.
        json: Whether to print JSON.
    """
    from llmops_plugins.planning.plan_cost import estimate_plan

    estimate = estimate_plan(planning.assignments, experts)
    if json:
        print_json(_data(planning, estimate))
        return
    out = console()
    if not planning.assignments:
        out.print(f"no plan: {literal(planning.reason)}")
        return
    table = new_table(["task", "kind", "expert", "fallback", "needs"], ["est. cost", "est. seconds"])
    for one, thought in zip(planning.assignments, estimate.tasks, strict=True):
        table.add_row(
            literal(one.task.id),
            literal(one.task.kind),
            literal(f"{one.expert} (side effects)" if one.side_effects else one.expert),
            literal(one.fallback),
            literal(", ".join(one.task.dependencies) or None),
            usd(thought.cost_usd),
            _seconds(thought.seconds),
        )
    print_table(out, table)
    unknown = estimate.unknown_costs
    cost = usd(estimate.known_cost_usd if unknown else estimate.cost_usd, partial=bool(unknown))
    out.print(f"experts only {cost}, in seconds {_seconds(estimate.seconds)}, if nothing fails")
    out.print("planning, routing and answering come on top")
    out.print(f"critical path {literal(' -> '.join(estimate.critical_path))}")
    notes = [f"* without {', '.join(unknown)}, whose cost nobody knows"] if unknown else []
    print_notes(out, notes)


def _data(planning: Planning, estimate: PlanEstimate) -> dict[str, Any]:
    return {
        "outcome": planning.outcome,
        "reason": planning.reason,
        "tasks": [_task(one) for one in planning.assignments],
        "estimate": estimate.to_dict(),
    }


def _task(one: Assignment) -> dict[str, Any]:
    data = one.to_dict()
    return {**data.pop("task"), **data, "needs": list(one.task.dependencies)}


def _seconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:,.1f}"
