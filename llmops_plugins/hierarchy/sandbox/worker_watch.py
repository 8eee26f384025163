"""Ends a worker process that has had its time, printed too much, or is no longer wanted."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

__all__ = ["WorkerWatch"]

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class WorkerWatch:
    """Kills one worker at most once, and remembers why; safe to use from any thread."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._timer: threading.Timer | None = None
        self._pending: Future[Any] | None = None

    def start(self, pid: int | None, seconds: float, reason: str) -> None:
        """Watch a worker from here on.

        Args:
            pid: The worker's process.
            seconds: When to kill it.
            reason: Why, then.
        """
        timer = threading.Timer(seconds, self.stop, (reason,))
        timer.daemon = True
        with self._lock:
            self._pid, self._timer = pid, timer
            if self.reason is not None:
                self._kill()
        timer.start()

    def pending(self, call: Future[Any]) -> None:
        """Remember the call that the worker waits for, to cancel it too."""
        with self._lock:
            self._pending = call
            if self.reason is not None:
                call.cancel()

    def stop(self, reason: str) -> None:
        """Kill the worker now, or as soon as there is one."""
        with self._lock:
            if self.reason is not None:
                return
            self.reason = reason
            self._kill()

    def finish(self) -> None:
        """Leave the process alone: its number may soon be another's."""
        with self._lock:
            self._pid = self._pending = None
            if self._timer is not None:
                self._timer.cancel()

    def _kill(self) -> None:
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, _KILL)
        if self._pending is not None:
            self._pending.cancel()
