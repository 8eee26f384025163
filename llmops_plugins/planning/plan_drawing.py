"""A plan as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_plugins.planning.execution.assignment import Assignment

__all__ = ["draw_plan"]

_PLAIN = frozenset(" -_.,:/()")
_LONGEST = 60


def draw_plan(assignments: Sequence[Assignment]) -> str:
    """Return the tasks of a plan as flowchart text: who does each, and what waits for what.

    Args:
        assignments: The tasks, and who does them. Names in them can hold anything.

    Example:
        >>> from llmops_plugins.planning.plan.plan import Task
        >>> task = Task(id="t1", kind="weather")
        >>> print(draw_plan([Assignment(task=task, expert="degrees")]))
        flowchart TD
            n0["t1: weather<br/>degrees"]
    """
    numbers = {one.task.id: number for number, one in enumerate(assignments)}
    lines = ["flowchart TD"]
    for one in assignments:
        label = f"{_escaped(f'{one.task.id}: {one.task.kind}')}<br/>{_escaped(one.expert)}"
        left, right = ('[["', '"]]') if one.side_effects else ('["', '"]')
        lines.append(f"    n{numbers[one.task.id]}{left}{label}{right}")
    for one in assignments:
        known = (other for other in one.task.dependencies if other in numbers)
        lines += [f"    n{numbers[other]} --> n{numbers[one.task.id]}" for other in known]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Return a text of which nothing can end the label or be markup in it."""
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return "".join(one if one.isalnum() or one in _PLAIN else _entity(one) for one in shown)


def _entity(character: str) -> str:
    return f"#{ord(character)};" if character.isprintable() else " "
