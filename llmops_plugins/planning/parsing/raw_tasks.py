"""One task as models write it, under whatever names, as the typed form's plain data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_plugins.planning.parsing.foreign_references import bare_id

__all__ = ["RawTask", "is_task", "is_typed", "raw_task"]

_TYPED = frozenset({"id", "kind", "arguments", "after", "on_failure", "default"})
_KIND = ("kind", "task", "tool", "tool_name", "expert", "function", "api", "action", "name")
_VAGUE = frozenset({"action", "name", "function", "api", "expert"})
"""Names under which other things than a task's kind are found too."""
_ID = ("id", "task_id", "step_id", "node_id", "idx", "index", "step")
_ARGUMENTS = ("arguments", "args", "parameters", "params", "inputs", "input", "tool_input", "action_input")
_AFTER = ("after", "dep", "deps", "depends_on", "dependencies", "dependency", "depends")
_NONE = frozenset({"", "-1", "none", "null", "[]"})
_STEP_NUMBER = re.compile(r"\s*(?:step\s*)?(\d{1,4}(?:\.\d{1,4}){0,4})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class RawTask:
    """What a model wrote of one task.

    Args:
        written_id: Its id as written; None where it has none.
        kind: Its kind; None where it has none.
        arguments: Plain data; anything but a mapping is a mistake that validation names.
        after: Tasks it names as dependencies, as written; likewise a list.
        others: ``on_failure`` and ``default``, where given.
        typed: Whether it has the typed form, so that its strings are its own.
    """

    written_id: str | None
    kind: str | None
    arguments: Any
    after: Any
    others: Mapping[str, Any]
    typed: bool


def is_typed(value: Any) -> bool:
    """Tell whether something has a typed task's names."""
    return (
        isinstance(value, dict) and {"id", "kind"} <= value.keys() <= _TYPED and isinstance(value["id"], str)
    )


def is_task(value: Any, *, listed: bool = False) -> bool:
    """Tell whether something looks like a task.

    Args:
        value: Plain data.
        listed: Whether it stands in a list of tasks, where a kind is enough.
    """
    if not isinstance(value, dict):
        return False
    key = _kind_key(value)
    if key is None:
        return False
    if isinstance(value[key], dict):
        return isinstance(value[key].get("name"), str)  # a provider's tool call
    return key not in _VAGUE or (listed and key != "name") or any(name in value for name in _ARGUMENTS)


def raw_task(item: Any) -> RawTask:
    """Return one task of a plan, whatever the names in it; a string is its kind.

    Args:
        item: Plain data.
    """
    if not isinstance(item, dict):
        return RawTask(
            written_id=None,
            kind=item if isinstance(item, str) else None,
            arguments={},
            after=[],
            others={},
            typed=False,
        )
    if isinstance(item.get("function"), dict):
        item = {**{key: value for key, value in item.items() if key != "function"}, **item["function"]}
    key = _kind_key(item)
    return RawTask(
        written_id=_written_id(item, key),
        kind=item[key].strip() if key is not None else None,
        arguments=_arguments(_first(item, _ARGUMENTS)),
        after=_after(_first(item, _AFTER)),
        others={name: item[name] for name in ("on_failure", "default") if name in item},
        typed=is_typed(item),
    )


def _kind_key(item: Mapping[str, Any]) -> str | None:
    if isinstance(item.get("function"), dict):
        return "function"
    return next((key for key in _KIND if isinstance(item.get(key), str) and item[key].strip()), None)


def _first(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if item.get(name) is not None), None)


def _written_id(item: Mapping[str, Any], kind_key: str | None) -> str | None:
    key = next((name for name in _ID if item.get(name) is not None), None)
    if key is None and kind_key is not None and kind_key != "name" and isinstance(item.get("name"), str):
        key = "name"
    if key == "step" and isinstance(item["step"], str):
        number = _STEP_NUMBER.match(item["step"])
        return number[1] if number else None
    return None if key is None else bare_id(item[key]) or str(item[key])


def _arguments(given: Any) -> Any:
    if isinstance(given, str):
        given = _decoded(given)
    if given is None:
        return {}
    if isinstance(given, list):
        return _by_name(given)
    return given if isinstance(given, dict) else {"0": given}


def _decoded(text: str) -> Any:
    """Return the arguments in a string of JSON, as calls of tools have them, or the string itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _by_name(given: list[Any]) -> dict[str, Any]:
    """Return a list of arguments by name, and by position where one has none.

    TaskBench has ``{"name": ..., "value": ...}`` and, where a tool's inputs have no names, the value alone;
    models mix the two, and put a value under ``name``.
    """
    named: dict[str, Any] = {}
    for position, member in enumerate(given):
        name, value = _name_and_value(member)
        key = str(position) if name is None or name in named else name
        named[key] = value
    return named


def _name_and_value(member: Any) -> tuple[str | None, Any]:
    if not isinstance(member, dict) or not isinstance(member.get("name"), str):
        return None, member
    if member.keys() - {"name", "value", "type", "description"}:
        return None, member
    name, value = member["name"], member.get("value", "")
    if value in ("", name):  # a value where its name should be
        return None, name
    return name, value


def _after(given: Any) -> Any:
    if given is None:
        return []
    if isinstance(given, str):
        given = given.strip(" []").split(",")
    members = given if isinstance(given, list) else [given]
    ids = [bare_id(member) for member in members if not (isinstance(member, dict) and "ref" in member)]
    ids += [bare_id(member["ref"]) for member in members if isinstance(member, dict) and "ref" in member]
    if None in ids:
        return given if isinstance(given, list) else [given]
    return [one for one in ids if one is not None and one.lower() not in _NONE]
