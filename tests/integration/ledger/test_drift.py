"""Answers of a calibrated cascade asked again: what the ledger says of the bound, and of what it took."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from langchain.agents import create_agent

from llmops_plugins import CascadeMiddleware, CascadePolicy, CostLedger, ModelRegistry, ModelSpec, Price
from llmops_plugins.background import BACKGROUND
from llmops_plugins.bounds import always_valid_upper
from llmops_plugins.cascade.policy import MeasuredOn, PolicyStage, RiskBound, Value
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.evidence import evidence_names

PRICES = {"small": 1.0, "medium": 2.0, "large": 100.0}  # USD per million tokens; a call has 15
COST = {name: 15 * price * 1e-6 for name, price in PRICES.items()}
REGISTRY = ModelRegistry(
    [ModelSpec(name=name, prices=(Price(input=price, output=price),)) for name, price in PRICES.items()]
)
TIER = ("small", "medium")


def policy(*, bound=0.3, accepted=0.8, data="by hand"):
    """Two models are asked at once; where they agree their answer is used, but narrowly."""
    nothing = dict.fromkeys(evidence_names(TIER), 0.0)
    agreed = Value(intercept=0.0, weights={**nothing, "all agree": 0.9})
    return CascadePolicy(
        stages=(
            PolicyStage(ask=TIER, stay=agreed, go_on=None, ask_last=Value(intercept=0.87, weights=nothing)),
        ),
        last="large",
        by_accuracy=TIER,
        bound=RiskBound(
            max_risk=None,
            confidence=0.9,
            rows=100,
            risk=0.0,
            risk_upper=0.05,
            accepted=accepted,
            differing=bound / 2,
            differing_upper=bound,
        ),
        measured_on=MeasuredOn(
            fingerprint=data,
            rows=100,
            reference_accuracy=0.9,
            expected_accuracy=0.9,
            expected_cost_ratio=0.2,
        ),
    )


def agent_of(
    *, small=("42",), medium=("42",), large=("42",), bound=0.3, accepted=0.8, share=1.0, data="by hand"
):
    replies = {"small": small, "medium": medium, "large": large}
    models = {name: ScriptedChatModel(model_name=name, replies=said) for name, said in replies.items()}
    cascade = CascadeMiddleware(
        policy=policy(bound=bound, accepted=accepted, data=data), models=models, recheck_share=share
    )
    return create_agent(models["large"], middleware=[cascade])


def ask(agent, *ledgers, times=1):
    for _ in range(times):
        agent.invoke({"messages": [("user", "?")]}, {"callbacks": list(ledgers)})
        assert BACKGROUND.drain()  # so that the next question is decided by what this one showed


@pytest.fixture
def open_ledger(tmp_path):
    opened = []

    def open_one(**settings):
        opened.append(CostLedger(f"sqlite:///{tmp_path}/ledger.db", registry=REGISTRY, **settings))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger):
    return open_ledger()


def test_the_report_says_how_often_accepted_answers_differ_and_what_asking_again_cost(ledger):
    ask(agent_of(large=["42", "42", "42", "43"]), ledger, times=4)
    (row,) = ledger.report().drift
    upper = always_valid_upper(1, 4, 0.9)
    assert (row.capability, row.checked, row.differing) == ("cascade", 4, 1)
    assert (row.bound, row.accepted, row.confidence) == (0.3, 0.8, 0.9)
    assert row.differing_lower < 0.25 < row.differing_upper == pytest.approx(upper)
    assert row.risk_upper == pytest.approx(0.8 * upper)
    assert (row.holds, row.breaches, row.last_breach) == (None, 0, None)
    assert (row.cost_usd, row.unpriced) == (pytest.approx(4 * COST["large"]), 0)


def test_enough_equal_answers_show_that_the_bound_holds(ledger):
    ask(agent_of(bound=0.5), ledger, times=9)
    (row,) = ledger.report().drift
    assert row.holds
    assert row.differing_upper <= 0.5
    assert not [note for note in ledger.report().notes if "bound" in note]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_nothing_was_asked_again_nothing_is_said(ledger, share):
    ask(agent_of(medium=["41"], share=share), ledger)  # the two differ, so the last model answers
    ask(agent_of(share=0.0), ledger)
    assert ledger.report().drift == []


def test_the_bill_is_answers_rejected_replies_and_rechecks_and_no_saving_counts_a_recheck(ledger):
    # Two questions are accepted and asked again; at the third the two differ, and large answers.
    ask(agent_of(medium=["42", "42", "41"]), ledger, times=3)
    report = ledger.report(by=["model", "kind"])
    answered, rejected = 2 * COST["small"] + COST["large"], COST["small"] + 3 * COST["medium"]
    rechecked = 2 * COST["large"]
    assert report.totals.cost_usd == pytest.approx(answered + rejected + rechecked)
    assert report.totals.hidden_cost_usd == pytest.approx(rejected + rechecked)
    assert report.drift[0].cost_usd == pytest.approx(rechecked)

    found = {(row.outcome, row.mode): row for row in report.decisions}
    assert found["rechecked", "shadow"].spent_usd == pytest.approx(rechecked)
    assert found["rechecked", "shadow"].saved_usd == pytest.approx(-rechecked)
    # As with all shadow work the savings are those of the decisions that acted; its cost stands beside them.
    acted = report.totals.saved_measured_usd + report.totals.saved_estimated_usd
    without_the_cascade = 3 * COST["large"]
    assert acted == pytest.approx(without_the_cascade - (report.totals.cost_usd - rechecked))
    assert acted + found["rechecked", "shadow"].saved_usd == pytest.approx(
        without_the_cascade - report.totals.cost_usd
    )


@pytest.mark.parametrize(
    ("kinds", "kind"), [(None, "step"), ({"model": "answer"}, "answer"), ({"model": "judge"}, "judge")]
)
def test_what_was_asked_again_is_hidden_whatever_its_node_is_for(open_ledger, kinds, kind):
    ledger = open_ledger(kinds=kinds)
    ask(agent_of(), ledger)
    (call,) = (one for one in ledger.trace().calls if one.model == "large")
    assert (call.kind, call.hidden, call.rejected) == (kind, True, False)


def test_async_rechecks_are_counted_too(ledger):
    async def ask_and_finish():
        await agent_of().ainvoke({"messages": [("user", "?")]}, {"callbacks": [ledger]})
        assert await BACKGROUND.adrain()

    asyncio.run(ask_and_finish())
    assert ledger.report().drift[0].checked == 1


def test_a_breach_is_in_the_report_with_its_time_and_what_to_do(ledger):
    ask(agent_of(large=["43"], bound=0.1), ledger, times=2)
    report = ledger.report()
    (row,) = report.drift
    assert (row.checked, row.differing, row.breaches, row.holds) == (2, 2, 1, False)
    assert datetime.now(UTC) - datetime.fromisoformat(row.last_breach) < timedelta(minutes=1)
    (note,) = (one for one in report.notes if "bound" in one)
    assert "breached once" in note
    assert row.last_breach in note
    assert "Calibrate anew" in note
    assert json.loads(json.dumps(report.to_dict()))["drift"][0]["breaches"] == 1


def test_a_breach_is_logged_once_also_where_nobody_listens(caplog):
    agent = agent_of(large=["43"], bound=0.1)
    with caplog.at_level(logging.INFO, logger="llmops_plugins"):
        ask(agent, times=4)  # from the breach on more is escalated, so nothing is asked again
    (record,) = (one for one in caplog.records if one.name == "llmops_plugins.cascade.recheck")
    assert record.levelno == logging.WARNING
    assert "2 of 2 accepted answers differ" in record.message
    assert "calibrate anew" in record.message


def test_processes_that_each_see_too_little_show_it_together(open_ledger):
    for _ in range(2):  # each agent counts for itself, as each process does
        with open_ledger() as ledger:
            ask(agent_of(large=["43"], bound=0.1), ledger)
    report = open_ledger().report()
    (row,) = report.drift
    assert (row.checked, row.differing, row.breaches, row.holds) == (2, 2, 0, False)
    (note,) = (one for one in report.notes if "bound" in one)
    assert "over all processes at least" in note


def test_what_another_calibration_showed_is_not_added(ledger):
    ask(agent_of(large=["43"], bound=0.1), ledger, times=2)
    ask(agent_of(bound=0.2), ledger, times=3)
    assert [(row.bound, row.checked, row.differing) for row in ledger.report().drift] == [
        (0.1, 2, 2),
        (0.2, 3, 0),
    ]


def test_calibrations_that_came_out_alike_on_other_data_are_two(ledger):
    ask(agent_of(large=["43"], data="last month's"), ledger)
    ask(agent_of(data="this month's"), ledger, times=2)
    found = ledger.report().drift
    assert [(row.data_fingerprint, row.checked, row.differing) for row in found] == [
        ("last month's", 1, 1),
        ("this month's", 2, 0),
    ]


def test_only_the_reports_period_and_conversation_count(ledger):
    ask(agent_of(), ledger)
    assert ledger.report(since=datetime.now(UTC) + timedelta(hours=1)).drift == []
    assert ledger.report(thread="another").drift == []


def test_a_recheck_without_a_price_has_no_known_cost(tmp_path):
    ledger = CostLedger(f"sqlite:///{tmp_path}/unpriced.db")
    ask(agent_of(), ledger)
    (row,) = ledger.report().drift
    assert (row.checked, row.cost_usd, row.unpriced) == (1, None, 1)
    ledger.close()
