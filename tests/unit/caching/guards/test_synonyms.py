"""Words listed together may stand for each other, inflected too; what shares a word with both need not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.caching.guards.synonyms import _PLACES, are_synonyms

SYNONYMS = [
    ("delete", "remove"),
    ("deleted", "removing"),
    ("buys", "purchased"),
    ("fees", "charge"),
    ("companies", "business"),
    ("planned", "scheduling"),
    ("stopping", "ended"),
    ("quickly", "fast"),
    ("cv", "resume"),
    ("fridge", "refrigerators"),
    ("modified", "changing"),
    ("wrote", "author"),
]
OTHERS = [
    ("delete", "add"),
    ("buy", "sell"),
    ("increase", "decrease"),
    ("father", "mother"),
    ("maximum", "minimum"),
    ("start", "stop"),
    ("employee", "customer"),
    ("monthly", "yearly"),
    ("import", "export"),
    ("open", "close"),
    ("accept", "reject"),
    ("car", "lorry"),
    ("cat", "dog"),
    ("", "delete"),
]


@pytest.mark.parametrize(("one", "other"), SYNONYMS)
def test_words_listed_together_are_synonyms_in_any_form(one, other):
    assert are_synonyms(one, other)
    assert are_synonyms(other, one)


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_words_that_are_not_are_none(one, other):
    assert not are_synonyms(one, other)
    assert not are_synonyms(other, one)


def test_meaning_is_not_passed_on_from_one_line_to_the_next():
    assert are_synonyms("buy", "get")
    assert are_synonyms("get", "catch")
    assert not are_synonyms("buy", "catch")


@pytest.mark.parametrize("word", sorted(_PLACES))
def test_every_listed_word_is_one_word_in_lower_case(word):
    assert word.isalpha()
    assert word == word.lower()


WORDS = st.text(max_size=12) | st.sampled_from(sorted(_PLACES)).flatmap(
    lambda word: st.sampled_from(["", "s", "ed", "ing", "ly", "'s"]).map(word.__add__)
)


@given(WORDS, WORDS)
def test_it_does_not_depend_on_their_order_whatever_the_words(one, other):
    assert are_synonyms(one, other) == are_synonyms(other, one)
