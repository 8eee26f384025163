"""Whether a task's arguments are what its kind takes, references included."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmops_plugins.planning.plan.complaints import LITERAL, Complaint, nearest, quoted, quoted_list
from llmops_plugins.planning.plan.data_size import TOO_WIDE, has_wide_number
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.plan.references import (
    Reference,
    has_references,
    is_literal,
    resolve,
    whole_reference,
)
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.planning.validation.schema_parts import resolved, schema_at, types_clash
from llmops_plugins.verification.json_schema import WHOLE, schema_problem

__all__ = ["argument_complaints", "located", "positional_by_name"]

_PLACEHOLDER = re.compile(r"\s*<([^<>\n]{1,80})>\s*")
_TELLTALE = frozenset({"output", "result", "generated", "previous", "node", "step", "task", "resource"})
_WORDS = re.compile(r"[^\W_]+")


def positional_by_name(arguments: Mapping[str, Any], spec: KindSpec | None) -> dict[str, Any]:
    """Return arguments with those by position (``"0"``, ``"1"``, ...) under the names their schema has.

    Args:
        arguments: By name or position.
        spec: What the kind takes.
    """
    schema = spec.argument_schema if spec is not None else None
    declared = list((schema or {}).get("properties", {}))
    free = iter([name for name in declared if name not in arguments])
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        by_position = name.isdecimal() and name not in declared
        given[next(free, name) if by_position else name] = value
    return given


def argument_complaints(
    tasks: Sequence[Task], kinds: Mapping[str, KindSpec] | None, limits: PlanLimits
) -> list[Complaint]:
    """Return what is wrong with the arguments of a plan's tasks.

    Args:
        tasks: The tasks that are typed.
        kinds: What there is by kind; None leaves names and types unchecked.
        limits: How large arguments may be.
    """
    specs = {task.id: (kinds or {}).get(task.kind) for task in tasks}
    return [
        Complaint(task_id=task.id, code=code, sentence=f"Task {quoted(task.id)} {rest}.")
        for task in tasks
        for code, rest in _faults(task, specs, limits)
    ]


def _faults(
    task: Task, specs: Mapping[str, KindSpec | None], limits: PlanLimits
) -> Iterator[tuple[str, str]]:
    size = len(json.dumps(task.arguments, ensure_ascii=False, default=str))
    if size > limits.argument_characters:
        yield "too_large", f"has {size} characters of arguments: give at most {limits.argument_characters}"
    if has_wide_number([task.arguments, task.default]):
        yield "too_large", f"holds {TOO_WIDE}: give it as a text"
    for value in task.arguments.values():
        yield from _empty_references(value)
    spec = specs.get(task.id)
    if spec is not None and spec.argument_schema is not None:
        yield from _schema_faults(task, spec.argument_schema, specs)


def _empty_references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield what looks like a reference and refers to nothing: the expert would be given it as it is."""
    if isinstance(value, str):
        placeholder = _PLACEHOLDER.fullmatch(value)
        if placeholder and _TELLTALE.intersection(_WORDS.findall(placeholder[1].lower().replace("_", " "))):
            yield "placeholder", f"is given {quoted(value)}, which is no value: {_REFER} or give the value"
    elif isinstance(value, dict) and value.keys() == {"ref"} and whole_reference(value) is None:
        problem = f"has the reference {quoted(str(value['ref']))}, which names no task"
        yield "bad_reference", f"{problem}: {_REFER}, or {LITERAL} for an object that is none"
    elif isinstance(value, dict | list) and not is_literal(value):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _empty_references(member)


_REFER = 'write {"ref": "<id of a task>"}'


def _schema_faults(
    task: Task, schema: Mapping[str, Any], specs: Mapping[str, KindSpec | None]
) -> Iterator[tuple[str, str]]:
    declared: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in task.arguments:
            yield (
                "missing_argument",
                f"lacks the argument {quoted(name)}, which {quoted(task.kind)} needs: add it",
            )
    for name, value in task.arguments.items():
        if name in declared:
            for problem in _problems(value, declared[name], schema, name, specs):
                yield (
                    "wrong_type",
                    f"of kind {quoted(task.kind)} has an argument that does not fit: {problem}",
                )
        elif schema.get("additionalProperties", True) is False:
            alike = nearest(name, declared)
            fix = f"did you mean {quoted(alike)}" if alike else f"it takes {quoted_list(declared) or 'none'}"
            yield (
                "unexpected_argument",
                f"has the argument {quoted(name)}, not one of {quoted(task.kind)}: {fix}",
            )


def _problems(
    value: Any, schema: Any, root: Mapping[str, Any], path: str, specs: Mapping[str, KindSpec | None]
) -> Iterator[str]:
    """Yield in which a value breaks a schema; what it refers to counts by its declared type."""
    reference = whole_reference(value)
    if reference is not None:
        yield from _reference_problems(reference, schema, root, path, specs)
    elif not has_references(value):
        given = resolve({path: value}, {})[path]
        problem = schema_problem(
            given, {**_definitions(root), **schema} if isinstance(schema, dict) else schema
        )
        if problem is not None:
            yield located(problem, path)
    elif isinstance(value, str):
        if types_clash({"type": "string"}, schema, root, root):
            yield f"{quoted(path)} is text with a reference in it, and must be {_types(schema, root)}"
    else:
        yield from _member_problems(value, resolved(schema, root), root, path, specs)


def _member_problems(
    value: Any,
    schema: Mapping[str, Any],
    root: Mapping[str, Any],
    path: str,
    specs: Mapping[str, KindSpec | None],
) -> Iterator[str]:
    if types_clash({"type": "object" if isinstance(value, dict) else "array"}, schema, root, root):
        yield f"{quoted(path)} must be {_types(schema, root)}"
        return
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        declared = (
            schema.get("properties", {}).get(key, True)
            if isinstance(value, dict)
            else schema.get("items", True)
        )
        yield from _problems(member, declared, root, f"{path}.{key}", specs)


def _reference_problems(
    reference: Reference,
    schema: Any,
    root: Mapping[str, Any],
    path: str,
    specs: Mapping[str, KindSpec | None],
) -> Iterator[str]:
    source = specs.get(reference.task_id)
    output = source.output_schema if source is not None else None
    if output is None:
        return
    found = schema_at(output, reference.path)
    if found is None:
        yield f"{quoted(path)} refers to {quoted(reference.text)}, which that task's result does not have"
    elif types_clash(found, schema, output, root):
        given, wanted = _types(found, output), _types(schema, root)
        yield f"{quoted(path)} refers to {quoted(reference.text)}, which is {given}, and must be {wanted}"


def _types(schema: Any, root: Mapping[str, Any]) -> str:
    types = resolved(schema, root).get("type", "of another type")
    return types if isinstance(types, str) else " or ".join(types)


def _definitions(root: Mapping[str, Any]) -> dict[str, Any]:
    return {key: root[key] for key in ("$defs", "definitions") if key in root}


def located(problem: str, path: str) -> str:
    """Return what is wrong with a value, said of the place where it stands.

    Args:
        problem: From ``schema_problem``.
        path: The place.
    """
    where, _, rest = problem.partition(" ")
    inner = where.removeprefix(WHOLE)
    return f"{quoted(path + (f'.{inner}' if inner and inner[0] not in '[.' else inner))} {rest}"
