"""What the bookkeeper remembers of a run tree, so that a call's row can still be put right."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from llmops_plugins.accounting.observed import CallStatus, ObservedCall
from llmops_plugins.accounting.paid_replies import PaidReplies

__all__ = ["KeptCall", "TraceState"]


@dataclass(eq=False, slots=True)
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

    def correction(self) -> dict[str, Any]:
        """Return what is now known of a row that is written."""
        return {
            "corrected_id": self.row["call_id"],
            "new_kind": self.row["kind"],
            "new_hidden": self.row["hidden"],
            "new_rejected": self.row["rejected"],
        }


@dataclass(eq=False, slots=True)
class TraceState:
    """A run tree.

    Args:
        calls: Its calls, until the root has ended.
        by_message: Its calls by the id of their reply; those without one by their row's.
        unpaid: Ids of replies that a cache gave, with what the cache saved: that saving is the cache's, so
            whoever decides with such a reply is charged as if it had been paid for.
        failures: How often each prompt has failed, by where it was sent from.
        embedded: What embedding calls cost since a decision was last made in the run they were made in, by
            that run; ``None`` where one has no price.
        rejected: Ids of replies thrown away, with the id of the reply that came in their place.
        charged: Ids of replies that a decision has been charged for.
        ended: Whether the root has ended.
    """

    calls: list[KeptCall] = field(default_factory=list)
    by_message: dict[str, KeptCall] = field(default_factory=dict)
    unpaid: dict[str, float | None] = field(default_factory=dict)
    failures: dict[tuple[Any, int], int] = field(default_factory=dict)
    embedded: dict[str | None, float | None] = field(default_factory=dict)
    rejected: dict[str, str | None] = field(default_factory=dict)
    charged: set[str] = field(default_factory=set)
    ended: bool = False

    def knows(self, message_id: str) -> bool:
        """Tell whether a reply came in this tree, from a model or from a cache.

        Args:
            message_id: The reply's id.
        """
        return message_id in self.by_message or message_id in self.unpaid

    def spent_usd(
        self, message_ids: Collection[str], earlier: PaidReplies, thread: str | None
    ) -> float | None:
        """Return what the calls behind some replies cost together, ``None`` where one is not known.

        Args:
            message_ids: Ids of the replies.
            earlier: Replies of other traces: before an interrupt a graph's calls are in one of their own.
            thread: The conversation that those are looked for in.
        """
        spent = 0.0
        for message_id in set(message_ids):
            kept, paid = self.by_message.get(message_id), earlier.of_thread(message_id, thread)
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

    def attempt(self, call: ObservedCall, status: CallStatus) -> int:
        """Return which attempt at one prompt a call was, from 1, and remember how it ended.

        Args:
            call: The call.
            status: How it ended.
        """
        failed = status in ("error", "aborted")
        if not failed and not self.failures:
            return 1
        prompt = (call.metadata.get("langgraph_checkpoint_ns"), _fingerprint(call.messages))
        earlier = self.failures.get(prompt, 0)
        if failed:
            self.failures[prompt] = earlier + 1
        elif status == "ok":
            self.failures.pop(prompt, None)
        return earlier + 1

    def end(self) -> None:
        """Let go of messages: from here on only rows are needed."""
        self.ended = True
        for kept in self.calls:
            kept.reply = kept.traced_run = None
        self.calls.clear()
        self.failures.clear()


def _fingerprint(messages: Any) -> int:
    """Tells whether two calls were sent the same, in this process."""
    return hash(tuple((one.type, str(one.content)) for one in messages if isinstance(one, BaseMessage)))
