"""The small network learns what no weighing of its inputs can tell, and the same from the same seed."""

import numpy as np

from llmops_plugins.caching.pair_network import fit_network


def exclusive_or(rows=2_000, seed=0):
    """Whether the first two inputs have different signs; the third says nothing."""
    values = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    return values, (values[:, 0] * values[:, 1] < 0).astype(np.float32)


def numbers(network):
    return [part.tolist() for part in (network.into, network.hidden_bias, network.out, network.bias)]


def test_it_learns_what_is_not_linear():
    network = fit_network(*exclusive_or(), seed=0)
    values, targets = exclusive_or(seed=1)
    assert np.mean((network.log_odds(values) > 0) == targets) > 0.85


def test_the_same_seed_gives_the_same_and_another_another():
    values, targets = exclusive_or(300)
    assert numbers(fit_network(values, targets, 1)) == numbers(fit_network(values, targets, 1))
    assert numbers(fit_network(values, targets, 1)) != numbers(fit_network(values, targets, 2))


def test_few_rows_and_one_kind_of_them_give_finite_log_odds():
    values, _ = exclusive_or(3)
    for target in (0, 1):
        network = fit_network(values, np.full(3, target, np.float32), 0)
        assert np.isfinite(network.log_odds(values * 1e3)).all()


def test_log_odds_of_a_row_do_not_depend_on_the_rows_beside_it():
    values, targets = exclusive_or(300)
    network = fit_network(values, targets, 0)
    alone = [float(network.log_odds(row[None])[0]) for row in values[:20]]
    np.testing.assert_allclose(network.log_odds(values)[:20], alone, atol=1e-5)
