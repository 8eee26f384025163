"""Async work in code that is not async, also where a loop is running already, as in a notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

__all__ = ["with_private_loop"]

Result = TypeVar("Result")


def with_private_loop(work: Callable[[asyncio.Runner], Result]) -> Result:
    """Return what some work returns that has an event loop to itself.

    Where a loop is running already, the work is done in a thread, since one thread runs one loop at a time.

    Args:
        work: Called with what runs its coroutines, all in the same loop.
    """
    runner = asyncio.Runner()

    def run() -> Result:
        with runner:
            return work(runner)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    with ThreadPoolExecutor(max_workers=1) as thread:
        done = thread.submit(copy_context().run, run)
        try:
            return done.result()
        except KeyboardInterrupt:
            # It reaches this thread alone, and the other may be paying for answers.
            with suppress(RuntimeError):  # the loop is closed: the work ended just now
                loop = runner.get_loop()
                loop.call_soon_threadsafe(_cancel_all, loop)
            raise


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
