"""Writes the ledger's rows off the caller's path: bounded, durable when flushed, and never the app's problem."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from llmops_plugins.accounting.bookkeeper import Batch, Bookkeeper
from llmops_plugins.accounting.langsmith import correct_traced_kind
from llmops_plugins.accounting.observed import ObservedCall

__all__ = ["Leftover", "Writer"]

logger = logging.getLogger(__name__)
_WRITE_EVERY = 0.5
_WRITE_UNFINISHED_EVERY = 2.0
_EXPIRE_EVERY = 3600.0
_MAX_UNWRITTEN = 20_000
_GRACE_SECONDS = 10.0


@dataclass(slots=True)
class Leftover:
    """Calls that had not ended when their root did; an end may still come."""

    calls: list[ObservedCall]
    give_up: Callable[[ObservedCall], None]
    deadline: float = 0.0


@dataclass(slots=True)
class _Flush:
    done: threading.Event
    durable: bool = False
    final: bool = False


class Writer:
    """One background thread that judges what was observed and writes it.

    Args:
        engine: Opens the database; called in the background thread, once.
        bookkeeper: Makes a fresh judge; called in the background thread, and again after a fork.
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
        self._lock = threading.Lock()
        self.lost = 0
        self.trouble: str | None = None
        self._reset()

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._bookkeeper = self._make_bookkeeper()
        self._unwritten = Batch()
        self._leftovers: list[Leftover] = []
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._prepared = False
        self._reported_lost = 0
        self._next_write = self._next_unfinished = self._next_expiry = 0.0

    def put(self, item: Any) -> None:
        """Take one observed event; never blocks and never raises."""
        if self._thread is None or self._process != os.getpid():
            self._start()
        if self._queue.qsize() >= self._max_queue:
            self._lose(
                1 if isinstance(item, ObservedCall) else 0, "the queue is full: the database is too slow"
            )
        else:
            self._queue.put(item)

    def flush(self, timeout: float = 30.0, *, final: bool = False) -> bool:
        """Write everything observed so far.

        Args:
            timeout: Seconds to wait at most.
            final: Also give up calls whose end has not come.

        Returns:
            Whether all of it is durable.
        """
        if self._thread is None or self._process != os.getpid():
            return True
        request = _Flush(threading.Event(), final=final)
        self._queue.put(request)
        return request.done.wait(timeout) and request.durable

    @property
    def waiting(self) -> int:
        """Rows that are judged but not written, because the database would not take them."""
        return len(self._unwritten)

    def _start(self) -> None:
        with self._lock:
            if self._process != os.getpid():
                # The thread and what it held stayed in the parent; so must the parent's connections.
                self._reset()
                self._engine.dispose(close=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="llmops-ledger", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            flushes = self._drain()
            now = time.monotonic()
            self._settle_leftovers(now, give_up=any(flush.final for flush in flushes))
            if flushes or now >= self._next_write:
                unfinished = bool(flushes) or now >= self._next_unfinished
                if unfinished:
                    self._next_unfinished = now + _WRITE_UNFINISHED_EVERY
                durable = self._write(unfinished=unfinished)
                # A database that refuses is tried again, but not in every round.
                self._next_write = now + (_WRITE_EVERY if durable else 10 * _WRITE_EVERY)
                for flush in flushes:
                    flush.durable = durable
                    flush.done.set()

    def _drain(self) -> list[_Flush]:
        """Judge what is waiting, up to the first flush or until it is time to write."""
        try:
            item = self._queue.get(timeout=_WRITE_EVERY)
        except queue.Empty:
            return []
        for _ in range(2_000):
            if isinstance(item, _Flush):
                return [item]
            self._judge(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return []
        if isinstance(item, _Flush):
            return [item]
        self._judge(item)
        return []

    def _judge(self, item: Any) -> None:
        if isinstance(item, Leftover):
            item.deadline = time.monotonic() + _GRACE_SECONDS
            self._leftovers.append(item)
            return
        try:
            self._bookkeeper.note(item)
        except Exception as error:
            logger.warning("the ledger could not account for a call", exc_info=error)
            self._lose(1, f"a call could not be accounted for ({type(error).__name__})")

    def _settle_leftovers(self, now: float, *, give_up: bool) -> None:
        for leftover in [one for one in self._leftovers if give_up or now >= one.deadline]:
            self._leftovers.remove(leftover)
            for call in leftover.calls:
                if call.ended_clock is None:
                    leftover.give_up(call)
                    self._judge(call)

    def _write(self, *, unfinished: bool) -> bool:
        batch = self._bookkeeper.take(unfinished=unfinished)
        self._repost(batch)
        self._unwritten.extend(batch)
        self._shed()
        try:
            self._store()
        except Exception as error:  # noqa: BLE001 - whatever the database says, the app goes on
            self._say(f"{type(error).__name__}: {getattr(error, 'orig', None) or error}".splitlines()[0])
            return False
        return True

    def _store(self) -> None:
        from llmops_plugins.storage import ledger_tables

        now = time.monotonic()
        if not self._prepared:
            ledger_tables.prepare(self._engine)
            self._prepared = True
        if now >= self._next_expiry:
            ledger_tables.expire_content(self._engine, datetime.now(UTC) - self._content_retention)
            self._next_expiry = now + _EXPIRE_EVERY
        losses = self._new_losses()
        if len(self._unwritten) or losses:
            ledger_tables.store(self._engine, self._unwritten, losses)
            self._unwritten = Batch()
            self._reported_lost += sum(loss["calls"] for loss in losses)

    def _new_losses(self) -> list[dict[str, Any]]:
        calls = self.lost - self._reported_lost
        if calls <= 0:
            return []
        reason = self.trouble or "unknown"
        return [
            {"loss_id": str(uuid.uuid4()), "at": datetime.now(UTC), "calls": calls, "reason": reason[:500]}
        ]

    def _repost(self, batch: Batch) -> None:
        for run, kind in batch.reposts:
            try:
                correct_traced_kind(run, kind)
            except Exception as error:
                logger.debug("LangSmith did not take a corrected kind", exc_info=error)
        batch.reposts.clear()

    def _shed(self) -> None:
        excess = len(self._unwritten.calls) - _MAX_UNWRITTEN
        if excess > 0:
            del self._unwritten.calls[:excess]
            self._lose(excess, self.trouble or "the database takes no rows")

    def _lose(self, calls: int, reason: str) -> None:
        with self._lock:
            self.lost += calls
        self._say(reason)

    def _say(self, trouble: str) -> None:
        if self.trouble is None:
            logger.warning("the cost ledger cannot keep up its books, your app is not affected: %s", trouble)
        self.trouble = trouble
