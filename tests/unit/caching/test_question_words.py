"""Questions are read as words: their inflections cut, what they ask told, and long ones bounded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.caching.question_words import WordWeights, question_words
from tests.timing import least_seconds


@pytest.mark.parametrize(
    "forms",
    [
        "invoice invoices invoiced invoicing",
        "cancel cancels canceled canceling",
        "stop stops stopped stopping",
        "try tries tried",
        "box boxes boxed",
        "change changes changed changing",
        "bus buses",
        "dish dishes",
        "quick quickly",
        "tenant tenant's",
    ],
)
def test_inflections_of_a_word_have_one_stem(forms):
    assert len({question_words(form).stems for form in forms.split()}) == 1


@pytest.mark.parametrize("words", ["invoice invoke", "bus business", "class clause", "sing single", "is as"])
def test_other_words_do_not(words):
    assert len({question_words(word).stems for word in words.split()}) == 2


@pytest.mark.parametrize(
    ("question", "kind", "first"),
    [
        ("How do I pay?", "how", "how"),
        ("Can I pay?", "whether", "whether"),
        ("Tell me where to pay", "where", ""),
        ("Pay it", "", ""),
        ("", "", ""),
    ],
)
def test_what_is_asked_is_told_by_the_first_word_that_asks(question, kind, first):
    words = question_words(question)
    assert (words.kind, words.first_kind) == (kind, first)


@pytest.mark.parametrize(
    ("text", "negated"), [("It isn't", 1), ("It isn\u2019t", 1), ("never", 1), ("a knot", 0)]
)
def test_negation_is_seen_with_either_apostrophe(text, negated):
    assert question_words(text).negated == bool(negated)


def test_function_words_are_no_content_and_digits_are_numbers():
    words = question_words("What is the charge for 2 A4 sheets?")
    assert words.content == {"charg", "2", "a4", "sheet"}
    assert words.numbers == {"2", "a4"}


@given(st.text(max_size=80))
def test_any_text_is_read_and_its_case_does_not_count_where_it_has_two(text):
    words = question_words(text)
    assert len(words.words) == len(words.stems)
    assert all(words.stems)
    assert words.trigram_length > 0
    if text.isascii():
        assert question_words(text.upper()) == words


def test_a_long_text_is_read_as_it_begins_and_not_kept():
    begins = "word " * 400
    assert question_words(begins + "other " * 100_000) is question_words(begins)
    unread = iter([letter * 5_000_000 for letter in "vwxyz"])
    assert least_seconds(lambda: question_words(next(unread)), 0.5) < 0.5


def test_rare_words_weigh_more_and_unseen_ones_most():
    weights = WordWeights.of(["a red cat", "a red dog", "a bird"])
    red, cat, unseen = (weights.sum([word]) for word in ("red", "cat", "horse"))
    assert 0 < weights.sum(["a"]) < red < cat < unseen
    assert weights.sum(["red", "cat"], power=2) == pytest.approx(red**2 + cat**2)
    assert weights.largest(["red", "cat"]) == cat
    assert weights.largest([]) == weights.sum([]) == 0


def test_weights_of_the_same_questions_come_in_the_same_order():
    weights = WordWeights.of(["one two three four", "five six"])
    assert list(weights.known) == sorted(weights.known)
    assert math.isfinite(WordWeights.of([]).unseen)
