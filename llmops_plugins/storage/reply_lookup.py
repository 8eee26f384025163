"""Finds the ledger's calls by the replies that they gave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Engine, select

from llmops_plugins.storage.database import CALLS

__all__ = ["calls_of_replies"]


def calls_of_replies(
    engine: Engine, thread_id: str, message_ids: Collection[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the calls behind replies: their id, kind and cost, by the reply's id.

    Args:
        engine: The ledger's database.
        thread_id: The conversation: ids of replies are told apart within one.
        message_ids: The replies' ids, as they are stored.

    Returns:
        Nothing for a reply that is not there, or that two calls gave.

    Raises:
        SQLAlchemyError: If the database cannot be read, or does not take an id.
    """
    columns = (CALLS.c.call_id, CALLS.c.message_id, CALLS.c.kind, CALLS.c.cost_usd)
    query = select(*columns).where(
        CALLS.c.thread_id == thread_id, CALLS.c.message_id.in_(message_ids), CALLS.c.status == "ok"
    )
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    with engine.connect() as connection:
        for row in connection.execute(query).mappings():
            found[row["message_id"]].append(dict(row))
    return {message_id: rows[0] for message_id, rows in found.items() if len(rows) == 1}
