"""What a quantity is, and those that are one token or word: codes, decades, ordinals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from llmops_plugins.caching.guards.number_tokens import LONGEST_NUMBER, Token
from llmops_plugins.caching.guards.number_words import NUMBER_WORDS, ORDINALS
from llmops_plugins.caching.guards.reading import vocabulary
from llmops_plugins.caching.guards.unit_words import Unit

__all__ = [
    "NUMBERED",
    "VERSIONED",
    "Quantity",
    "Strength",
    "measure_of",
    "of_bare_unit",
    "of_ordinal",
    "of_token",
]

Strength = Literal["required", "telling", "exchange", "optional"]

VERSIONED = vocabulary(
    "version v release python java node nodejs angular react vue django ruby rails php perl go golang "
    "rust swift kotlin ubuntu debian fedora android ios macos postgres postgresql mysql redis kafka "
    "kubernetes docker spark hadoop numpy pandas tensorflow pytorch unity bluetooth usb http tls ssl "
    "wifi cuda"
)
NUMBERED = vocabulary(
    "order orders invoice ticket number no flight room gate page chapter section article line "
    "step port level form bus route platform table part question case item seat track train "
    "unit floor apartment id code model "
)
"""Words before a number that is an id, however small: it must be in both questions."""

NOT_ORDINAL_AFTER = vocabulary("a per every each split just in")
NOT_ORDINAL_BEFORE = vocabulary("hand hands thoughts party name names aid opinion class half")
OPTIONAL_CODES = frozenset({"covid19", "24/7", "k8s", "i18n"})
ASKED_IN = vocabulary("in into many")
RATED_BY = vocabulary("per")
WORLD_WARS = {"ww1": Fraction(1), "ww2": Fraction(2)}


class Quantity(NamedTuple):
    """One amount, ordinal, date, time or code.

    Args:
        amount: The value in base units; a literal as text; None for a unit that stands alone.
        unit: Base unit, or the kind of number (``ordinal``, ``clock``, ...), or None.
        said: It as written, for the reason.
        strength: ``required`` must be in both questions; ``telling`` where little else differs, and may not
            be replaced; ``exchange`` may only not be replaced; ``optional`` may be either.
        number: The value as written, before its unit is taken into account.
        measure: The unit itself, which may stand alone in the other question.
        aliases: Codes that it may be written as: ``iphone15`` for a number with the word before it, ``>2``
            for "three or more".
        follows: The word after it, where it has no unit.
        dimension: What a unit that stands alone measures, where it may not be exchanged for another.
    """

    amount: Fraction | str | None
    unit: str | None
    said: str
    strength: Strength = "required"
    number: Fraction | str | None = None
    measure: str | None = None
    aliases: tuple[str, ...] = ()
    follows: str = ""
    dimension: str = ""


def of_token(token: Token) -> Sequence[Quantity]:
    """Return the quantity that an ordinal, decade or literal is; none for any other token."""
    if token.kind == "ordinal":
        value = Fraction(token.value[:LONGEST_NUMBER])
        return [Quantity(value, "ordinal", token.text, number=value)]
    if token.kind == "decade":
        return [
            Quantity(
                token.value[-2:] if len(token.value) < 4 else token.value, "decade", token.text, "telling"
            )
        ]
    if token.kind == "literal":
        if token.value in WORLD_WARS:
            return [Quantity(WORLD_WARS[token.value], None, token.text, number=WORLD_WARS[token.value])]
        strength: Strength = "optional" if token.value in OPTIONAL_CODES else "required"
        return [Quantity(token.value, None, token.text, strength, number=token.value, aliases=(token.value,))]
    return []


def of_ordinal(word: str, before: str, following: str) -> Sequence[Quantity]:
    """Return the quantity that an ordinal in letters is, unless its neighbours make it another word.

    Args:
        word: The ordinal, case-folded.
        before: The word before it.
        following: The word after it.
    """
    if word == "second" and (before in NOT_ORDINAL_AFTER or before in NUMBER_WORDS or not following):
        return []
    if following in NOT_ORDINAL_BEFORE:
        return []
    value = ORDINALS[word]
    strength: Strength = "exchange" if value <= 2 else "telling"
    if following in {"quarter", "quarters"}:
        return [Quantity(f"q{value}", None, f"{word} quarter", number=f"q{value}", aliases=(f"q{value}",))]
    return [Quantity(Fraction(value), "ordinal", word, strength, number=Fraction(value))]


def measure_of(unit: Unit) -> str:
    """Return what a unit is called whatever its spelling."""
    return f"{unit.factor} {unit.base}"


def of_bare_unit(unit: Unit, said: str, before: tuple[str, str]) -> Quantity:
    """Return the quantity that a unit is where no number stands before it.

    A stretch of time says what is measured only where it is asked for (in hours, how many hours) or priced
    by (per hour): elsewhere days and years are words like others.

    Args:
        unit: The unit.
        said: What it is called.
        before: The two words before it.
    """
    dimension = unit.dimension
    if dimension == "time":
        asked = before[1] in ASKED_IN or before == ("number", "of")
        rated = before[1] in RATED_BY or before == ("by", "the")
        dimension = "time" if asked else "rate" if rated else ""
    return Quantity(None, None, said, "exchange", measure=measure_of(unit), dimension=dimension)
