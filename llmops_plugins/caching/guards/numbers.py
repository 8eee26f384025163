"""Refuses where the numbers differ, or what they are numbers of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmops_plugins.caching.guards.guard import one_sided, swapped
from llmops_plugins.caching.guards.quantities import quantities_in
from llmops_plugins.caching.guards.quantity import Quantity
from llmops_plugins.caching.guards.reading import differ_in_little, read, vocabulary
from llmops_plugins.caching.guards.unit_words import COMPATIBLE

__all__ = ["NumbersAndUnits"]

JOINING = vocabulary("and or to in on at for of from is are the a by with per vs versus was") | {""}


@dataclass(frozen=True)
class NumbersAndUnits:
    """Refuses where one question has an amount, unit, ordinal, date, time or code that the other has not.

    Amounts are compared by value and in base units (1,000 is a thousand, an hour is 60 minutes), as sets,
    since paraphrases say a number once or twice. A number without a unit agrees with the same one with any.
    A first or second, and a unit without a number, may be missing but not be exchanged for another; nor may a
    count up to thirty-one or a year, which must be in both only where little else differs.
    """

    name: str = "numbers"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return the quantity that only one of the questions has, or None."""
        here, there = read(question), read(stored)
        new, old = here.part(quantities_in), there.part(quantities_in)
        if not new and not old:
            return None
        only_new, only_old = _missing(new, old), _missing(old, new)
        alike = differ_in_little(here, there)
        for found, others, in_new in ((only_new, only_old, True), (only_old, only_new, False)):
            needed = {"required", "telling"} if alike or _is_told(others) else {"required"}
            for quantity in found:
                if quantity.strength in needed:
                    return one_sided(quantity.said, in_new=in_new)
        return (
            _exchanged(only_new, only_old, alike)
            or _measured_otherwise(only_new, only_old, new, old)
            or _crossed(new, old)
        )


def _is_told(quantities: Sequence[Quantity]) -> bool:
    return any(one.strength in {"required", "telling"} for one in quantities)


def _missing(some: Sequence[Quantity], others: Sequence[Quantity]) -> list[Quantity]:
    """Return those of ``some`` that no other quantity agrees with."""
    known = {key for other in others for key in _keys(other, (bool(other.unit),))}
    return [one for one in some if one.strength != "optional" and known.isdisjoint(_sought(one))]


def _sought(one: Quantity) -> Iterator[tuple[str, object, object]]:
    """Return what a quantity is looked up by: a plain number agrees with one that has a unit, and back."""
    sought = one if one.amount is None else one._replace(measure=None)
    return _keys(sought, (False,) if one.unit else (False, True))


def _keys(one: Quantity, with_unit: Sequence[bool]) -> Iterator[tuple[str, object, object]]:
    """Yield what a quantity is found under; its number alone counts as one with a unit, without, or both."""
    if one.unit is not None:
        for base in (one.unit, *(f"{a} or {b}" for a, b in COMPATIBLE if one.unit in (a, b))):
            yield "amount", one.amount, base
    if one.number is not None:
        yield from (("number", one.number, has_unit) for has_unit in with_unit)
    for code in one.aliases:
        yield "code", code, ""
    if one.measure is not None:
        yield "measure", one.measure, ""


def _exchanged(new: Sequence[Quantity], stored: Sequence[Quantity], alike: bool) -> str | None:
    """Refuse where a first is a second, or a price per month one per year."""
    others = {_kind(one): one for one in stored}
    for one in new:
        other = others.get(_kind(one))
        if other and (alike or None not in (one.amount, other.amount)):
            return swapped(one.said, other.said)
    return None


def _measured_otherwise(
    only_new: Sequence[Quantity],
    only_old: Sequence[Quantity],
    new: Sequence[Quantity],
    stored: Sequence[Quantity],
) -> str | None:
    """Refuse where each question names units of one dimension, and none that the other names."""
    for one in only_new:
        for other in only_old:
            dimensions = _dimensions(one) & _dimensions(other)
            if dimensions and not _shared(new, stored, dimensions):
                return swapped(one.said, other.said)
    return None


def _dimensions(one: Quantity) -> set[str]:
    return set(one.dimension.split(" or ")) - {""}


def _shared(new: Sequence[Quantity], stored: Sequence[Quantity], dimensions: set[str]) -> set[str | None]:
    here, there = ({one.measure for one in some if dimensions & _dimensions(one)} for some in (new, stored))
    return here & there


def _kind(one: Quantity) -> str:
    return one.unit or "measure"


def _crossed(new: Sequence[Quantity], stored: Sequence[Quantity]) -> str | None:
    """Refuse where two numbers have changed places: two red and three blue, three red and two blue."""
    before, after = (
        {one.follows: one for one in some if one.follows not in JOINING} for some in (new, stored)
    )
    moved = {
        (one.amount, after[follows].amount): after[follows]
        for follows, one in before.items()
        if follows in after and after[follows].amount != one.amount
    }
    for (amount, other), one in moved.items():
        if (other, amount) in moved:
            return swapped(moved[other, amount].said, one.said)
    return None
