"""Numbers written as words or as Roman numerals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["MAGNITUDES", "MULTIPLES", "NUMBER_WORDS", "ORDINALS", "read_number", "roman_value"]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
LONGEST_NUMBER = 16  # words

NUMBER_WORDS = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: value * 10 for value, word in enumerate(_TENS.split(), start=2)
}

MAGNITUDES = {
    "hundred": 100,
    "hundreds": 100,
    "thousand": 10**3,
    "k": 10**3,
    "lakh": 10**5,
    "lakhs": 10**5,
    "lac": 10**5,
    "lacs": 10**5,
    "million": 10**6,
    "millions": 10**6,
    "mn": 10**6,
    "crore": 10**7,
    "crores": 10**7,
    "cr": 10**7,
    "billion": 10**9,
    "billions": 10**9,
    "bn": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}

MULTIPLES = {
    "once": 1,
    "single": 1,
    "twice": 2,
    "double": 2,
    "doubled": 2,
    "thrice": 3,
    "triple": 3,
    "tripled": 3,
    "quadruple": 4,
}
"""Words that say how many times."""

_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)

ORDINALS = {word: value for value, word in enumerate(_ORDINALS.split(), start=1)}

_ROMAN = re.compile(r"(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})", re.IGNORECASE)
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10}
_NUMBERED = vocabulary(
    "war part chapter class phase type tier level volume grade stage act season episode henry louis "
    "charles elizabeth mark appendix section schedule title"
)


def roman_value(word: str, before: str) -> int | None:
    """Return what a Roman numeral stands for, or None where it may as well be a word.

    Args:
        word: The word as written.
        before: The word before it, case-folded: after ``chapter`` even a lone ``V`` is a number.
    """
    if len(word) > 6 or not _ROMAN.fullmatch(word):
        return None
    certain = len(word) > 1 and word.isupper() and word not in {"XX", "XXX"}
    if not (certain or before in _NUMBERED or word in {"ii", "iii", "vii", "viii"}):
        return None
    values = [_ROMAN_VALUES[letter] for letter in word.lower()]
    return sum(
        -value if following > value else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def read_number(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """Return the number that is written out from ``words[start]`` on, and the index after it.

    Args:
        words: Case-folded words.
        start: Where to begin.

    Returns:
        The value and the index of the word that follows, or None where no number begins.
    """
    total, current, at, seen = Fraction(0), Fraction(0), start, False
    if words[start] == "half" and words[start + 1 : start + 3] == ["a", "dozen"]:
        return Fraction(6), start + 3
    if words[start] in {"a", "an"}:
        if start + 1 == len(words) or words[start + 1] not in MAGNITUDES or words[start + 1] == "k":
            return None
        current, at, seen = Fraction(1), start + 1, True
    while at < min(len(words), start + LONGEST_NUMBER):
        word = words[at]
        if word in NUMBER_WORDS:
            if seen and not _continues(words[at - 1], word):
                break
            current += NUMBER_WORDS[word]
        elif seen and word in MAGNITUDES and MAGNITUDES[word] < 1000:
            current = (current or Fraction(1)) * MAGNITUDES[word]
        elif seen and word in MAGNITUDES:
            total, current = total + (current or Fraction(1)) * MAGNITUDES[word], Fraction(0)
        elif not (seen and word == "and" and words[at - 1] in MAGNITUDES and _goes_on(words, at)):
            break
        seen, at = True, at + 1
    return (total + current, at) if seen else None


def _continues(before: str, word: str) -> bool:
    """Whether ``word`` adds to the number that ``before`` ends: twenty three does, four five does not."""
    return (
        before in MAGNITUDES or before == "and" or (before in _TENS.split() and 0 < NUMBER_WORDS[word] < 10)
    )


def _goes_on(words: Sequence[str], at: int) -> bool:
    return at + 1 < len(words) and words[at + 1] in NUMBER_WORDS
