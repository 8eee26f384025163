"""What tasks of each kind take and give, given who can do them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.schema_union import any_of, union_of_objects
from llmops_plugins.planning.plan.complaints import Complaint, quoted
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.validation.arguments import argument_complaints
from llmops_plugins.planning.validation.kind_spec import KindSpec

__all__ = ["by_kind", "kind_specs", "misfit", "unserved_complaints"]

_ANY_SIZE = PlanLimits(argument_characters=2**62)
"""How large arguments may be is for the plan's limits and the expert's own to say."""


def by_kind(experts: Iterable[Expert]) -> dict[str, tuple[Expert, ...]]:
    """Return the experts of each kind of task, in their order.

    Args:
        experts: The experts.
    """
    found: dict[str, list[Expert]] = {}
    for expert in experts:
        for kind in expert.kinds:
            found.setdefault(kind, []).append(expert)
    return {kind: tuple(able) for kind, able in found.items()}


def kind_specs(experts: Iterable[Expert]) -> dict[str, KindSpec]:
    """Return what tasks of each kind take and give.

    Of a kind that several can do, what one of them takes is taken; what they all lack is refused. Whether one
    of them takes all that a task has is for :func:`unserved_complaints` to say.

    Args:
        experts: The experts.
    """
    return {kind: _united(able) for kind, able in by_kind(experts).items()}


def unserved_complaints(
    tasks: Sequence[Task],
    experts: Iterable[Expert],
    *,
    able: Mapping[str, Sequence[Expert]] | None = None,
) -> list[Complaint]:
    """Return a complaint on each task whose kind there is, but whose arguments fit nobody.

    Args:
        tasks: A plan's tasks.
        experts: The experts.
        able: Who does tasks of each kind, where that is known already.
    """
    able = by_kind(experts) if able is None else able
    return [complaint for task in tasks for complaint in _unserved(task, able.get(task.kind, ()))]


def misfit(expert: Expert, task: Task) -> str | None:
    """Return in which a task's arguments are not what an expert takes, or None where they are.

    What refers to another task's result counts as unknown, and fits.

    Args:
        expert: The expert.
        task: The task.
    """
    found = argument_complaints([task], {task.kind: expert.spec}, _ANY_SIZE)
    return found[0].sentence if found else None


def _united(able: Sequence[Expert]) -> KindSpec:
    arguments = [one.spec.argument_schema for one in able if one.spec.argument_schema is not None]
    outputs = [one.spec.output_schema for one in able if one.spec.output_schema is not None]
    described = dict.fromkeys(one.description for one in able if one.description)
    return KindSpec(
        arguments=union_of_objects(arguments),
        output=any_of(outputs) if len(outputs) == len(able) else None,
        description=" Or: ".join(described),
    )


def _unserved(task: Task, able: Sequence[Expert]) -> list[Complaint]:
    problems = [misfit(expert, task) for expert in able]
    if not problems or None in problems:
        return []
    nearest = argument_complaints([task], {task.kind: able[0].spec}, _ANY_SIZE)[0]
    if len(able) == 1:
        return [nearest]
    others = f"the other {len(able) - 1} who do {quoted(task.kind)} take it no better"
    return [replace(nearest, sentence=f"{nearest.sentence[:-1]}, and {others}.")]
