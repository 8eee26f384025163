"""What the loops of an execution in threads and in an event loop share: how they take in what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.state import ExecutionState, News, Start
from llmops_plugins.planning.execution.task_outcome import TaskOutcome

__all__ = ["AnyFuture", "AsyncLauncher", "DeadlinePassedError", "Item", "Launched", "Launcher", "Loop"]

Launched: TypeAlias = tuple[TaskOutcome, bool]
"""How a task ended, and whether that was kept from before the run was interrupted."""

Item: TypeAlias = "str | Assignment | BaseException | None"
"""What arrives: the id of a task that ended, one that joins the plan, why that cannot be read, or its end."""

AnyFuture = TypeVar("AnyFuture", Future[Launched], asyncio.Future[Launched])


class Launcher(Protocol):
    """Starts tasks, and says in which order what happened counts."""

    def launch(self, start: Start, work: Callable[[], TaskOutcome]) -> Future[Launched]:
        """Start a task; the future has its outcome, and whether that was kept from an earlier run."""
        ...

    def agreed(self, news: News) -> News:
        """Return what is to be acted on now: the news, or what an earlier run acted on at this point."""
        ...


class AsyncLauncher(Protocol):
    """The twin of :class:`Launcher` for an event loop."""

    def launch(self, start: Start, work: Callable[[], Awaitable[TaskOutcome]]) -> asyncio.Future[Launched]:
        """Start a task."""
        ...

    async def agreed(self, news: News) -> News:
        """Return what is to be acted on now."""
        ...


class DeadlinePassedError(Exception):
    """The time for the whole plan is up."""


class Loop(Generic[AnyFuture]):
    """Takes in what happened; its time starts when it is made.

    Args:
        state: What is known of the execution.
    """

    def __init__(self, state: ExecutionState) -> None:
        self.state = state
        self.launched: dict[str, AnyFuture] = {}
        limit = state.limits.deadline_s
        self._deadline = None if limit is None else time.monotonic() + limit

    def seconds_left(self) -> float | None:
        """Return the seconds until the deadline, or None without one.

        Raises:
            DeadlinePassedError: If there are none.
        """
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DeadlinePassedError
        return left

    def add_all(self, assignments: Iterable[Assignment]) -> None:
        """Add a plan that is complete."""
        for one in assignments:
            self.state.add(one)
        self.state.close()

    def sort_in(self, item: Item, news: News) -> None:
        """Add what arrived to the news; what ends the execution is acted on at once."""
        if isinstance(item, str):
            error = _error_of(self.launched[item])
            if item not in self.state.running:
                return  # what an earlier run acted on was acted on again before it arrived
            if error is None:
                news.ended.append(item)
            else:
                self.state.fail(error, item)
        elif isinstance(item, BaseException):
            self.state.fail(item)
        elif item is None:
            news.closed = True
        else:
            news.added.append(item)

    def awaited(self, news: News) -> list[AnyFuture]:
        """Return what has to be waited for: an earlier run may have acted on what is not done in this one."""
        known = [self.launched[one] for one in news.ended if one in self.state.running]
        return [one for one in known if not one.done()]

    def act_on(self, news: News) -> None:
        """Act on what happened, once everything that is awaited is done."""
        outcomes: dict[str, TaskOutcome] = {}
        replayed = set()
        for task_id in dict.fromkeys(news.ended):
            if task_id not in self.state.running:
                continue
            future: Any = self.launched[task_id]
            error = _error_of(future)
            if error is not None:
                self.state.fail(error, task_id)
                continue
            outcomes[task_id], kept = future.result()
            if kept:
                replayed.add(task_id)
        self.state.take(replace(news, ended=list(outcomes)), outcomes, frozenset(replayed))

    def out_of_time(self) -> None:
        """Cancel what has not ended."""
        self.state.cancel(f"the plan was not done after {self.state.limits.deadline_s:g} seconds")


def _error_of(future: Future[Launched] | asyncio.Future[Launched]) -> BaseException | None:
    try:
        return future.exception()
    except (CancelledError, asyncio.CancelledError) as error:
        return error
