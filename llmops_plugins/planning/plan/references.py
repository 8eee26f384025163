"""References from a task's arguments to other tasks' results.

There are two spellings. ``{"ref": "t1"}`` or ``{"ref": "t1.path.0.field"}`` stands for the value itself,
anywhere in the arguments. ``${t1.path}`` inside a string stands for it too where it is the whole string; in a
longer one it stands for its text, which for anything but text is JSON. ``$${`` is a literal ``${``. A path
names keys and, in lists, positions from 0.

``{"literal": ...}`` stands for what is in it, in which nothing is a reference: ``{"literal": {"ref":
"main"}}`` is the object ``{"ref": "main"}``. An object that is to have the single key ``literal`` itself is
written ``{"literal": {"literal": ...}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.plan.data_size import size_up_to

__all__ = [
    "TASK_ID",
    "ArgumentsTooLargeError",
    "Reference",
    "UnresolvedReferenceError",
    "find",
    "has_references",
    "is_literal",
    "resolve",
    "whole_reference",
]

TASK_ID = r"[A-Za-z0-9_-]{1,64}"
"""Pattern of a task's id."""

_TARGET = rf"{TASK_ID}(?:\.[^.{{}}\n]{{1,200}}+)*+"
_IS_TARGET = re.compile(_TARGET)
_IN_TEXT = re.compile(rf"\$(?P<literal>\$\{{)|\$\{{(?P<target>{_TARGET})\}}")

_KEY = "ref"
_LITERAL = frozenset({"literal"})
_MISSING = object()


@dataclass(frozen=True)
class Reference:
    """What an argument takes from another task.

    Args:
        task_id: The task.
        path: Keys and positions into its result; empty for all of it.
    """

    task_id: str
    path: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reference as it is written, without what is around it: ``"t1.path"``."""
        return ".".join([self.task_id, *self.path])


class UnresolvedReferenceError(LlmopsError, LookupError):
    """A reference names a task without a result, or a path that its result does not have.

    Args:
        reference: The reference.
        problem: What is missing, as the rest of one sentence.
    """

    def __init__(self, reference: Reference, problem: str) -> None:
        super().__init__(f"reference {json.dumps(reference.text[:200])}: {problem}")
        self.reference = reference
        self.problem = problem

    def __reduce__(self) -> tuple[type[UnresolvedReferenceError], tuple[Reference, str]]:
        return type(self), (self.reference, self.problem)


class ArgumentsTooLargeError(LlmopsError, ValueError):
    """What other tasks gave makes a task's arguments larger than they may be.

    Args:
        most: Most characters that may be put in.
    """

    def __init__(self, most: int) -> None:
        super().__init__(
            f"the arguments are too large, what they refer to may have {most:,} characters in all"
        )
        self.most = most

    def __reduce__(self) -> tuple[type[ArgumentsTooLargeError], tuple[int]]:
        return type(self), (self.most,)


def find(arguments: Any) -> list[Reference]:
    """Return the references in a task's arguments, in the order they are written.

    Args:
        arguments: Plain data. What they are called is no part of them: one may be called ``ref``.
    """
    values = arguments.values() if isinstance(arguments, dict) else [arguments]
    return [reference for value in values for reference in _found(value)]


def has_references(value: Any) -> bool:
    """Tell whether there is a reference in an argument, or in a part of one."""
    return next(_found(value), None) is not None


def is_literal(value: Any) -> bool:
    """Tell whether a value stands for what is in it, in which nothing is a reference.

    Args:
        value: An argument, or a part of one.
    """
    return isinstance(value, dict) and value.keys() == _LITERAL


def resolve(
    arguments: Mapping[str, Any], results: Mapping[str, Any], most: int | None = None
) -> dict[str, Any]:
    """Return a task's arguments with every reference replaced by what it refers to.

    What is put in is not searched for references again: a result is data.

    Args:
        arguments: Plain data.
        results: Results by task id.
        most: Most characters that are put in, counted as often as they are; None for no limit.

    Raises:
        UnresolvedReferenceError: If a task has no result, or its result not the path.
        ArgumentsTooLargeError: If more would be put in; it is raised before they are.
    """
    given = _Given(results, most)
    return {name: _resolved(value, given) for name, value in arguments.items()}


def whole_reference(value: Any) -> Reference | None:
    """Return the reference that a value is as a whole, so that it takes on the result's type; else None.

    Args:
        value: An argument, or a part of one.
    """
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_KEY), str):
        return _parsed(value[_KEY]) if _IS_TARGET.fullmatch(value[_KEY]) else None
    match = _IN_TEXT.fullmatch(value) if isinstance(value, str) else None
    return _parsed(match["target"]) if match and match["target"] else None


def _found(value: Any) -> Iterator[Reference]:
    whole = whole_reference(value)
    if whole is not None:
        yield whole
    elif isinstance(value, str):
        yield from (_parsed(match["target"]) for match in _IN_TEXT.finditer(value) if match["target"])
    elif isinstance(value, dict | list | tuple) and not is_literal(value):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _found(member)


class _Given:
    """The results, of which only so much is put in."""

    def __init__(self, results: Mapping[str, Any], most: int | None) -> None:
        self._results = results
        self._most = most
        self._left = most

    def take(self, reference: Reference) -> Any:
        result = _result(reference, self._results)
        if self._most is not None and self._left is not None:
            self._left -= size_up_to(result, self._left)
            if self._left < 0:
                raise ArgumentsTooLargeError(self._most)
        return result


def _resolved(value: Any, given: _Given) -> Any:
    whole = whole_reference(value)
    if whole is not None:
        return given.take(whole)
    if isinstance(value, str):
        return _IN_TEXT.sub(lambda match: _replacement(match, given), value)
    if is_literal(value):
        return value["literal"]
    if isinstance(value, dict):
        return {name: _resolved(member, given) for name, member in value.items()}
    return [_resolved(member, given) for member in value] if isinstance(value, list | tuple) else value


def _replacement(match: re.Match[str], given: _Given) -> str:
    if match["literal"]:
        return "${"
    result = given.take(_parsed(match["target"]))
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=_plain)


def _result(reference: Reference, results: Mapping[str, Any]) -> Any:
    if reference.task_id not in results:
        raise UnresolvedReferenceError(reference, f"task {reference.task_id} has no result")
    found = results[reference.task_id]
    for depth, part in enumerate(reference.path):
        found = _member(found, part)
        if found is _MISSING:
            where = Reference(reference.task_id, reference.path[:depth]).text
            raise UnresolvedReferenceError(
                reference, f"{json.dumps(where[:200])} has no {json.dumps(part[:200])}, name what it has"
            )
    return found


def _member(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, _MISSING)
    if isinstance(value, list | tuple):
        return value[int(part)] if _is_position(part) and int(part) < len(value) else _MISSING
    if isinstance(value, BaseModel) and part in type(value).model_fields:
        return getattr(value, part)
    return _MISSING


def _is_position(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) < 10


def _parsed(target: str) -> Reference:
    task_id, *path = target.split(".")
    return Reference(task_id, tuple(path))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
