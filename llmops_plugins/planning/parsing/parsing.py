"""Reads a plan from whatever a model wrote around and instead of JSON; it never fails, validation does.

Read are the typed form of :mod:`~llmops_plugins.planning.plan.plan`, HuggingGPT's task lists, TaskBench's
nodes and links, lists of tool calls under the usual names, and LLMCompiler's numbered calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from llmops_plugins.planning.parsing.shapes import TaskList, find_tasks
from llmops_plugins.planning.parsing.task_naming import named_tasks
from llmops_plugins.planning.parsing.text import (
    NumberedCall,
    TextValue,
    fenced_blocks,
    numbered_calls,
    values_in,
    without_thoughts,
)

__all__ = ["LONGEST_TEXT", "ParsedPlan", "parse_plan"]

LONGEST_TEXT = 400_000
"""Characters of an answer that are read."""

_JOIN = frozenset({"join", "finish"})
"""What LLMCompiler's plans end with: no task, but the answer."""


@dataclass(frozen=True, kw_only=True)
class ParsedPlan:
    """What was read of a plan.

    Args:
        data: One mapping a task with the typed form's names; None where the text holds no plan. Values may be
            wrong in every other way.
        links: Pairs of names between which the text says a dependency is, where an end is no task.
        notes: What leniency it took, in words.
    """

    data: list[dict[str, Any]] | None
    links: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Tasks as written, and how they were found."""

    tasks: TaskList
    notes: tuple[str, ...]
    numbered: bool = False


def parse_plan(text: str) -> ParsedPlan:
    """Read a plan from a model's answer, in time linear in its length.

    Of an answer that breaks off, the tasks that are complete are kept.

    Args:
        text: The answer.
    """
    cut = ("text cut",) if len(text) > LONGEST_TEXT else ()
    text = _encodable(text[:LONGEST_TEXT])
    found = _find(without_thoughts(text)) or _find(text)
    if found is None:
        return ParsedPlan(data=None, notes=cut)
    data, links, naming = named_tasks(found.tasks, numbered=found.numbered)
    return ParsedPlan(
        data=_encodable(data),
        links=_encodable(links),
        notes=tuple(dict.fromkeys([*cut, *found.notes, *naming])),
    )


def _find(text: str) -> _Found | None:
    """Return a list of tasks, in a fence if there is one; else numbered calls; else single tasks."""
    single: list[tuple[TextValue, TaskList]] = []
    empty = False
    for region in [*fenced_blocks(text), text]:
        calls = numbered_calls(region)
        single = []
        for value in values_in(region, calls):
            tasks = find_tasks(value.value)
            if tasks is not None and not tasks.single:
                return _listed(value, tasks, text)
            if tasks is not None:
                single.append((value, tasks))
            empty = empty or value.value == []
        if calls:
            return _numbered(calls)
    if single:
        return _singles(single)
    return _Found(tasks=TaskList(items=[]), notes=()) if empty else None


def _listed(value: TextValue, tasks: TaskList, text: str) -> _Found:
    notes = _notes([value])
    if text.strip() != text[value.start : value.end] or value.start:
        notes = ("text around the plan", *notes)
    items = _complete(tasks.items, value)
    kept = TaskList(items=items, links=tasks.links, nodes=tasks.nodes)
    return _Found(tasks=kept, notes=notes)


def _singles(single: list[tuple[TextValue, TaskList]]) -> _Found:
    items = [item for value, tasks in single for item in _complete(tasks.items, value)]
    notes = ("tasks without a list", *_notes(value for value, _ in single))
    return _Found(tasks=TaskList(items=items), notes=notes)


def _numbered(calls: list[NumberedCall]) -> _Found:
    items = [
        {"id": call.number, "task": call.name, "args": call.arguments}
        for call in calls
        if not call.truncated and call.name.lower() not in _JOIN
    ]
    truncated = any(call.truncated for call in calls)
    notes = ("numbered calls", *(("truncated",) if truncated else ()))
    return _Found(tasks=TaskList(items=items), notes=notes, numbered=True)


def _complete(items: list[Any], value: TextValue) -> list[Any]:
    return [item for item in items if id(item) not in value.incomplete]


def _notes(values: Iterable[TextValue]) -> tuple[str, ...]:
    notes = []
    for value in values:
        notes += [] if value.strict else ["not strict JSON"]
        notes += ["truncated"] if value.truncated else []
    return tuple(notes)


def _encodable(value: Any) -> Any:
    """Return plain data without halves of surrogate pairs, which no file and no provider takes."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_encodable(member) for member in value)
    return value
