"""Calls in threads that keep no process from ending, however long a call takes that nobody heeds any more.

Those of ``concurrent.futures`` are waited for at the end of the process.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

__all__ = ["start_thread"]

_MOST_IDLE = 32


class _Thread:
    """A daemon thread that does one thing after the other, kept since starting one is slow."""

    def __init__(self) -> None:
        self.work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="llmops", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.work.get()()
            if len(_IDLE) >= _MOST_IDLE:
                return
            _IDLE.append(self)


_IDLE: deque[_Thread] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_IDLE.clear)  # threads do not survive a fork


def start_thread(call: Callable[[], Any]) -> Future[Any]:
    """Make a call in a daemon thread with a copy of the caller's context variables.

    Args:
        call: What to call.

    Returns:
        A future of its result, or of any exception, also of one that would have ended the thread.
    """
    future: Future[Any] = Future()
    context = copy_context()

    def made() -> None:
        try:
            result = context.run(call)
        except BaseException as error:  # noqa: BLE001 - it is the future's
            with suppress(InvalidStateError):
                future.set_exception(error)
        else:
            with suppress(InvalidStateError):
                future.set_result(result)

    try:
        thread = _IDLE.pop()
    except IndexError:
        thread = _Thread()
    thread.work.put(made)
    return future
