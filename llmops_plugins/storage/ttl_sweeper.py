"""A thread that deletes what has expired, every so often."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

from llmops_plugins.errors import DatabaseUnavailableError

__all__ = ["TtlSweeper"]

logger = logging.getLogger(__name__)


class TtlSweeper:
    """Calls ``sweep`` at an interval in a daemon thread until it is stopped.

    Args:
        sweep: What deletes.
    """

    def __init__(self, sweep: Callable[[], int]) -> None:
        self._sweep = sweep
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._done: Future[None] = Future()

    def start(self, interval_seconds: float) -> Future[None]:
        """Start, unless it runs, and return a future that is done at its end and ends it when cancelled."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stopped, self._done = threading.Event(), Future()
                self._done.add_done_callback(_stop_when_cancelled(self._stopped))
                self._thread = threading.Thread(
                    target=self._run,
                    args=(interval_seconds, self._stopped, self._done),
                    name="llmops-ttl-sweeper",
                    daemon=True,
                )
                self._thread.start()
            return self._done

    def stop(self, timeout: float | None = None) -> bool:
        """Stop and return whether it ended within ``timeout`` seconds."""
        with self._lock:
            self._stopped.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _run(self, interval_seconds: float, stopped: threading.Event, done: Future[None]) -> None:
        while not stopped.wait(interval_seconds):
            try:
                self._sweep()
            except DatabaseUnavailableError as error:
                logger.warning("Expired items were not deleted this time: %s", error)
        with contextlib.suppress(InvalidStateError):  # it was cancelled, which is why this ends
            done.set_result(None)


def _stop_when_cancelled(stopped: threading.Event) -> Callable[[Future[None]], None]:
    def stop(future: Future[None]) -> None:
        if future.cancelled():
            stopped.set()

    return stop
