"""Tells work in another thread that nobody waits for it any more: Ctrl-C interrupts the main thread alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["cancelled_with", "cancelling"]


class _Cancellation:
    """What is to be stopped; for use by any number of threads."""

    def __init__(self) -> None:
        # Reentrant: what is stopped may end in the same thread.
        self._lock = threading.RLock()
        self._stops: list[Callable[[], None]] = []
        self._is_cancelled = False

    def add(self, stop: Callable[[], None]) -> None:
        with self._lock:
            self._stops.append(stop)
            if self._is_cancelled:
                stop()

    def remove(self, stop: Callable[[], None]) -> None:
        with self._lock:
            self._stops.remove(stop)

    def cancel(self) -> None:
        with self._lock:
            if self._is_cancelled:
                return
            self._is_cancelled = True
            for stop in self._stops:
                stop()


_CURRENT: ContextVar[_Cancellation | None] = ContextVar("llmops_cancellation", default=None)


@contextmanager
def cancelling() -> Iterator[None]:
    """Stop what was begun inside, in any thread that has this context, if the block is interrupted.

    That is: if it is left by ``KeyboardInterrupt`` or another exception that is no ``Exception``.
    """
    cancellation = _Cancellation()
    with cancelled_with(cancellation.cancel):
        token = _CURRENT.set(cancellation)
        try:
            yield
        except Exception:
            raise
        except BaseException:
            cancellation.cancel()
            raise
        finally:
            _CURRENT.reset(token)


@contextmanager
def cancelled_with(stop: Callable[[], None]) -> Iterator[None]:
    """Have what runs inside stopped if the :func:`cancelling` block around it is interrupted.

    Args:
        stop: Stops it; called at most once, from any thread.
    """
    cancellation = _CURRENT.get()
    if cancellation is None:
        yield
        return
    cancellation.add(stop)
    try:
        yield
    finally:
        cancellation.remove(stop)
