"""Units of measure, time and money: what they are called, and what they come to in a base unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from llmops_plugins.caching.guards.reading import vocabulary
from llmops_plugins.caching.guards.unit_tables import COUNTED, MEASURED, PHRASES, PREFIXED, PREFIXES

__all__ = [
    "BARE_UNITS",
    "COMPATIBLE",
    "CURRENCY_SIGNS",
    "GLUED_UNITS",
    "LONGEST_UNIT",
    "UNITS",
    "UNIT_PHRASES",
    "UNIT_PHRASE_STARTS",
    "Unit",
]


class Unit(NamedTuple):
    """A unit as so many of a base unit, and what it measures, where units of the same can be exchanged."""

    base: str
    factor: Fraction
    dimension: str = ""


def _read(table: str, dimension: str) -> Iterator[tuple[str, Unit]]:
    for line in table.strip().splitlines():
        head, spellings = line.split(":")
        factor, base = head.split()
        for spelling in spellings.split():
            yield spelling.replace("_", " "), Unit(base, Fraction(factor), dimension)


def _prefixed() -> Iterator[tuple[str, Unit]]:
    """Yield the units of the metric system, each under its name, plural and symbol."""
    prefixes = {name: (sign, Fraction(factor)) for name, sign, factor in map(_parts, PREFIXES.split())}
    for line in PREFIXED.strip().splitlines():
        head, named = line.split(":")
        dimension, name, symbol = head.split()
        base = SAME_BASE.get(name, name)
        yield from ((spelled, Unit(base, Fraction(1), dimension)) for spelled in (name, f"{name}s"))
        before_names, before_symbols = named.split("|")
        for prefix in before_names.split():
            unit = Unit(base, prefixes[prefix][1], dimension)
            yield from ((f"{prefix}{name}{plural}", unit) for plural in ("", "s"))
        for prefix in before_symbols.split():
            sign, factor = prefixes[prefix]
            yield f"{sign}{symbol}", Unit(base, factor, dimension)


def _parts(prefix: str) -> tuple[str, str, str]:
    name, sign, factor = prefix.split(":")
    return name, sign, factor


def _powers(lengths: Iterable[tuple[str, Unit]]) -> Iterator[tuple[str, Unit]]:
    """Yield areas and volumes: square and cubic lengths."""
    for spelling, unit in lengths:
        for words, power, base, dimension in (
            (("square", "sq"), 2, "square", "area"),
            (("cubic", "cu"), 3, "cubic", "volume"),
        ):
            of = Unit(f"{base}-{unit.base}", unit.factor**power, dimension)
            yield from ((f"{word} {spelling}", of) for word in words)


def _all_units() -> dict[str, Unit]:
    measured = (_read(table, dimension) for dimension, table in MEASURED.items())
    found = dict(chain(_prefixed(), *measured, _read(COUNTED, "")))
    found |= dict(_powers([(said, unit) for said, unit in found.items() if unit.dimension == "length"]))
    for line in PHRASES.strip().splitlines():
        spelling, others = line.split(": ")
        found |= {other.replace("_", " "): found[spelling] for other in others.split()}
    return found


SAME_BASE = {"meter": "metre", "liter": "litre", "ampere": "amp"}

UNITS = _all_units()
"""Spelling, case-folded, to unit, where it follows a number."""

UNIT_PHRASES = {tuple(spelling.split()) for spelling in UNITS if " " in spelling}
"""Units of several words."""

UNIT_PHRASE_STARTS = {words[0] for words in UNIT_PHRASES}
LONGEST_UNIT = max(map(len, UNIT_PHRASES))

GLUED_UNITS = {
    "m": UNITS["metre"],
    "g": UNITS["gram"],
    "l": UNITS["litre"],
    "h": UNITS["hour"],
    "s": UNITS["second"],
    "d": UNITS["day"],
    "y": UNITS["year"],
    "w": UNITS["watt"],
    "v": UNITS["volt"],
    "f": UNITS["fahrenheit"],
    "c": UNITS["celsius"],
    "in": UNITS["inch"],
    "a": UNITS["amp"],
    "j": UNITS["joule"],
    "n": UNITS["newton"],
}
"""Short spellings that count only where nothing stands between the number and them."""

CURRENCY_SIGNS = {
    "$": UNITS["dollar"],
    "€": UNITS["euro"],
    "£": UNITS["gbp"],
    "₹": UNITS["rupee"],
    "¥": UNITS["yen"],
    "₩": UNITS["krw"],
    "₽": UNITS["ruble"],
    "₺": UNITS["lira"],
    "₿": UNITS["bitcoin"],
}

COMPATIBLE = frozenset({("pound", "pound-weight"), ("pound", "sterling")})
"""Base units of which the first, a word with two meanings, may stand for the second."""

AMBIGUOUS_ALONE = vocabulary(
    "second min mo mi gal try rub mp points person people user users seats licenses licences bar bars "
    "bit bits foot yard stones cal hp ms px guests travellers travelers passengers cent penny pct rs "
    "ether quarters terms grains leagues au ha cc mach us ns pa ms mv ua mole moles lux iu stone knots "
    "cup cups "
    "grain barrel barrels league child children kid kids adult adults"
)

BARE_UNITS = {spelling: unit for spelling, unit in UNITS.items() if spelling not in AMBIGUOUS_ALONE}
"""Spellings that name a unit where no number stands before them."""
