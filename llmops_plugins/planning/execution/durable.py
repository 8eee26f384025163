"""Runs a plan inside one LangGraph node so that an interrupted run resumes where it was.

Each task runs as a ``langgraph.func.task``. LangGraph knows its result again by the task's name and by how
many were called before it in the node, and which is called next depends on which ended first. So a small
task, ``plan_order``, writes down what the execution acts on before it does: a run that resumes acts on the
same in the same order, calls the same tasks at the same places, and is given their results. A graph's
supersteps would not need that, but are barriers.

A task with side effects is marked before it begins, by
:mod:`~llmops_plugins.planning.execution.side_effect_marks`. One that is found marked and has no result may
have had its effect: that is for people to say, so it interrupts. One whose expert interrupted by itself is
not in doubt: it is run again with the answer, from its start, as LangGraph does with all that interrupts.

In a graph without a checkpointer nothing is kept, and all else is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.func import task

from llmops_plugins.planning.execution.assignment import Assignment, ExecutionLimits, ExecutionResult, Observe
from llmops_plugins.planning.execution.attempts import AsyncRunTask, RunTask
from llmops_plugins.planning.execution.execution import aexecute, execute
from llmops_plugins.planning.execution.loop import Launched
from llmops_plugins.planning.execution.pool_room import pool_room
from llmops_plugins.planning.execution.resume_decision import decided_outcome, failed_outcome
from llmops_plugins.planning.execution.side_effect_marks import CheckpointMissingError, SideEffectMarks
from llmops_plugins.planning.execution.state import News, Start
from llmops_plugins.planning.execution.task_outcome import TaskOutcome

__all__ = ["ORDER_TASK", "aexecute_durably", "execute_durably"]

ORDER_TASK = "plan_order"
"""Name under which ``stream_mode="updates"`` shows what was acted on, beside the tasks' own ids."""

_SEPARATOR = "|"
"""Stands in a node's namespace between the graphs that it is in."""

CostsOf: TypeAlias = Callable[[str], Mapping[str, float]]
"""Returns the USD that was spent on a task, by expert."""


def execute_durably(
    assignments: Iterable[Assignment],
    run_task: RunTask,
    *,
    results: Mapping[str, Any] | None = None,
    limits: ExecutionLimits | None = None,
    observe: Observe | None = None,
    sleep: Callable[[float], None] | None = None,
    costs: CostsOf | None = None,
) -> ExecutionResult:
    """Run a plan's tasks in a node; else it is :func:`~llmops_plugins.planning.execution.execution.execute`.

    The graph's own threads run the tasks and write their results, so of ``max_concurrency`` threads (by
    default 4 more than there are processors, at most 32) two are left free.

    A plan that is still being written is read to its end before an interrupt is raised. If the run ends
    otherwise before that, on resume tasks that were there are kept as they were, and others join them.

    Args:
        assignments: The tasks, as for ``execute``; on resume the same, in the same order.
        run_task: As for ``execute``.
        results: As for ``execute``.
        limits: As for ``execute``.
        observe: As for ``execute``; on resume it hears again of what was kept, marked as replayed.
        sleep: As for ``execute``.
        costs: Returns the USD that was spent on a task, by expert, once it has ended: its outcome keeps them.

    Returns:
        How each task ended.

    Raises:
        GraphInterrupt: Also for a task with side effects that was begun and has no result. It is resumed with
            one of :data:`~llmops_plugins.planning.execution.resume_decision.RESUME_OPTIONS`, or with
            ``{"decision": "treat as done", "result": ...}``; any other answer is asked for again, with the
            ``problem``.
        GraphBubbleUp, BudgetExceeded, Exception: As from ``execute``.
    """
    launcher = _DurableThreads(costs or _no_costs)
    with _listed_once(launcher.told):
        return execute(
            assignments,
            run_task,
            results=results,
            limits=_within_pool(limits or ExecutionLimits(), threads=True),
            observe=observe,
            sleep=sleep,
            launcher=launcher,
        )


async def aexecute_durably(
    assignments: Sequence[Assignment] | AsyncIterable[Assignment],
    run_task: AsyncRunTask,
    *,
    results: Mapping[str, Any] | None = None,
    limits: ExecutionLimits | None = None,
    observe: Observe | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    costs: CostsOf | None = None,
) -> ExecutionResult:
    """Run a plan's tasks inside an async node; the async twin of :func:`execute_durably`.

    Without ``max_concurrency`` nothing but the limits bounds how many tasks run at once.
    """
    launcher = _DurableTasks(costs or _no_costs)
    with _listed_once(launcher.told):
        return await aexecute(
            assignments,
            run_task,
            results=results,
            limits=_within_pool(limits or ExecutionLimits(), threads=False),
            observe=observe,
            sleep=sleep,
            launcher=launcher,
        )


class _DurableThreads:
    def __init__(self, costs: CostsOf) -> None:
        self._costs = costs
        self._marks = SideEffectMarks()
        self._ran: set[str] = set()
        self.told: set[str] = set()

    def launch(self, start: Start, work: Callable[[], TaskOutcome]) -> Future[Launched]:
        task_id = start.call.task_id

        def body(call: dict[str, Any]) -> dict[str, Any]:
            self._ran.add(task_id)
            return replace(self._outcome(start, work), costs_usd=self._costs(task_id)).to_dict()

        launched: Future[Launched] = Future()
        durable = _called(task_id, body, vars(start.call))
        durable.add_done_callback(lambda done: _pass_on(done, launched, task_id not in self._ran, self.told))
        return launched

    def agreed(self, news: News) -> News:
        if not self._marks.kept():
            return news
        return _from_dict(_called(ORDER_TASK, lambda entry: entry, _to_dict(news)).result())

    def _outcome(self, start: Start, work: Callable[[], TaskOutcome]) -> TaskOutcome:
        if not start.assignment.side_effects:
            return work()
        task_id = start.call.task_id
        decided = decided_outcome(start, self._marks.count(task_id))
        if decided is not None:
            return decided
        try:
            self._marks.add(task_id)
        except CheckpointMissingError as error:
            return failed_outcome(error)
        try:
            return work()
        except GraphInterrupt:
            self._marks.interrupted(task_id)
            raise


class _DurableTasks:
    def __init__(self, costs: CostsOf) -> None:
        self._costs = costs
        self._marks = SideEffectMarks()
        self._ran: set[str] = set()
        self.told: set[str] = set()

    def launch(self, start: Start, work: Callable[[], Awaitable[TaskOutcome]]) -> asyncio.Future[Launched]:
        task_id = start.call.task_id

        async def body(call: dict[str, Any]) -> dict[str, Any]:
            self._ran.add(task_id)
            return replace(await self._outcome(start, work), costs_usd=self._costs(task_id)).to_dict()

        launched: asyncio.Future[Launched] = asyncio.get_running_loop().create_future()
        durable = _called(task_id, body, vars(start.call))
        durable.add_done_callback(lambda done: _pass_on(done, launched, task_id not in self._ran, self.told))
        return launched

    async def agreed(self, news: News) -> News:
        async def entry_of(entry: dict[str, Any]) -> dict[str, Any]:
            return entry

        if not await self._marks.akept():
            return news
        return _from_dict(await _called(ORDER_TASK, entry_of, _to_dict(news)))

    async def _outcome(self, start: Start, work: Callable[[], Awaitable[TaskOutcome]]) -> TaskOutcome:
        if not start.assignment.side_effects:
            return await work()
        task_id = start.call.task_id
        decided = decided_outcome(start, await self._marks.acount(task_id))
        if decided is not None:
            return decided
        try:
            await self._marks.aadd(task_id)
        except CheckpointMissingError as error:
            return failed_outcome(error)
        try:
            return await work()
        except GraphInterrupt:
            await self._marks.ainterrupted(task_id)
            raise


def _called(name: str, body: Callable[[dict[str, Any]], Any], argument: dict[str, Any]) -> Any:
    """Call a body as a durable task; returns a future of the thread's or the event loop's sort."""
    # A model names tasks, and to LangGraph what a task of such a name returns may be an interrupt.
    durable: Any = task(name=f"task {name}" if name.startswith("__") else name)
    return durable(body)(argument)


def _to_dict(news: News) -> dict[str, Any]:
    return {**vars(news), "added": [one.to_dict() for one in news.added]}


def _from_dict(data: dict[str, Any]) -> News:
    return News(**{**data, "added": [Assignment.from_dict(one) for one in data["added"]]})


@contextmanager
def _listed_once(told: Set[str]) -> Iterator[None]:
    """Leave out of an interrupt what the graph hears from the tasks themselves, by the interrupts' ids.

    A graph that is a node of another passes on what its tasks and its nodes interrupt with; the outermost
    one lists what its nodes interrupt with alone.
    """
    try:
        yield
    except GraphInterrupt as error:
        if _SEPARATOR not in get_config()["configurable"].get("checkpoint_ns", ""):
            raise
        raise GraphInterrupt(tuple(one for one in error.args[0] if one.id not in told)) from None


def _pass_on(
    done: Any, launched: Future[Launched] | asyncio.Future[Launched], replayed: bool, told: set[str]
) -> None:
    if launched.done():  # it was cancelled
        return
    if done.cancelled():
        launched.cancel()
    elif (error := done.exception()) is not None:
        if isinstance(error, GraphInterrupt):
            told.update(one.id for one in error.args[0])
        launched.set_exception(error)
    else:
        launched.set_result((TaskOutcome.from_dict(done.result()), replayed))


def _no_costs(task_id: str) -> Mapping[str, float]:
    return {}


def _within_pool(limits: ExecutionLimits, *, threads: bool) -> ExecutionLimits:
    room = pool_room(threads=threads)
    return limits if room is None else replace(limits, concurrency=min(limits.concurrency, room))
