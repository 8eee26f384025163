"""Which of two things comes first: sides of a comparison, ends of a way, words that have changed places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from llmops_plugins.caching.guards.reading import vocabulary

__all__ = ["exchanged_sides"]

NEAR = 4
EMPTY = vocabulary(
    "a an the is are was were be do does did can could will would should i you we they it my your our "
    "how what which who why when where of for in on at by with as and or not more less much better "
    "worse me please get go there any some one best way than from to into vs"
)
TARGETS = frozenset({"to", "into", "towards", "toward", "onto"})
EITHER_WAY = vocabulary("and or vs versus nor between with , & than")


class _Sides(NamedTuple):
    """The words on either side of a pivot."""

    first: frozenset[str]
    second: frozenset[str]


def exchanged_sides(new: Sequence[str], stored: Sequence[str]) -> tuple[str, str] | None:
    """Return two words that have changed sides between the questions, or None.

    Args:
        new: Case-folded words of the new question.
        stored: Case-folded words of the stored one.
    """
    for sides in (_around_than, _way):
        here, there = sides(new), sides(stored)
        if here and there and (found := _crossed(here, there)):
            return found
    return _changed_places(new, stored)


def _crossed(here: _Sides, there: _Sides) -> tuple[str, str] | None:
    ahead = (here.first - here.second) & (there.second - there.first)
    behind = (here.second - here.first) & (there.first - there.second)
    return (min(ahead), min(behind)) if ahead and behind else None


def _around_than(words: Sequence[str]) -> _Sides | None:
    """Return the words before and after "than"."""
    if "than" not in words:
        return None
    at = words.index("than")
    return _Sides(_content(words[:at]), _content(words[at + 1 : at + 1 + NEAR]))


def _way(words: Sequence[str]) -> _Sides | None:
    """Return where a way begins, after "from" or else before "to", and where it ends, after "to"."""
    target = next(
        (at for at, word in enumerate(words) if word in TARGETS and _leads_somewhere(words, at)), None
    )
    if target is None:
        return None
    end = _until_preposition(words[target + 1 : target + 1 + NEAR])
    if "from" in words:
        source = words.index("from")
        begin: Sequence[str] = _until_preposition(words[source + 1 : source + 1 + NEAR])
    else:
        begin = words[max(0, target - NEAR) : target]
    return _Sides(_content(begin), _content(end))


def _leads_somewhere(words: Sequence[str], at: int) -> bool:
    """Whether "to" stands between things rather than before a verb in "how to" or "want to"."""
    return 0 < at < len(words) - 1 and words[at - 1] not in {
        "how",
        "want",
        "need",
        "have",
        "way",
        "able",
        "going",
    }


def _until_preposition(words: Sequence[str]) -> Sequence[str]:
    end = next((at for at, word in enumerate(words) if word in TARGETS or word == "from"), len(words))
    return words[:end]


def _content(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if word not in EMPTY)


def _changed_places(new: Sequence[str], stored: Sequence[str]) -> tuple[str, str] | None:
    """Return two words that have changed places in otherwise the same question: A beat B, B beat A."""
    if len(new) != len(stored):
        return None
    places = [at for at, pair in enumerate(zip(new, stored, strict=True)) if pair[0] != pair[1]]
    if len(places) != 2:
        return None
    first, second = places
    if (new[first], new[second]) != (stored[second], stored[first]) or second == first + 1:
        return None
    between = new[first + 1 : second]
    symmetric = EITHER_WAY.intersection(between) or {"between", "both"} & set(new[:first])
    return None if symmetric or EMPTY & {new[first], new[second]} else (new[first], new[second])
