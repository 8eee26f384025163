"""The replies that were paid for, beyond their trace: graphs go on in other traces, and replay them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["PaidReplies", "PaidReply"]

_MAX_REPLIES = 20_000


@dataclass(frozen=True)
class PaidReply:
    """A reply that was paid for, so that a replay of it can be told from a new one.

    Args:
        thread: Its conversation.
        paid_at: When it came, as Unix time in seconds.
        cost_usd: What it cost; None where that is unknown.
        model: Who wrote it.
        call_id: Id of its row.
        kind: What the call was for, as far as its own trace could tell.
    """

    thread: str | None
    paid_at: float
    cost_usd: float | None
    model: str | None
    call_id: str
    kind: str

    def correction(self, kind: str, *, hidden: bool, rejected: bool) -> dict[str, Any]:
        """Return what a later trace makes known of its row.

        Args:
            kind: What the call was for.
            hidden: Whether nobody saw the reply.
            rejected: Whether it was thrown away.
        """
        return {
            "corrected_id": self.call_id,
            "new_kind": kind,
            "new_hidden": hidden,
            "new_rejected": rejected,
        }


class PaidReplies:
    """The latest replies that this process paid for, by their message's id."""

    def __init__(self) -> None:
        self._replies: OrderedDict[str, PaidReply] = OrderedDict()

    def remember(self, message_id: str, row: Mapping[str, Any], started_at: float) -> None:
        """Remember the reply of a call.

        Args:
            message_id: The reply's id.
            row: The call's row.
            started_at: When the call began, as Unix time in seconds.
        """
        self._replies[message_id] = PaidReply(
            thread=row["thread_id"],
            paid_at=started_at + (row["latency_seconds"] or 0.0),
            cost_usd=row["cost_usd"],
            model=row["model"],
            call_id=row["call_id"],
            kind=row["kind"],
        )
        self._replies.move_to_end(message_id)
        if len(self._replies) > _MAX_REPLIES:
            self._replies.popitem(last=False)

    def get(self, message_id: str | None) -> PaidReply | None:
        """Return a reply; None for one of another process, or long ago.

        Args:
            message_id: The reply's id; None for a reply without one.
        """
        return self._replies.get(message_id or "")

    def of_thread(self, message_id: str, thread: str | None) -> PaidReply | None:
        """Return a reply of a conversation: whoever uses an app may choose the ids in their own messages.

        Args:
            message_id: The reply's id.
            thread: The conversation; None for none, which has no reply.
        """
        paid = self._replies.get(message_id)
        return paid if paid is not None and thread is not None and paid.thread == thread else None
