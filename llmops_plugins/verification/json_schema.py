"""The part of JSON Schema that tool declarations use, checked without a dependency.

Checked: ``type``, ``nullable``, ``enum``, ``const``, ``properties``, ``required``, ``additionalProperties``,
``items``, ``anyOf``, ``oneOf`` (as ``anyOf``), ``allOf`` and local ``$ref``. Every other keyword is ignored
(``pattern``, ``format``, ``minimum``, ...): a value that passes here may still fail a full validator, but one
that fails here fails there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["WHOLE", "schema_mistake", "schema_problem"]

WHOLE = "*"
"""How a problem with the value itself is located, rather than with one of its members."""

_DEEPEST = 64
_MOST_STEPS = 10_000

_IS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and value == value // 1,
    "number": lambda value: _is_number(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def schema_problem(value: Any, schema: Any) -> str | None:
    """Return the first thing in which a value breaks a JSON schema.

    Args:
        value: JSON-compatible data.
        schema: The schema, as a mapping or a bool.

    Returns:
        Where and what is wrong, as in ``"filters.limit is not of type integer"``, or ``None``.
    """
    return next(_Check(schema).problems(value, schema, WHOLE, 0), None)


def schema_mistake(schema: Any) -> str | None:
    """Return the first ``type`` in a schema that JSON Schema does not know; every value would pass it.

    Args:
        schema: The schema, as a mapping or a bool.

    Returns:
        Where and what to write instead, as in ``"type at total must be one of array, ..., got 'int'"``, or
        ``None``.
    """
    return next(_mistakes(schema, WHOLE, 0), None)


def _mistakes(schema: Any, path: str, depth: int) -> Iterator[str]:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    types = schema.get("type", [])
    names = types if isinstance(types, list) else [types]
    for name in names:
        if not isinstance(name, str) or name not in _IS_TYPE:
            where = "" if path == WHOLE else f" at {path}"
            yield f"type{where} must be one of {', '.join(sorted(_IS_TYPE))}, got {name!r}"
    for keyword in ("properties", "$defs", "definitions"):
        parts = schema.get(keyword)
        for name, part in parts.items() if isinstance(parts, Mapping) else ():
            yield from _mistakes(part, _joined(path, name), depth + 1)
    for keyword in ("items", "additionalProperties", "not"):
        yield from _mistakes(schema.get(keyword), _joined(path, keyword), depth + 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(keyword)
        for index, part in enumerate(branches if isinstance(branches, list) else ()):
            yield from _mistakes(part, f"{_joined(path, keyword)}[{index}]", depth + 1)


class _Check:
    """One check of a value: the schema that references start from, and the steps left to it."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps = iter(range(_MOST_STEPS))

    def problems(self, value: Any, schema: Any, path: str, depth: int) -> Iterator[str]:
        if schema is False:
            # The name is the model's own words; reasons are stored, so it is not repeated.
            yield f"{WHOLE} holds what is not allowed"
        if not isinstance(schema, dict) or (value is None and schema.get("nullable")):
            return
        # A schema may refer to itself without end, and a third party (an MCP server) may have written it.
        if depth > _DEEPEST or next(self._steps, None) is None:
            return
        if "$ref" in schema:
            yield from self.problems(value, _resolved(schema["$ref"], self._root), path, depth + 1)
            return
        yield from _own_problems(value, schema, path)
        for part in schema.get("allOf", ()):
            yield from self.problems(value, part, path, depth + 1)
        for branches in (schema.get("anyOf"), schema.get("oneOf")):
            if branches and not any(self._fits(value, branch, path, depth + 1) for branch in branches):
                yield f"{path} fits none of its {len(branches)} alternatives"
        for member, member_schema, member_path in _members(value, schema, path):
            yield from self.problems(member, member_schema, member_path, depth + 1)

    def _fits(self, value: Any, schema: Any, path: str, depth: int) -> bool:
        return next(self.problems(value, schema, path, depth), None) is None


def _own_problems(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    types = schema.get("type", ())
    types = [types] if isinstance(types, str) else types
    if types and not any(_IS_TYPE.get(name, _is_anything)(value) for name in types):
        yield f"{path} is not of type {' or '.join(types)}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path} is not {schema['const']!r}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{_joined(path, name)} is required"


def _members(value: Any, schema: dict[str, Any], path: str) -> Iterator[tuple[Any, Any, str]]:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        # A schema with patternProperties says of more names than we read that they are allowed.
        others = True if "patternProperties" in schema else schema.get("additionalProperties", True)
        for name, member in value.items():
            # A name that the schema does not declare is the model's own words.
            yield member, known.get(name, others), _joined(path, name if name in known else WHOLE)
    elif isinstance(value, list) and "prefixItems" not in schema:
        for index, member in enumerate(value):
            yield member, schema.get("items", True), f"{path}[{index}]"


def _resolved(reference: str, root: Any) -> Any:
    """Return the schema a local reference points to, or one that allows anything."""
    if reference != "#" and not reference.startswith("#/"):
        return True
    target = root
    for name in reference.split("/")[1:]:
        key = name.replace("~1", "/").replace("~0", "~")
        target = target.get(key, True) if isinstance(target, dict) else True
    return target


def _joined(path: str, name: str) -> str:
    return str(name) if path == WHOLE else f"{path}.{name}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_anything(value: Any) -> bool:
    return True
