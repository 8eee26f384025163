"""Writes the ledger's rows off the caller's path: bounded, durable when flushed, never the app's problem."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.langsmith import correct_traced_kinds
from llmops_plugins.accounting.observed import ObservedCall
from llmops_plugins.accounting.row_store import RowStore
from llmops_plugins.errors import LlmopsError

__all__ = ["Leftover", "Writer"]

logger = logging.getLogger(__name__)
_LINGER = 0.1
_WRITE_EVERY = 0.5
_RETRY_EVERY = 5.0
_WRITE_UNFINISHED_EVERY = 2.0
_WAKE_EVERY = 600.0
_MAX_UNWRITTEN = 20_000
_MAX_JUDGED_AT_ONCE = 2_000
_GRACE_SECONDS = 10.0


@dataclass(slots=True)
class Leftover:
    """Calls that had not ended when their root did; an end may still come.

    Args:
        calls: The calls.
        give_up: Gives one up; returns whether it had not ended by then.
        deadline: When to, as ``time.monotonic()``.
    """

    calls: list[ObservedCall]
    give_up: Callable[[ObservedCall], bool]
    deadline: float = 0.0


@dataclass(slots=True)
class _Flush:
    done: threading.Event
    durable: bool = False
    last: bool = False


class Writer:
    """One background thread that judges what was observed and writes it.

    Args:
        engine: The database.
        bookkeeper: Makes a fresh judge; called again after a fork.
        content_retention: How long stored prompts and answers are kept.
        max_queue: Observed events that may wait; one more is lost, and counted.
    """

    def __init__(
        self,
        engine: Any,
        bookkeeper: Callable[[], Bookkeeper],
        *,
        content_retention: timedelta,
        max_queue: int,
    ) -> None:
        self._engine = engine
        self._make_bookkeeper = bookkeeper
        self._content_retention = content_retention
        self._max_queue = max_queue
        self._reset()

    def _reset(self) -> None:
        # Reentrant: the garbage collector may end an abandoned stream, and so a call, at any line.
        self._lock = threading.RLock()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._bookkeeper = self._make_bookkeeper()
        self._store = RowStore(self._engine, self._content_retention)
        self._unwritten = Batch()
        self._leftovers: list[Leftover] = []
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._next_write = self._next_unfinished = 0.0
        self._lost = 0
        self._lost_and_written = 0
        self.trouble: str | None = None

    # -- for any thread

    @property
    def unkept(self) -> int:
        """Calls that are not in the database nor counted as lost there: it would not take them yet."""
        return self._lost - self._lost_and_written + len(self._unwritten.calls)

    @property
    def is_used(self) -> bool:
        """Whether there has been anything to write."""
        return self._thread is not None

    def put(self, item: Any) -> None:
        """Take one observed event; never blocks and never raises."""
        # Few next to the calls, and without them the calls that were kept would be misjudged.
        room = self._max_queue if isinstance(item, ObservedCall) else 2 * self._max_queue
        if self._queue.qsize() >= room:
            self._lose(item, "the queue is full: the database is too slow")
        else:
            self._queue.put(item)
            self._start()

    def flush(self, timeout: float = 30.0) -> bool:
        """Write everything observed so far.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether all of it is durable.
        """
        request = _Flush(threading.Event())
        self._queue.put(request)
        self._hurry.set()
        self._start()
        return request.done.wait(timeout) and request.durable

    def stop(self, timeout: float = 30.0) -> None:
        """Flush and end the thread; it starts again if more is observed."""
        with self._lock:
            is_running = self._thread is not None
        if is_running:
            request = _Flush(threading.Event(), last=True)
            self._queue.put(request)
            self._hurry.set()
            request.done.wait(timeout)

    def forget_parent(self) -> None:
        """Start afresh in a forked child: the thread and what it held stayed in the parent."""
        # Closing the parent's connections here would release its locks on the file.
        self._parents_pool = self._engine.pool
        self._engine.dispose(close=False)
        self._reset()

    def _start(self) -> None:
        """Have a thread for what was put; the last one looks whether there is more before it ends."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="llmops-ledger", daemon=True)
                self._thread.start()

    def _lose(self, item: Any, reason: str) -> None:
        if isinstance(item, ObservedCall):
            with self._lock:
                self._lost += 1
        self._say(reason)

    def _say(self, trouble: str) -> None:
        if self.trouble is None:
            logger.warning("the cost ledger cannot keep up its books, your app is not affected: %s", trouble)
        self.trouble = trouble

    # -- for the background thread alone

    def _work(self) -> None:
        while True:
            flush: _Flush | None = None
            try:
                flush = self._drain()
                self._settle_leftovers()
                self._write_when_due(flush)
            except Exception as error:
                logger.debug("the ledger's writer failed", exc_info=error)
                self._say(f"{type(error).__name__} in the ledger itself")
            if flush is not None:
                ends = flush.last and self._ends()
                flush.done.set()
                if ends:
                    return

    def _ends(self) -> bool:
        with self._lock:
            # In this order: whoever puts something after this look finds no thread, and starts one.
            thread, self._thread = self._thread, None
            if not self._queue.empty():
                self._thread = thread
            return self._thread is None

    def _drain(self) -> _Flush | None:
        """Judge what is waiting, up to the first flush."""
        busy = len(self._unwritten) or self._bookkeeper.waiting or self._leftovers or self._store.waiting
        try:
            item = self._queue.get(timeout=_WRITE_EVERY if busy else _WAKE_EVERY)
            if not isinstance(item, _Flush):
                # Waking for each event would take the interpreter away from the callers that often.
                self._hurry.wait(_LINGER)
            self._hurry.clear()
            for _ in range(_MAX_JUDGED_AT_ONCE):
                if isinstance(item, _Flush):
                    return item
                self._judge(item)
                item = self._queue.get_nowait()
            if isinstance(item, _Flush):
                return item
            self._judge(item)
        except queue.Empty:
            pass
        return None

    def _judge(self, item: Any) -> None:
        if isinstance(item, Leftover):
            item.deadline = item.deadline or time.monotonic() + _GRACE_SECONDS
            self._leftovers.append(item)
            return
        try:
            self._bookkeeper.note(item)
        except Exception as error:
            logger.debug("the ledger could not account for an event", exc_info=error)
            self._lose(item, f"{type(error).__name__} while accounting for a call")
        time.sleep(0)  # lets a caller that waits for the interpreter have it

    def _settle_leftovers(self) -> None:
        now = time.monotonic()
        for leftover in self._leftovers:
            over = [call for call in leftover.calls if now >= leftover.deadline or call.cannot_end]
            for call in over:
                leftover.calls.remove(call)
                if leftover.give_up(call):
                    self._judge(call)
        self._leftovers = [leftover for leftover in self._leftovers if leftover.calls]

    def _write_when_due(self, flush: _Flush | None) -> None:
        now = time.monotonic()
        if flush is None and now < self._next_write:
            return
        unfinished = flush is not None or now >= self._next_unfinished
        if unfinished:
            self._next_unfinished = now + _WRITE_UNFINISHED_EVERY
        batch = self._bookkeeper.take(unfinished=unfinished)
        durable = self._write(batch, at_once=flush is not None)
        # A database that refuses is tried again, but not in every round.
        self._next_write = now + (_WRITE_EVERY if durable else _RETRY_EVERY)
        if flush is not None:
            flush.durable = durable

    def _write(self, batch: Batch, *, at_once: bool) -> bool:
        correct_traced_kinds(batch.reposts)
        self._unwritten.extend(batch)
        self._lost += self._unwritten.shed(_MAX_UNWRITTEN)
        lost = self._lost - self._lost_and_written
        try:
            refused = self._store.write(self._unwritten, lost=lost, reason=self.trouble, at_once=at_once)
        except Exception as error:  # noqa: BLE001 - whatever the database says, the app goes on
            self._say(_first_line(error))
            return False
        self._unwritten = Batch()
        self._lost_and_written += lost
        self.trouble = None
        if refused:
            with self._lock:
                self._lost += refused
            self._say("the database does not take what a row holds")
        return True


def _first_line(error: Exception) -> str:
    """Name the error without the statement's parameters, which may hold what must not be stored."""
    if isinstance(error, LlmopsError):
        return str(error)  # one sentence that names the path and the fix
    cause = getattr(error, "orig", None) or getattr(error, "__cause__", None)
    return f"{type(error).__name__}: {getattr(cause, 'orig', None) or cause or ''}".strip(": ").split("\n")[0]
