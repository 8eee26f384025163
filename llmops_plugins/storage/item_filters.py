"""Which stored values a search's ``filter`` lets through; compared in Python, so no input becomes SQL."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["check_filter", "matches", "needle_of", "to_json"]

_KEY = re.compile(r"[\w .-]+")
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS = {"$eq", "$ne", *_ORDERINGS}


def to_json(value: Any) -> str:
    """Write a value as the store keeps it; :func:`needle_of` relies on the form."""
    return json.dumps(value, separators=(",", ":"))


def check_filter(conditions: Mapping[str, Any]) -> None:
    """Refuse a filter that means nothing, before anything is read.

    Raises:
        ValueError: If a key is no field's name or an operator is unknown.
    """
    for key, wanted in conditions.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(
                f"Invalid filter key: {key!r}. Filter keys are made of letters, digits, underscores, "
                "hyphens, spaces and dots."
            )
        if _is_operators(wanted):
            for name in wanted.keys() - _OPERATORS:
                raise ValueError(f"Unsupported operator: {name}")


def matches(value: Mapping[str, Any], conditions: Mapping[str, Any] | None) -> bool:
    """Tell whether a stored value meets every condition; a dotted key that is no field is a path."""
    return all(_agrees(_field(value, key), wanted) for key, wanted in (conditions or {}).items())


def needle_of(conditions: Mapping[str, Any] | None) -> str | None:
    """Return text that the JSON of every value that can match contains, or None where there is none.

    SQLite finds it about ten times faster than Python parses a value.
    """
    needles = [
        f"{to_json(key)}:{to_json(wanted)}"
        for key, wanted in (conditions or {}).items()
        if isinstance(wanted, str) and "." not in key
    ]
    return max(needles, key=len, default=None)


def _field(value: Mapping[str, Any], key: str) -> Any:
    if key in value:
        return value[key]
    found: Any = value
    for part in key.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _is_operators(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and any(str(name).startswith("$") for name in wanted)


def _agrees(found: Any, wanted: Any) -> bool:
    if _is_operators(wanted):
        return all(_compares(found, name, operand) for name, operand in wanted.items())
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            _agrees(found.get(key), inner) for key, inner in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_agrees, found, wanted))
    return bool(found == wanted)


def _compares(found: Any, name: str, operand: Any) -> bool:
    if name == "$eq":
        return bool(found == operand)
    if name == "$ne":
        return bool(found != operand)
    order = _ORDERINGS.get(name)
    if order is None:
        raise ValueError(f"Unsupported operator: {name}")
    left, right = _number(found), _number(operand)
    if left is not None and right is not None:
        return order(left, right)
    return isinstance(found, str) and isinstance(operand, str) and order(found, operand)


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return value
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None
