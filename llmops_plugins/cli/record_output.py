"""What `llmops record` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmops_plugins.cli.render import (
    console,
    literal,
    new_table,
    print_json,
    print_notes,
    print_table,
    usd,
)

if TYPE_CHECKING:
    from llmops_plugins.backtest.recording_result import ModelEstimate, RecordingResult

__all__ = ["print_estimates", "print_recording"]


def print_estimates(estimates: Sequence[ModelEstimate], notes: Sequence[str], *, as_json: bool) -> None:
    """Print what is left to ask, and about what it costs.

    Args:
        estimates: One for each model.
        notes: What a reader has to know, in sentences.
        as_json: Print JSON.
    """
    costs = [estimate.cost_usd for estimate in estimates]
    known = [cost for cost in costs if cost is not None]
    total = sum(known) if known or not costs else None
    if as_json:
        models = [estimate.to_dict() for estimate in estimates]
        print_json(
            {"models": models, "cost_usd": total if len(known) == len(costs) else None, "notes": notes}
        )
        return
    out = console()
    table = new_table(("to ask",), ("calls", "input", "output", "cost"))
    for one in estimates:
        figures = (f"{one.calls:,}", f"{one.input_tokens:,}", f"{one.output_tokens:,}", usd(one.cost_usd))
        table.add_row(literal(one.model), *figures)
    calls = sum(estimate.calls for estimate in estimates)
    table.add_row("all", f"{calls:,}", "", "", usd(total, partial=len(known) < len(costs)), style="bold")
    print_table(out, table)
    assumed = [one.model for one in estimates if one.assumed]
    told = "Nothing was asked. Tokens are estimates; a judge's calls are not in them."
    if assumed:
        told += f" An answer of {', '.join(assumed)} is taken to be 1,000 tokens, since there is none yet."
    print_notes(out, [told, *notes])


def print_recording(result: RecordingResult, notes: Sequence[str], *, as_json: bool) -> None:
    """Print what a recording came to.

    Args:
        result: What it came to.
        notes: What a reader has to know, in sentences; what is left to do is added.
        as_json: Print JSON.
    """
    if as_json:
        print_json(result.to_dict() | {"notes": [*notes, *_what_is_left(result)]})
        return
    out = console()
    table = new_table((f"{result.questions:,} questions",), ("answers", "score", "cost", "asked now"))
    for name, one in result.models.items():
        score = f"{one.score:.2%}" if one.score is not None else "-"
        calls = f"{result.calls.get(name, 0):,}"
        table.add_row(literal(name), f"{one.answers:,}", score, usd(one.cost_usd), calls)
    for name in result.calls.keys() - result.models.keys():
        table.add_row(f"{literal(name)} (judge)", "", "", "", f"{result.calls[name]:,}")
    print_table(out, table)
    print_notes(out, [*notes, *_what_is_left(result)])


def _what_is_left(result: RecordingResult) -> list[str]:
    left = [
        f"{name}: {one.missing:,} of {result.questions:,} answers are missing"
        + (f", the first because: {one.failure}" if one.failure is not None else "")
        + "."
        for name, one in result.models.items()
        if one.missing
    ]
    if result.stopped_by_cap:
        left.append(
            f"Incomplete: stopped by --max-cost with ${result.spent_usd:.6g} spent since the recording was "
            "begun, run the same command with a higher one to go on."
        )
    elif left:
        left.append("Run the same command again to ask for what is missing only.")
    return left
