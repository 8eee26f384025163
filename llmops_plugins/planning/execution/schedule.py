"""Which task of a plan may start now: a state machine that is told what happens, and does nothing itself.

LLMCompiler's task fetching unit (Kim et al. 2023, https://arxiv.org/abs/2312.04511, section 3.2) with a
failure path: a task that failed never releases its dependants, and one with side effects that may still be
running never lets another one of them start. Every event takes constant time for each task
and dependency that it settles, so a plan takes time in proportion to its size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from llmops_plugins.planning.execution.task_outcome import TaskOutcome

__all__ = ["Schedule", "ScheduledTask"]


@dataclass(frozen=True, kw_only=True)
class ScheduledTask:
    """What the schedule has to know of a task.

    Args:
        id: Its name.
        dependencies: Ids of the tasks whose results it needs.
        on_failure: What becomes of the others when it fails.
        default: What its dependants get where ``on_failure`` is ``"default"``.
        side_effects: Whether it changes something: such tasks run one at a time, in the plan's order.
    """

    id: str
    dependencies: tuple[str, ...] = ()
    on_failure: Literal["fail_plan", "skip_dependants", "default"] = "skip_dependants"
    default: Any = None
    side_effects: bool = False


class Schedule:
    """Says which tasks are ready, and how those ended that were never started.

    Args:
        known: Ids whose results there are from before, so that tasks may depend on them.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.outcomes: dict[str, TaskOutcome] = {}
        self._known = frozenset(known)
        self._tasks: dict[str, ScheduledTask] = {}
        self._unmet: dict[str, int] = {}
        self._waiters: dict[str, list[str]] = {}
        self._ready: deque[str] = deque()
        self._running: set[str] = set()
        self._lane: deque[str] = deque()
        self._lane_waits: set[str] = set()
        self._lane_runs: str | None = None
        self._lane_blocked_by: str | None = None
        self._closed = False
        self._failed_by: str | None = None
        self._settled: list[str] = []

    @property
    def finished(self) -> bool:
        """Whether nothing is running and nothing will start."""
        ended = len(self.outcomes) == len(self._tasks)
        return ended and (self._closed or self._failed_by is not None)

    @property
    def running(self) -> frozenset[str]:
        """Ids of the tasks that were started and have not ended."""
        return frozenset(self._running)

    def add(self, task: ScheduledTask) -> list[str]:
        """Add a task to the plan, which may be running already.

        Returns:
            Ids of the tasks that ended by it, such as itself where what it needs has failed.

        Raises:
            ValueError: If there is a task of that id, or the plan is closed.
        """
        if self._closed or task.id in self._tasks or task.id in self._known:
            problem = "the plan is closed" if self._closed else "there is one already"
            raise ValueError(f"task {task.id}: {problem}")
        self._tasks[task.id] = task
        if task.side_effects:
            self._lane.append(task.id)
        if self._failed_by is not None:
            self._skip(task.id, self._failed_by)
        elif task.side_effects and self._lane_blocked_by is not None:
            self._skip_in_lane(task.id, self._lane_blocked_by)
        else:
            self._await_dependencies(task)
        return self._news()

    def close(self) -> list[str]:
        """Say that the plan is complete: a task that waits for one that never came fails.

        Returns:
            Ids of the tasks that ended by it.
        """
        self._closed = True
        for missing in [one for one in self._waiters if one not in self._tasks]:
            for waiter in self._waiters.pop(missing):
                if waiter not in self.outcomes:
                    self._fail(waiter, "LookupError", f"reference {missing!r}: the plan has no such task")
        return self._news()

    def next_ready(self) -> str | None:
        """Return the id of the task to start next, or None; asking changes nothing."""
        return self._ready[0] if self._ready else None

    def started(self, task_id: str) -> None:
        """Say that the next ready task was started.

        Raises:
            ValueError: If it is another one.
        """
        if self.next_ready() != task_id:
            raise ValueError(f"task {task_id}: it is not the next that is ready")
        self._ready.popleft()
        self._running.add(task_id)

    def ended(self, task_id: str, outcome: TaskOutcome) -> list[str]:
        """Say how a running task ended.

        Returns:
            Ids of the tasks that ended by it: itself, and those that are skipped for it.

        Raises:
            ValueError: If it is not running.
        """
        if task_id not in self._running:
            raise ValueError(f"task {task_id}: it is not running")
        self._running.discard(task_id)
        self._end(task_id, outcome)
        return self._news()

    def cancel(self, reason: str) -> list[str]:
        """Cancel every task that has not ended, running or not.

        Returns:
            Their ids.
        """
        self._closed = True
        self._running.clear()
        self._ready.clear()
        for task_id in self._tasks:
            if task_id not in self.outcomes:
                self._settle(task_id, TaskOutcome(status="cancelled", error=reason))
        return self._news()

    def _await_dependencies(self, task: ScheduledTask) -> None:
        unmet = 0
        for dependency in dict.fromkeys(task.dependencies):
            outcome = self.outcomes.get(dependency)
            if outcome is not None and not outcome.usable:
                self._skip(task.id, outcome.because_of or dependency)
                self._skip_dependants(task.id, outcome.because_of or dependency)
                return
            if outcome is None and dependency not in self._known:
                unmet += 1
                self._waiters.setdefault(dependency, []).append(task.id)
        self._unmet[task.id] = unmet
        if not unmet:
            self._is_ready(task.id)

    def _is_ready(self, task_id: str) -> None:
        if self._tasks[task_id].side_effects:
            self._lane_waits.add(task_id)
        else:
            self._ready.append(task_id)

    def _end(self, task_id: str, outcome: TaskOutcome) -> None:
        task = self._tasks[task_id]
        if outcome.status == "failed" and task.on_failure == "default":
            outcome = replace(outcome, status="defaulted", result=task.default)
        self._settle(task_id, outcome)
        if outcome.still_running and task.side_effects:
            self._block_lane(task_id)
        if outcome.usable:
            self._release(task_id)
        elif outcome.status == "failed" and task.on_failure == "fail_plan" and self._failed_by is None:
            self._fail_plan(task_id)
        else:
            self._skip_dependants(task_id, task_id)

    def _release(self, task_id: str) -> None:
        for waiter in self._waiters.pop(task_id, ()):
            if waiter not in self.outcomes:
                self._unmet[waiter] -= 1
                if not self._unmet[waiter]:
                    self._is_ready(waiter)

    def _skip_dependants(self, task_id: str, failed: str) -> None:
        pending = [task_id]
        while pending:
            for waiter in self._waiters.pop(pending.pop(), ()):
                if waiter not in self.outcomes:
                    self._skip(waiter, failed)
                    pending.append(waiter)

    def _block_lane(self, task_id: str) -> None:
        self._lane_blocked_by = task_id
        for waiting in self._lane:
            if waiting not in self.outcomes:
                self._skip_in_lane(waiting, task_id)

    def _skip_in_lane(self, task_id: str, running: str) -> None:
        error = f"task {running}, which has side effects too, may still be running"
        self._settle(task_id, TaskOutcome(status="skipped", because_of=running, error=error))
        self._skip_dependants(task_id, running)

    def _fail_plan(self, failed: str) -> None:
        self._failed_by = failed
        self._ready.clear()
        for task_id in self._tasks:
            if task_id not in self.outcomes and task_id not in self._running:
                self._skip(task_id, failed)

    def _fail(self, task_id: str, error_type: str, error: str) -> None:
        self._end(task_id, TaskOutcome(status="failed", error=error, error_type=error_type))

    def _skip(self, task_id: str, because_of: str) -> None:
        error = f"task {because_of} failed"
        self._settle(task_id, TaskOutcome(status="skipped", because_of=because_of, error=error))

    def _settle(self, task_id: str, outcome: TaskOutcome) -> None:
        self.outcomes[task_id] = outcome
        self._settled.append(task_id)
        self._lane_waits.discard(task_id)
        if self._lane_runs == task_id:
            self._lane_runs = None

    def _news(self) -> list[str]:
        self._advance_lane()
        while self._stalled():
            self._fail_a_cycle()
            self._advance_lane()
        news, self._settled = self._settled, []
        return news

    def _advance_lane(self) -> None:
        """Let the next task with side effects be ready, if none is."""
        while self._lane and self._lane[0] in self.outcomes:
            self._lane.popleft()
        if self._lane_runs is not None or not self._lane_waits:
            return
        first = self._lane[0]
        if first in self._lane_waits:
            self._let_run(first)
        elif self._closed and not self._ready and not self._running:
            # The plan names a task before one that it needs: everything waits for a later one to go first.
            self._let_run(self._needed_by(first))

    def _let_run(self, task_id: str) -> None:
        self._lane_waits.discard(task_id)
        self._lane_runs = task_id
        self._ready.append(task_id)

    def _needed_by(self, first: str) -> str:
        pending, seen, needed = [first], {first}, set()
        while pending:
            for one in self._tasks[pending.pop()].dependencies:
                if one in self._tasks and one not in self.outcomes and one not in seen:
                    seen.add(one)
                    pending.append(one)
                    needed.add(one)
        candidates = [one for one in self._lane if one in self._lane_waits]
        return next((one for one in candidates if one in needed), candidates[0])

    def _stalled(self) -> bool:
        return self._closed and not self.finished and not self._ready and not self._running

    def _fail_a_cycle(self) -> None:
        """Fail a task that waits for itself, whatever its policy lets run then."""
        path: dict[str, None] = {}
        task_id = next(one for one in self._tasks if one not in self.outcomes)
        while task_id not in path:
            path[task_id] = None
            waits_for = self._tasks[task_id].dependencies
            task_id = next(one for one in waits_for if one in self._tasks and one not in self.outcomes)
        self._fail(task_id, "ValueError", f"task {task_id} waits for itself, its dependencies are a cycle")
