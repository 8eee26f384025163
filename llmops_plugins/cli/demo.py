"""`llmops demo`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from llmops_plugins.accounting.report import CostReport, Totals
    from llmops_plugins.demo.comparison import Comparison
    from llmops_plugins.demo.grading import Variant
    from llmops_plugins.demo.models import DemoModels

__all__ = ["demo"]

_VARIANTS: Mapping[Variant, str] = {
    "first": "new questions",
    "repeat": "repeats, word for word",
    "near_repeat": "the same in other words",
    "trap": "the same words, another question",
}


def demo(
    model: Annotated[
        str | None, typer.Option(help="A real strong model, for example openai:gpt-4o; simulated by default.")
    ] = None,
    cheap_model: Annotated[str | None, typer.Option(help="A real cheap model for the first tier.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible server, for example http://localhost:8000/v1.")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Registry file with the prices of real models.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Answer only so many requests.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a small support agent as it is and with the plugins, and lay both bills side by side."""
    from llmops_plugins.cli.progress import progress_bar
    from llmops_plugins.cli.render import print_json
    from llmops_plugins.demo.comparison import compare

    chosen = _models(model, cheap_model, base_url, models)
    with progress_bar("answering") as progress:
        result = compare(chosen, limit=limit, progress=progress)
    if json:
        print_json(result.to_dict())
    else:
        _print(result, _introduction(chosen))


def _models(
    model: str | None, cheap_model: str | None, base_url: str | None, prices: Path | None
) -> DemoModels:
    from llmops_plugins.demo.models import real_models, simulated_models
    from llmops_plugins.models.registry import ModelRegistry

    if model is None and base_url is None:
        if cheap_model is not None or prices is not None:
            raise ConfigurationError(
                "model", "is missing: --cheap-model and --models go with --model or --base-url"
            )
        return simulated_models()
    registry = ModelRegistry.from_yaml(prices) if prices is not None else None
    return real_models(model, cheap_model, base_url, registry)


def _introduction(models: DemoModels) -> str:
    if models.simulated:
        return (
            "Models and embeddings are simulated; agent, tools, database, cache, cascade, ledger are real.\n"
            "Prices are those of a large and a small hosted model, so the figures show how, not how much."
        )
    if models.cheap is models.strong:
        return (
            "The model is real, the embeddings are simulated. Both tiers are the same model, so only the\n"
            "cache can save anything: give --cheap-model."
        )
    return "The models are real, the embeddings are simulated."


def _print(result: Comparison, introduction: str) -> None:
    from llmops_plugins.cli.render import console, print_notes, print_table
    from llmops_plugins.cli.trace_tree import trace_tree

    out = console()
    out.print(introduction)
    out.print()
    print_table(out, _bills(result))
    out.print()
    print_table(out, _served(result))
    _print_savings(result, out)
    out.print()
    out.print("The answer that took most calls; all but its `answer` are hidden from whoever reads it:")
    out.print(trace_tree(result.trace))
    print_notes(out, result.plugins.report.notes)


def _bills(result: Comparison) -> Table:
    from llmops_plugins.cli.render import new_table, percent, usd

    def cost(amount: float | None, totals: Totals) -> str:
        return usd(amount, partial=bool(totals.unpriced_calls or totals.calls_without_usage))

    figures: list[tuple[str, Callable[[Totals], str]]] = [
        ("model calls", lambda totals: f"{totals.calls:,}"),
        ("  hidden", lambda totals: f"{totals.hidden_calls:,}"),
        ("input tokens", lambda totals: f"{totals.input_tokens:,}"),
        ("  sent before", lambda totals: f"{totals.resent_tokens:,}"),
        ("output tokens", lambda totals: f"{totals.output_tokens:,}"),
        ("cost", lambda totals: cost(totals.cost_usd, totals)),
        ("  hidden", lambda totals: cost(totals.hidden_cost_usd, totals)),
    ]
    sides = (result.baseline, result.plugins)
    table = new_table((f"{result.requests} requests",), ("as it is", "with the plugins"))
    table.add_row("answered right", *(percent(side.accuracy) for side in sides))
    for name, figure in figures:
        table.add_row(name, *(figure(side.report.totals) for side in sides))
    by_model = (_costs_by_model(side.report) for side in sides)
    for number, row in enumerate(zip_longest(*by_model, fillvalue="")):
        table.add_row("by model" if number == 0 else "", *row)
    return table


def _served(result: Comparison) -> Table:
    from llmops_plugins.cli.render import new_table

    table = new_table(("what the cache served",), ("asked", "exact", "by meaning", "right"))
    for variant, name in _VARIANTS.items():
        if variant in result.served:
            one = result.served[variant]
            table.add_row(name, f"{one.asked:,}", f"{one.exact:,}", f"{one.semantic:,}", f"{one.right:,}")
    return table


def _costs_by_model(report: CostReport) -> list[str]:
    from llmops_plugins.cli.render import literal, usd

    costs: dict[str, list[float | None]] = {}
    for row in report.rows:
        costs.setdefault(literal(row.key["model"]), []).append(row.cost_usd)
    lines = []
    for model, parts in costs.items():
        known = [part for part in parts if part is not None]
        total = sum(known) if known else None
        lines.append(f"{model} {usd(total, partial=len(known) < len(parts))}")
    return lines


def _print_savings(result: Comparison, out: Console) -> None:
    from llmops_plugins.cli.render import literal, usd

    before, after = (side.report.totals.cost_usd for side in (result.baseline, result.plugins))
    difference = before - after if before is not None and after is not None else None
    out.print(f"\nThe bills differ by {usd(difference)}. Where it came from, by the decisions' own account:")
    for row in result.plugins.report.decisions:
        line = f"  {literal(row.capability)} {literal(row.outcome)}".ljust(22) + f"{row.count:>5} times"
        if row.spent_usd != 0 or row.saved_usd != 0:
            line += f"   saved {usd(row.saved_usd, partial=row.unpriced > 0)} ({literal(row.saved_basis)})"
        out.print(line)
    known = [saved for saved in result.savings.values() if saved is not None]
    if difference and len(known) == len(result.savings):
        off = abs(sum(known) / difference - 1)
        out.print(f"Together they claim {usd(sum(known))}, which is {off:.2%} off.")
