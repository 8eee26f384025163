"""Refuses where a comparison, a superlative or a direction is turned round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmops_plugins.caching.guards.degrees import SCALES, SUPERLATIVE_SCALES
from llmops_plugins.caching.guards.direction import exchanged_sides
from llmops_plugins.caching.guards.guard import swapped
from llmops_plugins.caching.guards.reading import Reading, read
from llmops_plugins.caching.guards.roles import exchanged_roles

__all__ = ["Comparatives"]

LONGEST_PHRASE = 3

Ends = dict[tuple[str, int], str]


@dataclass(frozen=True)
class Comparatives:
    """Refuses where one question compares the other way round, or asks for the other extreme.

    The cheapest is not the most expensive, nor at least at most; A better than B is not B better than A, but
    it is B worse than A; and from X to Y is not from Y to X.
    """

    name: str = "comparatives"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return the word or side that is turned round, or None."""
        reading, other = read(question), read(stored)
        new, old = reading.lower, other.lower
        here, there = reading.part(_ends_of), other.part(_ends_of)
        turned = _turned(here, there)
        sides = exchanged_sides(new, old) or exchanged_roles(reading, other)
        if turned and sides and "than" in new and "than" in old:
            return None
        return turned or (swapped(*sides) if sides else _other_scale(here, there))


def _ends_of(reading: Reading) -> Ends:
    return dict(_ends(reading.lower))


def _ends(words: Sequence[str]) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield scale and end of each comparing word or phrase, the longest first, each word once."""
    at = 0
    while at < len(words):
        for size in range(min(LONGEST_PHRASE, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + size])
            if phrase in SCALES:
                yield from (((scale, end), phrase) for scale, end in SCALES[phrase])
                at += size - 1
                break
        at += 1


def _turned(here: Ends, there: Ends) -> str | None:
    for (scale, end), said in here.items():
        opposite = (scale, 1 - end)
        if (scale, end) not in there and opposite in there and opposite not in here:
            return swapped(said, there[opposite])
    return None


def _other_scale(here: Ends, there: Ends) -> str | None:
    """Refuse where each question has a superlative of its own: the cheapest, the fastest."""
    only_here, only_there = (
        {
            scale: said
            for (scale, _), said in some.items()
            if said.endswith("est")
            and scale in SUPERLATIVE_SCALES
            and scale not in {one for one, _ in others}
        }
        for some, others in ((here, there), (there, here))
    )
    if only_here and only_there:
        return swapped(next(iter(only_here.values())), next(iter(only_there.values())))
    return None
