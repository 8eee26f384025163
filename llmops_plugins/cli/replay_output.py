"""What `llmops replay` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.cli.render import (
    console,
    literal,
    new_table,
    percent,
    print_notes,
    print_table,
    usd,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from llmops_plugins.backtest.halves import HalvesOutcome
    from llmops_plugins.backtest.replay_result import CascadeOutcome, ReplayResult

__all__ = ["print_replay"]


def print_replay(result: ReplayResult) -> None:
    """Print a replay's figures for a reader."""
    out = console()
    print_table(out, _table(result))
    if result.cascade is not None:
        out.print()
        _print_cascade(result, result.cascade, out)
    if result.halves is not None:
        out.print()
        _print_halves(result.halves, result.max_risk, out)
    print_notes(out, result.notes)


def _table(result: ReplayResult) -> Table:
    best = result.singles[result.best_single]
    table = new_table((f"{result.questions:,} questions",), ("accuracy", "cost", "of the best", "calls"))
    for model, single in sorted(result.singles.items(), key=lambda item: -item[1].accuracy):
        ratio = single.cost_usd / best.cost_usd if single.cost_usd is not None and best.cost_usd else None
        name = literal(model) + (" (best single)" if model == result.best_single else "")
        table.add_row(
            name, f"{single.accuracy:.2%}", usd(single.cost_usd), percent(ratio), f"{single.questions:,}"
        )
    cascade = result.cascade
    if cascade is not None:
        calls = f"{sum(cascade.calls.values()):,}"
        figures = (f"{cascade.accuracy:.2%}", usd(cascade.cost_usd), percent(cascade.cost_ratio), calls)
        table.add_row(_name(result), *figures, style="bold")
    return table


def _name(result: ReplayResult) -> str:
    return "cascade" if result.graph is None else literal(result.graph)


def _print_cascade(result: ReplayResult, cascade: CascadeOutcome, out: Console) -> None:
    tiers = ", then ".join(literal(" + ".join(tier)) for tier in cascade.tiers)
    out.print(f"cascade: {tiers}" if tiers else f"graph: {_name(result)}")
    for model, calls in cascade.calls.items():
        out.print(f"  {literal(model)}: {calls:,} calls, {cascade.answered_by.get(model, 0):,} answers")
    if result.policy is not None and result.risk is not None and result.risk_upper is not None:
        asked = f", {percent(result.max_risk)} asked for" if result.max_risk is not None else ""
        out.print(f"  risk: {result.risk:.2%}, at most {result.risk_upper:.2%}{asked}")
    out.print(f"  {result.questions / cascade.seconds * 60:,.0f} questions a minute through the agent")


def _print_halves(halves: HalvesOutcome, max_risk: float | None, out: Console) -> None:
    low, high = (100 * bound for bound in halves.interval)
    difference = 100 * (halves.accuracy - halves.best_single_accuracy)
    out.print(f"{halves.count} random halves: calibrated on one, measured on the other")
    out.print(f"  accuracy: {halves.accuracy:.2%}, best single {halves.best_single_accuracy:.2%}")
    out.print(f"  difference: {difference:+.2f} points, 95% interval {low:+.2f} to {high:+.2f}")
    out.print(f"  cost: {percent(halves.cost_ratio)} of the best single's")
    kept = ""
    shown = halves.count - halves.refused
    if max_risk is not None and halves.max_risk_kept is not None and shown:
        kept = f", within {max_risk:.2%} on {halves.max_risk_kept} of {shown} halves"
        kept += f", {halves.refused} more were refused" if halves.refused else ""
    out.print(f"  risk: {halves.risk:.2%}{kept}")
    if halves.without_cascade:
        refused = f", {halves.refused} of them because nothing could be shown to keep the bound"
        told = f"  best single model alone: {halves.without_cascade} halves"
        out.print(told + (refused if halves.refused else ""))
