"""`llmops replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from llmops_plugins.backtest.replay import CascadeOutcome, ReplayResult

__all__ = ["replay"]


def replay(
    records: Annotated[Path, typer.Argument(help="Recorded answers, .jsonl or .jsonl.gz.")],
    models: Annotated[
        Path | None, typer.Option(help="Prices of the models; models.yaml beside the records by default.")
    ] = None,
    tiers: Annotated[str | None, typer.Option(help="Tiers, for example small+medium,large.")] = None,
    fit: Annotated[Path | None, typer.Option(help="Other records to choose the tiers on.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows that cannot be used.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay recorded answers through a real agent with the cascade, beside every model alone."""
    from llmops_plugins.backtest.replay import replay as run
    from llmops_plugins.cli.progress import progress_bar
    from llmops_plugins.cli.render import print_json
    from llmops_plugins.models.registry import ModelRegistry

    beside = records.parent / "models.yaml"
    priced_by = models or (beside if beside.is_file() else None)
    registry = ModelRegistry.from_yaml(priced_by) if priced_by else None
    with progress_bar("replaying") as progress:
        result = run(records, registry=registry, tiers=tiers, fit=fit, skip_bad=skip_bad, progress=progress)
    if json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: ReplayResult) -> None:
    from llmops_plugins.cli.render import console, print_notes, print_table

    out = console()
    print_table(out, _table(result))
    if result.cascade is not None:
        out.print()
        _print_cascade(result.cascade, result.questions, out)
    print_notes(out, result.notes)


def _table(result: ReplayResult) -> Table:
    from llmops_plugins.cli.render import literal, new_table, percent, usd

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
        ratio = cascade.cost_ratio
        table.add_row(
            "cascade", f"{cascade.accuracy:.2%}", usd(cascade.cost_usd), percent(ratio), calls, style="bold"
        )
    return table


def _print_cascade(cascade: CascadeOutcome, questions: int, out: Console) -> None:
    from llmops_plugins.cli.render import literal

    out.print("cascade: " + ", then ".join(literal(" + ".join(tier)) for tier in cascade.tiers))
    for model, calls in cascade.calls.items():
        out.print(f"  {literal(model)}: {calls:,} calls, {cascade.answered_by.get(model, 0):,} answers")
    out.print(f"  {questions / cascade.seconds * 60:,.0f} questions a minute through the agent")
