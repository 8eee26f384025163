"""Writes batches of the ledger's rows, each in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Executable, bindparam, delete, insert, update
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from llmops_plugins.storage.database import CALLS, DECISIONS, LOSSES, create_tables

__all__ = ["LedgerRows", "expire_content", "is_databases_trouble", "prepare", "store"]

logger = logging.getLogger(__name__)
_INSERT_CALL, _INSERT_DECISION, _INSERT_LOSS = insert(CALLS), insert(DECISIONS), insert(LOSSES)
_DELETE_CALL = delete(CALLS).where(CALLS.c.call_id == bindparam("replaced_id"))
_CORRECT_CALL = (
    update(CALLS)
    .where(CALLS.c.call_id == bindparam("corrected_id"))
    .values(kind=bindparam("new_kind"), hidden=bindparam("new_hidden"), rejected=bindparam("new_rejected"))
)
_CHARGE_DECISION = (
    update(DECISIONS)
    .where(DECISIONS.c.decision_id == bindparam("charged_id"))
    .values(spent_usd=bindparam("new_spent_usd"), saved_usd=bindparam("new_saved_usd"))
)


class LedgerRows(Protocol):
    """What :func:`store` writes.

    Args:
        calls: Rows of calls.
        replaced: Ids of rows written earlier that rows of ``calls`` stand in for.
        decisions: Rows of decisions.
        corrections: What is now known of calls written earlier.
        charges: What decisions have cost by now.
    """

    calls: list[dict[str, Any]]
    replaced: list[str]
    decisions: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    charges: list[dict[str, Any]]


def prepare(engine: Engine) -> None:
    """Create the tables that are missing."""
    create_tables(engine)


def store(engine: Engine, rows: LedgerRows, losses: list[dict[str, Any]]) -> int:
    """Write everything in one transaction, but for rows that hold what the database does not take.

    Args:
        engine: The database.
        rows: The ledger's rows.
        losses: Rows that say how many calls could not be kept.

    Returns:
        How many rows of calls were left out.

    Raises:
        SQLAlchemyError: If the database cannot be written; then nothing was.
    """
    try:
        with engine.begin() as connection:
            for statement, values in _statements(rows, losses):
                connection.execute(statement, values)
        return 0
    except Exception as error:
        if is_databases_trouble(error):
            raise
    with engine.begin() as connection:
        return sum(
            _refused(connection, statement, value) and statement is _INSERT_CALL
            for statement, values in _statements(rows, losses)
            for value in values
        )


def _statements(
    rows: LedgerRows, losses: list[dict[str, Any]]
) -> Iterator[tuple[Executable, list[dict[str, Any]]]]:
    everything = (
        (_DELETE_CALL, [{"replaced_id": one} for one in rows.replaced]),
        (_INSERT_CALL, rows.calls),
        (_CORRECT_CALL, rows.corrections),
        (_INSERT_DECISION, rows.decisions),
        (_CHARGE_DECISION, rows.charges),
        (_INSERT_LOSS, losses),
    )
    yield from ((statement, values) for statement, values in everything if values)


def _refused(connection: Connection, statement: Executable, value: dict[str, Any]) -> bool:
    try:
        connection.execute(statement, value)
        return False
    except Exception as error:
        if is_databases_trouble(error):
            raise
        logger.debug("the database does not take a row of the ledger", exc_info=error)
        return True


def is_databases_trouble(error: Exception) -> bool:
    """Tell a database that fails (full, locked, gone) from a value that it does not take."""
    if isinstance(error, OSError | NoConnectionFree):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, DatabaseError) and not isinstance(
        error, DataError | IntegrityError | ProgrammingError
    )


def expire_content(engine: Engine, before: datetime) -> None:
    """Forget the prompts and answers of calls made before a moment; their tokens and costs stay."""
    with engine.begin() as connection:
        expired = connection.execute(
            update(CALLS)
            .where(CALLS.c.started_at < before, CALLS.c.prompt.is_not(None))
            .values(prompt=None, answer=None)
        )
    if expired.rowcount and engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # Until a checkpoint the log beside the file still holds what was forgotten.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
