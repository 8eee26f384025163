"""One run tree, for a reader who asks where an answer's cost came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmops_plugins.errors import ConfigurationError

__all__ = ["Trace", "TracedCall", "TracedDecision", "read_trace"]


@dataclass(frozen=True, kw_only=True)
class TracedCall:
    """One model call of a trace, as the ledger's row of the same names."""

    started_at: datetime
    graph_path: str | None
    step: int | None
    tool: str | None
    kind: str
    hidden: bool
    rejected: bool
    attempt: int
    model: str | None
    status: str
    input_tokens: int | None
    output_tokens: int | None
    resent_tokens: int | None
    cost_usd: float | None
    latency_seconds: float | None

    @property
    def cost_is_unknown(self) -> bool:
        """Whether it used something and nobody can say what that cost."""
        return self.cost_usd is None and (self.status == "ok" or self.input_tokens is not None)


@dataclass(frozen=True, kw_only=True)
class TracedDecision:
    """One decision of a trace, as the ledger's row of the same names."""

    at: datetime
    graph_path: str | None
    capability: str
    outcome: str
    reason: str
    mode: str
    spent_usd: float | None
    saved_usd: float | None
    saved_basis: str | None


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One run tree's calls and decisions, each in order of time.

    Args:
        trace_id: Id of its first run.
        calls: Its model calls.
        decisions: What the plugins decided in it.
    """

    trace_id: str
    calls: list[TracedCall]
    decisions: list[TracedDecision]

    @property
    def cost_usd(self) -> float | None:
        """What its calls of known cost cost; None when there are calls and none is known."""
        costs = [call.cost_usd for call in self.calls if call.cost_usd is not None]
        return sum(costs) if costs or not self.is_partial else None

    @property
    def is_partial(self) -> bool:
        """Whether a call's cost is unknown, so that the trace cost more."""
        return any(call.cost_is_unknown for call in self.calls)


def read_trace(
    engine: Any, trace_id: str | None, *, since: datetime | None = None, thread: str | None = None
) -> Trace:
    """Read one trace.

    Args:
        engine: The ledger's database.
        trace_id: The trace's id, or how it begins; None for the latest.
        since: Only a trace with a call from then on.
        thread: Only a trace of this conversation.

    Raises:
        ConfigurationError: If there is no such trace.
        DatabaseUnavailableError: If the database cannot be read.
    """
    from llmops_plugins.storage.ledger_queries import LedgerQueries

    calls, decisions = LedgerQueries(engine, since=since, thread=thread).trace_rows(trace_id)
    if not calls:
        problem = "there is no call yet" if trace_id is None else f"none begins with {trace_id!r}"
        raise ConfigurationError("trace", f"{problem}, see `llmops report --by trace`")
    return Trace(
        trace_id=calls[0]["trace_id"],
        calls=[TracedCall(**_only(TracedCall, row)) for row in calls],
        decisions=[TracedDecision(**_only(TracedDecision, row)) for row in decisions],
    )


def _only(kind: type[Any], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in kind.__dataclass_fields__}
