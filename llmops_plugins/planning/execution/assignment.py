"""What an execution is given, what it says while it runs, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.setting_checks import check_count, check_instance, check_seconds

__all__ = ["Assignment", "ExecutionEvent", "ExecutionLimits", "ExecutionResult", "Observe"]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A task, and who is to do it.

    Args:
        task: The task.
        expert: Who is asked.
        fallback: Who is asked once that one has failed, or None.
        side_effects: Whether it changes something. Such a task is given to one expert one time, since one
            that failed may have changed it, and runs while no other one of them does. One that is late is
            given its time once more to end by itself; if it does not, no other one of them starts.
        timeout_s: Seconds an expert has, in place of the limit for all tasks.
    """

    task: Task
    expert: str
    fallback: str | None = None
    side_effects: bool = False
    timeout_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the assignment as plain data."""
        return {**vars(self), "task": self.task.model_dump(mode="json")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Assignment:
        """Return the assignment that :meth:`to_dict` gave as plain data."""
        return cls(**{**data, "task": Task.model_validate(data["task"])})


@dataclass(frozen=True, kw_only=True)
class ExecutionLimits:
    """What an execution may take.

    Args:
        concurrency: Most tasks that run at the same time.
        deadline_s: Seconds for the whole plan, after which what has not ended is cancelled; None for none.
        attempts: How often a task is tried, and for how long.
        result_characters: Most characters of a task's result, as JSON; a larger one is a failed attempt.
        argument_characters: Most characters of results that are put into one task's arguments.

    Raises:
        ConfigurationError: If nothing could run, or there is no time or room.
    """

    concurrency: int = 16
    deadline_s: float | None = 600.0
    attempts: Attempts = field(default_factory=Attempts)
    result_characters: int = 200_000
    argument_characters: int = 400_000

    def __post_init__(self) -> None:
        check_count("limits.concurrency", self.concurrency, "lets no task run, give a number from 1")
        if self.deadline_s is not None:
            check_seconds("limits.deadline_s", self.deadline_s, "None for no limit, or seconds")
        check_instance("limits.attempts", self.attempts, Attempts)
        for name in ("result_characters", "argument_characters"):
            check_count(f"limits.{name}", getattr(self, name), "leaves no room, give a number from 1")


@dataclass(frozen=True, kw_only=True)
class ExecutionEvent:
    """What an execution says while it runs.

    Args:
        event: ``plan`` once the plan is complete, ``task_started`` for each task that runs, and
            ``task_ended`` for every task.
        task_ids: The plan's tasks, in its order; else the one task.
        kind: The task's kind.
        expert: Who is asked first.
        outcome: How the task ended.
        replayed: Whether the outcome was kept from before the run was interrupted.
    """

    event: Literal["plan", "task_started", "task_ended"]
    task_ids: tuple[str, ...]
    kind: str | None = None
    expert: str | None = None
    outcome: TaskOutcome | None = None
    replayed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the event as plain data, as it is streamed."""
        outcome = None if self.outcome is None else self.outcome.to_dict()
        return {**vars(self), "task_ids": list(self.task_ids), "outcome": outcome}


Observe = Callable[[ExecutionEvent], None]
"""Hears each event, one after the other, in the thread or event loop that the execution was called in."""


@dataclass(frozen=True, kw_only=True)
class ExecutionResult:
    """How a plan's execution ended.

    Args:
        outcomes: How each task ended, by id in the plan's order.
        results: What can be used: the results of tasks that succeeded, defaults, and those from before.
        assignments: The tasks as they were done, by id, those included that were kept from an earlier run.
        replayed: Ids of the tasks whose outcome was kept from before the run was interrupted.
    """

    outcomes: Mapping[str, TaskOutcome]
    results: Mapping[str, Any]
    assignments: Mapping[str, Assignment]
    replayed: frozenset[str] = frozenset()
