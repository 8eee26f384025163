"""What is read out of texts is remembered within a bound, and the texts themselves are not."""

import gc
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.hierarchy.demonstrations.lexical import question_terms
from llmops_plugins.hierarchy.demonstrations.solution_calls import solution_calls
from llmops_plugins.hierarchy.demonstrations.text_cache import TextCache


class Reader:
    def __init__(self):
        self.read = []

    def __call__(self, text):
        self.read.append(text)
        return len(text)


def test_a_text_is_read_once():
    reader = Reader()
    cache = TextCache(reader)
    assert [cache("tide"), cache("tide"), cache("tides")] == [4, 4, 5]
    assert reader.read == ["tide", "tides"]


@given(texts=st.lists(st.text(max_size=20), max_size=30), most=st.integers(0, 1_000))
def test_results_are_right_and_bounded_whatever_is_asked(texts, most):
    cache = TextCache(str.upper, characters=most)
    for text in texts:
        assert cache(text) == text.upper()
        assert 100 * len(cache) <= most


def test_the_one_used_least_lately_goes_first():
    reader = Reader()
    cache = TextCache(reader, characters=208)
    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa"):
        cache(text)
    assert reader.read == ["aaaa", "bbbb", "cccc"]


def test_halves_of_surrogate_pairs_are_read_as_well():
    assert TextCache(len)("\ud83d") == 1


@pytest.mark.parametrize("read", [question_terms, solution_calls])
def test_many_long_texts_are_not_held(read):
    texts = [f"{number} " + "tide " * 700 for number in range(50)]
    for text in texts:
        read(text)
    gc.collect()
    # The list's own, the loop's and getrefcount's: none is anybody else's.
    assert sys.getrefcount(texts[0]) <= 3
