import pytest

from llmops_plugins.backtest.tiers import parse_tiers
from llmops_plugins.errors import ConfigurationError, UnknownModelError
from llmops_plugins.records.reading import read_records


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
