import pytest

from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.records.reading import read_records
from llmops_plugins.records.singles import Single, best_single, singles


@pytest.fixture
def prices():
    return PriceBook(ModelRegistry([ModelSpec(name="priced", prices=(Price(input=1.0, output=2.0),))]))


def test_every_model_has_its_accuracy_and_cost_over_what_it_answered(write_records, answer, prices):
    rows = read_records(
        write_records(
            [
                {"a": answer("x", 1.0, 0.5), "priced": answer("x", 0.5, None)},
                {"a": answer("x", 0.0, 0.25), "unknown-to-all-lists": answer("x", 1.0, None)},
            ]
        )
    ).rows
    found = singles(rows, prices)
    assert found["a"] == Single(accuracy=0.5, cost_usd=0.75, questions=2)
    assert found["priced"].cost_usd == pytest.approx(10e-6 + 5 * 2e-6)
    assert found["unknown-to-all-lists"].cost_usd is None


def test_a_recorded_cost_goes_before_a_price_and_missing_tokens_have_none(write_records, answer, prices):
    (row,) = read_records(write_records([{"priced": answer("x", 1.0, 3.0)}])).rows
    assert singles([row], prices)["priced"].cost_usd == 3.0
    (row,) = read_records(write_records([{"priced": answer("x", 1.0, None, output_tokens=None)}])).rows
    assert singles([row], prices)["priced"].cost_usd is None


def single(accuracy, cost_usd=1.0, questions=10):
    return Single(accuracy=accuracy, cost_usd=cost_usd, questions=questions)


@pytest.mark.parametrize(
    "found",
    [
        {"best": single(0.9), "other": single(0.8, 0.1)},
        {"best": single(0.9, 0.5), "other": single(0.9, 0.6)},
        {"best": single(0.9, 0.5), "other": single(0.9, None)},
        {"best": single(0.9, None), "other": single(0.8, 0.1)},
        {"best": single(0.6), "skips what is hard": single(1.0, questions=9)},
    ],
)
def test_the_best_single_model(found):
    assert best_single(found) == "best"
    assert best_single(dict(reversed(found.items()))) == "best"
