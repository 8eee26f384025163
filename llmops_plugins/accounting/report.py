"""What was spent, on what, how much of it nobody saw, and what the plugins saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from llmops_plugins.accounting.assistants import AssistantRow, assistant_rows
from llmops_plugins.accounting.drift import DriftRow, drift_notes, drift_rows
from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError

if TYPE_CHECKING:
    from llmops_plugins.storage.ledger_queries import LedgerQueries

__all__ = ["GROUP_COLUMNS", "CostReport", "DecisionRow", "ReportRow", "Totals", "build_report"]

GROUP_COLUMNS: Mapping[str, str] = {
    "attempt": "attempt",
    "day": "started_at",
    "kind": "kind",
    "model": "model",
    "node": "node",
    "path": "graph_path",
    "provider": "provider",
    "status": "status",
    "step": "step",
    "thread": "thread_id",
    "tool": "tool",
    "trace": "trace_id",
}
"""What a report can be grouped by; any other name is taken for a key of the user's own run metadata."""

_PARTS = ("system", "demonstrations", "memory", "history", "tool_results", "user", "scaffolding", "unknown")


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over a set of calls.

    Args:
        calls: Calls that were sent to models and embeddings, failed ones included.
        input_tokens: Tokens sent, as billed, or as estimated for aborted streams.
        output_tokens: Tokens written.
        resent_tokens: Of the input, what an earlier call of the same thread had already sent.
        cost_usd: What the calls of known cost cost; None when there are calls and none is known.
        hidden_calls: Calls whose reply was not an accepted answer.
        hidden_cost_usd: What those cost, likewise.
        hidden_share: Hidden cost as a share of all cost, from 0 to 1; None without a cost.
        saved_measured_usd: Savings whose avoided call's own usage is on record, net of what they took; None
            when there are such decisions and none of them has a price.
        saved_estimated_usd: Savings whose avoided call is an estimate. Not to be added to the measured ones.
        usage_coverage: Share of the finished calls of models, not of embeddings, whose provider reported
            usage; None without any.
        unpriced_calls: Calls with usage that nothing prices; the costs leave them out.
        calls_without_usage: Calls whose provider reported no usage; the costs leave them out as well.
        unpriced_decisions: Decisions whose saving is unknown for want of a price.
        lost_calls: Calls that could not be written, for want of a working database.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    resent_tokens: int = 0
    cost_usd: float | None = 0.0
    hidden_calls: int = 0
    hidden_cost_usd: float | None = 0.0
    hidden_share: float | None = None
    saved_measured_usd: float | None = 0.0
    saved_estimated_usd: float | None = 0.0
    usage_coverage: float | None = None
    unpriced_calls: int = 0
    calls_without_usage: int = 0
    unpriced_decisions: int = 0
    lost_calls: int = 0


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """One group of calls.

    Args:
        key: The group, by column.
        calls: Calls in it.
        input_tokens: Tokens sent.
        output_tokens: Tokens written.
        resent_tokens: Of the input, what had been sent before.
        cost_usd: What the calls of known cost cost; None when there are calls and none is known.
        hidden_cost_usd: What its hidden calls cost, likewise.
        failed_calls: Calls that ended in an error, or were aborted.
        unpriced_calls: Calls with usage that nothing prices.
        calls_without_usage: Calls whose provider reported no usage.
        mean_latency_seconds: Mean time of its finished calls.
    """

    key: Mapping[str, Any]
    calls: int
    input_tokens: int
    output_tokens: int
    resent_tokens: int
    cost_usd: float | None
    hidden_cost_usd: float | None
    failed_calls: int
    unpriced_calls: int
    calls_without_usage: int
    mean_latency_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class DecisionRow:
    """Decisions of one sort.

    Args:
        capability: Who decided.
        outcome: What was decided.
        mode: ``on``, or ``shadow``: then the saving is only what would have been.
        count: How often.
        spent_usd: What the deciding took; None where a price is missing.
        saved_usd: What was saved, net; None where a price is missing.
        saved_basis: ``measured`` or ``estimated``.
        unpriced: Decisions among them whose saving is unknown.
    """

    capability: str
    outcome: str
    mode: str
    count: int
    spent_usd: float | None
    saved_usd: float | None
    saved_basis: str | None
    unpriced: int


@dataclass(frozen=True, kw_only=True)
class CostReport:
    """A ledger's report.

    Args:
        by: What the rows are grouped by.
        rows: Groups, the dearest first.
        totals: Sums over all of them.
        decisions: What the plugins decided, and what that saved.
        drift: Whether calibrated bounds still hold, where answers were asked again.
        assistants: How the assistants of a hierarchy fare, by day.
        input_parts: Tokens of all inputs by what they were spent on.
        notes: What a reader has to know about the figures, in sentences.
    """

    by: tuple[str, ...]
    rows: list[ReportRow]
    totals: Totals
    decisions: list[DecisionRow] = field(default_factory=list)
    drift: list[DriftRow] = field(default_factory=list)
    assistants: list[AssistantRow] = field(default_factory=list)
    input_parts: Mapping[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON-compatible data."""
        return asdict(self)


def build_report(
    engine: Any,
    by: Sequence[str],
    *,
    since: datetime | None = None,
    thread: str | None = None,
    unkept: int = 0,
    trouble: str | None = None,
) -> CostReport:
    """Read a report from a ledger's database.

    Args:
        engine: The database.
        by: Columns to group by (see :data:`GROUP_COLUMNS`), or keys of the user's own run metadata.
        since: Only what happened from then on; without a time zone it is UTC.
        thread: Only this conversation.
        unkept: Calls the writer holds or has lost, beyond what the database says.
        trouble: Why, if there are any.

    Raises:
        ConfigurationError: If ``by`` is one text or empty, or names something twice.
        DatabaseUnavailableError: If the database cannot be read and nothing explains why.
    """
    from llmops_plugins.storage.ledger_queries import LedgerQueries

    if isinstance(by, str):
        raise ConfigurationError("by", f"must be a sequence of names, give [{by!r}]")
    names = tuple(by)
    if not names or len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise ConfigurationError(
            "by", f"needs different names such as node, kind or model, got {list(names)}"
        )
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    queries = LedgerQueries(engine, since=since, thread=thread)
    try:
        grouped = queries.grouped({name: GROUP_COLUMNS.get(name) for name in names})
        sums = queries.totals()
        decisions = [DecisionRow(**row) for row in queries.decisions()]
        drift = drift_rows(queries.rechecks())
        assistants = _assistants(queries)
        parts = queries.input_parts(_PARTS)
        lost = queries.lost_calls()
    except DatabaseUnavailableError as error:
        if trouble is None:
            raise
        notes = [f"{unkept} calls are not in the books: {trouble}.", f"{error}."]
        return CostReport(by=names, rows=[], totals=Totals(cost_usd=None, lost_calls=unkept), notes=notes)
    totals = _totals(sums, decisions, lost + unkept)
    rows = [ReportRow(key={name: row.pop(f"key_{name}") for name in names}, **row) for row in grouped]
    return CostReport(
        by=names,
        rows=rows,
        totals=totals,
        decisions=decisions,
        drift=drift,
        assistants=assistants,
        input_parts=parts,
        notes=[*drift_notes(drift), *_notes(totals, rows, queries, trouble)],
    )


def _assistants(queries: LedgerQueries) -> list[AssistantRow]:
    decisions = queries.decided("hierarchy")
    first = next(decisions, None)
    if first is None:
        return []
    costs = queries.grouped({"day": "started_at", "assistant": None})
    return assistant_rows(chain([first], decisions), costs)


def _totals(sums: dict[str, Any], decisions: Sequence[DecisionRow], lost: int) -> Totals:
    reported, finished = sums.pop("reported_calls"), sums.pop("finished_calls")
    cost, hidden = sums["cost_usd"], sums["hidden_cost_usd"]
    return Totals(
        **sums,
        hidden_share=hidden / cost if cost and hidden is not None else None,
        saved_measured_usd=_saved(decisions, "measured"),
        saved_estimated_usd=_saved(decisions, "estimated"),
        usage_coverage=reported / finished if finished else None,
        unpriced_decisions=sum(row.unpriced for row in decisions if row.mode == "on"),
        lost_calls=lost,
    )


def _saved(decisions: Sequence[DecisionRow], basis: str) -> float | None:
    """Sum what decisions that acted saved on one basis; unknown savings alone make an unknown sum."""
    saved = [row.saved_usd for row in decisions if row.saved_basis == basis and row.mode == "on"]
    known = [usd for usd in saved if usd is not None]
    return None if saved and not known else sum(known, 0.0)


def _notes(
    totals: Totals, rows: Sequence[ReportRow], queries: LedgerQueries, trouble: str | None
) -> list[str]:
    notes = [
        f"No call carries the metadata key {name!r}; columns are {', '.join(GROUP_COLUMNS)}."
        for name in (rows[0].key if rows else ())
        if name not in GROUP_COLUMNS and all(row.key[name] is None for row in rows)
    ]
    if totals.unpriced_calls:
        notes.append(
            f"{totals.unpriced_calls:,} calls have no known price and are in no cost above "
            f"({', '.join(queries.unpriced_models())}): add the models to your registry."
        )
    if totals.unpriced_decisions:
        notes.append(
            f"{totals.unpriced_decisions:,} decisions saved an unknown amount: a price or usage is missing."
        )
    if totals.calls_without_usage:
        notes.append(
            f"{totals.calls_without_usage:,} calls came without usage and are in no figure above "
            f"({', '.join(queries.models_without_usage())}): see `llmops doctor` for how to get it."
        )
    if totals.lost_calls:
        notes.append(f"{totals.lost_calls:,} calls are not in the books: {trouble or 'the database failed'}.")
    return notes
