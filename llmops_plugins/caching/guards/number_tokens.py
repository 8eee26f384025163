"""Splits a question into words, plain numbers and literals (ids, codes, versions, dates, times of day)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Token", "tokens_in"]

Kind = Literal["word", "number", "literal", "ordinal", "clock", "decade", "sign", "end"]

LONGEST_NUMBER = 30  # digits; anything longer is compared as it is written, int() would refuse it
SIGNS = re.compile(r"([$€£₹¥₩₽₺₿%°])")
GROUPED = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|\d{1,3}(?:['_]\d{3})+(?:\.\d+)?")
PLAIN = re.compile(r"\d+(?:\.\d+)?|\.\d+")
DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}")
WITH_SUFFIX = re.compile(r"(\d[\d.,'_]*)([^\W\d_]+)")
WITH_POWER = re.compile(r"(\d[\d.,]*)((?:[mck]?m|ft)[23])")
CLOCK = re.compile(
    r"(\d{1,2})[:.](\d{2})(?::\d{2})?(am|pm|a\.m|p\.m)?|(\d{1,2})(am|pm|a\.m|p\.m)", re.IGNORECASE
)
ISO_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
SLASHED_DATE = re.compile(r"\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})")
FRACTION = re.compile(r"\d{1,2}[/\u2044]\d{1,2}")
VERSION = re.compile(r"v?\d+(?:\.\d+){2,}|v\d+(?:\.\d+)*", re.IGNORECASE)
WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
MONEY = re.compile(r"(rs|inr|usd|eur|gbp)\.?(\d.*)", re.IGNORECASE)
LETTERS_BESIDE_DIGITS = re.compile(r"(?<=[0-9])(?=[^\x00-\x7f\u2044])|(?<=[^\x00-\x7f\u2044])(?=[0-9])")
OUTER = "\"'()[]{}<>,;:!?.…*#~=|-"


class Token(NamedTuple):
    """One piece of a question.

    Args:
        kind: What it is; an ``end`` closes a clause.
        text: It as written.
        value: A number's digits without separators, a literal's canonical form, a word case-folded.
        glued: Whether it was written together with the number before it.
    """

    kind: Kind
    text: str
    value: str
    glued: bool = False


def tokens_in(text: str) -> list[Token]:
    """Return the tokens of a text in its compatible form, see :class:`~.reading.Reading`."""
    spaced = LETTERS_BESIDE_DIGITS.sub(" ", SIGNS.sub(r" \1 ", text))
    found: list[Token] = []
    for chunk in spaced.split():
        found.extend(_read(chunk))
        if chunk[-1] in ".?!,;:":
            found.append(Token("end", chunk[-1], ""))
    return found


def _read(chunk: str) -> Iterator[Token]:
    if chunk.isalpha() and chunk.isascii():
        yield Token("word", chunk, chunk.lower())
        return
    if SIGNS.fullmatch(chunk):
        yield Token("sign", chunk, chunk)
        return
    if not any(letter.isdigit() for letter in chunk):
        for found in WORDS.finditer(chunk):
            yield Token("word", found.group(), found.group().casefold())
        return
    inner = chunk.rstrip(OUTER + "+").lstrip(OUTER.replace(".", "").replace("-", ""))
    for possessive in ("'s", "'S"):
        inner = inner.removesuffix(possessive)
    if inner[:1] == "." and not PLAIN.fullmatch(inner):
        inner = inner.lstrip(".")
    priced = MONEY.fullmatch(inner)
    if priced:
        yield Token("word", priced[1], priced[1].casefold())
    yield from _with_digits(priced[2] if priced else inner.lstrip("+"))


def _with_digits(inner: str) -> Iterator[Token]:
    whole = _whole(inner)
    if whole:
        yield whole
        return
    suffixed = WITH_SUFFIX.fullmatch(inner) or WITH_POWER.fullmatch(inner)
    if suffixed and (number := _plain(suffixed[1])):
        yield number._replace(text=inner)
        yield Token("word", suffixed[2], suffixed[2].casefold(), glued=True)
        return
    for separators in ("/\u2044", "-", ",", ":=()[]{}<>\"'&+*^"):
        parts = _split(inner, separators)
        if len(parts) > 1 and _are_separate(parts, separators):
            for part in parts:
                yield from _with_digits(part) if any(map(str.isdigit, part)) else _read(part)
            return
    yield Token("literal", inner, _canonical(inner))


def _whole(inner: str) -> Token | None:
    """Return the token that all of ``inner`` is, or None."""
    if len(inner) > 2 * LONGEST_NUMBER:
        return Token("literal", inner, _canonical(inner))
    lower = inner.lower()
    if found := ISO_DATE.fullmatch(inner):
        return Token("literal", inner, "-".join(str(int(part)) for part in found.groups()))
    if SLASHED_DATE.fullmatch(inner) and (inner.count(".") == 0 or len(inner) > 7):
        return Token("literal", inner, "-".join(str(int(part)) for part in re.split(r"[-/.]", inner)))
    if VERSION.fullmatch(inner):
        return Token("literal", inner, lower.removeprefix("v"))
    if (found := CLOCK.fullmatch(inner)) and (":" in inner or found[3] or found[5]):
        return _clock(inner, int(found[1] or found[4]), int(found[2] or 0), found[3] or found[5])
    if found := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", lower):
        return Token("ordinal", inner, found[1].lstrip("0") or "0")
    if found := re.fullmatch(r"(\d+0)'?s", lower):
        return Token("decade", inner, found[1])
    if FRACTION.fullmatch(inner) and inner != "24/7":
        return Token("number", inner, inner.replace("\u2044", "/")) if not inner.endswith("/0") else None
    return _plain(inner)


def _clock(text: str, hour: int, minute: int, half: str | None) -> Token:
    if half:
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    return Token("clock", text, f"{hour}:{minute:02}")


def _plain(inner: str) -> Token | None:
    """Return the number without separators; one that begins with zeros is an id, and so a literal."""
    sign = "-" if inner[:1] == "-" else ""
    bare = inner.removeprefix("-")
    if GROUPED.fullmatch(bare):
        bare = re.sub("[,'_]", "", bare)
    elif DECIMAL_COMMA.fullmatch(bare):
        bare = bare.replace(",", ".")
    if not PLAIN.fullmatch(bare):
        return None
    if len(bare) > LONGEST_NUMBER or (len(bare) > 2 and bare[0] == "0" and "." not in bare):
        return Token("literal", inner, sign + bare)
    return Token("number", inner, sign + bare)


def _split(inner: str, separators: str) -> list[str]:
    return [part for part in re.split(f"[{re.escape(separators)}]", inner) if part]


def _are_separate(parts: list[str], separators: str) -> bool:
    """Whether the parts are things of their own (10-20, 5-day, 500/1000), and not one code (A-113)."""
    if separators != "-":
        return True
    if any(any(map(str.isdigit, part)) and any(map(str.isalpha, part)) for part in parts):
        return bool(re.fullmatch(r"\d+[^\W\d_]{1,2}", parts[-1])) and parts[0].isdigit()
    return parts[0][0].isdigit()


def _canonical(code: str) -> str:
    """Return a code in one case and without hyphens, as people leave them out."""
    return code.casefold().replace("-", "").replace("_", "").replace(".", "")
