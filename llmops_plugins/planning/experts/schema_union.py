"""One JSON schema for what several take or give: whatever one of them allows, it allows too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["any_of", "union_of_objects"]

_DEFINITIONS = ("$defs", "definitions")


def any_of(schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a schema of whatever fits at least one.

    Args:
        schemas: At least one.
    """
    own, definitions = _apart(schemas)
    alternatives = _distinct(own)
    one = alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}
    return _with(one, definitions)


def union_of_objects(schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a schema of objects that says of each property what at least one says of it.

    What it refuses, all of them refuse; it may allow what none does, such as the properties of two together.

    Args:
        schemas: Schemas of objects, at least one.
    """
    own, definitions = _apart(schemas)
    if len(_distinct(own)) == 1:
        return _with(own[0], definitions)
    names = dict.fromkeys(name for schema in own for name in schema.get("properties", {}))
    required = [name for name in names if all(name in schema.get("required", ()) for schema in own)]
    # Whoever does not know a name and forbids no others takes anything under it.
    properties = {name: _property([_member(schema, name) for schema in own]) for name in names}
    closed = all(schema.get("additionalProperties", True) is False for schema in own)
    united: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return _with({**united, "additionalProperties": False} if closed else united, definitions)


def _member(schema: Mapping[str, Any], name: str) -> Any:
    return schema.get("properties", {}).get(name, schema.get("additionalProperties", True))


def _property(members: Sequence[Any]) -> Any:
    possible = _distinct(one for one in members if one is not False)
    if any(one is True or one == {} for one in possible):
        described = [one for one in possible if isinstance(one, Mapping) and "description" in one]
        return {"description": described[0]["description"]} if described else {}
    return possible[0] if len(possible) == 1 else {"anyOf": possible}


def _apart(schemas: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return schemas without their definitions, and those under names that no two of them share."""
    distinct = _distinct(schemas)
    if len(distinct) == 1:
        whole = distinct[0]
        return [whole], {}
    own, definitions = [], {}
    for number, schema in enumerate(distinct):
        for key in _DEFINITIONS:
            for name, definition in schema.get(key, {}).items():
                definitions[f"{number}.{name}"] = _renamed(definition, number)
        rest = {key: value for key, value in schema.items() if key not in _DEFINITIONS}
        own.append(_renamed(rest, number))
    return own, definitions


def _renamed(part: Any, number: int) -> Any:
    """Return a part of a schema that refers to the definitions by their new names."""
    if isinstance(part, Mapping):
        pointer = part.get("$ref")
        if isinstance(pointer, str):
            root, _, name = pointer.rpartition("/")
            known = root in ("#/$defs", "#/definitions")
            # What else a reference may point to lies elsewhere now: anything is allowed there.
            return {**part, "$ref": f"#/$defs/{number}.{name}"} if known else {}
        return {key: _renamed(value, number) for key, value in part.items()}
    return [_renamed(one, number) for one in part] if isinstance(part, list) else part


def _with(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "$defs": dict(definitions)} if definitions else dict(schema)


def _distinct(schemas: Iterable[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for schema in schemas:
        found.setdefault(json.dumps(schema, sort_keys=True, default=str), schema)
    return list(found.values())
