"""That the parts fit: a hierarchy that answers by code, its sandbox, demonstrations, ledger and report.

The assistants are scripted to need a demonstration in their prompt, so nothing here says what a hierarchy
saves.
"""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import select

pytest.importorskip("pydantic_monty", reason="the sandbox's extra is not installed")

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import CALLS
from llmops_plugins.verification.execution import ExecutionSucceeded
from tests.integration.hierarchy.world import FAMILIES, requests, sandbox, scripted, shown_how
from tests.unit.caching.fakes import WordEmbeddings

REQUESTS = requests()
FIRSTS = {texts[0] for _, texts in FAMILIES.values()}
PRICES = ModelRegistry(
    [
        ModelSpec(name="small", model="scripted:small", prices=(Price(input=1.0, output=2.0),)),
        ModelSpec(name="large", model="scripted:large", prices=(Price(input=10.0, output=20.0),)),
    ]
)


class Run:
    """All requests asked of one hierarchy, with a ledger listening."""

    def __init__(self, folder, way):
        self.ledger = CostLedger(f"sqlite:///{folder}/ledger.db", registry=PRICES)
        self.store = DemonstrationStore(
            folder / "demonstrations.db", tenant="acme", embeddings=WordEmbeddings()
        )
        with sandbox() as executor:
            graph = create_hierarchy(
                [
                    Assistant(name="small", runnable=scripted("small", knows=shown_how)),
                    Assistant(name="large", runnable=scripted("large", knows=lambda messages: True)),
                ],
                success=ExecutionSucceeded(),
                executor=executor,
                demonstrations=self.store,
                user=lambda config: config["configurable"]["user_id"],
                prices=PRICES,
            )
            self.states = [self.ask(graph, way, text) for _, text, _ in REQUESTS]
            self.of_another_user = self.ask(graph, way, REQUESTS[1][1], user="ben")
        self.report = self.ledger.report(by=["assistant", "kind"])
        with self.ledger.engine.connect() as connection:
            self.ledger_calls = list(connection.execute(select(CALLS).where(CALLS.c.kind != "embed")))
        self.ledger.close()

    def ask(self, graph, way, text, user="ann"):
        config = {"callbacks": [self.ledger], "configurable": {"user_id": user}}
        given = {"messages": [("user", text)]}
        return graph.invoke(given, config) if way == "sync" else asyncio.run(graph.ainvoke(given, config))


@pytest.fixture(scope="module", params=["sync", "async"])
def run(request, tmp_path_factory):
    return Run(tmp_path_factory.mktemp("wiring"), request.param)


def test_there_are_forty_requests_and_all_are_answered_right(run):
    assert len(REQUESTS) >= 40
    for (_, text, answer), state in zip(REQUESTS, run.states, strict=True):
        assert state["resolved"], text
        assert state["messages"][-1].text == f"It is {answer}."
        assert [message.type for message in state["messages"]] == ["human", "ai"]


def test_the_large_assistant_is_asked_once_a_family_and_taught_the_small_one(run):
    by_large = {text for (_, text, _), state in zip(REQUESTS, run.states, strict=True) if large(state)}
    assert by_large == FIRSTS


def large(state):
    return state["assistant"] == "large"


def test_what_one_user_had_solved_does_not_teach_for_another(run):
    assert large(run.of_another_user)


def test_every_solved_request_is_a_demonstration_that_says_where_it_is_from(run):
    kept = {one.question: one for one in run.store.list(user="ann")}
    assert kept.keys() == {text for _, text, _ in REQUESTS}
    first = kept[REQUESTS[0][1]]
    assert first.solution == 'print(find_place("Brena", "pharmacy"))'
    assert (first.provenance.assistant, first.provenance.model) == ("large", "large")
    assert first.provenance.evidence.kind == "execution"
    # Two calls: one of 50 and 20 tokens, and the scripted default of 10 and 5.
    assert first.provenance.cost_usd == pytest.approx((60 * 10 + 25 * 20) / 1e6)
    assert first.helped > 0
    assert not first.shared


def test_the_ledger_has_a_row_for_each_call_and_knows_the_rejected_ones(run):
    asked, escalated = len(REQUESTS) + 1, len(FIRSTS) + 1
    calls = run.ledger_calls
    # Each attempt is two calls, the code and the answer.
    assert Counter(call.user_metadata["assistant"] for call in calls) == {
        "small": 2 * asked,
        "large": 2 * escalated,
    }
    rejected = [call for call in calls if call.rejected]
    assert {call.user_metadata["assistant"] for call in rejected} == {"small"}
    assert len(rejected) == 2 * escalated
    assert all(call.hidden for call in rejected)
    accepted = [call for call in calls if not call.rejected]
    assert Counter((call.kind, call.hidden) for call in accepted) == {
        ("step", True): asked,
        ("answer", False): asked,
    }


def test_the_ledger_counts_demonstrations_in_the_input(run):
    assert run.report.input_parts["demonstrations"] > 0


def test_the_report_says_who_solved_what_and_what_demonstrations_added(run):
    small = sum_of(run.report.assistants, "small")
    assert small["asked"] == len(REQUESTS) + 1
    assert small["solved"] == len(REQUESTS) - len(FIRSTS)
    assert small["solved_with"] == small["solved"]
    assert sum_of(run.report.assistants, "large")["solved"] == len(FIRSTS) + 1
    assert all(row.cost_usd > 0 for row in run.report.assistants)


def sum_of(rows, assistant):
    mine = [row for row in rows if row.assistant == assistant]
    return {
        "asked": sum(row.asked for row in mine),
        "solved": sum(row.solved for row in mine),
        "solved_with": sum(row.solved_with_demonstrations for row in mine),
    }


def test_a_saving_is_an_estimate_net_of_what_was_thrown_away(run):
    decided = {(row.capability, row.outcome): row for row in run.report.decisions}
    accepted = decided["hierarchy", "accepted"]
    assert accepted.count == len(REQUESTS) - len(FIRSTS)
    assert decided["hierarchy", "escalated"].count == len(FIRSTS) + 1
    assert decided["hierarchy", "escalated"].saved_usd < 0
    # The same tokens at the large one's price, less what was paid.
    assert accepted.saved_basis == "estimated"
    assert accepted.saved_usd > 0
