"""Which replies are part of which attempt, and which attempts came to nothing.

A verdict on an attempt may come before its replies: what was timed out goes on in its thread, and is paid
for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmops_plugins.accounting.spending import Spending
from llmops_plugins.accounting.trace_state import TraceState
from llmops_plugins.verification.attempt import FAILED_ATTEMPTS_KEY

__all__ = ["Attempts", "failed_attempts"]

_MAX_ATTEMPTS = 1_000


@dataclass(eq=False)
class _Attempt:
    """An attempt.

    Args:
        replies: Its replies so far: their trees and ids.
        seen: Whether a call of it has ended in this process.
        spending: What the decision that threw it away has spent; None while it stands.
        returned: Id of the reply that came in its place.
    """

    replies: list[tuple[TraceState, str]] = field(default_factory=list)
    seen: bool = False
    spending: Spending | None = None
    returned: str | None = None

    def throw_away(self) -> None:
        for trace, message_id in self.replies:
            trace.rejected.setdefault(message_id, self.returned)


class Attempts:
    """The latest attempts, by id."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()

    def replies(self, attempts: Iterable[str]) -> list[tuple[TraceState, str]]:
        """Return what was said in attempts so far: run trees and ids of replies."""
        known = [self._attempts[one] for one in attempts if one in self._attempts]
        return [reply for attempt in known for reply in attempt.replies]

    def unseen(self, attempts: Iterable[str]) -> list[str]:
        """Return those of which this process knows no call: they may have been made in another."""
        return [one for one in attempts if one not in self._attempts or not self._attempts[one].seen]

    def note_call(
        self, attempts: Sequence[str], trace: TraceState, message_id: str | None, cost_usd: float | None
    ) -> list[dict[str, Any]]:
        """Note a call; a reply that comes too late is thrown away and charged to the decision that did so.

        Args:
            attempts: Those it is part of, the outermost first.
            trace: Its run tree.
            message_id: Its reply's id; None where there is no reply.
            cost_usd: What the reply cost; None where unknown.

        Returns:
            What decisions now cost, where that has changed.
        """
        charges = []
        for attempt_id in reversed(attempts):
            attempt = self._of(attempt_id)
            attempt.seen = True
            if message_id is not None:
                attempt.replies.append((trace, message_id))
            if attempt.spending is None:
                continue
            attempt.throw_away()
            is_charged = message_id is None or message_id in trace.charged
            charges.append(attempt.spending.add(0.0 if is_charged else cost_usd, attempt_id))
            trace.charged.update([] if message_id is None else [message_id])
        return [charge for charge in charges if charge is not None]

    def throw_away(
        self, attempts: Iterable[str], spending: Spending, returned: str | None
    ) -> list[TraceState]:
        """Throw away all that was and will be said in attempts; returns the run trees in which it was.

        Args:
            attempts: Their ids.
            spending: What the decision that did so has spent.
            returned: Id of the reply that came in their place.
        """
        traces = []
        for attempt in map(self._of, attempts):
            attempt.spending, attempt.returned = spending, returned
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
