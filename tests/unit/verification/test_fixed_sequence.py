"""Thresholds are ordered from the one surest to be shown to the most generous, on the fit part alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.verification.fixed_sequence import careful_to_thrifty

SHARES = np.linspace(0.1, 1.0, 10)
EVEN = np.linspace(0, 0.99, 100)


def ordered(losses, scores=EVEN, left_out=None, confidence=0.9):
    left_out = scores if left_out is None else left_out
    return careful_to_thrifty(scores, left_out, np.asarray(losses, float), confidence, shares=SHARES)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=80))
def test_each_is_lower_than_the_one_before_and_is_some_rows_score(rows):
    scores, losses = (np.array(column, float) for column in zip(*rows, strict=True))
    found = ordered(losses, scores)
    assert found == sorted(set(found), reverse=True)
    assert set(found) <= set(scores.tolist())
    assert found[-1] == scores.min()  # the last accepts all


def test_without_a_mistake_the_most_generous_is_the_surest():
    assert ordered(np.zeros(100)) == [0.0]


def test_the_first_is_where_mistakes_begin_and_higher_ones_are_left_out():
    found = ordered(EVEN < 0.45)
    assert found == pytest.approx([0.49, 0.39, 0.29, 0.19, 0.09, 0.0])


def test_what_was_fitted_without_a_row_says_how_wrong_it_is():
    # By their own scores the wrong ones are all at the bottom; left out, they are all at the top.
    turned = ordered(EVEN < 0.5, left_out=EVEN[::-1])
    assert turned == [0.0]


def test_losses_need_not_be_counts():
    assert ordered(np.where(EVEN < 0.45, 0.5, 0.0))[0] == pytest.approx(0.49)


def test_one_row_is_one_threshold():
    assert ordered([0.0], scores=np.array([0.3])) == [0.3]
