"""Several calls at once, in threads or as tasks: results in order, failures in place, none left running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import Any

from llmops_plugins.daemon_threads import start_thread

__all__ = ["agather", "gather"]

_GRACE_S = 1.0
"""Seconds that cancelled tasks have to clean up, before they are left to themselves."""


def gather(
    calls: Sequence[Callable[[], Any]], timeout: float | None, raised: tuple[type[BaseException], ...]
) -> list[Any]:
    """Make calls at once, each with a copy of the caller's context variables.

    All but the first have a thread of their own. The first has one too where there is a timeout; without one
    it is made in the calling thread.

    Args:
        calls: What to call.
        timeout: Seconds for all of them together. A thread cannot be stopped: one that is late ends unheeded.
        raised: Exceptions that are raised here, like those that are no ``Exception``.

    Returns:
        The results in order, with an exception in the place of each call that failed or was late.
    """
    if not calls:
        return []
    apart = calls[1:] if timeout is None else calls
    begun = [start_thread(call) for call in apart]
    futures = [_made_here(calls[0]), *begun] if timeout is None else begun
    done, _ = wait(futures, timeout=timeout)
    return [_outcome(future, raised) if future in done else _late(timeout) for future in futures]


def _made_here(call: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(copy_context().run(call))
    except Exception as error:  # noqa: BLE001 - it stands in the result's place
        future.set_exception(error)
    return future


async def agather(
    calls: Sequence[Coroutine[Any, Any, Any]],
    timeout: float | None,
    raised: tuple[type[BaseException], ...],
) -> list[Any]:
    """Await coroutines at once as tasks; the twin of :func:`gather`, which cancels those that are late.

    One that does not heed that within a second is left to itself.
    """
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        done = (await asyncio.wait(tasks, timeout=timeout))[0] if tasks else set()
        return [_outcome(task, raised) if task in done else _late(timeout) for task in tasks]
    finally:
        await _cancel(tasks)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=_GRACE_S)
    for task in tasks:
        if task.done():
            _look_at(task)
        else:
            task.add_done_callback(_look_at)


def _look_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # asyncio complains about one that nobody looked at


def _late(timeout: float | None) -> TimeoutError:
    return TimeoutError(f"not done after {timeout} seconds")


def _outcome(future: Future[Any] | asyncio.Task[Any], raised: tuple[type[BaseException], ...]) -> Any:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, raised) or not isinstance(error, Exception):
        raise error
    return error
