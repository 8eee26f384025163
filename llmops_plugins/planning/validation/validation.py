"""Says what is wrong with a plan, in sentences that a model can mend it by.

Every complaint names the task, the fault and the fix. Names in it that a model wrote are quoted and cut:
they are data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from llmops_plugins.planning.parsing.parsing import ParsedPlan
from llmops_plugins.planning.plan.complaints import Complaint, nearest, quoted, quoted_list
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import FailurePolicy, Plan, Task
from llmops_plugins.planning.validation.arguments import argument_complaints, positional_by_name
from llmops_plugins.planning.validation.defaults import default_complaints
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.planning.validation.plan_graph import graph_complaints

__all__ = ["check", "check_parsed"]

_POLICIES = get_args(FailurePolicy)


def check_parsed(
    parsed: ParsedPlan, *, kinds: Mapping[str, KindSpec] | None, limits: PlanLimits | None = None
) -> tuple[Plan | None, list[Complaint]]:
    """Return the plan that was read from a text, or what is wrong with it.

    Args:
        parsed: What was read.
        kinds: As for :func:`check`.
        limits: As for :func:`check`.
    """
    if parsed.data is None:
        sentence = "The answer holds no plan: write a JSON object with a list of tasks."
        return None, [Complaint(task_id=None, code="no_plan", sentence=sentence)]
    return check(parsed.data, kinds=kinds, limits=limits, links=parsed.links)


def check(
    raw: Sequence[Mapping[str, Any]],
    *,
    kinds: Mapping[str, KindSpec] | None,
    limits: PlanLimits | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> tuple[Plan | None, list[Complaint]]:
    """Return the plan that raw tasks are, or None and everything that is wrong with them.

    Args:
        raw: One mapping a task, with the typed form's names.
        kinds: What there is by kind; None leaves kinds and arguments unchecked.
        limits: How large it may be.
        links: Pairs of names that the text links, where one of them is no task.
    """
    limits = limits or PlanLimits()
    early = list(_size_complaints(raw, limits))
    if early:
        return None, early
    tasks, complaints = _typed(raw, kinds)
    complaints += _duplicates(raw)
    complaints += [_bad_link(source, target, raw) for source, target in links]
    complaints += graph_complaints(tasks, {str(one.get("id")) for one in raw}, limits)
    complaints += argument_complaints(tasks, kinds, limits)
    complaints += default_complaints(tasks, kinds)
    if complaints:
        return None, complaints
    return Plan(tasks=tasks), []


def _size_complaints(raw: Sequence[Mapping[str, Any]], limits: PlanLimits) -> Iterator[Complaint]:
    if not raw:
        sentence = "The plan has no tasks: give at least one."
        yield Complaint(task_id=None, code="no_tasks", sentence=sentence)
    if len(raw) > limits.tasks:
        sentence = f"The plan has {len(raw)} tasks: give at most {limits.tasks}."
        yield Complaint(task_id=None, code="too_many_tasks", sentence=sentence)


def _typed(
    raw: Sequence[Mapping[str, Any]], kinds: Mapping[str, KindSpec] | None
) -> tuple[list[Task], list[Complaint]]:
    tasks, complaints = [], []
    for position, one in enumerate(raw, 1):
        faults = list(_field_complaints(one, position, kinds))
        complaints += faults
        if all(fault.code == "unknown_kind" for fault in faults):
            task = _task(one, kinds)
            if task is not None:
                tasks.append(task)
            else:
                complaints.append(_not_a_task(one, position))
    return tasks, complaints


def _task(one: Mapping[str, Any], kinds: Mapping[str, KindSpec] | None) -> Task | None:
    fields = {name: one[name] for name in Task.model_fields if name in one}
    kind = _known_kind(one["kind"], kinds) or one["kind"]
    spec = (kinds or {}).get(kind)
    arguments = positional_by_name(one.get("arguments") or {}, spec)
    try:
        return Task.model_validate({**fields, "kind": kind, "arguments": arguments})
    except ValidationError:
        return None


def _field_complaints(
    one: Mapping[str, Any], position: int, kinds: Mapping[str, KindSpec] | None
) -> Iterator[Complaint]:
    task_id, kind = str(one.get("id", "")), one.get("kind")
    name = f"Task {quoted(task_id)}" if task_id else f"Task number {position}"
    if not isinstance(kind, str) or not kind:
        known = f", one of {quoted_list(kinds)}" if kinds else ""
        yield Complaint(task_id=task_id, code="no_kind", sentence=f"{name} has no kind: give it one{known}.")
    elif kinds is not None and _known_kind(kind, kinds) is None:
        sentence = f"{name} is of the unknown kind {quoted(kind)}: {_instead(kind, kinds)}."
        yield Complaint(task_id=task_id, code="unknown_kind", sentence=sentence)
    if not isinstance(one.get("arguments", {}), dict):
        sentence = f"{name} has arguments that are no object: give them by name."
        yield Complaint(task_id=task_id, code="bad_arguments", sentence=sentence)
    after = one.get("after", [])
    if not isinstance(after, list) or not all(isinstance(other, str) for other in after):
        sentence = f"{name} has an after that is no list of task ids: give the ids as strings."
        yield Complaint(task_id=task_id, code="bad_after", sentence=sentence)
    if one.get("on_failure", _POLICIES[0]) not in _POLICIES:
        sentence = f"{name} has an unknown on_failure: give one of {quoted_list(_POLICIES)}."
        yield Complaint(task_id=task_id, code="bad_on_failure", sentence=sentence)


def _known_kind(kind: str, kinds: Mapping[str, KindSpec] | None) -> str | None:
    """Return the kind that is meant: itself, or the only one that differs in case and punctuation alone."""
    if kinds is None or kind in kinds:
        return kind
    alike = [known for known in kinds if _letters(known) == _letters(kind)]
    return alike[0] if len(alike) == 1 else None


def _letters(kind: str) -> str:
    return "".join(filter(str.isalnum, kind.casefold()))


def _instead(kind: str, kinds: Mapping[str, KindSpec]) -> str:
    alike = nearest(kind, kinds)
    return f"did you mean {quoted(alike)}" if alike else f"use one of {quoted_list(kinds)}"


def _not_a_task(one: Mapping[str, Any], position: int) -> Complaint:
    sentence = (
        f"Task number {position} has the id {quoted(str(one.get('id', '')))}: "
        "give one of 1 to 64 letters, digits, _ and -."
    )
    return Complaint(task_id=None, code="bad_id", sentence=sentence)


def _duplicates(raw: Sequence[Mapping[str, Any]]) -> list[Complaint]:
    counts = Counter(str(one.get("id")) for one in raw)
    return [
        Complaint(
            task_id=task_id,
            code="duplicate_id",
            sentence=f"{count} tasks have the id {quoted(task_id)}: give each one of its own.",
        )
        for task_id, count in counts.items()
        if count > 1
    ]


def _bad_link(source: str, target: str, raw: Sequence[Mapping[str, Any]]) -> Complaint:
    names = {str(one.get(key)) for one in raw for key in ("id", "kind")}
    missing = [end for end in dict.fromkeys((source, target)) if end not in names] or [source, target]
    are = "is no task" if len(missing) == 1 else "are no tasks"
    sentence = (
        f"A link goes from {quoted(source)} to {quoted(target)}, and {quoted_list(missing, ' and ')} {are} "
        "of the plan: add what is missing or leave the link out."
    )
    return Complaint(task_id=None, code="unknown_reference", sentence=sentence)
