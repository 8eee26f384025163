"""Recorded plans, and the decision whether one is needed, are tested offline and told by command."""

import gzip
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from llmops_plugins.backtest.plan_need import backtest_plan_need
from llmops_plugins.backtest.plans import backtest_plans, read_kinds
from llmops_plugins.cli.backtest_plans import plan_need, plans
from llmops_plugins.errors import ConfigurationError, RecordError

DATA = Path(__file__).parents[2] / "data"
ROWS = [
    {"dataset": "pets", "model": "small", "text": '1. feed("cat")\n2. stroke($1)'},
    {"dataset": "pets", "model": "small", "text": "I would rather not."},
    {
        "dataset": "pets",
        "model": "small",
        "id": 3,
        "task_nodes": [{"task": "walk", "arguments": ["<node-0>"]}],
    },
    {"dataset": "cars", "model": "small", "text": '[{"task": "wash", "id": 0, "dep": [-1], "args": {}}]'},
]


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "plans.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
    return path


@pytest.fixture
def run():
    app = typer.Typer()
    app.command("plans")(plans)
    app.command("plan-need")(plan_need)
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)


def test_plans_are_counted_by_model_and_source(recorded):
    pets, cars = backtest_plans(recorded).rows
    assert (pets.source, pets.model, pets.plans, pets.valid, pets.crashes) == ("pets", "small", 3, 1, 0)
    assert pets.complaints == {"no_plan": 1, "self_dependency": 1}
    assert (cars.source, cars.valid_share, cars.complaints) == ("cars", 1.0, {})


def test_tools_named_after_a_source_are_checked_in_its_plans_alone(recorded, tmp_path):
    tools = tmp_path / "pets_tools.json"
    tools.write_text('{"nodes": [{"id": "feed", "desc": "Feeds."}]}')
    pets, cars = backtest_plans(recorded, tools=tools).rows
    assert (pets.valid, pets.kinds_checked, pets.complaints["unknown_kind"]) == (0, True, 2)
    assert (cars.valid, cars.kinds_checked) == (1, False)


def test_tools_named_after_no_source_are_checked_in_all(recorded, tmp_path):
    tools = tmp_path / "tools.json"
    tools.write_text('[{"name": "feed"}]')
    assert [row.kinds_checked for row in backtest_plans(recorded, tools=tools).rows] == [True, True]


def test_the_command_prints_a_table_or_json(recorded, run):
    assert "pets" in run("plans", recorded).stdout
    rows = json.loads(run("plans", recorded, "--json").stdout)["rows"]
    assert [row["valid_share"] for row in rows] == [pytest.approx(1 / 3), 1.0]


@pytest.mark.parametrize(
    ("content", "error", "problem"),
    [
        ("", ConfigurationError, "plans: .* holds no plan"),
        ("[]\n", RecordError, "line 1: must be an object"),
        ("{\n", RecordError, "line 1: is not JSON"),
    ],
)
def test_a_file_without_plans_is_refused(tmp_path, content, error, problem):
    path = tmp_path / "plans.jsonl"
    path.write_text(content)
    with pytest.raises(error, match=problem):
        backtest_plans(path)


@pytest.mark.parametrize("content", ["{}", "[1]", '{"nodes": 3}', "no"])
def test_a_file_without_tools_is_refused(tmp_path, content):
    path = tmp_path / "tools.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="tools: "):
        read_kinds(path)


def test_the_decision_is_told_with_its_error_and_a_limit(run):
    result = backtest_plan_need(DATA / "plan_need_test.jsonl")
    assert result.requests == 136
    assert result.error < result.error_upper < 0.1
    assert result.in_doubt == pytest.approx(1 - result.decided / result.requests)
    printed = json.loads(run("plan-need", DATA / "plan_need_test.jsonl", "--json").stdout)
    assert printed == result.to_dict()
    assert "left in doubt" in run("plan-need", DATA / "plan_need_test.jsonl").stdout


def test_a_rule_fitted_on_the_same_requests_is_said_to_flatter(run):
    train = DATA / "plan_need_train.jsonl"
    result = backtest_plan_need(train, fit=train)
    assert result.repeated == result.requests
    assert "flatters" in run("plan-need", train, "--fit", train).stdout


def test_a_rule_fitted_on_the_training_requests_is_the_one_that_ships():
    test = DATA / "plan_need_test.jsonl"
    assert backtest_plan_need(test, fit=DATA / "plan_need_train.jsonl") == backtest_plan_need(test)


def test_a_confidence_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="confidence: must be above 0 and below 1"):
        backtest_plan_need(DATA / "plan_need_test.jsonl", confidence=1)
