"""The tool cache inside a real agent: called, streamed, in parallel, failing, interrupted and cancelled."""

import asyncio
import threading
import time
from typing import Annotated

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain.tools import ToolRuntime, tool
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import InjectedState
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt

from llmops_plugins.caching import tool_middleware
from llmops_plugins.testing import ScriptedChatModel

QUESTION = {"messages": [("human", "What does the handbook say?")]}


def ToolCacheMiddleware(*arguments, **settings):  # noqa: N802 - the class, for a tool that is given the state
    return tool_middleware.ToolCacheMiddleware(*arguments, **{"keys": lambda request: {}, **settings})


class Handbook:
    """A tool that counts its calls, and the agent that has it."""

    def __init__(self, *, equal_calls=1, store=None, say="page 7", seconds=0.0, **settings):
        self.count = 0
        self.counting = threading.Lock()
        self.say, self.seconds = say, seconds
        calls = [
            {"type": "tool_call", "name": "look_up", "args": {"word": "leave"}, "id": f"call{number}"}
            for number in range(equal_calls)
        ]
        self.model = ScriptedChatModel(replies=[AIMessage("", tool_calls=calls), "It says so."])
        self.cache = ToolCacheMiddleware(store or InMemoryStore(), tools=["look_up"], **settings)
        self.agent = create_agent(
            self.model, [self.tool()], middleware=[self.cache], checkpointer=InMemorySaver()
        )
        self.threads = 0

    def tool(self):
        def look_up(word: str, runtime: ToolRuntime, state: Annotated[dict, InjectedState]) -> str:
            """Look a word up."""
            self.note()
            time.sleep(self.seconds)
            return self.said()

        async def look_up_async(
            word: str, runtime: ToolRuntime, state: Annotated[dict, InjectedState]
        ) -> str:
            """Look a word up."""
            self.note()
            await asyncio.sleep(self.seconds)
            return self.said()

        made = tool("look_up")(look_up)
        made.coroutine = look_up_async
        return made

    def note(self):
        with self.counting:
            self.count += 1

    def said(self):
        return self.say(self.count) if callable(self.say) else self.say

    def config(self, listener=None):
        self.threads += 1
        thread = {"configurable": {"thread_id": str(self.threads)}}
        return {**thread, "callbacks": [listener] if listener else []}


def tool_messages(state):
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


def by_invoke(handbook, config):
    return handbook.agent.invoke(QUESTION, config)


def by_ainvoke(handbook, config):
    return asyncio.run(handbook.agent.ainvoke(QUESTION, config))


def by_stream(handbook, config):
    streamed, state = [], None
    for mode, part in handbook.agent.stream(QUESTION, config, stream_mode=["messages", "values"]):
        if mode == "messages":
            streamed.append(part[0])
        else:
            state = part
    assert {one.content for one in streamed if isinstance(one, ToolMessage)} == {"page 7"}
    return state


def by_astream(handbook, config):
    async def collect():
        parts = handbook.agent.astream(QUESTION, config, stream_mode="values")
        return [part async for part in parts][-1]

    return asyncio.run(collect())


WAYS = [by_invoke, by_ainvoke, by_stream, by_astream]
AGENT_LOOPS = [by_invoke, by_ainvoke]


@pytest.mark.parametrize("way", WAYS)
def test_a_later_run_is_answered_without_calling_the_tool(way, listener):
    handbook = Handbook()
    states = [way(handbook, handbook.config(listener)) for _ in range(3)]
    assert handbook.count == 1
    results = [result for state in states for result in tool_messages(state)]
    assert [one.content for one in results] == ["page 7"] * 3
    assert [one.name for one in results] == ["look_up"] * 3
    assert len({one.id for one in results}) == 3
    assert all(state["messages"][-1].text == "It says so." for state in states)
    assert listener.outcomes == ["miss", "exact_hit", "exact_hit"]


def test_in_one_thread_a_replayed_result_overwrites_nothing():
    handbook = Handbook()
    config = handbook.config()
    handbook.agent.invoke(QUESTION, config)
    state = handbook.agent.invoke(QUESTION, config)
    assert [type(one).__name__ for one in state["messages"]] == [
        *("HumanMessage", "AIMessage", "ToolMessage", "AIMessage")
    ] * 2


@pytest.mark.parametrize("way", WAYS)
def test_equal_calls_at_once_are_made_once(way, listener):
    handbook = Handbook(equal_calls=5, seconds=0.2)
    state = way(handbook, handbook.config(listener))
    assert handbook.count == 1
    results = tool_messages(state)
    assert [one.tool_call_id for one in results] == [f"call{number}" for number in range(5)]
    assert len({one.id for one in results}) == 5
    assert set(listener.outcomes) <= {
        "miss",
        "shared_hit",
        "exact_hit",
    }  # one that comes late finds it stored
    assert listener.outcomes.count("miss") == 1


@pytest.mark.parametrize("way", AGENT_LOOPS)
def test_a_tool_that_fails_once_is_called_again_and_nothing_is_kept_of_the_failure(way):
    def fails_first(count):
        if count == 1:
            raise ValueError("the handbook is on loan")
        return "page 7"

    handbook = Handbook(say=fails_first)
    with pytest.raises(ValueError, match="on loan"):
        way(handbook, handbook.config())
    handbook.model.calls.clear()
    for _ in range(2):
        state = way(handbook, handbook.config())
        assert [one.content for one in tool_messages(state)] == ["page 7"]
    assert handbook.count == 2


@pytest.mark.parametrize("way", AGENT_LOOPS)
def test_wrong_arguments_are_the_models_to_mend(way):
    call = {"type": "tool_call", "name": "look_up", "args": {"wrod": "leave"}, "id": "1"}
    handbook = Handbook()
    handbook.model.replies[0] = AIMessage("", tool_calls=[call])
    for _ in range(2):
        (result,) = tool_messages(way(handbook, handbook.config()))
        assert result.status == "error"
    assert handbook.cache.cache.store.search(()) == []


class BrokenStore(InMemoryStore):
    def batch(self, ops):
        raise OSError("disk full")

    async def abatch(self, ops):
        raise OSError("disk full")


@pytest.mark.parametrize("way", AGENT_LOOPS)
def test_with_a_store_that_fails_the_agent_answers_as_without_a_cache(way, listener):
    handbook = Handbook(store=BrokenStore())
    for _ in range(2):
        state = way(handbook, handbook.config(listener))
        assert [one.content for one in tool_messages(state)] == ["page 7"]
    assert (handbook.count, listener.outcomes) == (2, ["failed_open", "failed_open"])


@pytest.mark.parametrize("way", AGENT_LOOPS)
def test_an_interrupt_inside_a_tool_interrupts_the_agent(way):
    handbook = Handbook(say=lambda count: interrupt("May I?"))
    config = handbook.config()
    assert way(handbook, config)["__interrupt__"][0].value == "May I?"
    resumed = (
        handbook.agent.invoke(Command(resume="yes"), config)
        if way is by_invoke
        else asyncio.run(handbook.agent.ainvoke(Command(resume="yes"), config))
    )
    assert [one.content for one in tool_messages(resumed)] == ["yes"]


async def begun(handbook):
    """Wait until somebody reads the handbook."""
    async with asyncio.timeout(10):
        while not handbook.count:
            await asyncio.sleep(0.01)
    assert handbook.count == 1


async def test_a_cancelled_agent_that_waits_cancels_nobody():
    handbook = Handbook(seconds=0.3)
    # Every run's model must ask for the tool first, so each has its own.
    agents = [Handbook(store=handbook.cache.cache.store) for _ in range(4)]
    for one in agents:
        one.agent = create_agent(one.model, [handbook.tool()], middleware=[handbook.cache])
    tasks = [asyncio.create_task(one.agent.ainvoke(QUESTION)) for one in agents]
    await begun(handbook)
    tasks[-1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[-1], asyncio.CancelledError)
    assert [tool_messages(state)[0].content for state in done[:-1]] == ["page 7"] * 3
    assert handbook.count == 1


async def test_a_cancelled_agent_that_leads_hands_over():
    handbook = Handbook(seconds=0.3)
    agents = [Handbook() for _ in range(3)]
    for one in agents:
        one.agent = create_agent(one.model, [handbook.tool()], middleware=[handbook.cache])
    tasks = [asyncio.create_task(one.agent.ainvoke(QUESTION)) for one in agents]
    await begun(handbook)
    tasks[0].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert [tool_messages(state)[0].content for state in done[1:]] == ["page 7"] * 2
    assert handbook.count == 2


def test_two_middlewares_that_wrap_tools_keep_their_order():
    seen = []
    handbook = Handbook()

    @wrap_tool_call
    def note(request, handler):
        seen.append(request.tool_call["id"])
        return handler(request)

    agent = create_agent(
        handbook.model, [handbook.tool()], middleware=[note, handbook.cache, note_named(seen)]
    )
    for _ in range(2):
        agent.invoke(QUESTION)
    assert seen == ["call0", "inner", "call0"]


def note_named(seen):
    @wrap_tool_call(name="inner")
    def inner(request, handler):
        seen.append("inner")
        return handler(request)

    return inner
