"""What a plan is thought to cost and to take, before anything is done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.outcomes import Standings

__all__ = ["PlanEstimate", "TaskEstimate", "estimate_plan"]


@dataclass(frozen=True, kw_only=True)
class TaskEstimate:
    """What a task is thought to cost and to take, if its expert succeeds at once.

    Args:
        task_id: The task.
        expert: Who does it.
        cost_usd: USD, or None where nobody knows.
        seconds: Seconds, likewise.
    """

    task_id: str
    expert: str
    cost_usd: float | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class PlanEstimate:
    """What a plan is thought to cost and to take. What is not known of a task is not taken for nothing.

    Args:
        tasks: One a task, in the plan's order.
        critical_path: Ids of the tasks that take longest one after the other, as far as times are known;
            where none is, the longest chain.
    """

    tasks: tuple[TaskEstimate, ...]
    critical_path: tuple[str, ...]

    @property
    def cost_usd(self) -> float | None:
        """USD of all tasks, or None if one is unknown."""
        return _sum(one.cost_usd for one in self.tasks)

    @property
    def known_cost_usd(self) -> float:
        """USD of the tasks whose cost is known."""
        return math.fsum(one.cost_usd for one in self.tasks if one.cost_usd is not None)

    @property
    def unknown_costs(self) -> tuple[str, ...]:
        """Ids of the tasks whose cost nobody knows."""
        return tuple(one.task_id for one in self.tasks if one.cost_usd is None)

    @property
    def seconds(self) -> float | None:
        """Seconds of the critical path, or None if a task's are unknown, since that may be the longest."""
        if any(one.seconds is None for one in self.tasks):
            return None
        return _sum(one.seconds for one in self.tasks if one.task_id in self.critical_path)

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain data."""
        return {
            "cost_usd": self.cost_usd,
            "known_cost_usd": self.known_cost_usd,
            "unknown_costs": list(self.unknown_costs),
            "seconds": self.seconds,
            "critical_path": list(self.critical_path),
            "tasks": [vars(one) for one in self.tasks],
        }


def estimate_plan(
    assignments: Sequence[Assignment], experts: Iterable[Expert], standings: Standings | None = None
) -> PlanEstimate:
    """Return what a plan is thought to cost and to take.

    Args:
        assignments: Its tasks, and who does them.
        experts: All experts; what their cards say counts where no outcome does.
        standings: How they fared.
    """
    cards, known = {one.name: one for one in experts}, standings or {}
    tasks = []
    for one in assignments:
        card, fared = cards[one.expert], known.get((one.expert, one.task.kind))
        tasks.append(
            TaskEstimate(
                task_id=one.task.id,
                expert=one.expert,
                cost_usd=_first(fared.cost_usd if fared else None, card.cost_usd),
                seconds=_first(fared.seconds if fared else None, card.latency_seconds),
            )
        )
    seconds = {one.task_id: one.seconds for one in tasks}
    return PlanEstimate(tasks=tuple(tasks), critical_path=_critical_path(assignments, seconds))


def _critical_path(assignments: Sequence[Assignment], seconds: Mapping[str, float | None]) -> tuple[str, ...]:
    """Return the slowest chain; the schedule lets tasks start as soon as what they need has ended."""
    needs = {
        one.task.id: [other for other in one.task.dependencies if other in seconds] for one in assignments
    }
    ends: dict[str, tuple[float, int]] = {}
    for start in needs:
        pending = [start]
        while pending:
            waiting = [other for other in needs[pending[-1]] if other not in ends]
            if waiting:
                pending += waiting
                continue
            task_id = pending.pop()
            before = max((ends[other] for other in needs[task_id]), default=(0.0, 0))
            ends[task_id] = (before[0] + (seconds[task_id] or 0.0), before[1] + 1)
    path: list[str] = []
    last = max(ends, key=lambda one: ends[one], default=None)
    while last is not None:
        path.append(last)
        last = max(needs[last], key=lambda one: ends[one], default=None)
    return tuple(reversed(path))


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _sum(values: Iterable[float | None]) -> float | None:
    listed = list(values)
    return None if None in listed else math.fsum(value for value in listed if value is not None)
