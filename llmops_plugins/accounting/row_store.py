"""Puts batches of rows into the database, whatever state it is in when the time comes."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.reply_lookups import ReplyLookups

__all__ = ["RowStore"]

_EXPIRE_EVERY = 3600.0


class RowStore:
    """Writes batches, creating tables and expiring content on the way; for use by one thread.

    Args:
        engine: The database.
        content_retention: How long stored prompts and answers are kept.
    """

    def __init__(self, engine: Any, content_retention: timedelta) -> None:
        self._engine = engine
        self._content_retention = content_retention
        self._prepared: Any = None  # the connections it was prepared for: a database in memory goes with them
        self._next_expiry = 0.0
        self._lookups = ReplyLookups(engine)

    @property
    def waiting(self) -> int:
        """Decisions whose replies another process has not written yet."""
        return len(self._lookups)

    def write(self, batch: Batch, *, lost: int, reason: str | None, at_once: bool = False) -> int:
        """Write a batch in one transaction.

        Args:
            batch: The rows.
            lost: Calls that were lost since the last batch; they become a row of their own.
            reason: Why.
            at_once: Whether to look again now for what other processes had not written.

        Returns:
            How many calls were left out because the database does not take what their rows hold.

        Raises:
            Exception: Whatever the database says; then nothing of the batch was written.
        """
        from llmops_plugins.storage import ledger_tables

        try:
            connections = self._engine.pool
            if self._prepared is not connections:
                ledger_tables.prepare(self._engine)
                self._prepared = connections
            self._expire()
            self._lookups.settle(batch, at_once=at_once)
            losses = [_loss_row(lost, reason)] if lost else []
            return ledger_tables.store(self._engine, batch, losses) if len(batch) or losses else 0
        except Exception:
            self._prepared = None  # the file may have been replaced
            raise

    def _expire(self) -> None:
        from llmops_plugins.storage import ledger_tables

        now = time.monotonic()
        if now >= self._next_expiry:
            ledger_tables.expire_content(self._engine, datetime.now(UTC) - self._content_retention)
            self._next_expiry = now + _EXPIRE_EVERY


def _loss_row(calls: int, reason: str | None) -> dict[str, Any]:
    return {
        "loss_id": str(uuid.uuid4()),
        "at": datetime.now(UTC),
        "calls": calls,
        "reason": (reason or "unknown")[:500],
    }
