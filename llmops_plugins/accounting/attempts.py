"""Which calls are part of which attempt, and which attempts came to nothing.

A verdict on an attempt may come before its replies: what was timed out goes on in its thread, and is paid
for. So is a call that was cancelled before it could reply.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

from llmops_plugins.accounting.rows import may_have_cost
from llmops_plugins.accounting.spending import Spending
from llmops_plugins.accounting.trace_state import KeptCall, TraceState
from llmops_plugins.verification.attempt import FAILED_ATTEMPTS_KEY

__all__ = ["AttemptCall", "Attempts", "failed_attempts"]

_MAX_ATTEMPTS = 10_000


@dataclass(eq=False, kw_only=True, slots=True)
class AttemptCall:
    """A call that is part of attempts and was paid for.

    Args:
        kept: The call.
        message_id: Id of its reply; of its row where it has none.
        spending: What the decision has spent that threw it away first; None while it stands.
    """

    kept: KeptCall
    message_id: str
    spending: Spending | None = None

    @classmethod
    def of(cls, kept: KeptCall, reply: AIMessage | None) -> AttemptCall | None:
        """Return a call, or None where it cost nothing because it failed before it used anything.

        Args:
            kept: The call.
            reply: What the model said.
        """
        message_id = reply.id if reply is not None else None
        message_id = message_id or (kept.row["call_id"] if may_have_cost(kept.row) else None)
        return None if message_id is None else cls(kept=kept, message_id=message_id)

    @property
    def trace(self) -> TraceState:
        """Its run tree."""
        return self.kept.trace

    @property
    def cost_usd(self) -> float | None:
        """What it cost; None where unknown."""
        cost_usd: float | None = self.kept.row["cost_usd"]
        return cost_usd


@dataclass(eq=False, slots=True)
class _Attempt:
    """An attempt.

    Args:
        calls: Its calls so far.
        seen: Whether a call of it has ended in a run tree that this process knows from its beginning.
        spending: What the decision that threw it away has spent; None while it stands.
        returned: Id of the reply that came in its place.
    """

    calls: list[AttemptCall] = field(default_factory=list)
    seen: bool = False
    spending: Spending | None = None
    returned: str | None = None

    def throw_away(self) -> None:
        for call in self.calls:
            call.trace.rejected.setdefault(call.message_id, self.returned)
            call.spending = call.spending or self.spending


class Attempts:
    """The latest attempts, by id: those that something was last heard of."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, _Attempt] = OrderedDict()

    def calls(self, attempts: Iterable[str]) -> list[AttemptCall]:
        """Return the calls of attempts so far, each once though an attempt may stand within another.

        Args:
            attempts: Ids of the attempts.
        """
        known = [self._attempts[one] for one in attempts if one in self._attempts]
        return list(dict.fromkeys(call for attempt in known for call in attempt.calls))

    def unseen(self, attempts: Iterable[str]) -> list[str]:
        """Return those of which another process may have made a call that this one does not know.

        Args:
            attempts: Ids of the attempts, which a graph made before or after it was resumed.
        """
        return [one for one in attempts if one not in self._attempts or not self._attempts[one].seen]

    def note_call(
        self,
        attempts: Sequence[str],
        call: AttemptCall | None,
        *,
        whole: bool,
        given_up: str | None = None,
    ) -> list[dict[str, Any]]:
        """Note a call; one that comes too late is thrown away and charged to the decision that did so.

        Args:
            attempts: Those it is part of, the outermost first.
            call: The call; None for one that was paid for by nobody.
            whole: Whether this process knows its run tree from the beginning.
            given_up: Id of the row that it replaces, of when it was given up for lost.

        Returns:
            What decisions now cost, where that has changed.
        """
        charges = [self._take_back(attempts, given_up)] if given_up is not None else []
        for attempt_id in reversed(attempts):
            attempt = self._of(attempt_id)
            attempt.seen = attempt.seen or whole
            if call is not None:
                attempt.calls.append(call)
            if attempt.spending is not None:
                attempt.throw_away()
                charges.append(attempt.spending.add(_charged_usd(call), attempt_id if whole else None))
                if call is not None:
                    call.trace.charged.add(call.message_id)
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
            traces += [call.trace for call in attempt.calls]
        return traces

    def _take_back(self, attempts: Sequence[str], given_up: str) -> dict[str, Any] | None:
        """Forget a call that was given up and has ended after all, and what was charged for it."""
        found = [call for call in self.calls(attempts) if call.message_id == given_up]
        for attempt in map(self._of, attempts):
            attempt.calls = [call for call in attempt.calls if call not in found]
        if not found or found[0].spending is None:
            return None
        cost_usd = found[0].cost_usd
        return found[0].spending.add(None if cost_usd is None else -cost_usd)

    def _of(self, attempt_id: str) -> _Attempt:
        attempt = self._attempts.setdefault(attempt_id, _Attempt())
        self._attempts.move_to_end(attempt_id)
        if len(self._attempts) > _MAX_ATTEMPTS:
            self._attempts.popitem(last=False)
        return attempt


def _charged_usd(call: AttemptCall | None) -> float | None:
    return 0.0 if call is None or call.message_id in call.trace.charged else call.cost_usd


def failed_attempts(decision: Mapping[str, Any]) -> list[str]:
    """Return the ids of the attempts that a decision throws away.

    Args:
        decision: As it came from the bus.
    """
    found = (decision["details"] or {}).get(FAILED_ATTEMPTS_KEY)
    return [str(one) for one in found] if isinstance(found, list | tuple) and decision["mode"] == "on" else []
