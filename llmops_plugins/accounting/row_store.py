"""Puts batches of rows into the database, whatever state it is in when the time comes."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.earlier_replies import EarlierReplies, settle

__all__ = ["RowStore"]

logger = logging.getLogger(__name__)
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

    def write(self, batch: Batch, *, lost: int, reason: str | None) -> int:
        """Write a batch in one transaction.

        Args:
            batch: The rows.
            lost: Calls that were lost since the last batch; they become a row of their own.
            reason: Why.

        Returns:
            How many calls were left out because the database does not take what their rows hold.

        Raises:
            Exception: Whatever the database says; then nothing was written.
        """
        from llmops_plugins.storage import ledger_tables

        try:
            connections = self._engine.pool
            if self._prepared is not connections:
                ledger_tables.prepare(self._engine)
                self._prepared = connections
            self._expire()
            if batch.charges:
                _charge(self._engine, batch.charges)
            while batch.earlier:  # let go of one by one: what was settled is so, though writing may fail
                batch.corrections += self._settled(batch.earlier[0])
                del batch.earlier[0]
            losses = [_loss_row(lost, reason)] if lost else []
            return ledger_tables.store(self._engine, batch, losses) if len(batch) or losses else 0
        except Exception:
            self._prepared = None  # the file may have been replaced
            raise

    def _settled(self, earlier: EarlierReplies) -> list[dict[str, Any]]:
        from llmops_plugins.storage import ledger_tables

        try:
            return settle(self._engine, earlier)
        except Exception as error:
            if ledger_tables.is_databases_trouble(error):
                raise
            # Kept, it would be refused again each time, and nothing after it ever written.
            logger.debug("the database does not take the id of an earlier reply", exc_info=error)
            return []

    def _expire(self) -> None:
        from llmops_plugins.storage import ledger_tables

        now = time.monotonic()
        if now >= self._next_expiry:
            ledger_tables.expire_content(self._engine, datetime.now(UTC) - self._content_retention)
            self._next_expiry = now + _EXPIRE_EVERY


def _charge(engine: Any, charges: list[dict[str, Any]]) -> None:
    """Say of decisions that are in the database what they have cost by now; again is as once."""
    from sqlalchemy import bindparam, update

    from llmops_plugins.storage.database import DECISIONS

    charge = (
        update(DECISIONS)
        .where(DECISIONS.c.decision_id == bindparam("charged_id"))
        .values(spent_usd=bindparam("new_spent_usd"), saved_usd=bindparam("new_saved_usd"))
    )
    with engine.begin() as connection:
        connection.execute(charge, charges)


def _loss_row(calls: int, reason: str | None) -> dict[str, Any]:
    return {
        "loss_id": str(uuid.uuid4()),
        "at": datetime.now(UTC),
        "calls": calls,
        "reason": (reason or "unknown")[:500],
    }
