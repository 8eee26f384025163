"""Copies of plain data: what may cross between the sandbox and the host."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, TypeAdapter

__all__ = ["NotPlainError", "copy_plain"]

_DEEPEST = 50
_MOST_BITS = 4096
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_HAS_A_JSON_FORM = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    enum.Enum,
    uuid.UUID,
)


class NotPlainError(ValueError):
    """A value is not plain data, or too much of it; the message says which."""


def copy_plain(value: Any, *, most: int, text: Callable[[str], str]) -> Any:
    """Copy JSON-like data, and turn what has an obvious JSON form into that.

    Args:
        value: Dicts, lists, tuples, sets, strings, numbers, booleans and None; Pydantic models, dataclasses,
            dates, decimals, enums and UUIDs inside them become what they are in JSON.
        most: Its greatest size: characters of text and digits, and one for each element.
        text: What is done to every string, keys too; a number that it changes becomes a string.

    Returns:
        The copy, which shares nothing with the value.

    Raises:
        NotPlainError: If it holds something else, is too large, or nested too deeply or in itself.
    """
    return _Copy(most, text).of(value, 0)


class _Copy:
    """One copy being made, and how much it may still take."""

    def __init__(self, most: int, text: Callable[[str], str]) -> None:
        self._most = most
        self._left = most
        self._text = text

    def of(self, value: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise NotPlainError(f"nested more than {_DEEPEST} deep")
        if value is None or isinstance(value, bool):
            self._take(1)
            return value
        if isinstance(value, str) and type(value) is str:
            self._take(len(value) + 1)
            return self._text(value)
        if type(value) is int or type(value) is float:
            return self._number(value)
        if isinstance(value, dict):
            self._take(1)
            return {self._key(key, depth): self.of(one, depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            self._take(1)
            return [self.of(one, depth + 1) for one in value]
        return self.of(_as_json(value), depth + 1)

    def _key(self, key: Any, depth: int) -> Any:
        copied = self.of(key, depth + 1)
        if isinstance(copied, dict | list):
            raise NotPlainError("a dict's keys must be strings or numbers")
        return copied

    def _number(self, value: float) -> Any:
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise NotPlainError("a number has too many digits")
        written = str(value)
        self._take(len(written))
        shown = self._text(written)
        return value if shown == written else shown

    def _take(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise NotPlainError(f"larger than {self._most} characters")


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    known = isinstance(value, (*_HAS_A_JSON_FORM, str, int, float))
    if known or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        return _ANYTHING.dump_python(value, mode="json")
    raise NotPlainError(f"a {type(value).__name__} is no plain data")
