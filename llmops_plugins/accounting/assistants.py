"""How the assistants of a hierarchy fare over time: who solves what, for how much, and with which help.

A hierarchy decides ``accepted``, ``escalated`` (to the last) or ``unresolved`` for each request. The details
say who was asked in which order (``attempts``: ``assistant`` and ``outcome``) and how many ``demonstrations``
they were shown. Calls carry the assistant's name as metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["AssistantRow", "assistant_rows"]


@dataclass(frozen=True, kw_only=True)
class AssistantRow:
    """One assistant on one day.

    Args:
        day: The day in UTC, as ``2026-01-31``.
        assistant: Its name.
        asked: Requests it was asked.
        solved: Those that its answer was found to solve.
        share_of_solved: Of all requests solved on that day, the share that it solved; None where none was.
        asked_with_demonstrations: Of those asked, how many came with demonstrations.
        solved_with_demonstrations: Of these, how many it solved.
        cost_usd: What its calls cost that day; None where no price is known.
    """

    day: str
    assistant: str
    asked: int
    solved: int
    share_of_solved: float | None
    asked_with_demonstrations: int
    solved_with_demonstrations: int
    cost_usd: float | None


@dataclass(kw_only=True)
class _Tally:
    asked: int = 0
    solved: int = 0
    asked_with: int = 0
    solved_with: int = 0


@dataclass(kw_only=True)
class _Day:
    solved: int = 0
    assistants: dict[str, _Tally] = field(default_factory=dict)


def assistant_rows(
    decisions: Iterable[tuple[str, Mapping[str, Any]]], costs: Sequence[Mapping[str, Any]]
) -> list[AssistantRow]:
    """Count a hierarchy's decisions by day and assistant.

    Args:
        decisions: The day and the details of each.
        costs: Sums of calls with ``key_day``, ``key_assistant`` and ``cost_usd``.

    Returns:
        Rows by day, and within a day in the order in which assistants were first asked.
    """
    days: dict[str, _Day] = {}
    for day, details in decisions:
        _count(days.setdefault(day, _Day()), details)
    spent = {(row["key_day"], row["key_assistant"]): row["cost_usd"] for row in costs}
    return [
        AssistantRow(
            day=day,
            assistant=name,
            asked=one.asked,
            solved=one.solved,
            share_of_solved=one.solved / tally.solved if tally.solved else None,
            asked_with_demonstrations=one.asked_with,
            solved_with_demonstrations=one.solved_with,
            cost_usd=spent.get((day, name)),
        )
        for day, tally in sorted(days.items())
        for name, one in tally.assistants.items()
    ]


def _count(day: _Day, details: Mapping[str, Any]) -> None:
    attempts, shown = details.get("attempts"), details.get("demonstrations")
    for attempt in attempts if isinstance(attempts, list) else ():
        if not isinstance(attempt, Mapping):  # another version may have written it
            continue
        one = day.assistants.setdefault(str(attempt.get("assistant")), _Tally())
        solved = attempt.get("outcome") == "accepted"
        one.asked += 1
        one.solved += solved
        day.solved += solved
        if shown:
            one.asked_with += 1
            one.solved_with += solved
