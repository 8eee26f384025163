"""Calls that can be given up: what is late is left to itself, in a daemon thread or as a cancelled task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from typing import Any

from llmops_plugins.daemon_threads import start_thread
from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.execution.abandoned_calls import ABANDONED, RunningCall

__all__ = [
    "AsyncStop",
    "GivenUpError",
    "StillRunningError",
    "Stop",
    "await_in_thread",
    "await_or_give_up",
    "call_or_give_up",
]

_GRACE = 1.0
"""Seconds a cancelled coroutine has to clean up, before it is left to itself."""


class GivenUpError(LlmopsError):
    """The whole execution was stopped while this call was running."""


class StillRunningError(TimeoutError):
    """A call that was late did not end in the time that it was given for that either."""


def _started(call: Callable[[], Any], running: RunningCall) -> Future[Any]:
    def noted() -> Any:
        try:
            return call()
        finally:
            running.ended = True

    return start_thread(noted)


async def await_in_thread(call: Callable[[], Any], whose: str | None = None) -> Any:
    """Make a call in a daemon thread and wait for it in the running event loop.

    Unlike in the event loop's own pool, calls that hang take no thread from others.

    Args:
        call: What to call.
        whose: Who is called, for the count of those that were given up and still run.

    Raises:
        TooManyAbandonedError: If too many earlier ones of theirs do.
        BaseException: Whatever the call raised.
    """
    ABANDONED.check_room(whose)
    running = RunningCall(whose=whose)

    def made() -> tuple[Any, BaseException | None]:
        try:
            return call(), None
        except BaseException as error:  # noqa: BLE001 - asyncio's futures take not every exception
            return None, error

    future = _started(made, running)
    try:
        result, error = await asyncio.wrap_future(future)
    finally:
        ABANDONED.add(running)
    if error is not None:
        raise error
    return result


class Stop:
    """Ends, once it is set, the waiting for every call that is made under it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = threading.Event()
        self._waiting: set[Future[Any]] = set()

    def set(self) -> None:
        """Give up the calls that are running, and every later one."""
        with self._lock:
            self._is_set.set()
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            with suppress(InvalidStateError):
                future.set_exception(GivenUpError("the plan's execution was stopped"))

    def pause(self, seconds: float) -> None:
        """Sleep, but not longer than until this is set."""
        self._is_set.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise GivenUpError if this is set."""
        if self._is_set.is_set():
            raise GivenUpError("the plan's execution was stopped")

    def watch(self, future: Future[Any]) -> None:
        """Let the future fail when this is set."""
        with self._lock:
            self.check()
            self._waiting.add(future)
        future.add_done_callback(self._forget)

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._waiting.discard(future)


def call_or_give_up(
    call: Callable[[], Any],
    timeout: float | None,
    stop: Stop,
    *,
    awaits_end: bool = False,
    whose: str | None = None,
) -> Any:
    """Make a call in a thread of its own and wait for it.

    Args:
        call: What to call.
        timeout: Seconds to wait; None waits for as long as it takes.
        stop: Gives it up.
        awaits_end: Whether to wait as long again for a call that is late to end.
        whose: Who is called, for the count of those that were given up and still run.

    Raises:
        TooManyAbandonedError: If too many earlier ones do.
        TimeoutError: If it is late. A thread cannot be stopped: it ends unheeded.
        StillRunningError: If it did not end after that, where its end is awaited.
        GivenUpError: If ``stop`` was set.
        BaseException: Whatever the call raised.
    """
    stop.check()
    ABANDONED.check_room(whose)
    running = RunningCall(whose=whose)
    future = _started(call, running)
    try:
        stop.watch(future)
        return future.result(timeout)
    except TimeoutError:
        if future.done():  # it was the call that raised it
            raise
        if awaits_end and not wait([future], timeout).done:
            raise StillRunningError(f"{_late(timeout)}, and perhaps still running") from None
        stop.check()
        raise TimeoutError(_late(timeout)) from None
    finally:
        ABANDONED.add(running)


def _late(timeout: float | None) -> str:
    return f"not done after {timeout} seconds"


class AsyncStop:
    """The twin of :class:`Stop` for the running event loop; what it gives up is cancelled."""

    def __init__(self) -> None:
        self._fired: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def set(self) -> None:
        """Give up the calls that are running, and every later one."""
        if not self._fired.done():
            self._fired.set_result(None)

    def check(self) -> None:
        """Raise GivenUpError if this is set."""
        if self._fired.done():
            raise GivenUpError("the plan's execution was stopped")

    async def wait(self, task: asyncio.Task[Any], timeout: float | None) -> None:
        """Wait for a task, for so many seconds or until this is set."""
        await asyncio.wait({task, self._fired}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def await_or_give_up(
    call: Callable[[], Awaitable[Any]], timeout: float | None, stop: AsyncStop, *, awaits_end: bool = False
) -> Any:
    """Await a call as a task of its own; the twin of :func:`call_or_give_up`.

    One that is given up is cancelled, and left to itself if it does not heed that within a second. Where its
    end is awaited it is first given its time again: a coroutine that was cancelled may leave a thread behind.

    Raises:
        TimeoutError: If it is late.
        StillRunningError: If it did not end by itself after that, where its end is awaited.
        GivenUpError: If ``stop`` was set.
        asyncio.CancelledError: If the caller is cancelled, or the call cancelled itself.
        BaseException: Whatever the call raised.
    """
    stop.check()
    task, late = asyncio.create_task(_held(call)), False
    try:
        await stop.wait(task, timeout)
        late = not task.done()
        if late and awaits_end:
            await stop.wait(task, timeout)
        ended = task.done()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE)
    if awaits_end and late:
        stop.check()
        raise (
            TimeoutError(_late(timeout))
            if ended
            else StillRunningError(f"{_late(timeout)}, and perhaps still running")
        )
    if task.done() and not task.cancelled():
        result, error = task.result()
        if error is None:
            return result
        raise error
    stop.check()
    raise TimeoutError(_late(timeout))


async def _held(call: Callable[[], Awaitable[Any]]) -> tuple[Any, BaseException | None]:
    """Return what would end the event loop, such as SystemExit, instead of raising it."""
    try:
        return await call(), None
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return None, error
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        return None, error
