"""Replies that another process paid for, before an interrupt: what is now known of them, and what they cost.

A graph that waited for a person may go on in another process, where nobody remembers its calls. Their rows
are in the database, under the conversation and the reply's id.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmops_plugins.accounting.column_text import short
from llmops_plugins.accounting.spending import Spending, added

__all__ = ["EARLIER_REPLIES", "EarlierReplies", "Settled", "settle"]

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

    def without(self, message_ids: Container[str]) -> EarlierReplies | None:
        """Return the same without some replies; None where there are no others.

        Args:
            message_ids: Ids of those.
        """
        left = replace(
            self,
            paid=[one for one in self.paid if one not in message_ids],
            rejected=[one for one in self.rejected if one not in message_ids],
            answer=None if self.answer is None or self.answer in message_ids else self.answer,
        )
        return left if left.message_ids else None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What came of looking replies up.

    Args:
        corrections: What is now known of their calls.
        charge: What the decision now cost; None where that has not changed.
        left: Those that were not found; None where all were.
    """

    corrections: list[dict[str, Any]]
    charge: dict[str, Any] | None
    left: EarlierReplies | None


def settle(engine: Any, earlier: EarlierReplies) -> Settled:
    """Add to what a decision cost, and tell what is now known of the calls it was about.

    Args:
        engine: The ledger's database.
        earlier: Replies of another process.

    Returns:
        Corrections of calls, by their own ids; none of a call that is not there, or not the only one with
        its conversation and reply.

    Raises:
        SQLAlchemyError: If the database cannot be read, or does not take an id; then nothing was added.
    """
    from llmops_plugins.storage.reply_lookup import calls_of_replies

    stored = {str(short(one, 255)): one for one in earlier.message_ids}
    found = calls_of_replies(engine, earlier.thread_id, stored)
    rows = {stored[message_id]: row for message_id, row in found.items()}
    left, charge = earlier.without(rows), None
    if earlier.spending is not None:
        part = EARLIER_REPLIES if left is None or not left.paid else None
        charge = earlier.spending.add(
            added(rows[one]["cost_usd"] for one in set(earlier.paid) if one in rows), part
        )
    thrown_away = [rows[one] for one in earlier.rejected if one in rows]
    corrections = [_correction(row, row["kind"], hidden=True) for row in thrown_away]
    if earlier.answer in rows:
        corrections.append(_correction(rows[earlier.answer], "answer", hidden=False))
    return Settled(corrections=corrections, charge=charge, left=left)


def _correction(row: Mapping[str, Any], kind: str, *, hidden: bool) -> dict[str, Any]:
    return {"corrected_id": row["call_id"], "new_kind": kind, "new_hidden": hidden, "new_rejected": hidden}
