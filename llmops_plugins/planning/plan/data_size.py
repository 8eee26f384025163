"""How large plain data and its numbers are, found out without writing it and no further than matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["TOO_WIDE", "has_wide_number", "size_up_to"]

TOO_WIDE = "a whole number of more than 64 bits, which checkpointers do not keep"
"""What :func:`has_wide_number` finds, in words."""
_LEAST, _MOST = -(2**63), 2**64 - 1

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


def has_wide_number(value: Any) -> bool:
    """Tell whether plain data holds a whole number that MessagePack, and so a checkpointer, does not take.

    See https://github.com/msgpack/msgpack/blob/master/spec.md#limitation.

    Args:
        value: Plain data.
    """
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, int):
            if not _LEAST <= one <= _MOST:
                return True
        elif isinstance(one, Mapping):
            pending += one.values()
        elif isinstance(one, list | tuple):
            pending += one
    return False
