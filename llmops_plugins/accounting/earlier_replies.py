"""Replies that another process paid for, before an interrupt: what is now known of them, and what they cost.

A graph that waited for a person may go on in another process, where nobody remembers its calls. Their rows
are in the database, under the conversation and the reply's id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_plugins.accounting.column_text import short
from llmops_plugins.accounting.spending import Spending

__all__ = ["EARLIER_REPLIES", "EarlierReplies", "settle"]

EARLIER_REPLIES = "the replies of another process"
"""The part of a decision's spending that is waited for until its replies are looked up."""


@dataclass(frozen=True, kw_only=True)
class EarlierReplies:
    """Replies that this process did not see being made, and what was decided on them.

    Args:
        thread_id: The conversation: ids of replies are told apart within one.
        paid: Ids of those that the decision took.
        rejected: Ids of those that were thrown away.
        answer: Id of the one that came out as the answer.
        spending: What the decision spent, to which their cost is added.
    """

    thread_id: str
    paid: Sequence[str] = ()
    rejected: Sequence[str] = ()
    answer: str | None = None
    spending: Spending | None = None

    @property
    def message_ids(self) -> set[str]:
        """Ids of all the replies."""
        return {*self.paid, *self.rejected, *([] if self.answer is None else [self.answer])}


def settle(engine: Any, earlier: EarlierReplies) -> list[dict[str, Any]]:
    """Add to what a decision cost, and return what is now known of the calls it was about.

    Args:
        engine: The ledger's database.
        earlier: Replies of another process.

    Returns:
        Corrections of calls, by their own ids; none of a call that is not there, or not the only one with
        its conversation and reply.
    """
    rows = _rows(engine, earlier)
    if earlier.spending is not None:
        earlier.spending.add(_cost_usd(earlier, rows), EARLIER_REPLIES)
    thrown_away = [rows[one] for one in earlier.rejected if one in rows]
    corrections = [_correction(row, row["kind"], hidden=True) for row in thrown_away]
    if earlier.answer in rows:
        corrections.append(_correction(rows[earlier.answer], "answer", hidden=False))
    return corrections


def _cost_usd(earlier: EarlierReplies, rows: Mapping[str, Mapping[str, Any]]) -> float | None:
    costs = [rows[one]["cost_usd"] if one in rows else None for one in set(earlier.paid)]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _correction(row: Mapping[str, Any], kind: str, *, hidden: bool) -> dict[str, Any]:
    return {"corrected_id": row["call_id"], "new_kind": kind, "new_hidden": hidden, "new_rejected": hidden}


def _rows(engine: Any, earlier: EarlierReplies) -> dict[str, Mapping[str, Any]]:
    """Return the calls behind the replies, by the reply's id; none where two may be meant."""
    from sqlalchemy import select

    from llmops_plugins.storage.database import CALLS

    stored = {short(one, 255): one for one in earlier.message_ids}
    columns = (CALLS.c.call_id, CALLS.c.message_id, CALLS.c.kind, CALLS.c.cost_usd)
    query = select(*columns).where(
        CALLS.c.thread_id == earlier.thread_id, CALLS.c.message_id.in_(stored), CALLS.c.status == "ok"
    )
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    with engine.connect() as connection:
        for row in connection.execute(query).mappings():
            found[stored[row["message_id"]]].append(row)
    return {message_id: rows[0] for message_id, rows in found.items() if len(rows) == 1}
