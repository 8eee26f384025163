"""The hierarchy with real assistants: what was tried in vain is paid for, and nobody sees it."""

import pytest

from llmops_plugins.accounting.breakdown import InputBreakdown
from llmops_plugins.demo.embeddings import SimulatedEmbeddings
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.execution import ExecutionSucceeded
from llmops_plugins.verification.judge import Judge
from llmops_plugins.verification.predicate import Predicate
from tests.integration.vllm.conftest import agent_graph, assert_agrees, watch

RETURNS = "Explain your returns policy in detail."


def scripted(name, *replies):
    return ScriptedChatModel(replies=list(replies), model_name=name)


def assistant(name, runnable, **settings):
    return Assistant(name=name, runnable=runnable, **settings)


def told(accept):
    return Predicate(lambda message: accept, name="told to")


def of_server(server, books):
    return [call for call in books.calls if call.model == server.model]


def test_a_rejected_attempt_of_the_server_is_in_the_ledger_and_not_in_the_stream(server, books, asynchronous):
    team = [assistant("cheap", server.chat()), assistant("strong", scripted("strong", "Within thirty days."))]
    graph = create_hierarchy(team, success=told(accept=False))
    before = server.counters()
    shown, state = watch(graph, RETURNS, books.config, asynchronous, subgraphs=True)
    (call,) = of_server(server, books)
    assert_agrees([call], server.counters() - before)
    assert (call.kind, call.rejected, call.hidden) == ("answer", True, True)
    assert call.user_metadata["assistant"] == "cheap"
    assert "".join(shown) == state["messages"][-1].text == "Within thirty days."
    assert [attempt["outcome"] for attempt in state["attempts"]] == ["not_accepted", "not_accepted"]


def test_the_server_as_the_last_assistant_streams_as_it_writes(server, books, asynchronous):
    team = [assistant("cheap", scripted("cheap", "I do not know.")), assistant("strong", server.chat())]
    graph = create_hierarchy(team, success=told(accept=False))
    before = server.counters()
    shown, state = watch(graph, RETURNS, books.config, asynchronous, subgraphs=True)
    (call,) = of_server(server, books)
    assert_agrees([call], server.counters() - before)
    assert (call.kind, call.rejected, call.hidden) == ("answer", False, False)
    assert "".join(shown) == state["messages"][-1].text
    assert len(shown) > 20
    assert 0 < call.first_token_seconds < call.latency_seconds


def test_the_server_as_judge(server, books, asynchronous):
    """Whatever it says of the answers, it says it out of sight and is paid for it."""
    cheap, strong = scripted("cheap", "I do not know."), scripted("strong", "Nor do I.")
    team = [assistant("cheap", cheap), assistant("strong", strong)]
    graph = create_hierarchy(team, success=Judge(server.chat(max_tokens=40)))
    before = server.counters()
    shown, state = watch(graph, RETURNS, books.config, asynchronous, subgraphs=True)
    calls = of_server(server, books)
    assert_agrees(calls, server.counters() - before)
    assert [(call.kind, call.hidden, call.rejected) for call in calls] == [("judge", True, False)] * 2
    assert "".join(shown) == state["messages"][-1].text == "Nor do I."


def test_an_agent_of_the_server_as_an_assistant(server, books, asynchronous):
    model = server.chat()
    team = [
        assistant("cheap", scripted("cheap", "I cannot say.")),
        assistant("agent", agent_graph(model), model=model),
    ]
    knows = Predicate(lambda message: "cannot" not in message.text, name="knows")
    graph = create_hierarchy(team, success=knows)
    before = server.counters()
    shown, state = watch(graph, "Where is order A1007?", books.config, asynchronous, subgraphs=True)
    calls = of_server(server, books)
    assert_agrees(calls, server.counters() - before)
    assert [call.kind for call in calls] == ["step"] * (len(calls) - 1) + ["answer"]
    assert len(calls) > 1
    assert {call.user_metadata["assistant"] for call in calls} == {"agent"}
    assert "".join(shown) == state["messages"][-1].text


def test_an_answer_without_code_is_no_success_of_the_server(server, books, asynchronous):
    pytest.importorskip("pydantic_monty", reason="the sandbox's extra is not installed")
    strong = scripted("strong", "```python\nprint(6 * 70)\n```", "They are 420 dollars.")
    team = [assistant("cheap", server.chat()), assistant("strong", strong)]
    with SandboxExecutor([], limits=SandboxLimits()) as executor:
        graph = create_hierarchy(team, success=ExecutionSucceeded(), executor=executor)
        before = server.counters()
        shown, state = watch(graph, RETURNS, books.config, asynchronous, subgraphs=True)
    (call,) = of_server(server, books)
    assert_agrees([call], server.counters() - before)
    assert (call.rejected, call.hidden) == (True, True)
    assert (state["assistant"], state["resolved"]) == ("strong", True)
    assert state["messages"][-1].text == "They are 420 dollars."
    assert "".join(shown) in ("", "They are 420 dollars.")


def test_demonstrations_are_told_apart_from_what_was_asked(server, books, asynchronous, tmp_path):
    store = DemonstrationStore(
        tmp_path / "demonstrations.db", tenant="shop", embeddings=SimulatedEmbeddings()
    )
    again = f"{RETURNS.removesuffix('.')} please."
    model = server.chat()
    graph = create_hierarchy(
        [assistant("cheap", model)], success=told(accept=True), demonstrations=store, user="ann"
    )
    alone = model.invoke(again).usage_metadata["input_tokens"]
    before = server.counters()
    watch(graph, RETURNS, books.config, asynchronous)
    watch(graph, again, books.config, asynchronous)
    calls = of_server(server, books)
    assert_agrees(calls, server.counters() - before)
    plain, shown = [InputBreakdown.from_dict(call.input_breakdown) for call in calls]
    assert [plain.total, shown.total] == [call.input_tokens for call in calls]
    assert plain.demonstrations == 0
    assert shown.demonstrations == pytest.approx(shown.total - alone, rel=0.15)
    store.close()
