"""`llmops backtest plans` and `llmops backtest plan-need`: planning, tested offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from llmops_plugins.backtest.plan_need import PlanNeedBacktest
    from llmops_plugins.backtest.plans import PlansBacktest

__all__ = ["plan_need", "plans"]

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plans(
    file: Annotated[
        Path,
        typer.Argument(
            help='Recorded plans, {"model", "dataset", "text"} a line or the plan itself, as JSON Lines.'
        ),
    ],
    tools: Annotated[
        Path | None,
        typer.Option(
            help="The kinds of tasks there are, a JSON list of {id, desc}. Named after a dataset, as in "
            "NAME_tools.json, it is checked on that one's plans alone."
        ),
    ] = None,
    json: _Json = False,
) -> None:
    """Tell how many recorded plans can be used as they are, and what is wrong with the others."""
    from llmops_plugins.backtest.plans import backtest_plans
    from llmops_plugins.cli.render import print_json

    result = backtest_plans(file, tools=tools)
    if json:
        print_json(result.to_dict())
    else:
        _print_plans(result)


def plan_need(
    file: Annotated[
        Path,
        typer.Argument(help='Labelled requests, {"text", "needs_plan": 0 or 1} a line, .jsonl or .jsonl.gz.'),
    ],
    fit: Annotated[
        Path | None,
        typer.Option(help="Other requests to fit a rule on; by default the rule that ships is used."),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Probability with which the bound holds.")] = 0.9,
    json: _Json = False,
) -> None:
    """Tell how often the decision whether a request needs a plan is wrong, or left in doubt."""
    from llmops_plugins.backtest.plan_need import backtest_plan_need
    from llmops_plugins.cli.render import print_json

    result = backtest_plan_need(file, fit=fit, confidence=confidence)
    if json:
        print_json(result.to_dict())
    else:
        _print_plan_need(result)


def _print_plans(result: PlansBacktest) -> None:
    from llmops_plugins.cli.render import console, literal, new_table, percent, print_table

    out = console()
    table = new_table(["source", "model", "faults of the others"], ["plans", "valid", "share", "crashes"])
    for row in result.rows:
        faults = ", ".join(f"{code} {count:,}" for code, count in row.complaints.items())
        figures = [f"{row.plans:,}", f"{row.valid:,}", percent(row.valid_share), f"{row.crashes:,}"]
        table.add_row(literal(row.source), literal(row.model), faults or "-", *figures)
    print_table(out, table)
    checked = ", ".join(dict.fromkeys(row.source or "all plans" for row in result.rows if row.kinds_checked))
    out.print(f"Kinds of tasks were checked in: {literal(checked) or 'none'}.")


def _print_plan_need(result: PlanNeedBacktest) -> None:
    from llmops_plugins.cli.render import console, new_table, percent, print_notes, print_table

    out = console()
    table = new_table(["requests"], ["of", "share"])
    table.add_row("left in doubt", f"{result.requests:,}", percent(result.in_doubt))
    table.add_row("decided wrongly", f"{result.decided:,}", percent(result.error))
    table.add_row(f"at most, at {result.confidence:.0%}", f"{result.decided:,}", percent(result.error_upper))
    print_table(out, table)
    out.print(
        f"{result.wrongly_planned:,} planned that need no plan, "
        f"{result.wrongly_answered:,} answered that need one."
    )
    if result.repeated:
        print_notes(out, [f"{result.repeated:,} requests were fitted on too, which flatters the figures."])
