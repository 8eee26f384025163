import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.backtest.cache_baselines import (
    GPTCACHE_THRESHOLD,
    served_at_most,
    shares_at,
    threshold_baseline,
    threshold_for,
)
from llmops_plugins.bounds import binomial_upper

rows = st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.booleans()), min_size=2, max_size=60).filter(
    lambda some: {same for _, same, _ in some} == {True, False}
)


def arrays(some):
    scores, same, allowed = zip(*some, strict=True)
    return np.array(scores) / 20, np.array(same), np.array(allowed)


@given(rows, st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_no_threshold_serves_more_same_pairs_within_the_share_of_different_ones(some, share):
    scores, same, allowed = arrays(some)

    def at(threshold):
        served = (scores >= threshold) & allowed
        return (served & same).sum() / same.sum(), (served & ~same).sum() / (~same).sum()

    best = max((at(one)[0] for one in np.unique(scores) if at(one)[1] <= share), default=0.0)
    threshold, served_same = served_at_most(share, scores, same, allowed)
    assert served_same == pytest.approx(best)
    if threshold is not None:
        assert at(threshold) == (pytest.approx(served_same), pytest.approx(at(threshold)[1]))
        assert at(threshold)[1] <= share


def test_equal_scores_are_served_together_or_not_at_all():
    scores, same = np.array([0.9, 0.9, 0.5]), np.array([True, False, False])
    assert served_at_most(0.02, scores, same) == (None, 0.0)
    assert served_at_most(0.5, scores, same) == (0.9, 1.0)


def test_the_curve_is_given_at_four_shares():
    shares = shares_at(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]))
    assert shares == {"0.005": 0.5, "0.01": 0.5, "0.02": 0.5, "0.05": 0.5}


@settings(max_examples=10)
@given(rows, st.sampled_from([0.05, 0.2, 0.5]))
def test_a_threshold_chosen_with_care_keeps_its_bound_and_no_lower_one_does(some, max_error):
    cosines, same, _ = arrays(some * 5)

    def upper(threshold):
        served = cosines >= threshold
        return binomial_upper(int((served & ~same).sum()), int(served.sum()), 0.9)

    chosen = threshold_for(cosines, same, max_error, 0.9)
    if chosen is not None:
        assert upper(chosen) <= max_error
    lower = [one for one in np.round(np.arange(200) * 0.005, 3) if chosen is None or one < chosen]
    assert all(upper(one) > max_error for one in lower)


def test_gptcache_serves_from_eight_tenths_of_its_largest_score():
    distance = 2 - 2 * GPTCACHE_THRESHOLD  # squared, of vectors of norm 1
    assert 4 - distance == pytest.approx(0.8 * 4)


def test_a_threshold_that_nothing_keeps_serves_nothing():
    nothing = threshold_baseline(None, np.array([1.0, 0.9]), np.array([True, False]))
    assert (nothing.served_same, nothing.served_different, nothing.wrong_of_served) == (0.0, 0.0, None)
    some = threshold_baseline(0.9, np.array([1.0, 0.9, 0.2]), np.array([True, False, True]))
    assert (some.served_same, some.served_different, some.wrong_of_served) == (0.5, 1.0, 0.5)
