"""Whether a request needs a plan is read from its text, or left in doubt; never from what it quotes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.errors import ConfigurationError, RecordError
from llmops_plugins.planning.need.features import FEATURE_NAMES, plan_features
from llmops_plugins.planning.need.fitting import fit_plan_need, read_requests
from llmops_plugins.planning.need.needs_plan import needs_plan, read_plan_need_rule, shipped_rule
from tests.timing import least_seconds

DATA = Path(__file__).parents[2] / "data"
TRAIN, TEST = DATA / "plan_need_train.jsonl", DATA / "plan_need_test.jsonl"


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("Find the latest invoice, convert its total to euros and mail it to Ann.", "yes"),
        ("Transcribe talk.mp3, summarize it, then translate the summary.", "yes"),
        ("What is the capital of Peru?", "no"),
        ("Hello there", "doubt"),
        ('Explain the proverb "find it, book it, send it, then forget it".', "no"),
        ("", "doubt"),
    ],
)
def test_a_request_is_decided_by_what_it_asks_for(text, decision):
    assert needs_plan(text).decision == decision


def test_what_is_quoted_does_not_count():
    assert (
        plan_features('Translate "find it, then send it."').commands
        == plan_features("Translate this.").commands
    )


def test_a_long_text_that_one_step_is_done_with_does_not_ask_for_a_plan_by_its_length():
    text = "Summarize: " + "the company grew in the north and shrank in the south. " * 100
    assert needs_plan(text).decision == "no"


def test_experts_that_are_described_are_counted_instead_of_sorts_of_verbs():
    experts = ["Weather forecasts by city", "Bookings of hotel rooms", "Currency conversion"]
    text = "Get the weather of Rome, check the forecast of Bari and book a hotel."
    assert plan_features(text, experts).kinds == 2
    assert plan_features(text, experts[1:2]).kinds == 1
    assert plan_features(text, ["Poems"]).kinds == 0


def test_the_rule_that_ships_is_what_the_training_requests_teach():
    assert fit_plan_need(read_requests(TRAIN)) == shipped_rule()


def test_training_and_test_requests_are_apart_and_enough():
    train, test = ({one.text for one in read_requests(path)} for path in (TRAIN, TEST))
    assert train.isdisjoint(test)
    assert len(train | test) >= 240


def test_on_requests_it_was_not_fitted_on_the_decision_is_mostly_right_and_mostly_made():
    decided = [(needs_plan(one.text).decision, one.needs_plan) for one in read_requests(TEST)]
    sure = [(decision == "yes") == needed for decision, needed in decided if decision != "doubt"]
    assert len(sure) >= 0.7 * len(decided)
    assert sum(sure) >= 0.95 * len(sure)


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=3))
def test_any_request_gets_a_probability(text, experts):
    need = needs_plan(text, experts)
    assert 0 <= need.probability <= 1
    assert len(need.features.values) == len(FEATURE_NAMES)


@pytest.mark.parametrize("unit", ["a, ", '"', "a.", "- a\n", "then ", "a-", "“", "1) a\n"])
def test_deciding_takes_no_time_even_on_a_text_made_to_be_slow(unit):
    assert least_seconds(lambda: needs_plan(unit * 100_000), 1) < 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"weights": {}}, "weights must be those of"),
        ({"no_below": 0.9}, "no_below must be at most yes_from"),
        ({"format": 2}, "is a rule of plan need of format 2"),
    ],
)
def test_a_rule_that_is_none_is_refused_in_a_sentence(tmp_path, change, problem):
    path = tmp_path / "rule.json"
    path.write_text(json.dumps({**shipped_rule().model_dump(), **change}))
    with pytest.raises(ConfigurationError, match=problem):
        read_plan_need_rule(path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 1: is not JSON"),
        ('{"text": " ", "needs_plan": 1}', "needs a text"),
        ('{"text": "a", "needs_plan": 2}', "needs_plan of 0 or 1"),
        ('{"text": "a", "needs_plan": "1"}', "needs_plan of 0 or 1"),
    ],
)
def test_a_line_that_is_no_request_is_refused_by_number(tmp_path, line, problem):
    path = tmp_path / "requests.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(RecordError, match=problem):
        read_requests(path)


def test_requests_that_are_all_of_one_sort_teach_nothing():
    with pytest.raises(ConfigurationError, match="fit: must hold requests that need a plan and"):
        fit_plan_need([one for one in read_requests(TRAIN) if one.needs_plan])
