"""Gives the tasks of a plan their ids, and has references, dependencies and links name these."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

from llmops_plugins.planning.parsing.foreign_references import (
    TaskNames,
    bare_id,
    compact,
    own_references,
    whole_foreign_id,
)
from llmops_plugins.planning.parsing.raw_tasks import RawTask, raw_task
from llmops_plugins.planning.parsing.shapes import TaskList, link_edges
from llmops_plugins.planning.plan.references import TASK_ID, is_literal

__all__ = ["named_tasks"]

_FOREIGN = "foreign references"
_FROM_ONE = "tasks numbered from 1"
_OTHER_NAMES = "other names of fields"
_IS_ID = re.compile(TASK_ID)
_LONGEST_ID = 64
_IN_TEXT = re.compile(r"(?<!\$)\$\{([^{}.\n]{1,200})(?=[.}])")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]+")
_ZERO = re.compile(r"<(?:node|task)[-_ ]0>|<(?:generated|resource)>[-_]0", re.IGNORECASE)
_NODE = re.compile(r"<node[-_ ](\d{1,4})>|\$\{(\d{1,4})[}.]|task_nodes>?\[(\d{1,4})\]", re.IGNORECASE)

Named = tuple[list[dict[str, Any]], tuple[tuple[str, str], ...], list[str]]


def named_tasks(tasks: TaskList, *, numbered: bool) -> Named:
    """Return tasks in the typed form, links of which an end is no task, and what leniency it took.

    Args:
        tasks: The tasks as written.
        numbered: Whether they are numbered calls, whose ``$7`` is a reference even if there is no seventh.
    """
    raw = [raw_task(item) for item in tasks.items]
    ids = _ids(raw, from_zero=tasks.nodes or _mentions_zero(tasks.items))
    kinds = [task.kind for task in raw]
    names = replace(_names(raw, ids, nodes=tasks.nodes), numbered=numbered)
    positions = {one: position for position, one in enumerate(ids)}
    edges, unknown = link_edges(
        tasks.links, kinds, lambda name: positions.get(names.known(name) or names.described(name) or "")
    )
    if tasks.nodes and _count_from_one(raw, edges):
        names = replace(names, numbered_from=1)
    data = [_data(task, one, names, numbered=numbered) for task, one in zip(raw, ids, strict=True)]
    for source, target in edges:
        if ids[source] not in data[target]["after"]:
            data[target]["after"] = [*data[target]["after"], ids[source]]
    return data, tuple(unknown), _notes(raw, data, names)


def _ids(raw: Sequence[RawTask], *, from_zero: bool) -> list[str]:
    first = 0 if from_zero else 1
    written = [task.written_id or str(position) for position, task in enumerate(raw, first)]
    ids = {one: one for one in written if _IS_ID.fullmatch(one)}
    taken = set(ids)
    for one in written:
        if one not in ids:
            ids[one] = _free(_NOT_IN_ID.sub("_", one).strip("_")[:_LONGEST_ID] or "task", taken)
            taken.add(ids[one])
    return [ids[one] for one in written]


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name that no other task has: two that are written differently are two tasks."""
    ends = chain([""], (f"_{number}" for number in count(2)))
    names = (f"{name[: _LONGEST_ID - len(end)]}{end}" for end in ends)
    return next(one for one in names if one not in taken)


def _names(raw: Sequence[RawTask], ids: Sequence[str], *, nodes: bool) -> TaskNames:
    known = {one: one for one in ids}
    known.update({task.written_id: one for task, one in zip(raw, ids, strict=True) if task.written_id})
    kinds = [compact(task.kind or "") for task in raw]
    times = Counter(kinds)
    once = {kind: one for kind, one in zip(kinds, ids, strict=True) if kind and times[kind] == 1}
    return TaskNames(ids=known, kinds=once, nodes=ids if nodes else ())


def _count_from_one(raw: Sequence[RawTask], edges: Sequence[tuple[int, int]]) -> bool:
    """Tell whether nodes are called 1, 2, ...: only so does every reference run backward, along a link."""
    read = [(int(number), at) for at, task in enumerate(raw) for number in _node_numbers(task.arguments)]
    wrong_from_zero = any(number >= at for number, at in read)
    linked = set(edges)
    return wrong_from_zero and all((number - 1, at) in linked for number, at in read)


def _node_numbers(arguments: Any) -> list[str]:
    return [number for text in _strings(arguments) for number in map("".join, _NODE.findall(text))]


def _data(task: RawTask, task_id: str, names: TaskNames, *, numbered: bool) -> dict[str, Any]:
    arguments = _arguments(task, task_id, names, numbered=numbered)
    after = task.after
    if isinstance(after, list):
        known = names.known if not task.typed else names.renamed.get
        after = [known(one) or one for one in after if isinstance(one, str)]
    return {"id": task_id, "kind": task.kind, "arguments": arguments, "after": after, **task.others}


def _arguments(task: RawTask, task_id: str, names: TaskNames, *, numbered: bool) -> Any:
    if not isinstance(task.arguments, dict):
        return task.arguments

    def written(value: Any) -> Any:
        mended = _mended(value, names)
        if task.typed:
            return _whole_only(_renamed(mended, names.renamed), task_id, names)
        return own_references(_dollars(mended) if numbered else mended, names)

    return {name: written(value) for name, value in task.arguments.items()}


def _mended(value: Any, names: TaskNames) -> Any:
    """Return plain data with what stands in ``{"ref": ...}`` written as it should be."""
    if isinstance(value, list):
        return [_mended(member, names) for member in value]
    if not isinstance(value, dict) or is_literal(value):
        return value
    if value.keys() in ({"ref"}, {"$ref"}):
        (written,) = value.values()
        if not isinstance(written, str) or not _is_own(written):
            name, dot, path = (bare_id(written) or "").partition(".")
            found = f"{names.known(name) or name}{dot}{path}"
            return {"ref": found or written}
        return {"ref": written}
    return {key: _mended(member, names) for key, member in value.items()}


def _is_own(written: str) -> bool:
    return _IS_ID.fullmatch(written.partition(".")[0]) is not None


def _whole_only(value: Any, own_id: str, names: TaskNames) -> Any:
    """Return plain data in which strings that are nothing but another task's foreign name are references."""
    if isinstance(value, list):
        return [_whole_only(member, own_id, names) for member in value]
    if isinstance(value, dict) and not is_literal(value):
        return {key: _whole_only(member, own_id, names) for key, member in value.items()}
    named = names.known(whole_foreign_id(value) or "") if isinstance(value, str) else None
    return {"ref": named} if named is not None and named != own_id else value


def _renamed(value: Any, renamed: Mapping[str, str]) -> Any:
    """Return plain data in whose strings ``${...}`` names tasks by the ids that they were given."""
    if isinstance(value, list):
        return [_renamed(member, renamed) for member in value]
    if isinstance(value, dict) and not is_literal(value):
        return {key: _renamed(member, renamed) for key, member in value.items()}
    if not isinstance(value, str) or not renamed:
        return value
    return _IN_TEXT.sub(lambda match: f"${{{renamed.get(match[1], match[1])}", value)


def _dollars(value: Any) -> Any:
    """Return plain data in which a string that is ``$7`` and nothing else is a reference for certain."""
    if isinstance(value, list):
        return [_dollars(member) for member in value]
    if isinstance(value, dict) and not is_literal(value):
        return {key: _dollars(member) for key, member in value.items()}
    is_number = isinstance(value, str) and value[:1] == "$" and value[1:].isdecimal()
    return f"${{{value[1:]}}}" if is_number else value


def _mentions_zero(items: Sequence[Any]) -> bool:
    return any(_ZERO.search(text) for text in _strings(list(items)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _strings(member)


def _notes(raw: Sequence[RawTask], data: Sequence[dict[str, Any]], names: TaskNames) -> list[str]:
    notes = [] if all(task.typed for task in raw) else [_OTHER_NAMES]
    if any(_text(task.arguments) != _text(one["arguments"]) for task, one in zip(raw, data, strict=True)):
        notes.append(_FOREIGN)
    return [*notes, _FROM_ONE] if names.numbered_from else notes


def _text(value: Any) -> str:
    return json.dumps(value, default=str)
