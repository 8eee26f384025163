"""How guards read a question: as words, in one linear pass, whatever Unicode it is written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar, cast

__all__ = [
    "Reading",
    "Word",
    "base_form",
    "differ_in_little",
    "read",
    "stem",
    "vocabulary",
    "without_possessive",
    "words_in",
]

FEW_STEMS = 2
LONGEST_KEPT = 2_000
"""Characters of the longest text whose reading is kept: what is longer is no question for a similar one."""

ABBREVIATIONS = frozenset({"dr", "mr", "mrs", "ms", "prof", "st", "vs", "no"})
Part = TypeVar("Part")
QUOTES = str.maketrans(
    {**dict.fromkeys("\u2018\u2019\u02bc`", "'"), **dict.fromkeys("\u201c\u201d\u00ab\u00bb", '"')}
)
DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
DIGIT_GROUPS = re.compile("(?<=[0-9])[\\u00a0\\u2009\\u202f](?=[0-9]{3})")
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
DOTTED = re.compile(r"(?<![\w.])(?:[A-Za-z]\.){2,}")
SENTENCE_END = re.compile(r"[.?!:;\n\"(\[*>\u2022]")


class Word(NamedTuple):
    """One word of a question.

    Args:
        text: The word as written.
        lower: The word case-folded.
        gap: What stands between the word before it and this one.
        begins: Whether it begins a sentence, where a capital says nothing.
    """

    text: str
    lower: str
    gap: str
    begins: bool


def vocabulary(words: str) -> frozenset[str]:
    """Return the set of words in a list written as text."""
    return frozenset(words.split())


class Reading:
    """What the guards know of one text, each part read when it is first asked for.

    Args:
        text: The question as it was asked.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts: dict[Callable[[Reading], object], object] = {}

    def part(self, reader: Callable[[Reading], Part]) -> Part:
        """Return what ``reader`` makes of this reading, made once."""
        if reader not in self._parts:
            self._parts[reader] = reader(self)
        return cast(Part, self._parts[reader])

    @cached_property
    def plain(self) -> str:
        """The text in one compatible form: ASCII digits, straight quotes, plain dashes, US for U.S."""
        return DOTTED.sub(lambda found: found[0].replace(".", "").upper() + " ", _normal_text(self.text))

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words in order."""
        return tuple(words_in(self.plain))

    @cached_property
    def lower(self) -> tuple[str, ...]:
        """The words case-folded, without a possessive."""
        return tuple(without_possessive(word.lower) for word in self.words)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of the words that carry meaning."""
        return frozenset(stem(word) for word in self.lower if word not in EMPTY_WORDS)


@lru_cache(maxsize=1024)
def _kept(text: str) -> Reading:
    return Reading(text)


def read(text: str) -> Reading:
    """Return the reading of a text, which the guards share and the last thousand texts keep."""
    return _kept(text) if len(text) <= LONGEST_KEPT else Reading(text)


def differ_in_little(one: Reading, other: Reading) -> bool:
    """Whether the wording is much the same, so that a word that only one has is what sets them apart."""
    return max(len(one.stems - other.stems), len(other.stems - one.stems)) <= FEW_STEMS


def _normal_text(text: str) -> str:
    plain = unicodedata.normalize("NFKC", DIGIT_GROUPS.sub("", text.translate(DASHES))).translate(QUOTES)
    if plain.isascii():
        return plain
    return "".join(
        str(unicodedata.decimal(letter)) if not letter.isascii() and letter.isdecimal() else letter
        for letter in plain
    )


def words_in(text: str) -> Iterator[Word]:
    """Yield the words of a text in its compatible form."""
    end, before = 0, ""
    for found in WORD.finditer(text):
        gap, said = text[end : found.start()], found.group()
        lower = said.casefold()
        begins = end == 0 or (before not in ABBREVIATIONS and SENTENCE_END.search(gap) is not None)
        yield Word(said, lower, gap, begins)
        end, before = found.end(), lower


def without_possessive(word: str) -> str:
    """Return ``word`` without a trailing ``'s``."""
    return word[:-2] if word.endswith("'s") else word


EMPTY_WORDS = vocabulary("""
    a an the this that these those my your his her its our their i you he she it we they me him us them
    who whom whose what which when where why how is are was were be been being am do does did done doing
    have has had having can could will would shall should may might must not no yes and or but if then
    else than so because as at by for from in into of off on onto out over to under up with about there
    here please thanks hi hello ok just also very really actually even any some still yet ever already
    many much more most get got want need tell explain describe give show way ways someone anyone one's
    i'm i've i'd i'll what's who's how's where's it's that's there's let's you're we're they're don't
    doesn't didn't can't couldn't won't wouldn't isn't aren't wasn't weren't haven't hasn't hadn't
    shouldn't cannot never without none nothing nobody
""")
"""Words of a question that say little of what it is about; the guards that compare them read them apart."""


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Return a case-folded word without its English ending, roughly, but alike for both questions."""
    for ending, shortest, instead in STEM_ENDINGS:
        if len(word) >= shortest and word.endswith(ending):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] == "e" else word


STEM_ENDINGS = (
    ("ing", 6, ""),
    ("ies", 5, ""),
    ("ied", 5, ""),
    ("ed", 5, ""),
    ("ses", 5, "s"),
    ("xes", 5, "x"),
    ("hes", 5, "h"),
    ("ly", 6, ""),
    ("y", 4, ""),
    ("ss", 3, "ss"),
    ("us", 3, "us"),
    ("s", 4, ""),
)

ENDINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("'s", lambda word: word[:-2]),
    ("s", lambda word: word[:-1]),
    ("es", lambda word: word[:-2]),
    ("ies", lambda word: word[:-3] + "y"),
    ("ed", lambda word: word[:-2]),
    ("ed", lambda word: word[:-1]),
    ("ed", lambda word: word[:-3]),
    ("ied", lambda word: word[:-3] + "y"),
    ("ing", lambda word: word[:-3]),
    ("ing", lambda word: word[:-3] + "e"),
    ("ing", lambda word: word[:-4]),
)


def base_form(word: str, known: Collection[str]) -> str | None:
    """Return the form of a case-folded word that is ``known``: it, or it without an English ending."""
    if word in known:
        return word
    for ending, without in ENDINGS:
        if word.endswith(ending) and without(word) in known:
            return without(word)
    return None
