"""Runs a plan: a task starts the moment its last dependency has ended, in threads or in an event loop.

LLMCompiler's executor (Kim et al. 2023, https://arxiv.org/abs/2312.04511, section 3.3). Nothing polls and
there are no barriers: one loop sleeps until a task ends, a task joins the plan, or the time is up.

An interrupt (``GraphBubbleUp``) and a veto (``BudgetExceeded``) end an execution once the tasks that run have
ended: to break those off would throw away what a resumed run could have used. Nothing new starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from llmops_plugins.daemon_threads import start_thread
from llmops_plugins.planning.execution.abandonable import AsyncStop, Stop
from llmops_plugins.planning.execution.assignment import (
    Assignment,
    ExecutionEvent,
    ExecutionLimits,
    ExecutionResult,
    Observe,
)
from llmops_plugins.planning.execution.attempts import (
    AsyncRunTask,
    Attempts,
    RunTask,
    TaskCall,
    amake_attempts,
    make_attempts,
)
from llmops_plugins.planning.execution.loop import (
    AsyncLauncher,
    DeadlinePassedError,
    Item,
    Launched,
    Launcher,
    Loop,
)
from llmops_plugins.planning.execution.state import ExecutionState, News, Start
from llmops_plugins.planning.execution.task_outcome import TaskOutcome

__all__ = [
    "Assignment",
    "Attempts",
    "ExecutionEvent",
    "ExecutionLimits",
    "ExecutionResult",
    "TaskCall",
    "aexecute",
    "execute",
]

_GRACE = 2.0
"""Seconds that what was given up has to end, before an execution leaves without it."""


def execute(
    assignments: Iterable[Assignment],
    run_task: RunTask,
    *,
    results: Mapping[str, Any] | None = None,
    limits: ExecutionLimits | None = None,
    observe: Observe | None = None,
    sleep: Callable[[float], None] | None = None,
    launcher: Launcher | None = None,
) -> ExecutionResult:
    """Run a plan's tasks in threads, each as soon as it can be.

    An expert that is late is left to itself in its thread, which cannot be stopped and does not keep the
    program from ending.

    Args:
        assignments: The tasks. A sequence is the whole plan; any other iterable is a plan that is still being
            written: it is read in a thread of its own, and tasks start before it has ended.
        run_task: Asks an expert, in a thread with a copy of the caller's context variables.
        results: Results from before, by task id, to which tasks may refer.
        limits: What the execution may take.
        observe: Hears what happens, in the calling thread.
        sleep: Takes the pauses between attempts, in seconds; None for a real one.
        launcher: Starts the tasks; None for threads.

    Returns:
        How each task ended: none is left open.

    Raises:
        GraphBubbleUp, BudgetExceeded: What an expert raised, once those that were running have ended.
        Exception: What reading the plan raised, likewise.
    """
    state = ExecutionState(limits or ExecutionLimits(), results, observe)
    stop = Stop()

    def work(start: Start) -> TaskOutcome:
        settings = _settings(start, state.limits)
        return make_attempts(start.call, run_task, **settings, stop=stop, sleep=sleep)

    try:
        _ThreadLoop(state, launcher or _Threads(), work).to_the_end(assignments)
    finally:
        stop.set()
    return state.result()


async def aexecute(
    assignments: Sequence[Assignment] | AsyncIterable[Assignment],
    run_task: AsyncRunTask,
    *,
    results: Mapping[str, Any] | None = None,
    limits: ExecutionLimits | None = None,
    observe: Observe | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    launcher: AsyncLauncher | None = None,
) -> ExecutionResult:
    """Run a plan's tasks in the running event loop, each as soon as it can be; the twin of :func:`execute`.

    An expert that is late is cancelled, and left to itself if it does not heed that within a second.
    Cancelling the execution cancels every task.
    """
    state = ExecutionState(limits or ExecutionLimits(), results, observe)
    stop = AsyncStop()

    async def work(start: Start) -> TaskOutcome:
        settings = _settings(start, state.limits)
        return await amake_attempts(start.call, run_task, **settings, stop=stop, sleep=sleep)

    loop = _TaskLoop(state, launcher or _Tasks(), work)
    try:
        await loop.to_the_end(assignments)
    finally:
        stop.set()
        await loop.leave()
    return state.result()


def _settings(start: Start, limits: ExecutionLimits) -> dict[str, Any]:
    assignment, attempts = start.assignment, limits.attempts
    if assignment.timeout_s is not None:
        attempts = replace(attempts, timeout_s=assignment.timeout_s)
    return {
        "policy": attempts,
        "fallback": assignment.fallback,
        "once": assignment.side_effects,
        "most": limits.result_characters,
    }


class _Threads:
    def launch(self, start: Start, work: Callable[[], TaskOutcome]) -> Future[Launched]:
        return start_thread(lambda: (work(), False))

    def agreed(self, news: News) -> News:
        return news


class _ThreadLoop(Loop[Future[Launched]]):
    """Sleeps in the calling thread until something has happened, and acts on it."""

    def __init__(
        self, state: ExecutionState, launcher: Launcher, work: Callable[[Start], TaskOutcome]
    ) -> None:
        super().__init__(state)
        self._launcher = launcher
        self._work = work
        self._inbox: SimpleQueue[Item] = SimpleQueue()

    def to_the_end(self, assignments: Iterable[Assignment]) -> None:
        if isinstance(assignments, Sequence):
            self.add_all(assignments)
        else:
            start_thread(partial(self._read, assignments))
        news = News()
        try:
            while self._start_ready():
                self._collect(news)
                if news:
                    # Of what leads to no start nothing is kept: a run that resumes may start something.
                    taken = news if self.state.failed else self._launcher.agreed(news)
                    wait(self.awaited(taken), self.seconds_left())
                    self.seconds_left()
                    self.act_on(taken)
                    news = news.without(taken)
        except DeadlinePassedError:
            self.out_of_time()

    def _read(self, assignments: Iterable[Assignment]) -> None:
        try:
            for one in assignments:
                if self.state.finished:
                    return
                self._inbox.put(one)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the calling thread
            self._inbox.put(error)
        else:
            self._inbox.put(None)

    def _start_ready(self) -> bool:
        """Start what can be, and tell whether there is anything to wait for."""
        for start in self.state.starts():
            task_id = start.call.task_id
            future = self._launcher.launch(start, partial(self._work, start))
            self.launched[task_id] = future
            future.add_done_callback(lambda _, task_id=task_id: self._inbox.put(task_id))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        return not self.state.finished

    def _collect(self, news: News) -> None:
        """Wait until there is news, and add all that has happened."""
        left = self.seconds_left()
        if not news:
            try:
                self.sort_in(self._inbox.get(timeout=left), news)
            except Empty:
                raise DeadlinePassedError from None
        while not self._inbox.empty():
            self.sort_in(self._inbox.get(), news)


class _Tasks:
    def launch(self, start: Start, work: Callable[[], Awaitable[TaskOutcome]]) -> asyncio.Future[Launched]:
        async def done() -> Launched:
            return await work(), False

        return asyncio.create_task(done())

    async def agreed(self, news: News) -> News:
        return news


class _TaskLoop(Loop[asyncio.Future[Launched]]):
    """The twin of :class:`_ThreadLoop` in the running event loop."""

    def __init__(
        self, state: ExecutionState, launcher: AsyncLauncher, work: Callable[[Start], Awaitable[TaskOutcome]]
    ) -> None:
        super().__init__(state)
        self._launcher = launcher
        self._work = work
        self._inbox: asyncio.Queue[Item] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def to_the_end(self, assignments: Sequence[Assignment] | AsyncIterable[Assignment]) -> None:
        if isinstance(assignments, Sequence):
            self.add_all(assignments)
        else:
            self._reading = asyncio.create_task(self._read(assignments))
        news = News()
        try:
            while self._start_ready():
                await self._collect(news)
                if news:
                    taken = news if self.state.failed else await self._launcher.agreed(news)
                    if awaited := self.awaited(taken):
                        await asyncio.wait(awaited, timeout=self.seconds_left())
                    self.seconds_left()
                    self.act_on(taken)
                    news = news.without(taken)
        except DeadlinePassedError:
            self.out_of_time()

    async def leave(self) -> None:
        """Wait for what was given up to end, and look at exceptions, of which asyncio would complain."""
        if self._reading is not None:
            self._reading.cancel()
        pending = [one for one in (self._reading, *self.launched.values()) if one and not one.done()]
        if pending:
            await asyncio.wait(pending, timeout=_GRACE)
        for one in self.launched.values():
            if not one.done():
                one.cancel()
            elif not one.cancelled():
                one.exception()

    async def _read(self, assignments: AsyncIterable[Assignment]) -> None:
        try:
            async for one in assignments:
                self._inbox.put_nowait(one)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised again where the execution was awaited
            self._inbox.put_nowait(error)
        else:
            self._inbox.put_nowait(None)

    def _start_ready(self) -> bool:
        """Start what can be, and tell whether there is anything to wait for."""
        for start in self.state.starts():
            task_id = start.call.task_id
            future = self._launcher.launch(start, partial(self._work, start))
            self.launched[task_id] = future
            future.add_done_callback(lambda _, task_id=task_id: self._inbox.put_nowait(task_id))  # type: ignore[misc] # mypy cannot infer a lambda with a default
        return not self.state.finished

    async def _collect(self, news: News) -> None:
        """Wait until there is news, and add all that has happened."""
        left = self.seconds_left()
        if not news:
            try:
                async with asyncio.timeout(left):
                    self.sort_in(await self._inbox.get(), news)
            except TimeoutError:
                raise DeadlinePassedError from None
        while not self._inbox.empty():
            self.sort_in(self._inbox.get_nowait(), news)
