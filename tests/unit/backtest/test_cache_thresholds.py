import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.backtest.cache_look_ups import pairs_from_stream
from llmops_plugins.backtest.cache_requests import StreamRequest
from llmops_plugins.backtest.cache_search import StoredRows, cosines_to_earlier
from llmops_plugins.backtest.cache_thresholds import THRESHOLDS, fixed_thresholds


def asked(*intents):
    return [StreamRequest(text=f"text {number}", intent=intent) for number, intent in enumerate(intents)]


def unit(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_served_request_is_not_stored():
    # 50 degrees apart, the third is near the second; but the second was served from the first.
    result = fixed_thresholds(asked("a", "a", "a"), unit(0, 30, 60), [0.8])
    assert result.served.tolist() == [[False, True, False]]
    assert result.nearest.tolist() == [[-1, 0, 0]]


def test_a_hit_is_wrong_where_intents_differ_and_always_where_there_is_none():
    result = fixed_thresholds(asked("a", "b", "oos", "oos", "a"), unit(0, 1, 90, 91, 2), [0.9])
    assert result.served.tolist() == [[False, True, False, True, True]]
    assert result.wrong.tolist() == [[False, True, False, True, False]]


def test_equal_texts_are_served_whatever_the_rounding():
    vectors = np.full((2, 3), 1 / np.sqrt(3), dtype=np.float32)
    assert fixed_thresholds(asked("a", "a"), vectors, [1.0]).served.tolist() == [[False, True]]


def test_the_best_threshold_serves_most_of_those_that_are_wrong_seldom_enough():
    result = fixed_thresholds(asked("a", "a", "b"), unit(0, 10, 40), [0.5, 0.9, 0.999])
    assert result.served.sum(1).tolist() == [2, 1, 0]
    assert result.best(0.0) == 1
    assert result.best(1.0) == 0
    assert fixed_thresholds(asked("a", "b"), unit(0, 0), [0.9]).best(0.1) is None


@given(st.lists(st.integers(0, 359), min_size=2, max_size=20), st.sampled_from(THRESHOLDS))
def test_many_thresholds_at_once_do_what_each_does_alone(degrees, threshold):
    requests, vectors = asked(*(str(one // 30) for one in degrees)), unit(*degrees)
    together, alone = fixed_thresholds(requests, vectors), fixed_thresholds(requests, vectors, [threshold])
    place = THRESHOLDS.index(threshold)
    assert together.served[place].tolist() == alone.served[0].tolist()
    assert together.nearest[place].tolist() == alone.nearest[0].tolist()
    stored = []
    for row, served in enumerate(alone.served[0]):
        nearest = max((float(vectors[one] @ vectors[row]) for one in stored), default=-1.0)
        assert served == (nearest >= threshold) or nearest == pytest.approx(threshold, abs=1e-5)
        if not served:
            stored.append(row)


def test_cosines_are_to_earlier_rows_only_also_across_blocks():
    vectors = unit(*range(300))
    found = list(cosines_to_earlier(vectors))
    assert [len(row) for row in found] == list(range(300))
    assert found[299] == pytest.approx(vectors[:299] @ vectors[299], abs=1e-5)


def test_each_look_up_of_a_stream_becomes_a_labelled_pair():
    requests = [*asked("a", "b", "oos"), StreamRequest(text="text 0", intent="a"), *asked("oos")]
    pairs = pairs_from_stream(requests, unit(0, 30, 90, 0, 89))
    assert [(pair.a, pair.b, pair.same) for pair in pairs] == [
        ("text 0", "text 1", False),
        ("text 1", "text 2", False),
        ("text 2", "text 0", False),  # the exact repeat before it is no look-up
    ]


def test_a_look_up_knows_what_the_stored_answers_around_it_are():
    [*_, last] = pairs_from_stream(asked("a", "b", "oos", "oos", "a"), unit(0, 40, 90, 140, 10))
    margin, other, *_ = last.neighbourhood
    assert (last.a, last.same) == ("text 0", True)
    assert (margin, other) == pytest.approx(
        (np.cos(np.radians(10)) - np.cos(np.radians(30)), np.cos(np.radians(30))), abs=1e-5
    )


def test_the_nearest_stored_rows_come_first():
    stored = StoredRows(5)
    for row in (0, 2, 3):
        stored.add(row)
    cosines = np.array([0.1, 0.9, 0.5, 0.7], dtype=np.float32)
    assert stored.nearest(cosines, 2) == [3, 2]
    assert stored.nearest(cosines, 8) == [3, 2, 0]
