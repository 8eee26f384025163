"""Parts of JSON schemas: what a local reference points to, what is at a path, whether two can ever agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["resolved", "schema_at", "types_clash"]

_MOST_REFERENCES = 16


def resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its own local reference followed; one that allows anything where there is none.

    Args:
        schema: The schema, as a mapping or a bool.
        root: The schema it is a part of.
    """
    for _ in range(_MOST_REFERENCES):
        if not isinstance(schema, Mapping):
            return {}
        pointer = schema.get("$ref")
        if not isinstance(pointer, str):
            return schema
        schema = _pointed(pointer, root)
    return {}


def schema_at(root: Mapping[str, Any], path: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the schema of what is at a path, one that allows anything where nothing is said of it.

    Args:
        root: The schema of the whole.
        path: Keys and positions.

    Returns:
        None where nothing can be at the path.
    """
    found = resolved(root, root)
    for part in path:
        member = _member(found, part)
        if member is False:
            return None
        found = resolved(member, root)
    return found


def types_clash(
    given: Any, wanted: Any, given_root: Mapping[str, Any], wanted_root: Mapping[str, Any]
) -> bool:
    """Tell whether no value can be of both schemas' types.

    Args:
        given: A schema, or a part of one.
        wanted: Another.
        given_root: What the first is a part of.
        wanted_root: What the second is a part of.
    """
    first, second = _types(given, given_root), _types(wanted, wanted_root)
    return first is not None and second is not None and first.isdisjoint(second)


def _types(schema: Any, root: Mapping[str, Any]) -> set[str] | None:
    """Return the types a value may have, or None where that cannot be told."""
    schema = resolved(schema, root)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(branches, list):
        each = [_types(branch, root) for branch in branches if branch != schema]
        return None if None in each else {one for types in each if types is not None for one in types}
    declared = schema.get("type")
    if declared is None:
        return None
    types = {declared} if isinstance(declared, str) else set(declared)
    types |= {"null"} if schema.get("nullable") else set()
    return types | {"integer", "number"} if types & {"integer", "number"} else types


def _member(schema: Mapping[str, Any], part: str) -> Any:
    declared = schema.get("properties", {})
    if part in declared:
        return declared[part]
    types = _types(schema, schema)
    if types is not None and not types & {"object", "array"}:
        return False  # text and numbers have no members
    if part.isdecimal() and types is not None and "array" in types:
        return schema.get("items", True)
    if types == {"array"}:
        return False
    return schema.get("additionalProperties", True)


def _pointed(pointer: str, root: Mapping[str, Any]) -> Any:
    if not pointer.startswith("#/"):
        return root if pointer == "#" else True
    found: Any = root
    for name in pointer.split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        found = found.get(key, True) if isinstance(found, Mapping) else True
    return found
