"""Refuses where one question asks about the opposite of the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from llmops_plugins.caching.guards.guard import one_sided, swapped
from llmops_plugins.caching.guards.polarity import Negative, Polarity, polarity_of
from llmops_plugins.caching.guards.reading import Reading, differ_in_little, read

__all__ = ["Negation"]

SLIGHTLY = 1
LASTING = frozenset({"keep"})
NO_LONGER = frozenset({("any", "further"), ("any", "longer"), ("any", "more"), ("no", "longer")})


@dataclass(frozen=True)
class Negation:
    """Refuses where one question is negated and the other not, or says the opposite.

    A negation and an opposite undo each other: what is not allowed is forbidden; so do a negation and a word
    that implies one: no sound, the sound is missing. Words whose negation is part of an idiom (not only,
    whether or not, isn't it) do not count, nor does a negation of something that the other question, in other
    words altogether, does not speak of.
    """

    name: str = "negation"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return the negation or opposite that sets the questions apart, or None."""
        here, there = read(question), read(stored)
        new, old = here.part(polarity_of), there.part(polarity_of)
        turned = list(_opposites(new, old, differ_in_little(here, there)))
        counts = len(new.negatives), len(old.negatives)
        differ = counts[0] % 2 != counts[1] % 2 or (min(counts) == 0 and max(counts) > 0)
        if len(turned) == differ:
            return None
        if turned:
            return swapped(*turned[0])
        in_new = counts[0] > counts[1]
        negative = _one_sided(here, there) if in_new else _one_sided(there, here)
        return one_sided(negative.said, in_new=in_new) if negative else None


def _opposites(new: Polarity, stored: Polarity, alike: bool) -> Iterator[tuple[str, str]]:
    """Yield the questions' words for each pair that they are on different sides of."""
    seen: set[str] = set()
    for pair in new.sides.keys() & stored.sides.keys():
        if pair.loose and not alike:
            continue
        here, there = new.sides[pair], stored.sides[pair]
        more = [here[side].total() - there[side].total() for side in (0, 1)]
        if more[0] * more[1] >= 0:
            continue
        gained = 0 if more[0] > 0 else 1
        words = next(iter(here[gained])), next(iter(there[1 - gained]))
        if not seen.intersection(words):
            seen.update(words)
            yield words


def _one_sided(negated: Reading, plain: Reading) -> Negative | None:
    """Return the negation that ``negated`` has and ``plain`` lacks, where it bears on what both ask about."""
    more, fewer = negated.part(polarity_of), plain.part(polarity_of)
    if fewer.implied - more.implied - (LASTING if _no_longer(negated) else frozenset()):
        return None
    known = {one.scope for one in fewer.negatives}
    extra = [one for one in more.negatives if one.scope not in known] or list(more.negatives)
    if _is_contained(negated, plain) or _differ_slightly(negated, plain):
        return extra[0]
    return next((one for one in extra if one.scope in plain.stems), None)


def _no_longer(negated: Reading) -> bool:
    """Whether what is negated is that something lasts: not any longer."""
    pairs = set(pairwise(negated.lower))
    return "anymore" in negated.lower or bool(pairs & NO_LONGER)


def _differ_slightly(one: Reading, other: Reading) -> bool:
    """Whether each question says at most one word that the other does not."""
    return max(len(one.stems - other.stems), len(other.stems - one.stems)) <= SLIGHTLY


def _is_contained(negated: Reading, plain: Reading) -> bool:
    """Whether ``negated`` says all that ``plain`` does, and something more."""
    return not plain.stems - negated.stems
