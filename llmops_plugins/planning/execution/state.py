"""What an execution knows: who does which task, what has ended, and what may start. It does no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.errors import GraphInterrupt

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.planning.execution.assignment import (
    Assignment,
    ExecutionEvent,
    ExecutionLimits,
    ExecutionResult,
    Observe,
)
from llmops_plugins.planning.execution.attempts import TaskCall
from llmops_plugins.planning.execution.schedule import Schedule, ScheduledTask
from llmops_plugins.planning.execution.task_outcome import TaskOutcome, error_text
from llmops_plugins.planning.plan.references import ArgumentsTooLargeError, UnresolvedReferenceError, resolve

__all__ = ["ExecutionState", "News", "Start"]


@dataclass
class News:
    """What happened since the execution last looked.

    Args:
        ended: Ids of tasks that ended.
        added: Tasks that joined the plan.
        closed: Whether the plan is complete.
    """

    ended: list[str] = field(default_factory=list)
    added: list[Assignment] = field(default_factory=list)
    closed: bool = False

    def __bool__(self) -> bool:
        return bool(self.ended or self.added or self.closed)

    def without(self, taken: News) -> News:
        """Return the news that were not yet taken."""
        ids = {one.task.id for one in taken.added}
        return News(
            ended=[one for one in self.ended if one not in set(taken.ended)],
            added=[one for one in self.added if one.task.id not in ids],
            closed=self.closed and not taken.closed,
        )


@dataclass(frozen=True, kw_only=True)
class Start:
    """A task that is to be started now."""

    assignment: Assignment
    call: TaskCall


class ExecutionState:
    """Keeps the schedule, the results and what stops it.

    Args:
        limits: What the execution may take.
        results: Results from before, by task id, to which tasks may refer.
        observe: Hears the events.
    """

    def __init__(
        self, limits: ExecutionLimits, results: Mapping[str, Any] | None, observe: Observe | None
    ) -> None:
        self.limits = limits
        self.results = dict(results or {})
        self.closed = False
        self._observe = observe or (lambda event: None)
        self._schedule = Schedule(known=self.results)
        self._assignments: dict[str, Assignment] = {}
        self._replayed: set[str] = set()
        self._errors: list[BaseException] = []
        self._broken_off: BaseException | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing is running and nothing will start.

        An interrupt waits for the plan to be complete: a run that resumes could not go on with half of it.
        """
        if not self.failed:
            return self._schedule.finished
        interrupted = all(isinstance(one, GraphInterrupt) for one in self._errors)
        return not self._schedule.running and (self.closed or not interrupted)

    @property
    def failed(self) -> bool:
        """Whether it ends with an exception, so that nothing starts any more."""
        return bool(self._errors) or self._broken_off is not None

    @property
    def running(self) -> frozenset[str]:
        """Ids of the tasks that were started and have not ended."""
        return self._schedule.running

    def starts(self) -> Iterator[Start]:
        """Yield the tasks that are to start now, each of which then counts as running."""
        while not self.failed and len(self.running) < self.limits.concurrency:
            task_id = self._schedule.next_ready()
            if task_id is None:
                return
            self._schedule.started(task_id)
            assignment = self._assignments[task_id]
            task = assignment.task
            try:
                arguments = resolve(task.arguments, self.results, self.limits.argument_characters)
            except (UnresolvedReferenceError, ArgumentsTooLargeError) as error:
                self.ended(task_id, _failed(error))
                continue
            self._say("task_started", task_id)
            call = TaskCall(task_id=task_id, kind=task.kind, arguments=arguments, expert=assignment.expert)
            yield Start(assignment=assignment, call=call)

    def take(self, news: News, outcomes: Mapping[str, TaskOutcome], replayed: frozenset[str]) -> None:
        """Act on what happened.

        Args:
            news: What.
            outcomes: How the tasks among it ended.
            replayed: Ids of those whose outcome was kept from before.
        """
        for one in news.added:
            self.add(one)
        if news.closed:
            self.close()
        for task_id in news.ended:
            self.ended(task_id, outcomes[task_id], replayed=task_id in replayed)

    def add(self, assignment: Assignment) -> None:
        """Add a task; one that is there already is left as it is, since it may be running."""
        task = assignment.task
        if task.id in self._assignments or task.id in self.results or self.closed:
            return
        self._assignments[task.id] = assignment
        scheduled = ScheduledTask(
            id=task.id,
            dependencies=task.dependencies,
            on_failure=task.on_failure,
            default=task.default,
            side_effects=assignment.side_effects,
        )
        self._note(self._schedule.add(scheduled))

    def close(self) -> None:
        """Say that the plan is complete."""
        if not self.closed:
            self.closed = True
            self._observe(ExecutionEvent(event="plan", task_ids=tuple(self._assignments)))
            self._note(self._schedule.close())

    def ended(self, task_id: str, outcome: TaskOutcome, *, replayed: bool = False) -> None:
        """Say how a running task ended."""
        if replayed:
            self._replayed.add(task_id)
        self._note(self._schedule.ended(task_id, outcome), replayed=task_id if replayed else None)

    def fail(self, error: BaseException, task_id: str | None = None) -> None:
        """End with an exception, once the tasks that are running have ended.

        Args:
            error: The exception: an interrupt, a veto, or what went wrong with the plan itself.
            task_id: The running task that raised it, or None.
        """
        if task_id is None:
            self.closed = True  # it is read no further
        if task_id is None and not isinstance(error, NEVER_SWALLOWED):
            self._broken_off = error
            return
        self._errors.append(error)
        if task_id is not None:
            self._schedule.ended(task_id, TaskOutcome(status="cancelled", error=error_text(error)))

    def cancel(self, reason: str) -> None:
        """Cancel every task that has not ended."""
        self.closed = True
        self._note(self._schedule.cancel(reason))

    def result(self) -> ExecutionResult:
        """Return how the tasks ended.

        Raises:
            BaseException: A veto, or else what else went wrong, or else all interrupts as one, or else why
                the plan could not be read to its end: who was asked something is answered first.
        """
        interrupts = [one for one in self._errors if isinstance(one, GraphInterrupt)]
        others = [one for one in self._errors if not isinstance(one, GraphInterrupt)]
        others.sort(key=lambda error: not isinstance(error, BudgetExceeded))
        if others:
            raise others[0]
        if interrupts:
            raise GraphInterrupt(tuple(each for one in interrupts for each in one.args[0]))
        if self._broken_off is not None:
            raise self._broken_off
        outcomes = {task_id: self._schedule.outcomes[task_id] for task_id in self._assignments}
        return ExecutionResult(
            outcomes=outcomes,
            results=self.results,
            assignments=self._assignments,
            replayed=frozenset(self._replayed),
        )

    def _note(self, task_ids: Sequence[str], replayed: str | None = None) -> None:
        for task_id in task_ids:
            outcome = self._schedule.outcomes[task_id]
            if outcome.usable:
                self.results[task_id] = outcome.result
            self._say("task_ended", task_id, outcome, replayed=task_id == replayed)

    def _say(
        self,
        event: Literal["task_started", "task_ended"],
        task_id: str,
        outcome: TaskOutcome | None = None,
        *,
        replayed: bool = False,
    ) -> None:
        assignment = self._assignments[task_id]
        self._observe(
            ExecutionEvent(
                event=event,
                task_ids=(task_id,),
                kind=assignment.task.kind,
                expert=assignment.expert,
                outcome=outcome,
                replayed=replayed,
            )
        )


def _failed(error: Exception) -> TaskOutcome:
    return TaskOutcome(status="failed", error=error_text(error), error_type=type(error).__qualname__)
