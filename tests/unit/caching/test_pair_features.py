"""Features of a pair do not depend on its order, are finite for any text, and agree most with itself."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.caching.pair_features import FEATURES, pair_features
from llmops_plugins.caching.question_words import WordWeights
from tests.timing import least_seconds

WEIGHTS = WordWeights.of(["How do I cancel my order?", "Where is my order?", "Can I return a parcel?"])
WORDS = "how do I not never cancel cancelled order orders my where is 7 12a return \u00e9t\u00e9 \u4f60"
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)
COSINES = st.floats(-1.001, 1.001)


def features(one, other, cosine=0.8):
    values = pair_features(one, other, cosine, WEIGHTS)
    return dict(zip(FEATURES, values, strict=True))


@given(TEXTS, TEXTS, COSINES)
def test_they_are_finite_for_any_text_and_do_not_depend_on_its_order(one, other, cosine):
    found = pair_features(one, other, cosine, WEIGHTS)
    assert all(map(math.isfinite, found))
    assert found == pytest.approx(pair_features(other, one, cosine, WEIGHTS), abs=1e-12)


@given(TEXTS, TEXTS)
def test_no_question_agrees_more_with_a_question_than_itself(one, other):
    itself, found = features(one, one), features(one, other)
    for name, direction in FEATURES.items():
        assert (itself[name] - found[name]) * direction >= -1e-9, name


def test_each_says_what_its_name_says():
    found = features("How do I not cancel order 7?", "Can orders be canceled?", 0.5)
    assert found["cosine"] == 0.5
    assert found["angle"] == pytest.approx(math.acos(0.5))
    assert found["shared content words"] == pytest.approx(2 / 4)  # cancel and order, of those and not and 7
    assert found["length ratio"] == pytest.approx(4 / 7)
    assert found["length difference"] == pytest.approx(0.3)
    for name in ("same kind of question", "same negation", "same numbers", "one holds the other"):
        assert found[name] == 0, name
    swapped = features("cancel order", "order cancel")
    assert swapped["shared words"] == swapped["one holds the other"] == 1
    assert swapped["common order"] == 0.5
    assert swapped["changed order"] == -0.5


def test_a_rare_word_that_only_one_side_has_counts_for_more():
    known, unseen = (features(f"my order {word}", "my order") for word in ("where", "cholera"))
    assert unseen["heaviest word of one side, larger"] > known["heaviest word of one side, larger"]
    assert unseen["shared weight"] < known["shared weight"]


def test_long_texts_take_bounded_time():
    one, other = "a b c d e f g h " * 50_000, "h g f e d c b a " * 50_000
    again = itertools.count()  # what was read before is remembered

    def compare():
        return pair_features(f"{next(again)} {one}", f"{next(again)} {other}", 0.5, WEIGHTS)

    assert least_seconds(compare, 2) < 2
