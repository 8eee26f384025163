"""One canonical form for each final answer, so that answers which mean the same compare equal.

A false match lets a wrong answer through; a missed match only costs one more call. Where the two pull apart
this module misses: numbers inside prose, initials, clock times and orders of magnitude stay text, and text
that may be code keeps its case and punctuation.
"""

from __future__ import annotations

import ast
import json
import re
from decimal import Decimal
from typing import Any

__all__ = ["CHANGES_VALUE", "canonical_answer", "choice_letter"]

_LONGEST_LITERAL = 4_000
_TYPOGRAPHY = str.maketrans(
    {
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{MINUS SIGN}": "-",
    }
)

_WORD = r"[^\W\d_]++[²³]?"
_UNIT = rf"""[$€£¥₹%°]|(?:/\s?|(?:per|an?)\s){_WORD}
    |°?(?:(?:square|cubic|degrees?)\s)?{_WORD}(?:(?:\s?/\s?|\s(?:per|an?)\s){_WORD})?"""
# No leading zeros: they make a code, not a quantity.
_NUMBER = re.compile(
    rf"""[~≈=\s]*+(?P<sign>[-+]?)\s*+(?:(?:US)?[$€£¥₹]|USD\s)?\s*+(?P<inner_sign>-?)
    (?P<whole>[1-9]\d{{0,2}}(?:,\d{{3}})++(?!\d)|0(?!\d)|[1-9]\d*+|)(?P<fraction>\.\d++)?
    (?:e(?P<exponent>[-+]?\d{{1,2}})(?!\d))?
    \s*+(?P<unit>{_UNIT})?\.?""",
    re.IGNORECASE | re.VERBOSE,
)
# A word after a number is its unit, which models write or leave out as they please; these change its value.
CHANGES_VALUE = re.compile(
    r"""\b(?:dozen|hundred|thousand|million|billion|trillion|k|mn|bn|tn|am|pm|ad|bc|bce|ce|st|nd|rd|th|pi
    |and|or|to|not|plus|minus|times|over|under|above|below|before|after|more|less)\b""",
    re.VERBOSE,
)
_UNITS_OF_ONE_LETTER = frozenset("mgshl")

_DECORATION = r"""[\s\[\]({})'"`*_$.:,]*+"""
_LONE_CHOICE = re.compile(rf"{_DECORATION}(?:(?:option|choice)\s)?{_DECORATION}([A-J]){_DECORATION}", re.I)
_CHOICE_AND_TEXT = re.compile(r"""[\s\[('"`*_]*+(?:(?:option|choice)\s)?[\s(*_]*+([A-J])\)[*_]*\s""", re.I)
_ANOTHER_CHOICE = re.compile(r"(?<!\w)[A-J]\)", re.I)

# Only what ``ast.literal_eval`` reads without a warning: warnings would reach the user's console.
_LITERAL = re.compile(
    r"""(?=[\[({'"b])(?:[\s\[\](){},:]
    |b?'(?:[^'\\\n]|\\[\\'"abfnrtv]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})*+'
    |b?"(?:[^"\\\n]|\\[\\'"abfnrtv]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})*+"
    |[-+]?(?:\d++\.?\d*+|\.\d++)(?:e[-+]?\d++)?(?!\w)|True|False|None)++""",
    re.IGNORECASE | re.VERBOSE,
)
_LITERAL_STARTS = ("[", "(", "{", "'", '"', "b'", 'b"')
_UNREADABLE = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)

_LATEX = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:text|textbf|mathrm|mathbf|mbox)\{([^{}]*+)\}", r"\1"),
        (r"\\[dt]?frac\{([^{}]*+)\}\{([^{}]*+)\}", r"\1/\2"),
        (r"\^\{?\\circ\}?", "°"),
        (r"\\([$%#&])", r"\1"),
        (r"\\[!,;: ()\[\]]|\\(?:left|right|quad|displaystyle)\b", ""),
        (r"\{,\}", ","),
    )
)

_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,2}|`{1,3})(?!\s)([^*_`\n]++)\1(?!\w)")
# Words, single spaces and the punctuation of a sentence. Anything else may be code, where every sign counts.
_PROSE = re.compile(
    r"""(?:["'(]*+[$€£]?[^\W_](?:[\w'-]|[.,:](?=\d))*+%?["').,;:!?…]*+(?:[ ]|\Z))++""", re.VERBOSE
)
_PUNCTUATION = re.compile(r"""["();!?…]|[.,:](?!\d)|(?<=[^\W\d_])-(?=[^\W\d_])""")
_ARTICLE = re.compile(r"\b(?:an?|the)\s+(?=\w)", re.IGNORECASE)


def canonical_answer(text: str) -> str | None:
    """Return the one form shared by every way of writing the same final answer.

    Numbers lose currency, separators, trailing zeros and unit; Python and JSON literals are compared by
    value; the choice of an option is its letter; prose loses case, quotes, punctuation and articles.

    Args:
        text: The final answer alone, without the reasoning that led to it.

    Returns:
        The canonical form, or ``None`` where nothing is left of the answer.
    """
    text = text.translate(_TYPOGRAPHY).strip()
    plain = _without_markup(text)
    return _literal(text) or _literal(plain) or _bare(plain)


def choice_letter(text: str) -> str | None:
    """Return the option, ``a`` to ``j``, that a reply picks, as in ``(B)``, ``**B**`` or ``B) because ...``.

    ``B. Paris`` is left alone: it may be an initial, and ``E. coli`` is not ``E. faecalis``.

    Args:
        text: A reply, or what a reply says its answer is.

    Returns:
        The letter in lower case, or ``None`` where the text picks no single option.
    """
    first_line = text.split("\n", 1)[0]
    if match := _LONE_CHOICE.fullmatch(first_line):
        return match[1].casefold()
    if (match := _CHOICE_AND_TEXT.match(text)) and not _ANOTHER_CHOICE.search(text, match.end()):
        return match[1].casefold()
    return None


def _number(text: str) -> str | None:
    match = _NUMBER.fullmatch(text)
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    unit = (match["unit"] or "").casefold()
    if CHANGES_VALUE.search(unit):
        return None
    if len(unit) == 1 and unit.isalpha() and unit not in _UNITS_OF_ONE_LETTER:
        return None
    sign = "-" if "-" in match["sign"] + match["inner_sign"] else ""
    digits = match["whole"].replace(",", "") + (match["fraction"] or "")
    return _plain_number(f"{sign}{digits}e{match['exponent'] or 0}")


def _plain_number(numeral: str) -> str:
    plain = format(Decimal(numeral), "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain if plain.strip("-0.") else "0"


def _literal(text: str) -> str | None:
    if len(text) > _LONGEST_LITERAL or not text.startswith(_LITERAL_STARTS):
        return None
    try:
        value = ast.literal_eval(text) if _LITERAL.fullmatch(text) else json.loads(text)
        return _rendered_answer(value)
    except _UNREADABLE:
        return None


def _rendered_answer(value: Any) -> str:
    match value:
        # Models quote a string or do not: without the space at its ends, quotes say nothing.
        case str() if value == value.strip():
            return _bare(value) or repr(value)
        case [str(only)]:
            return choice_letter(only) or _rendered(value)
        case _:
            return _rendered(value)


def _bare(text: str) -> str | None:
    return _number(text) or choice_letter(text) or _text(text)


def _rendered(value: Any) -> str:
    match value:
        case bool() | None:
            return str(value).casefold()
        case int() | float():
            return _plain_number(repr(value)) if value - value == 0 else repr(value)
        case list():
            return f"[{', '.join(map(_rendered, value))}]"
        case tuple():
            return f"({', '.join(map(_rendered, value))})"
        case set():
            return f"{{{', '.join(sorted(map(_rendered, value)))}}}"
        case dict():
            items = sorted(f"{_rendered(key)}: {_rendered(item)}" for key, item in value.items())
            return f"{{{', '.join(items)}}}"
        case _:
            return repr(value)


def _without_markup(text: str) -> str:
    text = _EMPHASIS.sub(r"\2", text).strip("`* ")
    if "\\" in text or "{,}" in text:
        for pattern, replacement in _LATEX:
            text = pattern.sub(replacement, text)
    if text.startswith("$") and text.endswith("$"):
        text = text.strip("$")
    return text.strip()


def _text(text: str) -> str | None:
    if not _PROSE.fullmatch(text):
        return text.removesuffix(".") or text or None
    words = _ARTICLE.sub("", _PUNCTUATION.sub(" ", text)).replace("'", "").split()
    return " ".join(map(_folded, words))


def _folded(word: str) -> str:
    """Fold case where the sentence chose it: ``YES`` is ``Yes``, but ``usAr`` is not ``USaR``."""
    return word.casefold() if word.istitle() or word.isupper() else word
