import pytest

from llmops_plugins.backtest.tiers import choose_tiers, parse_tiers
from llmops_plugins.errors import ConfigurationError, UnknownModelError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import read_records

PRICES = PriceBook(None)


def choose(rows):
    return choose_tiers(rows, PRICES, lambda text: text or None)


@pytest.fixture
def records(write_records, answer):
    return read_records(write_records([{name: answer("4", 1.0) for name in ("small", "medium", "large")}]))


def test_tiers_as_written(records):
    assert parse_tiers(" small + medium , large ", records) == [["small", "medium"], ["large"]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty tier"),
        ("small+medium,", "empty tier"),
        ("small++medium,large", "empty tier"),
        ("large", "is one tier"),
        ("small,large", "join them"),
        ("small+medium,medium+large", "give it one model"),
    ],
)
def test_tiers_that_make_no_cascade_are_refused(records, text, problem):
    with pytest.raises(ConfigurationError, match=f"^tiers: .*{problem}"):
        parse_tiers(text, records)


def test_an_unknown_model_is_named_with_those_there_are(records):
    with pytest.raises(UnknownModelError, match=r"^tiers: 'tiny' .* large, medium, small"):
        parse_tiers("tiny+small,large", records)


def rows_of(write_records, answer, **texts):
    """Rows in which the dear model is right and each cheap one says what its texts say, costing its price."""
    prices = {"a": 1.0, "b": 2.0, "c": 3.0, "best": 100.0}
    count = len(next(iter(texts.values())))
    rows = []
    for number in range(count):
        said = {name: text[number] for name, text in texts.items()} | {"best": "y"}
        rows.append({name: answer(text, float(text == "y"), prices[name]) for name, text in said.items()})
    return read_records(write_records(rows)).rows


def test_the_pair_whose_cascade_is_cheapest_is_chosen_not_the_cheapest_pair(write_records, answer):
    rows = rows_of(write_records, answer, a="nnyyp", b="yyynq", c="yyyyr")
    # a and b agree only on the third; b and c on the first three, and are right there.
    assert choose(rows) == [["b", "c"], ["best"]]


def test_no_pair_is_chosen_that_agrees_on_what_is_wrong(write_records, answer):
    assert choose(rows_of(write_records, answer, a="nnny", b="nnny")) is None


def test_no_pair_is_chosen_that_costs_more_than_the_best_model_alone(write_records, answer):
    assert choose(rows_of(write_records, answer, a="yyyy", b="nnnn")) is None


def test_models_without_a_price_text_or_every_answer_are_left_out(write_records, answer):
    rows = rows_of(write_records, answer, a="yyyn", b="yyyq")
    assert choose(rows) == [["a", "b"], ["best"]]
    unpriced = {name: answer("y", 1.0, None) for name in ("a", "b", "best")}
    assert choose(read_records(write_records([unpriced])).rows) is None
    silent = {name: answer(None, 1.0, cost) for name, cost in (("a", 1.0), ("b", 1.0), ("best", 9.0))}
    assert choose(read_records(write_records([silent])).rows) is None
    partial = [{name: answer("y", 1.0, cost) for name, cost in (("a", 1.0), ("best", 9.0))}] * 2
    partial[0] = partial[0] | {"b": answer("y", 1.0, 1.0)}
    assert choose(read_records(write_records(partial)).rows) is None
