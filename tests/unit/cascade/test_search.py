"""Which cascades are looked at, and that each is measured on rows it was not fitted on; simulated."""

import numpy as np
import pytest

from llmops_plugins.cascade.search import Search, find_reference
from llmops_plugins.cascade.stopping import Order
from llmops_plugins.errors import ConfigurationError

SIX = {"a": (0.85, 0.04), "b": (0.8, 0.03), "c": (0.75, 0.02), "d": (0.6, 0.01), "e": (0.5, 0.3)}


def search(traffic):
    rows = np.arange(len(traffic))
    return Search(traffic, rows, find_reference(traffic, rows))


@pytest.fixture(scope="module")
def six(simulation):
    models = {name: simulation.model(*facts) for name, facts in SIX.items()}
    return simulation.traffic({**models, "large": simulation.model(0.95, 1.0)}, rows=300)


def test_the_reference_is_the_most_accurate_model_and_of_equals_the_cheaper(simulation):
    traffic = simulation.traffic(rows=300)
    reference = find_reference(traffic, np.arange(300))
    assert reference.model == 2
    assert reference.by_accuracy == (2, 0, 1)
    assert reference.cost == pytest.approx(traffic.costs[:, 2].mean())
    traffic.scores[:, 1] = traffic.scores[:, 2]
    assert find_reference(traffic, np.arange(300)).model == 1


def test_the_reference_is_looked_for_on_the_rows_given(simulation):
    traffic = simulation.traffic(rows=300)
    traffic.scores[200:, 0], traffic.scores[200:, 2] = 1.0, 0.0
    assert find_reference(traffic, np.arange(200)).model == 2
    assert find_reference(traffic, np.arange(200, 300)).model == 0


def test_a_best_model_that_costs_nothing_is_refused_because_there_is_nothing_to_save(simulation):
    traffic = simulation.traffic(rows=100)
    traffic.costs[:, 2] = 0.0
    with pytest.raises(ConfigurationError, match="prices: large is the best single model and costs nothing"):
        find_reference(traffic, np.arange(100))


def test_pairs_are_asked_at_once_and_extended_by_a_third_and_no_model_is_asked_twice(six):
    orders = {candidate.order for candidate in search(six).candidates()}
    assert {tuple(map(len, order.groups)) for order in orders} == {(1,), (2,), (2, 1)}
    for order in orders:
        asked = order.asked(len(order.groups))
        assert len({*asked, order.last}) == len(asked) + 1
        assert order.size == len(asked)


def test_only_five_models_that_are_cheap_are_combined(simulation):
    cheap = {f"m{number}": simulation.model(0.5 + number / 20, 0.02) for number in range(7)}
    models = {**cheap, "dear": simulation.model(0.9, 0.6), "large": simulation.model(0.97, 1.0)}
    found = search(simulation.traffic(models, rows=200)).candidates()
    asked = {model for one in found for model in one.order.asked(2)}
    assert asked == {2, 3, 4, 5, 6}  # neither the two worst nor the one at half of the last one's price


def test_without_a_cheap_model_there_is_nothing_to_look_at(simulation):
    models = {"one": simulation.model(0.9, 1.0), "other": simulation.model(0.5, 0.9)}
    assert search(simulation.traffic(models, rows=100)).candidates() == []


def test_what_is_measured_is_what_independent_models_come_to(simulation):
    found = search(simulation.traffic(rows=3000, shared_error=0.5)).candidates()
    pair = [one for one in found if one.order == Order(((0, 1),), 2)]
    agree = 0.85 * 0.8 + 0.15 * 0.2 * 0.25
    in_error = 0.15 * 0.2 * 0.25 / agree
    staying = min(pair, key=lambda one: abs(one.cost_ratio - 0.07 - (1 - agree)))
    assert staying.cost_ratio == pytest.approx(0.07 + 1 - agree, abs=0.03)
    assert staying.risk == pytest.approx(agree * in_error * 0.93, abs=0.006)
    accuracy = agree * (1 - in_error) + (1 - agree) * 0.93
    assert -staying.loss == pytest.approx(accuracy - 0.93, abs=0.02)


def test_the_more_a_right_answer_may_cost_the_more_a_cascade_costs(simulation):
    traffic = simulation.traffic(rows=600)
    single = sorted(
        (one for one in search(traffic).candidates() if one.order == Order(((0,),), 2)),
        key=lambda one: one.usd_a_right_answer,
    )
    assert len(single) == 6
    assert [one.cost_ratio for one in single] == sorted(one.cost_ratio for one in single)


def test_no_cascade_is_measured_on_a_row_its_rules_were_fitted_on(simulation, monkeypatch):
    from llmops_plugins.cascade import search as module

    seen = []

    def watched(traffic, rows, by_accuracy, order, rules):
        seen.append(rows)
        return apply_rules(traffic, rows, by_accuracy, order, rules)

    apply_rules = module.apply_rules
    monkeypatch.setattr(module, "apply_rules", watched)
    looked = search(simulation.traffic(rows=101))
    looked.candidates()
    for fitter, rows in looked._folds:
        assert not set(fitter.rows) & set(rows)
        assert len(fitter.rows) + len(rows) == 101
    assert sorted(np.concatenate([rows for _, rows in looked._folds])) == list(range(101))
    assert sorted(np.concatenate(seen[:4])) == list(range(101))


def test_an_order_is_brought_to_the_cost_asked_for(simulation):
    traffic = simulation.traffic(rows=600)
    looked = search(traffic)
    found = looked.at_cost(looked.candidates(), 0.3)
    within = [one for one in found if one.cost_ratio <= 0.3]
    assert within
    assert max(one.cost_ratio for one in within) > 0.1
