"""ChatOpenAI as it comes: streamed from one's own server it asks for no usage, and the doctor says so."""

import pytest

from llmops_plugins.accounting.doctor import diagnose_graph
from tests.integration.vllm.conftest import agent_graph, ask, node_graph

GIVEN = {"messages": [("user", "Where is order A1007?")]}
BUILDERS = [node_graph, agent_graph]


def problems(diagnosis):
    return [finding.text for finding in diagnosis.findings if finding.level == "problem"]


@pytest.mark.parametrize("build", BUILDERS)
def test_the_usage_is_missing_and_nothing_is_made_up(server, books, build):
    before = server.counters()
    ask(build(server.chat(stream_usage=None)), "stream messages", "Where is order A1007?", books.config)
    calls = books.calls
    assert len(calls) == (server.counters() - before).requests
    for call in calls:
        assert (call.status, call.usage_source, call.model) == ("ok", "none", server.model)
        assert (call.input_tokens, call.output_tokens, call.cost_usd) == (None, None, None)
        assert call.first_token_seconds > 0
    totals = books.ledger.report().totals
    assert (totals.calls_without_usage, totals.cost_usd) == (len(calls), None)


def test_calls_that_are_not_streamed_have_theirs(server, books):
    ask(node_graph(server.chat(stream_usage=None)), "invoke", "Where is order A1007?", books.config)
    assert [call.usage_source for call in books.calls] == ["reported"]


@pytest.mark.parametrize("build", BUILDERS)
def test_the_doctor_names_the_fix(server, books, build):
    diagnosis = diagnose_graph(build(server.chat(stream_usage=None)), GIVEN, books.registry)
    (problem,) = problems(diagnosis)
    assert "without usage" in problem
    assert "stream_usage=True" in problem
    assert [group.with_usage for group in diagnosis.groups] == [0]


@pytest.mark.parametrize("build", BUILDERS)
def test_with_the_fix_the_doctor_finds_no_problem(server, books, build):
    diagnosis = diagnose_graph(build(server.chat()), GIVEN, books.registry)
    assert problems(diagnosis) == []
    (group,) = diagnosis.groups
    assert group.calls == group.with_usage == group.priced > 0


def test_without_a_price_the_doctor_asks_for_one(server):
    (problem,) = problems(diagnose_graph(node_graph(server.chat()), GIVEN))
    assert "have no price" in problem
    assert f"models.{server.model}" in problem
