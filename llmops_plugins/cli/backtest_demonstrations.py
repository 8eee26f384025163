"""`llmops backtest demonstrations`: whether the demonstrations that are found call what is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from llmops_plugins.backtest.demonstrations_result import DemonstrationsResult

__all__ = ["demonstrations"]


def demonstrations(
    file: Annotated[
        Path,
        typer.Argument(
            help='Solved requests, {"query", "gold_code"} or {"question", "solution"} a line, '
            ".jsonl or .jsonl.gz."
        ),
    ],
    halves: Annotated[int, typer.Option(help="How many random halves, 2 or more.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the halving.")] = 0,
    embeddings: Annotated[
        str | None,
        typer.Option(
            help="An init_embeddings string such as openai:text-embedding-3-small, or your own as "
            "module:attribute; the embedded default where it is installed otherwise."
        ),
    ] = None,
    lexical: Annotated[bool, typer.Option("--lexical", help="Rank by words alone.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell how often the demonstration found for a question calls what its own solution does."""
    from llmops_plugins.backtest.demonstrations import backtest_demonstrations
    from llmops_plugins.cli.named_embeddings import named_embeddings
    from llmops_plugins.cli.progress import progress_bar
    from llmops_plugins.cli.render import print_json

    with named_embeddings(embeddings) as found, progress_bar("halves") as progress:
        result = backtest_demonstrations(
            file, halves=halves, seed=seed, embeddings=found, lexical=lexical, progress=progress
        )
    if json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: DemonstrationsResult) -> None:
    from llmops_plugins.cli.render import console, literal, percent, print_notes, print_table

    out = console()
    print_table(out, _table(result))
    out.print(
        f"  of the gap between TF-IDF and the best stored closed: {percent(result.gap_closed_same)} "
        f"by the same calls, {percent(result.gap_closed_shared)} by shared ones"
    )
    out.print(f"  embeddings: {literal(result.embeddings or 'none, words alone')}")
    out.print(f"  left out: {result.unsolved:,} rows without a solution, {result.repeated:,} repeated")
    low, high = result.intervals["same"]
    shared_low, shared_high = result.intervals["shared"]
    notes = [
        f"The 95% intervals, over {result.halves:,} halves: the same calls {percent(low)} to "
        f"{percent(high)}, shared ones {percent(shared_low)} to {percent(shared_high)}.",
        *result.notes,
    ]
    print_notes(out, notes)


def _table(result: DemonstrationsResult) -> Table:
    from llmops_plugins.cli.render import new_table, percent

    table = new_table((f"{result.requests:,} solved requests",), ("same calls", "shared", "found one"))
    table.add_row("demonstrations", percent(result.same), percent(result.shared), "", style="bold")
    table.add_row(
        f"any of {result.shown} shown", percent(result.shown_same), percent(result.shown_shared), ""
    )
    for name, key in (("TF-IDF", "tfidf"), ("the paper's rule", "paper_rule"), ("random", "random")):
        found = result.baselines[key]
        table.add_row(name, percent(found.same), percent(found.shared), percent(found.retrieved))
    table.add_row("the best stored", percent(result.oracle_same), percent(result.oracle_shared), "")
    return table
