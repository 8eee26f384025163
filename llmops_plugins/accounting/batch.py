"""What has to be written to the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llmops_plugins.accounting.earlier_replies import EarlierReplies
from llmops_plugins.events import Kind

__all__ = ["Batch"]


@dataclass
class Batch:
    """New rows, rows to replace, and corrections of rows written earlier.

    Args:
        calls: Rows of calls.
        replaced: Ids of rows written earlier that rows of ``calls`` stand in for.
        decisions: Rows of decisions.
        corrections: What is now known of calls written earlier.
        earlier: What is now known of calls that another process wrote, to be looked up.
        charges: What decisions have cost by now.
        reposts: LangSmith runs, with the kind they turned out to have.
    """

    calls: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    earlier: list[EarlierReplies] = field(default_factory=list)
    charges: list[dict[str, Any]] = field(default_factory=list)
    reposts: list[tuple[Any, Kind]] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    @property
    def _rows(self) -> tuple[list[Any], ...]:
        return (
            self.calls,
            self.replaced,
            self.decisions,
            self.corrections,
            self.earlier,
            self.charges,
        )

    def extend(self, other: Batch) -> None:
        """Append a later batch's rows; those it replaces and that were never written are dropped."""
        if other.replaced:
            replaced = set(other.replaced)
            self.calls = [row for row in self.calls if row["call_id"] not in replaced]
        self.calls += other.calls
        self.replaced += other.replaced
        self.decisions += other.decisions
        self.corrections += other.corrections
        self.earlier += other.earlier
        self.charges += other.charges

    def shed(self, limit: int) -> int:
        """Drop the oldest rows of each sort beyond ``limit``; returns how many calls that lost."""
        lost = max(0, len(self.calls) - limit)
        for rows in self._rows:
            del rows[: max(0, len(rows) - limit)]
        return lost
