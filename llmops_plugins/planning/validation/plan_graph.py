"""The graph that a plan's dependencies make: what is wrong with it, and how deep and wide it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from llmops_plugins.planning.plan.complaints import LITERAL, Complaint, nearest, quoted
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Task

__all__ = ["graph_complaints"]

Graph = Mapping[str, Sequence[str]]


def graph_complaints(tasks: Sequence[Task], known: set[str], limits: PlanLimits) -> list[Complaint]:
    """Return what is wrong with dependencies: to nothing, to themselves, in a circle, too deep, too wide.

    Args:
        tasks: The tasks that are typed.
        known: Ids of all tasks, those included that something else is wrong with.
        limits: How large the plan may be.
    """
    complaints = [
        complaint
        for task in tasks
        for other in task.dependencies
        for complaint in _dependency_complaints(task.id, other, known)
    ]
    ids = {task.id for task in tasks}
    graph = {
        task.id: [other for other in task.dependencies if other in ids and other != task.id] for task in tasks
    }
    cycles = list(_cycles(graph))
    complaints += [_cycle_complaint(cycle) for cycle in cycles]
    return complaints if cycles else [*complaints, *_size_complaints(graph, limits)]


def _dependency_complaints(task_id: str, other: str, known: set[str]) -> Iterator[Complaint]:
    if other == task_id:
        sentence = f"Task {quoted(task_id)} depends on itself: refer to another task, or give the value."
        yield Complaint(task_id=task_id, code="self_dependency", sentence=sentence)
    elif other not in known:
        alike = None if other.isdecimal() else nearest(other, known - {task_id})
        sentence = (
            f"Task {quoted(task_id)} refers to task {quoted(other)}, which the plan does not have: "
            f"{_fix(other, alike)}."
        )
        yield Complaint(task_id=task_id, code="unknown_reference", sentence=sentence)


def _fix(other: str, alike: str | None) -> str:
    if alike is not None:
        return f"did you mean {quoted(alike)}"
    if other.isdecimal():
        return "add that task, or leave the reference out"
    return f"add that task, leave the reference out, or write {LITERAL} or $${{ for what is none"


def _cycle_complaint(cycle: Sequence[str]) -> Complaint:
    path = " -> ".join(map(quoted, [*cycle, cycle[0]]))
    sentence = f"Tasks wait for each other in a circle, {path}: take one of these dependencies away."
    return Complaint(task_id=cycle[0], code="cycle", sentence=sentence)


def _cycles(graph: Graph) -> Iterator[list[str]]:
    """Yield a circle of each set of tasks that wait for each other: a depth-first search."""
    done: set[str] = set()
    for start in graph:
        path: dict[str, Iterator[str]] = {} if start in done else {start: iter(graph[start])}
        while path:
            current = next(reversed(path))
            following = next((other for other in path[current] if other not in done), None)
            if following is None:
                path.popitem()
                done.add(current)
            elif following in path:
                members = list(path)
                yield members[members.index(following) :]
                done.update(path)  # one circle says enough of tasks that hang together
                path = {}
            else:
                path[following] = iter(graph[following])


def _size_complaints(graph: Graph, limits: PlanLimits) -> Iterator[Complaint]:
    levels = _levels(graph)
    if not levels:
        return
    deepest = max(levels, key=lambda one: levels[one])
    if levels[deepest] > limits.depth:
        sentence = (
            f"Task {quoted(deepest)} is the last of {levels[deepest]} that follow one another: "
            f"let at most {limits.depth} follow one another."
        )
        yield Complaint(task_id=deepest, code="too_deep", sentence=sentence)
    width = max(Counter(levels.values()).values())
    if width > limits.width:
        sentence = f"{width} tasks could run at once: let at most {limits.width}."
        yield Complaint(task_id=None, code="too_wide", sentence=sentence)


def _levels(graph: Graph) -> dict[str, int]:
    """Return how many tasks the longest chain to each task has, itself included; there are no circles."""
    levels: dict[str, int] = {}
    for start in graph:
        stack = [start]
        while stack:
            waiting = [other for other in graph[stack[-1]] if other not in levels]
            if waiting:
                stack += waiting
            else:
                current = stack.pop()
                levels[current] = 1 + max((levels[other] for other in graph[current]), default=0)
    return levels
