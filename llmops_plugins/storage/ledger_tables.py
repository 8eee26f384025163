"""Writes batches of the ledger's rows, each in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine, bindparam, delete, insert, update

from llmops_plugins.storage.database import CALLS, DECISIONS, LOSSES, create_tables

__all__ = ["LedgerRows", "expire_content", "prepare", "store"]

_DELETE_CALL = delete(CALLS).where(CALLS.c.call_id == bindparam("replaced_id"))
_CORRECT_CALL = (
    update(CALLS)
    .where(CALLS.c.call_id == bindparam("corrected_id"))
    .values(kind=bindparam("new_kind"), hidden=bindparam("new_hidden"), rejected=bindparam("new_rejected"))
)


class LedgerRows(Protocol):
    """What :func:`store` writes: new rows, ids of rows they replace, and corrections of rows written earlier."""

    calls: list[dict[str, Any]]
    replaced: list[str]
    decisions: list[dict[str, Any]]
    corrections: list[dict[str, Any]]


def prepare(engine: Engine) -> None:
    """Create the tables that are missing."""
    create_tables(engine)


def store(engine: Engine, rows: LedgerRows, losses: list[dict[str, Any]]) -> None:
    """Write everything or nothing.

    Args:
        engine: The database.
        rows: The ledger's rows.
        losses: Rows that say how many calls could not be kept.
    """
    with engine.begin() as connection:
        if rows.replaced:
            connection.execute(_DELETE_CALL, [{"replaced_id": one} for one in rows.replaced])
        if rows.calls:
            connection.execute(insert(CALLS), rows.calls)
        if rows.corrections:
            connection.execute(_CORRECT_CALL, rows.corrections)
        if rows.decisions:
            connection.execute(insert(DECISIONS), rows.decisions)
        if losses:
            connection.execute(insert(LOSSES), losses)


def expire_content(engine: Engine, before: datetime) -> None:
    """Forget the prompts and answers of calls made before a moment; their tokens and costs stay."""
    stored = CALLS.c.prompt.is_not(None) | CALLS.c.answer.is_not(None)
    with engine.begin() as connection:
        connection.execute(
            update(CALLS).where(CALLS.c.started_at < before, stored).values(prompt=None, answer=None)
        )
