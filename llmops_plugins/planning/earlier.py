"""What an earlier plan for the same request did, and what a new one may not do because of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.plan.complaints import Complaint, quoted
from llmops_plugins.planning.plan.plan import Task

__all__ = ["Earlier"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Earlier:
    """What was done before.

    Args:
        assignments: The tasks, and who did them.
        outcomes: How they ended, by task id.
    """

    assignments: Sequence[Assignment]
    outcomes: Mapping[str, TaskOutcome]

    @cached_property
    def kept(self) -> dict[str, Task]:
        """The tasks whose results can be used, by id."""
        return {task_id: self.task(task_id) for task_id, one in self.outcomes.items() if one.usable}

    @cached_property
    def touched(self) -> frozenset[str]:
        """Kinds of tasks that failed and may have changed something all the same."""
        return frozenset(
            one.task.kind
            for one in self.assignments
            if one.side_effects and self._may_have_acted(self.outcomes.get(one.task.id))
        )

    def task(self, task_id: str) -> Task:
        """Return a task by its id."""
        return self._tasks[task_id]

    def is_restated(self, raw: Mapping[str, Any]) -> bool:
        """Tell whether a raw task of a new plan is one of those that succeeded, written down again."""
        known = self.kept.get(str(raw.get("id")))
        return known is not None and known.kind == raw.get("kind") and known.arguments == raw.get("arguments")

    def complaints(self, tasks: Sequence[Task]) -> Iterator[Complaint]:
        """Yield what is wrong with new tasks, given what was done.

        Args:
            tasks: The tasks.
        """
        for task in tasks:
            name = f"Task {quoted(task.id)}"
            if task.id in self.outcomes:
                sentence = f"{name} has the id of an earlier task: give it a new one."
                yield Complaint(task_id=task.id, code="used_id", sentence=sentence)
            lost = [one for one in task.dependencies if one in self.outcomes and one not in self.kept]
            for other in lost:
                sentence = f"{name} refers to {quoted(other)}, which failed or was skipped and has no result."
                yield Complaint(task_id=task.id, code="lost_reference", sentence=sentence)
            same = next((one for one, known in self.kept.items() if _is_same(known, task)), None)
            if same is not None:
                sentence = f"{name} was done already: refer to {quoted(same)} and leave it out."
                yield Complaint(task_id=task.id, code="done_already", sentence=sentence)
            if task.kind in self.touched:
                sentence = (
                    f"{name} is of the kind {quoted(task.kind)}, of which one failed that may have had its "
                    "effect: leave it out."
                )
                yield Complaint(task_id=task.id, code="may_have_acted", sentence=sentence)

    @cached_property
    def _tasks(self) -> dict[str, Task]:
        return {one.task.id: one.task for one in self.assignments}

    @staticmethod
    def _may_have_acted(outcome: TaskOutcome | None) -> bool:
        if outcome is None:
            return False
        asked = outcome.attempts > 0 or outcome.status == "cancelled"
        return asked and outcome.status in ("failed", "defaulted", "cancelled")


def _is_same(known: Task, task: Task) -> bool:
    return known.kind == task.kind and known.arguments == task.arguments
