"""Refuses where the questions are about different times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmops_plugins.caching.guards.calendar_words import MONTHS, WEEKDAYS
from llmops_plugins.caching.guards.guard import one_sided, swapped
from llmops_plugins.caching.guards.reading import Reading, Word, differ_in_little, read, vocabulary
from llmops_plugins.caching.guards.time_phrases import EXCHANGED, REQUIRED

__all__ = ["TimeWords"]

LONGEST_PHRASE = 3
BEFORE_A_MONTH = vocabulary("in by since until till of this last next every from to through during")
BEFORE_A_DAY = vocabulary("on this last next every from to until till by")
ALSO_WORDS = vocabulary("may march mar jan jun sun sat wed mon sep dec")

PHRASE_STARTS = {phrase.split()[0] for phrase in (*REQUIRED, *EXCHANGED)}

Meaning = tuple[str, int]


@dataclass(frozen=True)
class TimesOf:
    """What the guard of time words knows about one question: meaning to the words for it.

    Args:
        dated: Its months and days of the week.
        perhaps: Those that its other words may be: may, march, sun.
        named: Its moments that both questions must have where little else differs.
        compared: Its words that may only not stand where the other question has another of their kind.
    """

    dated: dict[Meaning, str]
    perhaps: frozenset[Meaning]
    named: dict[Meaning, str]
    compared: dict[Meaning, str]


@dataclass(frozen=True)
class TimeWords:
    """Refuses where one question names a day, month, season or rhythm that the other does not.

    Days of the week and months must be in both, and so must moments like tomorrow, last week or winter where
    little else differs. Words like now, daily, morning, before or until may be missing, but not stand where
    the other question has another of their kind.
    """

    name: str = "time"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return the time word that sets the questions apart, or None."""
        here, there = read(question), read(stored)
        new, old = here.part(_times_of), there.part(_times_of)
        return (
            _required(new.dated, old.dated, new.perhaps, old.perhaps)
            or _named(here, there, new.named, old.named)
            or _exchanged(new.compared, old.compared)
        )


def _required(
    here: dict[Meaning, str],
    there: dict[Meaning, str],
    perhaps_here: frozenset[Meaning] = frozenset(),
    perhaps_there: frozenset[Meaning] = frozenset(),
) -> str | None:
    for meaning, said in here.items():
        if meaning not in there and meaning not in perhaps_there:
            return one_sided(said, in_new=True)
    for meaning, said in there.items():
        if meaning not in here and meaning not in perhaps_here:
            return one_sided(said, in_new=False)
    return None


def _named(new: Reading, stored: Reading, here: dict[Meaning, str], there: dict[Meaning, str]) -> str | None:
    if here.keys() == there.keys():
        return None
    if differ_in_little(new, stored) or (here.keys() - there.keys() and there.keys() - here.keys()):
        return _required(here, there)
    return None


def _exchanged(here: dict[Meaning, str], there: dict[Meaning, str]) -> str | None:
    only_there = {group: said for (group, at), said in there.items() if (group, at) not in here}
    for meaning, said in here.items():
        if meaning not in there and meaning[0] in only_there:
            return swapped(said, only_there[meaning[0]])
    return None


def _times_of(reading: Reading) -> TimesOf:
    calendar = list(_calendar(reading.words, reading.lower))
    return TimesOf(
        dated={meaning: said for said, meaning, certain in calendar if certain},
        perhaps=frozenset(meaning for _, meaning, _ in calendar),
        named=_phrases(reading.lower, REQUIRED),
        compared=_phrases(reading.lower, EXCHANGED),
    )


def _phrases(lower: Sequence[str], table: dict[str, tuple[Meaning, ...]]) -> dict[Meaning, str]:
    """Return the meanings of the time phrases with how each is said: the longest first, each word once."""
    found: dict[Meaning, str] = {}
    at = 0
    while at < len(lower):
        if lower[at] in PHRASE_STARTS:
            for size in range(min(LONGEST_PHRASE, len(lower) - at), 0, -1):
                phrase = " ".join(lower[at : at + size])
                if phrase in table:
                    found.update((meaning, phrase) for meaning in table[phrase])
                    at += size - 1
                    break
        at += 1
    return found


def _calendar(words: tuple[Word, ...], lowers: Sequence[str]) -> Iterator[tuple[str, Meaning, bool]]:
    """Yield months and days, and whether each is one: a word that may be another must stand like one."""
    for at, lower in enumerate(lowers):
        for table, group, before in ((MONTHS, "month", BEFORE_A_MONTH), (WEEKDAYS, "weekday", BEFORE_A_DAY)):
            if lower in table:
                certain = lower not in ALSO_WORDS or _stands_like_one(words, at, before)
                yield words[at].text, (group, table[lower]), certain


def _stands_like_one(words: tuple[Word, ...], at: int, before: frozenset[str]) -> bool:
    neighbours = [words[index].lower for index in (at - 1, at + 1) if 0 <= index < len(words)]
    return (at > 0 and words[at - 1].lower in before) or any(word[0].isdigit() for word in neighbours)
