"""`llmops report`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from llmops_plugins.accounting.assistants import AssistantRow
    from llmops_plugins.accounting.drift import DriftRow
    from llmops_plugins.accounting.report import CostReport, Totals

__all__ = ["report"]

_ASSISTANT_ROWS = 30
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def report(
    db: Annotated[str, typer.Option(help="Database of the ledger.")] = "sqlite:///llmops.db",
    by: Annotated[
        str,
        typer.Option(
            help="Group by: node, kind, model, path, thread, trace, tool, day, ... or your metadata keys."
        ),
    ] = "node,kind",
    since: Annotated[
        str | None, typer.Option(help="2026-01-31, 2026-01-31T12:00 (UTC), or 30m, 24h, 7d, 2w ago.")
    ] = None,
    thread: Annotated[str | None, typer.Option(help="Only this conversation.")] = None,
    trace: Annotated[
        str | None, typer.Option(help="The trace to draw, by how its id begins; the latest by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what was spent, on what, how much of it was hidden, and what was saved."""
    from llmops_plugins.accounting.report import build_report
    from llmops_plugins.accounting.trace import read_trace
    from llmops_plugins.cli.database import opened
    from llmops_plugins.cli.render import console, print_json
    from llmops_plugins.cli.trace_tree import trace_tree

    moment, drawn = _moment(since), None
    with opened(db) as engine:
        found = build_report(engine, [name.strip() for name in by.split(",")], since=moment, thread=thread)
        if trace is not None or (found.totals.calls and not json):
            drawn = read_trace(engine, trace, since=moment, thread=thread)
    if json:
        print_json(found.to_dict() | ({"trace": asdict(drawn)} if drawn is not None else {}))
        return
    out = console()
    _print(found, out)
    if drawn is not None:
        out.print()
        out.print(trace_tree(drawn))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        ago = re.fullmatch(r"([0-9]+)([mhdw])", text)
        if ago is not None:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            "since", f"must be a date such as 2026-01-31, or 24h or 7d, got {text!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print(report: CostReport, out: Console) -> None:
    from llmops_plugins.cli.render import literal, print_notes, print_table, usd

    print_table(out, _table(report))
    out.print()
    for name, figure in _totals(report.totals):
        out.print(f"{name:<21} {figure}")
    for decision in report.decisions:
        name = f"{literal(decision.capability)} {literal(decision.outcome)}"
        shadow = " in shadow" if decision.mode == "shadow" else ""
        saved = usd(decision.saved_usd, partial=decision.unpriced > 0)
        out.print(f"{name:<21} {decision.count:,}{shadow}, saved {saved} ({literal(decision.saved_basis)})")
    _print_assistants(report.assistants[-_ASSISTANT_ROWS:], out)
    for row in report.drift:
        out.print(f"{literal(row.capability) + ' drift':<21} {_drift(row)}")
    print_notes(out, report.notes)


def _print_assistants(rows: Sequence[AssistantRow], out: Console) -> None:
    """Print who solved how much on each day, and how much of it with demonstrations."""
    from llmops_plugins.cli.render import literal, new_table, percent, print_table, usd

    if not rows:
        return
    table = new_table(
        ["day", "assistant"], ["asked", "solved", "of all solved", "cost", "with demonstrations", "without"]
    )
    for row in rows:
        without = row.asked - row.asked_with_demonstrations
        table.add_row(
            literal(row.day),
            literal(row.assistant),
            f"{row.asked:,}",
            f"{row.solved:,}",
            percent(row.share_of_solved),
            usd(row.cost_usd),
            f"{row.solved_with_demonstrations:,} of {row.asked_with_demonstrations:,}",
            f"{row.solved - row.solved_with_demonstrations:,} of {without:,}",
        )
    out.print()
    print_table(out, table)


def _drift(row: DriftRow) -> str:
    from llmops_plugins.cli.render import percent, usd

    state = {True: "holds", False: "does not hold", None: "too few to tell"}[row.holds]
    parts = [
        f"{row.checked:,} asked again, {row.differing:,} differed",
        f"at most {percent(row.differing_upper)} do, calibrated {percent(row.bound)} ({state})",
        f"risk at most {percent(row.risk_upper)}",
        f"cost {usd(row.cost_usd, partial=row.unpriced > 0)}",
    ]
    if row.breaches:
        parts.append(f"breached {row.breaches:,}x, last {row.last_breach}")
    return ", ".join(parts)


def _table(report: CostReport) -> Table:
    from llmops_plugins.cli.render import literal, new_table, usd

    table = new_table(report.by, ("calls", "failed", "input", "re-sent", "output", "cost", "hidden"))
    for row in report.rows:
        partial = bool(row.unpriced_calls or row.calls_without_usage)
        table.add_row(
            *(literal(row.key[name]) for name in report.by),
            f"{row.calls:,}",
            f"{row.failed_calls:,}" if row.failed_calls else "",
            f"{row.input_tokens:,}",
            f"{row.resent_tokens:,}" if row.resent_tokens else "",
            f"{row.output_tokens:,}",
            usd(row.cost_usd, partial=partial),
            usd(row.hidden_cost_usd, partial=partial and bool(row.hidden_cost_usd)),
        )
    return table


def _totals(totals: Totals) -> list[tuple[str, str]]:
    from llmops_plugins.cli.render import percent, usd

    partial = bool(totals.unpriced_calls or totals.calls_without_usage or totals.lost_calls)
    hidden = usd(totals.hidden_cost_usd, partial=partial and totals.hidden_calls > 0)
    return [
        ("calls", f"{totals.calls:,} ({totals.hidden_calls:,} hidden)"),
        ("cost", usd(totals.cost_usd, partial=partial)),
        ("hidden cost", f"{hidden} ({percent(totals.hidden_share)} of the cost)"),
        ("input tokens", f"{totals.input_tokens:,} ({totals.resent_tokens:,} had been sent before)"),
        ("output tokens", f"{totals.output_tokens:,}"),
        ("saved, measured", usd(totals.saved_measured_usd)),
        ("saved, estimated", usd(totals.saved_estimated_usd)),
        ("usage coverage", percent(totals.usage_coverage)),
        ("calls without a price", f"{totals.unpriced_calls:,}"),
    ]
