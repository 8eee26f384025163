"""Work that goes on after the reply has left, bounded, and never the user's problem."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

__all__ = ["BACKGROUND", "Background", "BackgroundCounts"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class BackgroundCounts:
    """How much background work there was: ``started``, ``failed`` and ``dropped`` (no room) so far."""

    started: int
    failed: int
    dropped: int


class Background:
    """Runs callables in daemon threads and coroutines as tasks, at most so many at once.

    Threads are daemons: a slow shadow call must not keep a finished program alive.

    Args:
        max_running: How many run at the same time, of each sort.
        max_pending: How many may run or wait; one more is dropped and counted.
    """

    def __init__(self, *, max_running: int = 4, max_pending: int = 64) -> None:
        self._max_running = max_running
        self._max_pending = max_pending
        self.forget_parent()

    def forget_parent(self) -> None:
        """Start afresh, as a forked child must."""
        self._threads_free = threading.BoundedSemaphore(self._max_running)
        self._changed = threading.Condition()
        self._pending = 0
        self._started = self._failed = self._dropped = 0
        # The event loop keeps only weak references to its tasks.
        self._tasks: set[asyncio.Task[Any]] = set()
        self._tasks_free: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}

    @property
    def counts(self) -> BackgroundCounts:
        """What has been started, has failed and was dropped since the process began."""
        with self._changed:
            return BackgroundCounts(started=self._started, failed=self._failed, dropped=self._dropped)

    def start_thread(self, work: Callable[[], Any], *, abandon: Callable[[], None]) -> None:
        """Run ``work`` in a thread with the caller's context variables; without room, ``abandon`` it."""
        if not self._admit():
            abandon()
            return
        context = contextvars.copy_context()

        def bounded() -> None:
            with self._threads_free:
                self._finished(_error_of(lambda: context.run(work)))

        try:
            threading.Thread(target=bounded, name="llmops-background", daemon=True).start()
        except RuntimeError:  # the process may start no more threads, or is shutting down
            self._drop_admitted()
            abandon()

    def start_task(self, work: Coroutine[Any, Any, Any], *, abandon: Callable[[], None]) -> None:
        """Run ``work`` as a task of the running loop; without room, ``abandon`` it."""
        if not self._admit():
            work.close()
            abandon()
            return
        task = asyncio.get_running_loop().create_task(_bounded(work, self._room_in_running_loop()))
        self._tasks.add(task)

        def done(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            work.close()  # one that was cancelled before it began is still to be closed
            self._finished(asyncio.CancelledError() if task.cancelled() else task.exception())

        task.add_done_callback(done)

    def drain(self, timeout: float = 30.0) -> bool:
        """Wait up to ``timeout`` seconds until no thread is pending; for tasks there is :meth:`adrain`.

        Returns:
            Whether everything was done in time.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._pending <= len(self._tasks), timeout)

    async def adrain(self, timeout: float = 30.0) -> bool:
        """Wait up to ``timeout`` seconds until nothing is pending, letting the running loop work."""
        deadline = time.monotonic() + timeout
        while self._pending and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        return self._pending == 0

    def _room_in_running_loop(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        with self._changed:  # other threads may run loops of their own
            for closed in [known for known in self._tasks_free if known.is_closed()]:
                del self._tasks_free[closed]
            return self._tasks_free.setdefault(loop, asyncio.Semaphore(self._max_running))

    def _admit(self) -> bool:
        with self._changed:
            if self._pending >= self._max_pending:
                self._dropped += 1
                return False
            self._pending += 1
            self._started += 1
            return True

    def _drop_admitted(self) -> None:
        with self._changed:
            self._pending -= 1
            self._started -= 1
            self._dropped += 1
            self._changed.notify_all()

    def _finished(self, error: BaseException | None) -> None:
        if error is not None:
            logger.debug("background work failed", exc_info=error)
        with self._changed:
            self._pending -= 1
            self._failed += error is not None
            self._changed.notify_all()


def _error_of(work: Callable[[], Any]) -> BaseException | None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - nothing here may reach the user
        return error
    return None


async def _bounded(work: Coroutine[Any, Any, Any], free: asyncio.Semaphore) -> None:
    async with free:
        await work


BACKGROUND = Background()
"""The process's own: every driver spawns here."""

if hasattr(os, "register_at_fork"):
    # A child has none of its parent's threads, and so nobody who would leave the room they take.
    os.register_at_fork(after_in_child=BACKGROUND.forget_parent)
