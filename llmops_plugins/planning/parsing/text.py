"""Finds what may be a plan in a model's answer: fenced blocks, JSON among prose, numbered calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llmops_plugins.planning.parsing.lenient_json import DEEPEST, LenientValue, read_lenient

__all__ = ["NumberedCall", "TextValue", "fenced_blocks", "numbered_calls", "values_in", "without_thoughts"]

_OPENING = re.compile(r"[\[{]")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
_CALL = re.compile(
    r"^[ \t>*-]*(?P<number>\d{1,4})[.):][ \t]*(?:\w+[ \t]*=[ \t]*)?`?(?P<name>[A-Za-z_][\w.-]*+)\(",
    re.MULTILINE,
)
_THOUGHTS_END = "</think>"


@dataclass(frozen=True, kw_only=True)
class TextValue:
    """Plain data found in a text.

    Args:
        value: The data.
        start: Where it begins.
        end: Where it ends.
        strict: Whether it is JSON to the letter.
        truncated: Whether the text ends before it does.
        incomplete: ``id`` of each list and mapping in it whose end is missing.
    """

    value: Any
    start: int
    end: int
    strict: bool
    truncated: bool = False
    incomplete: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NumberedCall:
    """One line of LLMCompiler's plans, as in ``1. search(query="x")``.

    Args:
        number: Its number.
        name: What is called.
        arguments: By name; those by position under ``"0"``, ``"1"``, ...
        span: Where it begins and ends.
        truncated: Whether its end is missing.
    """

    number: str
    name: str
    arguments: dict[str, Any]
    span: tuple[int, int]
    truncated: bool


def without_thoughts(text: str) -> str:
    """Return a text without the reasoning that some models put first."""
    return text.rpartition(_THOUGHTS_END)[2] if _THOUGHTS_END in text else text


def fenced_blocks(text: str) -> list[str]:
    """Return what is between fences; the last block may lack its end."""
    fences = list(_FENCE.finditer(text))
    ends = [*(fence.start() for fence in fences[1:]), len(text)]
    return [text[fence.end() : end] for fence, end in list(zip(fences, ends, strict=False))[::2]]


def values_in(text: str, calls: list[NumberedCall]) -> Iterator[TextValue]:
    """Yield every list and mapping that stands in a text, but not those inside of others or of calls.

    Args:
        text: A model's answer, or part of one.
        calls: The numbered calls in it.
    """
    at, pending = 0, list(reversed(calls))
    while (opening := _OPENING.search(text, at)) is not None:
        while pending and pending[-1].span[1] <= opening.start():
            pending.pop()
        if pending and pending[-1].span[0] <= opening.start():
            at = pending[-1].span[1]
            continue
        found = _value_at(text, opening.start())
        yield found
        at = max(found.end, opening.start() + 1)


def numbered_calls(text: str) -> list[NumberedCall]:
    """Return the numbered calls of a text, each on a line of its own."""
    matches = list(_CALL.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)]
    return [_call(text, match, end) for match, end in zip(matches, ends, strict=False)]


def _value_at(text: str, start: int) -> TextValue:
    try:
        value, end = _DECODER.raw_decode(text, start)
        strict = not _is_deep(value)
    except (ValueError, RecursionError):
        strict = False
    if not strict:
        read: LenientValue = read_lenient(text, start)
        return TextValue(
            value=read.value,
            start=start,
            end=read.end,
            strict=False,
            truncated=read.truncated,
            incomplete=read.incomplete,
        )
    return TextValue(value=value, start=start, end=end, strict=True)


def _call(text: str, match: re.Match[str], end: int) -> NumberedCall:
    read = read_lenient(text, match.end() - 1, end)
    return NumberedCall(
        number=match["number"],
        name=match["name"],
        arguments=read.value,
        span=(match.start(), read.end),
        truncated=read.truncated,
    )


def _is_deep(value: Any) -> bool:
    """Tell whether containers are nested deeper than is read, whatever the interpreter's own limit."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            member
            for one in level
            if isinstance(one, dict | list)
            for member in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, dict | list) for one in level)


def _finite(number: str) -> float | str:
    value = float(number)
    return value if value - value == 0 else number


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=str)
