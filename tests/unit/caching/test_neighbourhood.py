"""Near questions with the same answer speak for a candidate, those with another one against it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.caching.neighbourhood import NEIGHBOURHOOD, normalized_answer, surroundings

NAMES = list(NEIGHBOURHOOD)
SIZES = st.integers(2, 8)


def drawn(size, seed):
    """Vectors of a question and candidates of one topic, as near questions are, with one of three answers."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(size + 1, 16)) * 0.25
    rows[:, 0] += 1
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows[1:] @ rows[0], list(random.choice(["yes", "no", "perhaps"], size)), rows[1:]


def towards_same(features):
    return features * np.array(list(NEIGHBOURHOOD.values()))


@given(SIZES, st.integers(0, 10_000), st.data())
def test_another_candidate_that_comes_to_agree_speaks_for_one(size, seed, data):
    cosines, answers, vectors = drawn(size, seed)
    another = data.draw(st.integers(1, size - 1))
    answers[0], answers[another], answers[(another + 1) % size or 1] = "mine", "other", "other"
    if "other" not in [*answers[1:another], *answers[another + 1 :]]:
        return  # then none is against it any more, which is another matter
    before = surroundings(cosines, answers, vectors)[0]
    after = surroundings(cosines, [*answers[:another], "mine", *answers[another + 1 :]], vectors)[0]
    assert (towards_same(after) >= towards_same(before) - 1e-12).all()
    assert after[NAMES.index("entries that agree")] > before[NAMES.index("entries that agree")]


@given(SIZES, st.integers(0, 10_000), st.randoms())
def test_the_order_of_candidates_does_not_matter(size, seed, random):
    cosines, answers, vectors = drawn(size, seed)
    order = random.sample(range(size), size)
    found = surroundings(cosines[order], [answers[place] for place in order], vectors[order])
    np.testing.assert_allclose(found, surroundings(cosines, answers, vectors)[order], atol=1e-9)


def test_the_nearer_another_answer_the_less_likely_is_ones_own():
    angles = [np.array([[np.cos(one), np.sin(one)] for one in (0.1, other)]) for other in (0.2, 0.8)]
    near, far = (dict(zip(NAMES, surroundings(of[:, 0], "ab", of)[0], strict=True)) for of in angles)
    for name, direction in NEIGHBOURHOOD.items():
        assert (far[name] - near[name]) * direction >= 0, name
    assert near["margin to another answer"] == pytest.approx(np.cos(0.1) - np.cos(0.2))
    assert near["cosine of another answer"] == pytest.approx(np.cos(0.2))
    assert near["own margin to another answer"] == pytest.approx(np.cos(0.1) - np.cos(0.1))


def test_one_candidate_alone_has_finite_features():
    found = surroundings([0.9], ["a"], np.array([[1.0, 0.0]]))
    assert found.shape == (1, len(NAMES))
    assert np.isfinite(found).all()
    assert found[0, 0] == pytest.approx(0.02)  # taken to be a little nearer than an answer not seen


def test_no_candidate_has_none():
    assert surroundings([], [], np.empty((0, 2))).shape == (0, len(NAMES))


def test_answers_are_equal_whatever_their_case_and_spacing():
    assert normalized_answer("  It is\nOPEN ") == normalized_answer("it is open")
    assert normalized_answer("It is open.") != normalized_answer("It is shut.")
