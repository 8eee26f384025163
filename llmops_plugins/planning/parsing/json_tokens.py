"""The tokens of what a model meant as JSON: blanks and comments, strings, and everything that is bare."""

from __future__ import annotations

import math
import re
from typing import Any

__all__ = ["past_blanks", "read_string", "read_word"]

_BLANKS = re.compile(r"[\s\ufeff]*+")
_LINE_END = re.compile(r"[\r\n]")
_WORD = re.compile(r"(?:\$\{[^{}\n]*+\}|\$[\w-]++(?:\[[^\[\]\n]*+\])*+|[^,;(){}\[\]\n\"“”])*+")
_KEY_WORD = re.compile(r"[^,;:=(){}\[\]\n\"“”]*+")
_STRING_PART = {quote: re.compile(rf"[^{quote}\\]*+") for quote in "\"'”’"}  # noqa: RUF001 - typographic quotes are meant
_CLOSING = {"“": "”", "‘": "’"}  # noqa: RUF001 - typographic quotes are meant
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", "\n": ""}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_NUMBER = re.compile(r"[-+]?(?:\d++(?:_\d++)*+)?(?:\.\d*+)?(?:[eE][-+]?\d++)?")
_WORDS = {"null": None, "none": None, "undefined": None, "true": True, "false": False}
_LONGEST_NUMBER = 300


def past_blanks(text: str, at: int, end: int) -> int:
    """Return the position of what follows blanks and comments.

    Args:
        text: All of it.
        at: Where to begin.
        end: Where the text counts as ended.
    """
    while at < end:
        at = _matched(_BLANKS, text, at, end)
        if text.startswith("/*", at):
            closed = text.find("*/", at + 2, end)
            at = end if closed < 0 else closed + 2
        elif text.startswith(("//", "#"), at):
            line_end = _LINE_END.search(text, at, end)
            at = line_end.end() if line_end else end
        else:
            return at
    return end


def read_string(text: str, at: int, end: int) -> tuple[str, int, bool]:
    """Read a string that begins with a quote of any sort.

    A quote ends it only where something may follow a string; ``'the object's colour'`` is one string.

    Args:
        text: All of it.
        at: Position of the opening quote.
        end: Where the text counts as ended.

    Returns:
        The string, where the text goes on, and whether its end was there.
    """
    if text.startswith(('"""', "'''"), at):
        closed = text.find(text[at] * 3, at + 3, end)
        return (text[at + 3 : closed], closed + 3, True) if closed >= 0 else (text[at + 3 : end], end, False)
    quote = _CLOSING.get(text[at], text[at])
    parts: list[str] = []
    at += 1
    while at < end:
        stop = _matched(_STRING_PART[quote], text, at, end)
        parts.append(text[at:stop])
        if stop >= end:
            break
        if text[stop] == "\\":
            part, at = _escaped(text, stop, end)
            parts.append(part)
        elif _may_end(text, stop + 1, end):
            return "".join(parts), stop + 1, True
        else:
            parts.append(quote)
            at = stop + 1
    return "".join(parts), end, False


def read_word(text: str, at: int, end: int, *, may_be_key: bool) -> tuple[Any, int]:
    """Read a number, ``true``, ``None`` or any other word that stands without quotes.

    Args:
        text: All of it.
        at: Where it begins.
        end: Where the text counts as ended.
        may_be_key: Whether a colon or equals sign ends it.

    Returns:
        The value, and where the text goes on.
    """
    pattern = _KEY_WORD if may_be_key and text[at] not in "$<" else _WORD
    stop = max(_matched(pattern, text, at, end), at + 1)
    return _word_value(text[at:stop].strip()), stop


def _word_value(word: str) -> Any:
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if len(word) > _LONGEST_NUMBER or not any(map(str.isdigit, word)) or not _NUMBER.fullmatch(word):
        return word
    try:
        return int(word)
    except ValueError:
        number = float(word)
        return number if math.isfinite(number) else word


def _may_end(text: str, at: int, end: int) -> bool:
    """Tell whether a string can have ended before this position."""
    after = _matched(_BLANKS, text, at, end)
    if after >= end or text[after] in ",;:=]})":
        return True
    if text.startswith(("//", "#", "/*"), after) and after > at:
        return True
    return after > at and (text[after] in "\"'" or "\n" in text[at:after])


def _escaped(text: str, at: int, end: int) -> tuple[str, int]:
    """Return what an escape stands for; one that JSON does not know stands for itself."""
    if at + 1 >= end:
        return "", end
    letter = text[at + 1]
    if letter == "u" and _HEX.match(text, at + 2, end):
        return _code_point(text, at, end)
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 2
    return (letter if letter in "\"'`" else f"\\{letter}"), at + 2


def _code_point(text: str, at: int, end: int) -> tuple[str, int]:
    high = int(text[at + 2 : at + 6], 16)
    if 0xD800 <= high < 0xDC00 and text.startswith("\\u", at + 6) and _HEX.match(text, at + 8, end):
        low = int(text[at + 8 : at + 12], 16)
        if 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), at + 12
    return chr(high), at + 6


def _matched(pattern: re.Pattern[str], text: str, at: int, end: int) -> int:
    match = pattern.match(text, at, end)
    return match.end() if match else at
