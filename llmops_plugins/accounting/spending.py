"""What a decision has spent by now: a part of it may be known, or come, only after the decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmops_plugins.accounting.trace_state import TraceState

__all__ = ["Spending", "added", "charged_replies"]


class Spending:
    """Keeps a decision's row true while its costs come in; they are unknown while one is waited for.

    Args:
        row: The decision's row.
        known_usd: What it spent as far as this process saw; None where a part of that has no price.
        avoided_usd: What it avoided; None where unknown.
        waits_for: What it may have spent besides and is not known yet: names of parts.
    """

    def __init__(
        self,
        row: dict[str, Any],
        *,
        known_usd: float | None,
        avoided_usd: float | None,
        waits_for: Iterable[str] = (),
    ) -> None:
        self.row = row
        self._known_usd = known_usd
        self._avoided_usd = avoided_usd
        self._waits_for = set(waits_for)
        self._fill_in()

    def add(self, cost_usd: float | None, part: str | None = None) -> dict[str, Any] | None:
        """Add a cost.

        Args:
            cost_usd: In dollars; None where it has no price.
            part: What was waited for and has come with it.

        Returns:
            What the decision now cost, for a row that is written; None where that has not changed.
        """
        before = self.row["spent_usd"]
        self._waits_for.discard(part or "")
        self._known_usd = added([self._known_usd, cost_usd])
        self._fill_in()
        if self.row["spent_usd"] == before:
            return None
        return {
            "charged_id": self.row["decision_id"],
            "new_spent_usd": self.row["spent_usd"],
            "new_saved_usd": self.row["saved_usd"],
        }

    def _fill_in(self) -> None:
        spent = None if self._waits_for else self._known_usd
        saved = None if spent is None or self._avoided_usd is None else self._avoided_usd - spent
        self.row |= {"spent_usd": spent, "saved_usd": saved}


def charged_replies(
    data: Mapping[str, Any], trace: TraceState, attempted: Sequence[tuple[TraceState, str]]
) -> set[str]:
    """Return the ids of the replies that a decision is charged for, which no other in their tree has been.

    Args:
        data: The decision, as it came from the bus.
        trace: Its run tree.
        attempted: What was said in attempts that it throws away: run trees and ids.
    """
    said = [*((trace, one) for one in (*data["rejected"], *data["hidden"])), *attempted]
    charged = {one for _, one in said}.difference(one for tree, one in said if one in tree.charged)
    if data["avoided"] is not None and data["returned"] is not None:
        # A saving is always less by what stands in its place, however many decisions count one with it.
        charged.add(data["returned"])
        said.append((trace, data["returned"]))
    if data["mode"] == "on":
        for tree, one in said:
            if one not in tree.unpaid:  # each time a cache gives it counts as a saving, so as a charge
                tree.charged.add(one)
    return charged


def added(costs: Iterable[float | None]) -> float | None:
    """Return the sum of costs; None where one is unknown.

    Args:
        costs: In dollars.
    """
    spent = 0.0
    for cost in costs:
        if cost is None:
            return None
        spent += cost
    return spent
