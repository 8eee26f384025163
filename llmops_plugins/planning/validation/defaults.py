"""Whether what stands in for a failed task's result is what its kind gives, and has what others refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llmops_plugins.planning.plan.complaints import Complaint, quoted
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.plan.references import UnresolvedReferenceError, find, resolve
from llmops_plugins.planning.validation.arguments import located
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.verification.json_schema import schema_problem

__all__ = ["default_complaints"]


def default_complaints(tasks: Sequence[Task], kinds: Mapping[str, KindSpec] | None) -> Iterator[Complaint]:
    """Yield what is wrong with the defaults of a plan's tasks.

    Args:
        tasks: The tasks that are typed.
        kinds: What there is by kind; None leaves types unchecked.
    """
    defaults = {task.id: task.default for task in tasks if task.on_failure == "default"}
    for task in tasks:
        if task.id in defaults:
            yield from _misfits(task, (kinds or {}).get(task.kind))
        for reference in dict.fromkeys(find(task.arguments)):
            if reference.task_id not in defaults:
                continue
            try:
                resolve({"of": {"ref": reference.text}}, defaults)
            except UnresolvedReferenceError:
                sentence = (
                    f"Task {quoted(task.id)} refers to {quoted(reference.text)}, which the default of task "
                    f"{quoted(reference.task_id)} does not have: add it there, or choose another on_failure."
                )
                yield Complaint(task_id=reference.task_id, code="bad_default", sentence=sentence)


def _misfits(task: Task, spec: KindSpec | None) -> Iterator[Complaint]:
    schema = spec.output_schema if spec is not None else None
    problem = None if schema is None else schema_problem(task.default, schema)
    if problem is not None:
        sentence = (
            f"Task {quoted(task.id)} has a default that is not what {quoted(task.kind)} gives: "
            f"{located(problem, 'default')}."
        )
        yield Complaint(task_id=task.id, code="bad_default", sentence=sentence)
