"""What `llmops demonstrations` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llmops_plugins.cli.render import console, literal, new_table, print_table, usd

if TYPE_CHECKING:
    from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration

__all__ = ["print_list", "print_one"]

_LONGEST_QUESTION = 60
_ID = 12


def print_list(demonstrations: Sequence[Demonstration]) -> None:
    """Print a line for each demonstration."""
    out = console()
    if not demonstrations:
        out.print("no demonstrations")
        return
    table = new_table(["id", "tenant", "question", "solved by", "evidence", "seen by"], ["helped", "solved"])
    for one in demonstrations:
        table.add_row(
            one.demonstration_id[:_ID],
            literal(one.tenant),
            literal(_short(one.question)),
            literal(one.provenance.assistant),
            one.provenance.evidence.kind,
            _seen_by(one),
            f"{one.helped:,} of {one.tried:,}",
            f"{one.provenance.solved_at:%Y-%m-%d}",
        )
    print_table(out, table)


def print_one(one: Demonstration) -> None:
    """Print all there is to know of a demonstration."""
    out, said = console(), one.provenance
    version = f" ({said.model_version})" if said.model_version else ""
    for name, value in (
        ("id", one.demonstration_id),
        ("tenant", one.tenant),
        ("seen by", _seen_by(one)),
        ("solved by", f"{said.assistant}, {said.model}{version}"),
        ("solved at", said.solved_at.isoformat(timespec="seconds")),
        ("evidence", f"{said.evidence.kind}, {said.evidence.source}: {said.evidence.statement}"),
        ("cost", usd(said.cost_usd)),
        ("helped", f"{one.helped:,} of {one.tried:,}"),
        ("expires", datetime.fromtimestamp(one.expires_at, UTC).isoformat(timespec="seconds")),
    ):
        out.print(f"{name:<11}{literal(value)}")
    for name, text in (("question", one.question), ("solution", one.solution)):
        out.print(f"\n{name}:")
        for line in text.split("\n"):
            out.print(f"  {literal(line)}", soft_wrap=True)


def _seen_by(one: Demonstration) -> str:
    if one.shared:
        return f"all users ({one.confirmations} confirmed)"
    return "its user"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_QUESTION else f"{text[: _LONGEST_QUESTION - 1]}…"
