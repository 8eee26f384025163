"""What is spent on tasks is known by expert, in the ledger and where experts are chosen."""

import asyncio
import json
import threading

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph

from llmops_plugins import CacheMiddleware, CostLedger, with_middleware
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts, TaskCall
from llmops_plugins.planning.execution.execution import execute
from llmops_plugins.planning.experts.calls import ExpertCalls
from llmops_plugins.planning.experts.expert import Expert, checked_experts
from llmops_plugins.planning.experts.selection import select
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.planning.expert_stubs import card, translate

USAGE = {"input_tokens": 1_000_000, "output_tokens": 0, "total_tokens": 1_000_000}
ABOUT = {"type": "object", "properties": {"about": {"type": "string"}}, "required": ["about"]}
REGISTRY = ModelRegistry([ModelSpec(name="priced", prices=(Price(input=2.0, output=0.0),))])


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return word.upper()


def said(text="", **settings):
    return AIMessage(text, usage_metadata=USAGE, **settings)


def model(*replies, name="priced"):
    return ScriptedChatModel(replies=replies, model_name=name)


def team():
    call = {"name": "look_up", "args": {"word": "hei"}, "id": "1", "type": "tool_call"}
    agent = create_agent(model(said(tool_calls=[call]), said("HEI")), [look_up])
    return checked_experts(
        [
            card("chat", runnable=model(said("hallo")), cost_usd=9.0),
            card("agent", runnable=agent),
            card("unpriced", runnable=model(said("hei"), name="nobody-prices-this")),
            card("paid", runnable=lambda text: text, cost_usd=0.5),
            card("function", runnable=lambda text: text),
        ],
        registry=REGISTRY,
    )


@pytest.fixture(params=["sync", "async"])
def ask(request):
    def asked(calls, expert):
        call = TaskCall(task_id="t1", kind="translate", arguments={"text": "hi"}, expert=expert)
        if request.param == "sync":
            return calls.ask(call)
        return asyncio.run(calls.aask(call))

    return asked


def test_what_a_task_cost_is_known_by_expert(ask):
    calls = ExpertCalls(team(), REGISTRY)
    results = [ask(calls, name) for name in ("chat", "agent", "unpriced", "paid", "function")]
    assert results == ["hallo", "HEI", "hei", "hi", "hi"]
    assert calls.costs("t1") == pytest.approx({"chat": 2.0, "agent": 4.0, "paid": 0.5})
    assert calls.costs("t2") == {}


def test_what_an_expert_raises_is_raised(ask):
    calls = ExpertCalls([card("it", runnable=model(ValueError("no")))])
    with pytest.raises(ValueError, match="no"):
        ask(calls, "it")


def test_the_ledger_shows_what_each_expert_and_each_task_cost():
    experts = team()
    chat, agent = (select(translate(id=f"t{n}"), [one]).assignment for n, one in enumerate(experts[:2], 1))
    calls = ExpertCalls(experts, REGISTRY)
    with CostLedger("sqlite://", registry=REGISTRY) as ledger:
        result = RunnableLambda(lambda _: execute([chat, agent], calls.ask)).invoke(None)
        assert ledger.flush()
        report, kinds = ledger.report(by=["expert", "task"]), ledger.report(by=["expert", "kind"])
    assert result.results == {"t1": "hallo", "t2": "HEI"}
    costs = {(row.key["expert"], row.key["task"]): row.cost_usd for row in report.rows}
    assert costs == pytest.approx({("chat", "t1"): 2.0, ("agent", "t2"): 4.0})
    assert ("chat", "step") in {(row.key["expert"], row.key["kind"]) for row in kinds.rows}


def test_no_word_of_an_expert_reaches_the_users_stream():
    (chat,) = checked_experts([card("chat", runnable=model("hal lo"))])
    graph = StateGraph(MessagesState)
    graph.add_node(
        "do", lambda state: {"messages": [AIMessage(chat.asked("t1").invoke({"text": "x"}), id="a")]}
    )
    graph.add_edge(START, "do")
    streamed = graph.compile().stream({"messages": []}, stream_mode="messages")
    assert [chunk.text for chunk, _ in streamed] == ["hal lo"]


def test_a_model_that_answers_from_a_cache_costs_nothing(ask):
    cached = with_middleware(model(said("hallo")), CacheMiddleware(":memory:", tenant="acme"))
    (chat,) = checked_experts([card("chat", runnable=cached, cost_usd=9.0)])
    calls, again = ExpertCalls([chat], REGISTRY), ExpertCalls([chat], REGISTRY)
    assert [ask(calls, "chat"), ask(again, "chat")] == ["hallo", "hallo"]
    assert [calls.costs("t1"), again.costs("t1")] == [{"chat": 2.0}, {"chat": 0.0}]


def test_a_model_that_langchains_cache_answers_for_costs_nothing(ask, monkeypatch):
    monkeypatch.setattr("langchain_core.globals._llm_cache", InMemoryCache())
    (chat,) = checked_experts([card("chat", runnable=model(said("hallo")))])
    calls, again = ExpertCalls([chat], REGISTRY), ExpertCalls([chat], REGISTRY)
    assert [ask(calls, "chat"), ask(again, "chat")] == ["hallo", "hallo"]
    assert [calls.costs("t1"), again.costs("t1")] == [{"chat": 2.0}, {"chat": 0.0}]


def test_while_a_call_runs_that_was_given_up_what_its_expert_spent_is_unknown():
    released, asked = threading.Event(), []

    def slow_at_first(text: str) -> str:
        asked.append(text)
        if len(asked) == 1:
            released.wait(20)
        return chat_model.invoke(text).text

    chat_model = model(said("hallo"))
    (expert,) = checked_experts([card("slow", runnable=slow_at_first)])
    calls = ExpertCalls([expert], REGISTRY)
    limits = ExecutionLimits(attempts=Attempts(timeout_s=2, retries=1, backoff_s=0.01))
    result = execute([select(translate(id="t1"), [expert]).assignment], calls.ask, limits=limits)
    assert (result.outcomes["t1"].status, calls.costs("t1")) == ("succeeded", {})
    released.set()


async def test_what_a_call_that_was_cancelled_costs_stays_unknown():
    (chat,) = checked_experts([card("chat", runnable=model(said("hallo")))])
    chat.runnable.delay = 20
    calls = ExpertCalls([chat], REGISTRY)
    call = TaskCall(task_id="t1", kind="translate", arguments={"text": "hi"}, expert="chat")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(calls.aask(call), 0.2)
    assert calls.costs("t1") == {}


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_an_agent_says_for_a_task_is_no_answer_of_the_run(way):
    poet = Expert(
        name="poet", kinds=["poem"], runnable=create_agent(model(said("Roses.")), []), arguments=ABOUT
    )
    plan = json.dumps({"tasks": [{"id": "t1", "kind": "poem", "arguments": {"about": "roses"}}]})
    graph = create_planner(model(plan, "Here it is [t1].", name="controller"), [poet], plan="always")
    with CostLedger("sqlite://", registry=REGISTRY) as ledger:
        given, config = {"messages": ["A poem on roses, then compare."]}, {"callbacks": [ledger]}
        graph.invoke(given, config) if way == "sync" else asyncio.run(graph.ainvoke(given, config))
        assert ledger.flush()
        report = ledger.report(by=["model", "kind"])
    assert {(row.key["model"], row.key["kind"]) for row in report.rows} == {
        ("controller", "plan"),
        ("controller", "answer"),
        ("priced", "step"),
    }
    assert report.totals.hidden_calls == 2
