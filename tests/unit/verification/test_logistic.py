"""Log odds are fitted as their definition says, stay finite, and keep to natural directions where asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.verification.logistic import LogOdds, fit_logistic, fit_signed_logistic


def drawn(weights, rows=4_000, seed=0):
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, len(weights)))
    odds = LogOdds(-0.5, np.array(weights)).of(values)
    return values, (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)


def test_it_finds_the_weights_the_rows_were_drawn_with():
    fitted = fit_logistic(*drawn([1.0, -2.0, 0.0]), ridge=0.01)
    np.testing.assert_allclose(fitted.weights, [1.0, -2.0, 0.0], atol=0.2)
    assert fitted.intercept == pytest.approx(-0.5, abs=0.15)


def test_the_units_of_a_feature_do_not_matter():
    values, scores = drawn([1.0, -2.0], rows=300)
    fitted = fit_logistic(values, scores, 5.0)
    scaled = fit_logistic(values * [1_000, 0.01] + [7, -3], scores, 5.0)
    np.testing.assert_allclose(scaled.of(values * [1_000, 0.01] + [7, -3]), fitted.of(values), atol=1e-5)


def test_a_larger_ridge_makes_smaller_weights_and_leaves_the_mean():
    values, scores = drawn([1.0, -2.0], rows=300)
    sizes = [np.abs(fit_logistic(values, scores, ridge).weights).sum() for ridge in (0.1, 10, 1_000)]
    assert sizes == sorted(sizes, reverse=True)
    expected = 1 / (1 + np.exp(-fit_logistic(values, scores, 1e9).of(values)))
    np.testing.assert_allclose(expected, scores.mean(), atol=0.01)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_rows_that_are_all_right_or_all_wrong_give_finite_log_odds(score):
    values = np.random.default_rng(0).normal(size=(10, 2))
    odds = fit_logistic(values, np.full(10, score), 1.0).of(values)
    assert np.isfinite(odds).all()
    assert ((odds > 0) == bool(score)).all()


@settings(max_examples=50)
@given(st.integers(2, 30), st.integers(0, 5), st.integers(0, 10_000), st.sampled_from([1.0, 1e-6, 1e6]))
def test_any_rows_give_finite_weights(rows, features, seed, size):
    random = np.random.default_rng(seed)
    values = random.standard_cauchy((rows, features)) * size
    if features:
        values[:, 0] = 3.7  # never varies
    fitted = fit_logistic(values, random.random(rows), 1.0)
    assert np.isfinite([fitted.intercept, *fitted.weights]).all()
    assert not features or fitted.weights[0] == 0


def test_rows_that_a_feature_tells_apart_entirely_give_finite_weights():
    values = np.linspace(-1, 1, 40)[:, None]
    fitted = fit_logistic(values, (values[:, 0] > 0).astype(float), 1e-3)
    assert np.isfinite(fitted.weights).all()
    assert fitted.weights[0] > 1


# --- natural directions --------------------------------------------------------------------------


def test_where_every_feature_counts_as_it_should_it_is_the_same_fit():
    values, scores = drawn([1.0, -2.0])
    signed = fit_signed_logistic(values, scores, 1.0, np.array([1.0, -1.0]))
    np.testing.assert_allclose(signed.weights, fit_logistic(values, scores, 1.0).weights)


@given(st.integers(0, 10_000))
@settings(max_examples=50)
def test_no_weight_is_against_its_direction_and_what_has_none_weighs_nothing(seed):
    random = np.random.default_rng(seed)
    signs = random.integers(-1, 2, 6).astype(float)
    values = random.normal(size=(60, 6)) @ random.normal(size=(6, 6))  # all correlated
    fitted = fit_signed_logistic(values, random.random(60), 1.0, signs)
    assert (fitted.weights * signs >= 0).all()
    assert (fitted.weights[signs == 0] == 0).all()


def test_a_feature_left_out_leaves_the_others_what_they_can_tell():
    values, scores = drawn([1.0, 2.0])
    fitted = fit_signed_logistic(values, scores, 1.0, np.array([-1.0, 1.0]))
    assert fitted.weights[0] == 0
    assert fitted.weights[1] == pytest.approx(fit_logistic(values[:, 1:], scores, 1.0).weights[0])


def test_where_all_is_against_its_direction_only_the_mean_is_left():
    values, scores = drawn([1.0, 2.0])
    fitted = fit_signed_logistic(values, scores, 1.0, np.array([-1.0, -1.0]))
    assert not fitted.weights.any()
    assert 1 / (1 + np.exp(-fitted.intercept)) == pytest.approx(scores.mean(), abs=0.01)
