"""The words of a question, as pairs of them are compared."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["QuestionWords", "WordWeights", "question_words"]

_LONGEST = 2_000
"""Characters read of a question: a longer one is compared by how it begins."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_FUNCTION_WORDS_LISTED = """
a an the is are was were be been being am do does did doing done has have had having i me my we our us you
your he him his she her it its they them their this that these those of in on at to for from by with about
as into and or but if so than then there here what which who whom whose when where why how can could will
would shall should may might must please just really any some too very get got during while within via onto
upon among between through across one ones im whos vs versus
"""
_NEGATIONS_LISTED = "no not never none nothing neither nor without cannot"
_ASKING_LISTED = "what which who whom whose when where why how"
_WHETHER_LISTED = """
can could will would shall should is are was were do does did has have had am may might
"""
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_LISTED.split())
_NEGATIONS = frozenset(_NEGATIONS_LISTED.split())
_QUESTION_KINDS = {word: word for word in _ASKING_LISTED.split()} | dict.fromkeys(
    _WHETHER_LISTED.split(), "whether"
)


@dataclass(frozen=True)
class QuestionWords:
    """What of a question's words is compared.

    Args:
        words: Words in lower case, in order.
        stems: Their stems.
        content: Those of words that are no function words.
        pairs: Neighbouring stems, with marks for the ends.
        trigrams: How often each three characters come.
        trigram_length: Euclidean length of those counts.
        kind: The first word that asks, such as ``how``; ``whether`` for a yes or no.
        first_kind: The same, where the first word of all asks.
        negated: Whether it negates.
        numbers: Words that hold a digit.
    """

    words: tuple[str, ...]
    stems: tuple[str, ...]
    content: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    trigrams: Counter[str]
    trigram_length: float
    kind: str
    first_kind: str
    negated: bool
    numbers: frozenset[str]

    @property
    def bag(self) -> frozenset[str]:
        """The stems, whatever their order."""
        return frozenset(self.stems)


def question_words(text: str) -> QuestionWords:
    """Read a question.

    Args:
        text: Its text.
    """
    return _read(text[:_LONGEST])


@lru_cache(maxsize=4096)
def _read(text: str) -> QuestionWords:
    words = _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    stems = tuple(map(_stem, words))
    padded = f" {' '.join(words)} "
    trigrams = Counter(padded[start : start + 3] for start in range(max(1, len(padded) - 2)))
    return QuestionWords(
        words=tuple(words),
        stems=stems,
        content=frozenset(
            stem for stem, word in zip(stems, words, strict=True) if word not in _FUNCTION_WORDS
        ),
        pairs=frozenset(zip(("^", *stems), (*stems, "$"), strict=True)),
        trigrams=trigrams,
        trigram_length=math.sqrt(sum(count * count for count in trigrams.values())),
        kind=next((_QUESTION_KINDS[word] for word in words if word in _QUESTION_KINDS), ""),
        first_kind=_QUESTION_KINDS.get(words[0], "") if words else "",
        negated=any(word in _NEGATIONS or word.endswith("n't") for word in words),
        numbers=frozenset(word for word in words if any(map(str.isdigit, word))),
    )


@dataclass(frozen=True)
class WordWeights:
    """How much each stem tells, as the inverse of how many questions hold it (Spärck Jones 1972).

    Args:
        known: Weight by stem.
        unseen: Weight of a stem that no question held.
    """

    known: Mapping[str, float]
    unseen: float

    @classmethod
    def of(cls, questions: Iterable[str]) -> WordWeights:
        """Count stems in questions."""
        counts: Counter[str] = Counter()
        total = 0
        for question in questions:
            total += 1
            counts.update(question_words(question).bag)
        in_order = sorted(counts.items())  # sets have none, and files of the same rule should be equal
        weights = {stem: math.log((total + 1) / (count + 0.5)) for stem, count in in_order}
        return cls(weights, math.log((total + 1) / 0.5))

    def sum(self, stems: Iterable[str], *, power: int = 1) -> float:
        """Return the sum of the stems' weights, each to a power."""
        return math.fsum(self.known.get(stem, self.unseen) ** power for stem in stems)

    def largest(self, stems: Iterable[str]) -> float:
        """Return the largest weight among stems, 0 without one."""
        return max((self.known.get(stem, self.unseen) for stem in stems), default=0.0)


def _stem(word: str) -> str:
    """Cut the endings of English inflection: rough, but the same for both questions of a pair."""
    word = word.removesuffix("'s")
    for ending, shortest, instead in (
        ("ing", 6, ""),
        ("ies", 5, "y"),
        ("ied", 5, "y"),
        ("ed", 5, ""),
        ("ses", 5, "s"),
        ("xes", 5, "x"),
        ("zes", 5, "z"),
        ("hes", 5, "h"),
        ("ly", 6, ""),
    ):
        if len(word) >= shortest and word.endswith(ending):
            word = word.removesuffix(ending) + instead
            break
    else:
        if len(word) > 3 and word.endswith("s") and word[-2] not in "su":
            word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
