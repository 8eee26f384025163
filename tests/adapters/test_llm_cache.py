"""The LLM cache under a real agent, and what the ledger makes of it."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.caching.llm_cache import SemanticLLMCache
from llmops_plugins.testing import ScriptedChatModel

QUESTION = {"messages": [("human", "What is the capital of Germany?")]}


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return "Berlin"


@pytest.fixture
def cache():
    return SemanticLLMCache(InMemoryStore(), cacheable_tools=["look_up"])


def agent_with(cache, *replies, **settings):
    model = ScriptedChatModel(replies=list(replies), cache=cache, model_name="gpt-4o-mini", provider="openai")
    return model, create_agent(model, [look_up], **settings)


def by_invoke(agent, config):
    return agent.invoke(QUESTION, config)


def by_ainvoke(agent, config):
    return asyncio.run(agent.ainvoke(QUESTION, config))


WAYS = [by_invoke, by_ainvoke]


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_run_is_replayed_call_by_call(cache, way, listener):
    call = {"type": "tool_call", "name": "look_up", "args": {"word": "Germany"}, "id": "1"}
    model, agent = agent_with(cache, AIMessage("", tool_calls=[call]), "Berlin.", "never said")
    states = [way(agent, {"callbacks": [listener]}) for _ in range(2)]
    assert [[message.text for message in state["messages"]] for state in states] == [
        ["What is the capital of Germany?", "", "Berlin", "Berlin."]
    ] * 2
    assert len(model.calls) == 2
    assert listener.outcomes == ["miss", "miss", "exact_hit", "exact_hit"]
    ids = [message.id for state in states for message in state["messages"][1:]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("way", WAYS)
def test_in_one_thread_a_replayed_reply_overwrites_nothing(cache, way):
    _, agent = agent_with(cache, "Berlin.", checkpointer=InMemorySaver())
    other = create_agent(ScriptedChatModel(replies=["Hm."]), [], checkpointer=agent.checkpointer)
    config = {"configurable": {"thread_id": "1"}}
    way(agent, {"configurable": {"thread_id": "0"}})
    first = way(agent, config)["messages"]
    assert way(other, config)["messages"][: len(first)] == first


def test_the_ledger_counts_what_a_hit_spared_once(cache, tmp_path):
    ledger = CostLedger(f"sqlite:///{tmp_path / 'ledger.db'}")
    model, agent = agent_with(cache, "Berlin.")
    for _ in range(3):
        agent.invoke(QUESTION, {"callbacks": [ledger]})
    report = ledger.report()
    ledger.close()
    assert (len(model.calls), report.totals.calls) == (1, 1)
    assert report.totals.saved_measured_usd == pytest.approx(2 * report.totals.cost_usd)
    assert {(row.capability, row.outcome, row.count) for row in report.decisions} == {
        ("llm_cache", "miss", 1),
        ("llm_cache", "exact_hit", 2),
        ("llm_cache", "hit", 2),
    }


def test_as_the_cache_of_the_whole_program(cache):
    set_llm_cache(cache)
    try:
        model = ScriptedChatModel(replies=["one", "two"])
        assert [model.invoke("hi").text for _ in range(2)] == ["one", "one"]
        assert "".join(chunk.text for chunk in model.stream("hi")) == "two"  # LangChain does not ask it here
    finally:
        set_llm_cache(None)
