"""What the bookkeeper remembers of a run tree, so that a call's row can still be put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

__all__ = ["KeptCall", "PaidReply", "TraceState"]


@dataclass(eq=False)
class KeptCall:
    """A call's row and what its judgement still needs.

    Args:
        trace: Its run tree.
        row: The row, written or not.
        settled: Whether evidence has said the kind outright, so that the root's end changes nothing.
        reply: What the model said, until the root has ended.
        traced_run: What to post again to LangSmith once the kind is final.
        written: Whether the row was handed over, so that changes are corrections.
    """

    trace: TraceState
    row: dict[str, Any]
    settled: bool
    reply: AIMessage | None = None
    traced_run: Any = None
    written: bool = False

    def hand_over(self) -> None:
        """Keep of a row that is written only what a correction needs: it may hold a whole prompt."""
        self.written = True
        needed = ("call_id", "status", "kind", "hidden", "rejected", "cost_usd")
        self.row = {name: self.row[name] for name in needed}


@dataclass(eq=False)
class TraceState:
    """A run tree.

    Args:
        calls: Its calls, until the root has ended.
        by_message: Its calls by the id of their reply.
        unpaid: Ids of replies that a cache gave, with what the cache saved: that saving is the cache's, so
            whoever decides with such a reply is charged as if it had been paid for.
        failures: How often each prompt has failed, by where it was sent from.
        embedded: What embedding calls cost since a decision was last made in the run they were made in, by
            that run; ``None`` where one has no price.
        rejected: Ids of replies thrown away, with the id of the reply that came in their place.
        ended: Whether the root has ended.
    """

    calls: list[KeptCall] = field(default_factory=list)
    by_message: dict[str, KeptCall] = field(default_factory=dict)
    unpaid: dict[str, float | None] = field(default_factory=dict)
    failures: dict[tuple[Any, int], int] = field(default_factory=dict)
    embedded: dict[str | None, float | None] = field(default_factory=dict)
    rejected: dict[str, str | None] = field(default_factory=dict)
    ended: bool = False

    def spent_usd(self, message_ids: list[str], earlier: Mapping[str, PaidReply]) -> float | None:
        """Return what the calls behind some replies cost together, ``None`` where one is not known.

        Args:
            message_ids: Ids of the replies.
            earlier: Replies of other traces: before an interrupt a graph's calls are in one of their own.
        """
        spent = 0.0
        for message_id in set(message_ids):
            kept, paid = self.by_message.get(message_id), earlier.get(message_id)
            cost = self.unpaid.get(message_id, paid.cost_usd if paid is not None else None)
            cost = kept.row["cost_usd"] if kept is not None else cost
            if cost is None:
                return None
            spent += cost
        return spent

    def note_embedding(self, run_id: str | None, cost_usd: float | None) -> None:
        """Keep what an embedding call cost for the decision that it was made for."""
        before = self.embedded.get(run_id, 0.0)
        self.embedded[run_id] = None if cost_usd is None or before is None else before + cost_usd

    def take_embedded_usd(self, run_id: str | None) -> float | None:
        """Return what was embedded for a decision of a run, once: the next one has its own."""
        return self.embedded.pop(run_id, 0.0)

    def end(self) -> None:
        """Let go of messages: from here on only rows are needed."""
        self.ended = True
        for kept in self.calls:
            kept.reply = kept.traced_run = None
        self.calls.clear()
        self.failures.clear()


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
        """Return what a later trace makes known of its row."""
        return {
            "corrected_id": self.call_id,
            "new_kind": kind,
            "new_hidden": hidden,
            "new_rejected": rejected,
        }
