"""The shapes in which models write plans: where the tasks are, and which follow which."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_plugins.planning.parsing.foreign_references import compact
from llmops_plugins.planning.parsing.raw_tasks import is_task, is_typed

__all__ = ["TaskList", "find_tasks", "link_edges"]

_TASKS = ("task_nodes", "tasks", "plan", "subtasks", "nodes", "steps")
_LINKS = ("task_links", "links", "edges")
_ENDS = (("source", "target"), ("from", "to"))
_MOST_LOOKED_AT = 20_000
_MOST_ALIKE = 8


@dataclass(frozen=True, kw_only=True)
class TaskList:
    """Where the tasks of a plan are in what was read.

    Args:
        items: The tasks as written.
        links: Pairs of names of tasks, the first of which comes before the second.
        single: Whether it is one task that stands by itself, so that others may stand beside it.
        nodes: Whether the tasks are TaskBench's, which are called by their position from 0.
    """

    items: list[Any]
    links: tuple[tuple[str, str], ...] = ()
    single: bool = False
    nodes: bool = False


def find_tasks(value: Any) -> TaskList | None:
    """Return the outermost tasks in plain data, or None where there are none.

    Args:
        value: Plain data.
    """
    queue, looked_at = deque([value]), 0
    while queue and looked_at < _MOST_LOOKED_AT:
        looked_at += 1
        current = queue.popleft()
        found = _tasks_of(current)
        if found is not None:
            return found
        if isinstance(current, dict):
            queue.extend(current.values())
        elif isinstance(current, list):
            queue.extend(current)
    return None


def link_edges(
    links: Sequence[tuple[str, str]],
    kinds: Sequence[str | None],
    position_of: Callable[[str], int | None],
) -> tuple[list[tuple[int, int]], list[tuple[str, str]]]:
    """Return links between names of tasks as pairs of positions, and those of which an end is no task.

    TaskBench names a link's ends by their tool. Where a tool is used twice, the link is between the two tasks
    that are nearest, the first before the second, and not linked yet.

    Args:
        links: Pairs of names.
        kinds: The tasks' kinds, by position.
        position_of: Finds the task that is called by something else than its kind.
    """
    by_kind: dict[str, list[int]] = {}
    for position, kind in enumerate(kinds):
        by_kind.setdefault(compact(kind or ""), []).append(position)
    edges: dict[tuple[int, int], None] = {}
    unknown = []
    for link in links:
        firsts, seconds = (_positions(name, by_kind, position_of) for name in link)
        pairs = [(first, second) for first in firsts for second in seconds]
        if pairs:
            edges[min(pairs, key=lambda pair: (pair in edges, _distance(pair), pair))] = None
        else:
            unknown.append(link)
    return list(edges), unknown


def _positions(
    name: str, by_kind: Mapping[str, list[int]], position_of: Callable[[str], int | None]
) -> list[int]:
    of_kind = by_kind.get(compact(name), [])[:_MOST_ALIKE]
    position = None if of_kind else position_of(name)
    return of_kind if position is None else [position]


def _distance(pair: tuple[int, int]) -> tuple[int, int]:
    """Order pairs that run forward first, the nearest of them first, and a task with itself last."""
    gap = pair[1] - pair[0]
    return (0, gap) if gap > 0 else (1, -gap) if gap else (2, 0)


def _tasks_of(value: Any) -> TaskList | None:
    if isinstance(value, list):
        return TaskList(items=value) if any(map(is_task, value)) else None
    if not isinstance(value, dict):
        return None
    if is_typed(value):
        return TaskList(items=[value], single=True)
    for key in _TASKS:
        items = _listed(value.get(key), strings=key != "steps")
        if items is not None:
            return TaskList(items=items, links=_links(value), nodes=key == "task_nodes")
    return TaskList(items=[value], single=True) if is_task(value) else None


def _listed(value: Any, *, strings: bool) -> list[Any] | None:
    """Return the tasks under a name that says that they are some, which may be their kinds alone."""
    if isinstance(value, dict) and value and all(is_task(task, listed=True) for task in value.values()):
        return [{"id": name, **task} for name, task in value.items()]
    if not isinstance(value, list):
        return None
    tasks = not value or any(is_task(item, listed=True) for item in value)
    return value if tasks or (strings and all(isinstance(item, str) for item in value)) else None


def _links(value: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    links: list[Any] = next((value[key] for key in _LINKS if isinstance(value.get(key), list)), [])
    found = [_ends(link) for link in links]
    return tuple(ends for ends in found if ends is not None)


def _ends(link: Any) -> tuple[str, str] | None:
    if isinstance(link, list) and len(link) == 2:
        return str(link[0]), str(link[1])
    if isinstance(link, dict):
        for source, target in _ENDS:
            if source in link and target in link:
                return str(link[source]), str(link[target])
    return None
