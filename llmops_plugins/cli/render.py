"""How figures look on a terminal and in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

__all__ = ["console", "literal", "new_table", "percent", "print_json", "print_notes", "print_table", "usd"]

_UNKNOWN = "unknown"
_UNFOLDED = 1000
_MIN_NAME_WIDTH = 12


def console() -> Console:
    """Return a console that prints users' names as they are, without colours or folds where nobody looks.

    A file or a pipe gets lines as long as they come, unless ``COLUMNS`` says how long they may be.
    """
    options: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
    if os.environ.get("NO_COLOR"):
        options["color_system"] = None
    terminal = Console(**options)
    if terminal.is_terminal or "COLUMNS" in os.environ:
        return terminal
    return Console(**options, width=_UNFOLDED)


def print_json(data: Any) -> None:
    """Print data as JSON and nothing else."""
    print(json.dumps(data, indent=2, default=str))  # noqa: T201 - the command's own output


def new_table(names: Sequence[str], figures: Sequence[str]) -> Table:
    """Return an empty table: names may fold over lines, figures never do.

    Args:
        names: Headers of the columns that hold names.
        figures: Headers of the columns that hold figures.
    """
    table = Table(header_style="bold", box=None, pad_edge=False)
    for header in names:
        table.add_column(literal(header), overflow="fold")
    for header in figures:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def print_table(out: Console, table: Table) -> None:
    """Print a table; a terminal too narrow for its figures wraps lines, since cutting them loses some."""
    for column in table.columns:
        if not column.no_wrap:
            longest = max(cell_len(str(text)) for text in (column.header, *column.cells))
            column.min_width = min(_MIN_NAME_WIDTH, longest)
    needed = Measurement.get(out, out.options.update(width=_UNFOLDED), table).minimum
    out.width = max(out.width, needed)
    out.print(table, crop=False)


def print_notes(out: Console, notes: Sequence[str]) -> None:
    """Print what a reader has to know about the figures."""
    for note in notes:
        out.print(Text(literal(note), style="yellow"))


def literal(value: object) -> str:
    """Return a value from outside as one line that cannot control the terminal; None is a dash."""
    text = "-" if value is None else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def usd(amount: float | None, *, partial: bool = False) -> str:
    """Return an amount with enough digits to tell small ones apart; an unknown one says so.

    Args:
        amount: In USD.
        partial: Marks a sum that leaves unknown parts out.
    """
    if amount is None:
        return _UNKNOWN
    size = abs(amount)
    if size == 0:
        figure = "0"
    elif size <= 5e-7:
        figure = f"{size:.0e}"
    else:
        figure = f"{size:,.{2 if size >= 100 else 4 if size >= 0.1 else 6}f}"
    return f"{'-' if amount < 0 else ''}${figure}{'*' if partial else ''}"


def percent(share: float | None) -> str:
    """Return a share as a percentage; an unknown one says so."""
    return _UNKNOWN if share is None else f"{share:.1%}"
