"""One task's attempts: the expert chosen for it, again after a pause, then the fallback expert."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.planning.execution.abandonable import (
    AsyncStop,
    GivenUpError,
    StillRunningError,
    Stop,
    await_or_give_up,
    call_or_give_up,
)
from llmops_plugins.planning.execution.availability import is_unavailable
from llmops_plugins.planning.execution.task_outcome import (
    ResultTooLargeError,
    TaskOutcome,
    error_text,
    plain_data,
)
from llmops_plugins.setting_checks import MOST_SECONDS, check_count, check_number, check_seconds

__all__ = ["AsyncRunTask", "Attempts", "RunTask", "TaskCall", "amake_attempts", "make_attempts"]


@dataclass(frozen=True, kw_only=True)
class TaskCall:
    """What an expert is asked.

    Args:
        task_id: The task.
        kind: Its kind.
        arguments: Its arguments, with what other tasks gave put in.
        expert: Who is asked.
        attempt: The how-manieth time somebody is asked, from 1.
    """

    task_id: str
    kind: str
    arguments: dict[str, Any]
    expert: str
    attempt: int = 1


RunTask: TypeAlias = Callable[[TaskCall], Any]
"""Asks an expert; what it returns is the task's result, what it raises is a failed attempt."""
AsyncRunTask: TypeAlias = Callable[[TaskCall], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """How often a task is tried, and for how long.

    Args:
        timeout_s: Seconds an expert has; None leaves it the time that the whole plan has.
        retries: How often the same expert is asked again.
        backoff_s: Seconds of pause before the first time it is asked again, doubled for each further one.

    Raises:
        ConfigurationError: If there is no time, or a number is negative.
    """

    timeout_s: float | None = 120.0
    retries: int = 1
    backoff_s: float = 0.5

    def __post_init__(self) -> None:
        if self.timeout_s is not None:
            check_seconds("timeout_s", self.timeout_s, "None for no limit, or seconds")
        check_count("retries", self.retries, "cannot be negative, give 0 to ask each expert once", least=0)
        check_number("backoff_s", self.backoff_s, 0, MOST_SECONDS, f"seconds from 0 to {MOST_SECONDS}")


@dataclass(frozen=True)
class _Ask:
    call: TaskCall


@dataclass(frozen=True)
class _Pause:
    seconds: float


@dataclass(frozen=True)
class _Reply:
    result: Any = None
    error: BaseException | None = None


_Flow: TypeAlias = Generator[_Ask | _Pause, _Reply, TaskOutcome]


def _attempts(
    call: TaskCall, fallback: str | None, policy: Attempts, *, once: bool, most: int | None
) -> _Flow:
    """Decide what to do after each attempt, and do none of it."""
    experts = [call.expert] * (1 if once else 1 + policy.retries)
    if fallback is not None and not once:
        experts.append(fallback)
    error: BaseException = LookupError("nobody was asked")
    unavailable: dict[str, None] = {}
    for attempt, expert in enumerate(experts, 1):
        if attempt > 1 and expert == experts[attempt - 2]:
            yield _Pause(policy.backoff_s * 2 ** (attempt - 2))
        reply = yield _Ask(replace(call, expert=expert, attempt=attempt))
        if reply.error is None:
            try:
                result = plain_data(reply.result, most)
            except (TypeError, ResultTooLargeError) as problem:
                error = problem
                continue
            return TaskOutcome(
                status="succeeded",
                result=result,
                expert=expert,
                attempts=attempt,
                unavailable=tuple(unavailable),
            )
        error = reply.error
        if is_unavailable(error):
            unavailable[expert] = None
    return TaskOutcome(
        status="failed",
        error=error_text(error),
        error_type=_type_of(error),
        expert=experts[-1],
        attempts=len(experts),
        still_running=isinstance(error, StillRunningError),
        unavailable=tuple(unavailable),
    )


def make_attempts(
    call: TaskCall,
    run_task: RunTask,
    *,
    fallback: str | None,
    policy: Attempts,
    once: bool,
    stop: Stop,
    most: int | None = None,
    sleep: Callable[[float], None] | None = None,
) -> TaskOutcome:
    """Ask experts until one gives a result.

    Args:
        call: The first attempt.
        run_task: Asks an expert.
        fallback: Who is asked last, once; None where there is nobody.
        policy: How often, and for how long.
        once: Ask one expert one time: what it does must not happen twice, and it may have before it failed.
            When it is late, wait as long again for it to end, so that what comes next does not meet it.
        stop: Gives the attempts up.
        most: Most characters of a result; None for no limit.
        sleep: Takes the pauses; None for the one that ``stop`` ends.

    Returns:
        That the task succeeded, or failed with the last attempt's error.

    Raises:
        GraphBubbleUp, BudgetExceeded: At once.
        GivenUpError: If ``stop`` was set.
    """
    flow, reply, started = _attempts(call, fallback, policy, once=once, most=most), _Reply(), time.monotonic()
    try:
        step = next(flow)
        while True:
            if isinstance(step, _Pause):
                (sleep or stop.pause)(step.seconds)
            else:
                reply = _asked(run_task, step.call, policy.timeout_s, stop, awaits_end=once)
            step = flow.send(reply)
    except StopIteration as end:
        return _timed(end.value, started)


async def amake_attempts(
    call: TaskCall,
    run_task: AsyncRunTask,
    *,
    fallback: str | None,
    policy: Attempts,
    once: bool,
    stop: AsyncStop,
    most: int | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> TaskOutcome:
    """Ask experts until one gives a result; the async twin of :func:`make_attempts`."""
    flow, reply, started = _attempts(call, fallback, policy, once=once, most=most), _Reply(), time.monotonic()
    try:
        step = next(flow)
        while True:
            if isinstance(step, _Pause):
                await await_or_give_up(partial(sleep or asyncio.sleep, step.seconds), None, stop)
            else:
                reply = await _aasked(partial(run_task, step.call), policy.timeout_s, stop, awaits_end=once)
            step = flow.send(reply)
    except StopIteration as end:
        return _timed(end.value, started)


def _asked(
    run_task: RunTask, call: TaskCall, timeout: float | None, stop: Stop, *, awaits_end: bool
) -> _Reply:
    try:
        asked = partial(run_task, call)
        return _Reply(call_or_give_up(asked, timeout, stop, awaits_end=awaits_end, whose=call.expert))
    except (*NEVER_SWALLOWED, GivenUpError):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever an expert dies of is a failed attempt
        return _Reply(error=error)


async def _aasked(
    call: Callable[[], Awaitable[Any]], timeout: float | None, stop: AsyncStop, *, awaits_end: bool
) -> _Reply:
    try:
        return _Reply(await await_or_give_up(call, timeout, stop, awaits_end=awaits_end))
    except (*NEVER_SWALLOWED, GivenUpError):
        raise
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return _Reply(error=error)
    except BaseException as error:  # noqa: BLE001 - whatever an expert dies of is a failed attempt
        return _Reply(error=error)


def _type_of(error: BaseException) -> str:
    return TimeoutError.__qualname__ if isinstance(error, StillRunningError) else type(error).__qualname__


def _timed(outcome: TaskOutcome, started: float) -> TaskOutcome:
    return replace(outcome, seconds=round(time.monotonic() - started, 6))
