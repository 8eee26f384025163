"""How alike questions are by their words, where what they ask for counts and whom it is about hardly does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.hierarchy.demonstrations.text_cache import TextCache

__all__ = ["QuestionTerms", "question_terms", "time_similarities", "word_similarities"]

Matrix = NDArray[np.float64]

_LONGEST = 4_000
"""Characters read of a question: a longer one is compared by how it begins."""
_SLOT_WEIGHT = 0.1
"""Weight of a name or number: it fills a slot of the question, and another would be solved the same way."""
_PAIR_WEIGHT = 0.6
"""Weight of two words side by side, of which every name or number is the same."""
_SLOT = "<slot>"

# A letter of a script without spaces between words is a word.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+(?:['\u2019][^\W\d_]+)?|\d[\w:,.-]*|[.?!\n]"
)
_ENDS = frozenset(".?!\n")
_SUFFIXES = ("ing", "ies", "est", "ed", "es", "ly", "er", "s")
_SHORTEST_STEM = 3
_LONGEST_REMEMBERED = 30
"""Letters of a word above which its stem is found anew each time, rather than remembered."""
_TIME_WORDS_LISTED = (
    "currently moment now nowadays present presently today",
    "coming following future next shall tomorrow tonight will",
    "did formerly had last past previous previously was were yesterday",
)
_TIMES = {word: place for place, words in enumerate(_TIME_WORDS_LISTED) for word in words.split()}
"""English words that say whether a question is about what is, will be or was: tense and adverbs of time.

The adverbs are those of the semantic cache's time guard; a word of some subject has no place here."""


@dataclass(frozen=True)
class QuestionTerms:
    """What of a question is compared.

    Args:
        words: Stems with their weights; the weights have a Euclidean norm of 1.
        times: Whether it speaks of what is, will be, was, or none of these; norm 1.
    """

    words: dict[str, float]
    times: tuple[float, float, float, float]


def question_terms(text: str) -> QuestionTerms:
    """Read a question.

    A capitalised word within a sentence and whatever begins with a digit count little, unless most words of
    the question are capitalised.

    Args:
        text: Its text.
    """
    return _terms(text[:_LONGEST])


def word_similarities(questions: Sequence[QuestionTerms]) -> Matrix:
    """Return the cosine of each two questions' words, from 0 to 1."""
    words = list(chain.from_iterable(question.words for question in questions))
    columns = dict(zip(dict.fromkeys(words), count()))
    rows = np.zeros((len(questions), len(columns)))
    row_of_each = np.repeat(np.arange(len(questions)), [len(question.words) for question in questions])
    column_of_each = np.fromiter(map(columns.__getitem__, words), np.intp, len(words))
    weights = chain.from_iterable(question.words.values() for question in questions)
    rows[row_of_each, column_of_each] = np.fromiter(weights, np.float64, len(words))
    return np.asarray(rows @ rows.T)


def time_similarities(questions: Sequence[QuestionTerms]) -> Matrix:
    """Return how far each two questions speak of the same time, from 0 to 1."""
    rows = np.array([question.times for question in questions])
    return np.asarray(rows @ rows.T)


def _read(text: str) -> QuestionTerms:
    tokens = _TOKEN.findall(text)
    words: dict[str, float] = {}
    before = ""
    for token, is_slot in _with_slots(tokens):
        stem = _stem(token.lower())
        if not is_slot or stem not in words:
            words[stem] = _SLOT_WEIGHT if is_slot else 1.0
        name = _SLOT if is_slot else stem
        if before and name != before:  # a name of several words is one
            words[f"{before} {name}"] = _PAIR_WEIGHT
        before = name
    length = math.sqrt(sum(weight * weight for weight in words.values())) or 1.0
    return QuestionTerms({word: weight / length for word, weight in words.items()}, _times(tokens))


_terms = TextCache(_read)


def _with_slots(tokens: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the words, each with whether it fills a slot."""
    titled = sum(token[0].isupper() for token in tokens) > 0.5 * len(tokens)
    begins = True
    for token in tokens:
        if token in _ENDS:
            begins = True
            continue
        is_name = token[0].isupper() and not begins and not titled and len(token) > 1
        yield token, is_name or token[0].isdigit()
        begins = False


def _times(tokens: Iterable[str]) -> tuple[float, float, float, float]:
    spoken = {_TIMES[token.lower()] for token in tokens if token.lower() in _TIMES} or {3}
    present, future, past, none = (place in spoken for place in range(4))
    each = 1 / math.sqrt(len(spoken))
    return present * each, future * each, past * each, none * each


def _stem(word: str) -> str:
    return _known_stem(word) if len(word) <= _LONGEST_REMEMBERED else _known_stem.__wrapped__(word)


@lru_cache(maxsize=32_768)
def _known_stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word.removesuffix(suffix)
    return word
