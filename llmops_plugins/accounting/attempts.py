"""Which replies are part of which attempt, and which attempts came to nothing.

A verdict on an attempt may come before its replies: what was timed out goes on in its thread, and is paid
for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmops_plugins.accounting.trace_state import TraceState
from llmops_plugins.verification.attempt import FAILED_ATTEMPTS_KEY

__all__ = ["Attempts", "failed_attempts"]

_MAX_ATTEMPTS = 1_000


@dataclass(eq=False)
class _Attempt:
    """An attempt.

    Args:
        replies: Its replies so far: their trees and ids.
        decision: The row of the decision that threw it away; None while it stands.
        returned: Id of the reply that came in its place.
    """

    replies: list[tuple[TraceState, str]] = field(default_factory=list)
    decision: dict[str, Any] | None = None
    returned: str | None = None

    def throw_away(self) -> None:
        for trace, message_id in self.replies:
            trace.rejected.setdefault(message_id, self.returned)


class Attempts:
    """The latest attempts, by id."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()

    def message_ids(self, attempts: Iterable[str]) -> list[str]:
        """Return the ids of what was said in attempts so far."""
        known = [self._attempts[one] for one in attempts if one in self._attempts]
        return [message_id for attempt in known for _, message_id in attempt.replies]

    def note_reply(
        self, attempt_id: str, trace: TraceState, message_id: str, cost_usd: float | None
    ) -> dict[str, Any] | None:
        """Note a reply; one that comes too late is thrown away and charged to the decision that did so.

        Args:
            attempt_id: The attempt it is part of.
            trace: Its run tree.
            message_id: Its id.
            cost_usd: What it cost; None where unknown.

        Returns:
            What the decision now cost, where that has changed.
        """
        attempt = self._of(attempt_id)
        attempt.replies.append((trace, message_id))
        if attempt.decision is None:
            return None
        attempt.throw_away()
        return _charged(attempt.decision, cost_usd)

    def throw_away(
        self, attempts: Iterable[str], decision: dict[str, Any], returned: str | None
    ) -> list[TraceState]:
        """Throw away all that was and will be said in attempts; returns the run trees in which it was.

        Args:
            attempts: Their ids.
            decision: The row of the decision that did so.
            returned: Id of the reply that came in their place.
        """
        traces = []
        for attempt in map(self._of, attempts):
            attempt.decision, attempt.returned = decision, returned
            attempt.throw_away()
            traces += [trace for trace, _ in attempt.replies]
        return traces

    def _of(self, attempt_id: str) -> _Attempt:
        attempt = self._attempts.setdefault(attempt_id, _Attempt())
        if len(self._attempts) > _MAX_ATTEMPTS:
            self._attempts.popitem(last=False)
        return attempt


def failed_attempts(decision: Mapping[str, Any]) -> list[str]:
    """Return the ids of the attempts that a decision, as it came from the bus, throws away."""
    found = (decision["details"] or {}).get(FAILED_ATTEMPTS_KEY)
    return [str(one) for one in found] if isinstance(found, list | tuple) and decision["mode"] == "on" else []


def _charged(decision: dict[str, Any], cost_usd: float | None) -> dict[str, Any] | None:
    spent, saved = decision["spent_usd"], decision["saved_usd"]
    if spent is None:
        return None
    decision["spent_usd"] = None if cost_usd is None else spent + cost_usd
    decision["saved_usd"] = None if cost_usd is None or saved is None else saved - cost_usd
    return {
        "charged_id": decision["decision_id"],
        "new_spent_usd": decision["spent_usd"],
        "new_saved_usd": decision["saved_usd"],
    }
