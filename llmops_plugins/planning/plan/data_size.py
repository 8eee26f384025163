"""How large plain data is, found out without writing it and no further than matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["size_up_to"]

_NUMBER = 8
"""Characters that stand for a float, a truth value or nothing, and those that a member of a list takes up."""
_MEMBER = 2


def size_up_to(value: Any, most: int) -> int:
    """Return about how many characters data has as JSON, or any number above the limit once it is passed.

    Args:
        value: Plain data, or pydantic models; anything else counts as a number does.
        most: The limit.
    """
    size, pending = 0, [value]
    while pending and size <= most:
        one = pending.pop()
        if isinstance(one, str):
            size += len(one) + _MEMBER
        elif isinstance(one, int):
            size += one.bit_length() // 3 + 1
        elif isinstance(one, Mapping):
            size += _MEMBER * len(one)
            if size <= most:
                pending += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            size += _MEMBER * len(one)
            if size <= most:
                pending += one
        elif isinstance(one, BaseModel):
            pending.append({name: getattr(one, name) for name in type(one).model_fields})
        else:
            size += _NUMBER
    return size
