"""Calls that were given up and still run: a thread cannot be stopped, so they are counted, and bounded."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from llmops_plugins.errors import LlmopsError

__all__ = ["ABANDONED", "AbandonedCalls", "RunningCall", "TooManyAbandonedError"]


class TooManyAbandonedError(LlmopsError, OSError):
    """Too many earlier calls were given up and still run.

    It is an ``OSError``, as what else says that an expert could not be reached: then its fallback is asked.
    """


@dataclass(eq=False, kw_only=True)
class RunningCall:
    """One call in a thread.

    Args:
        whose: Who was called; None where nobody says it.
        ended: Whether the thread is done with it, be it heeded or not.
    """

    whose: str | None
    ended: bool = False


class AbandonedCalls:
    """Knows the calls that nobody waits for any more; safe to share between threads and event loops.

    Each has a limit of its own, so that an expert that hangs keeps nobody else from being called.

    Args:
        most_of_one: Most that may still run when one and the same is called again.
        most: Most that may still run when anybody is called.
    """

    def __init__(self, *, most_of_one: int = 64, most: int = 512) -> None:
        self._most_of_one = most_of_one
        self._most = most
        self.forget_all()

    def forget_all(self) -> None:
        """Start afresh, as a forked child must."""
        self._lock = threading.Lock()
        self._calls: list[RunningCall] = []

    def check_room(self, whose: str | None) -> None:
        """Refuse a further call where too many were given up and have not ended.

        Args:
            whose: Who would be called.

        Raises:
            TooManyAbandonedError: If there are too many.
        """
        with self._lock:
            self._calls = [one for one in self._calls if not one.ended]
            of_one = sum(one.whose == whose for one in self._calls)
            of_all = len(self._calls)
        if whose is not None and of_one >= self._most_of_one:
            raise TooManyAbandonedError(f"{of_one} earlier calls of {whose} were given up and still run")
        if of_all >= self._most:
            raise TooManyAbandonedError(f"{of_all} earlier calls were given up and still run")

    def add(self, call: RunningCall) -> None:
        """Count a call that nobody waits for any more, until it ends; one that has ended is none.

        Args:
            call: The call.
        """
        if not call.ended:
            with self._lock:
                self._calls.append(call)


ABANDONED = AbandonedCalls()
"""The process's own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ABANDONED.forget_all)  # threads do not survive a fork
