"""Real agents: every hidden call comes out, with what it was for, whichever way the agent is run."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    LLMToolSelectorMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def multiply(a: int, b: int) -> int:
    """Multiply."""
    return a * b


def invoke(agent, given, config):
    return agent.invoke(given, config)


def ainvoke(agent, given, config):
    return asyncio.run(agent.ainvoke(given, config))


def stream(agent, given, config):
    return list(agent.stream(given, config, stream_mode="messages"))


def astream(agent, given, config):
    async def read():
        return [part async for part in agent.astream(given, config, stream_mode=["messages", "updates"])]

    return asyncio.run(read())


def astream_events(agent, given, config):
    async def read():
        return [event async for event in agent.astream_events(given, config, version="v2")]

    return asyncio.run(read())


EVERY_WAY = pytest.mark.parametrize("run", [invoke, ainvoke, stream, astream, astream_events])
QUESTION = {"messages": [("user", "hi"), ("ai", "hello"), ("user", "1 + 2?")]}


@EVERY_WAY
def test_hidden_calls_come_out_with_their_kinds(books, model, calling, run):
    agent = create_agent(
        model("large", calling("add", a=1, b=2), "three"),
        [add, multiply],
        system_prompt="You add.",
        middleware=[
            SummarizationMiddleware(
                model=model("small", "a summary"), trigger=("messages", 3), keep=("messages", 1)
            ),
            LLMToolSelectorMiddleware(
                model=model("selector", calling("ToolSelectionResponse", tools=["add"])), max_tools=1
            ),
        ],
    )
    run(agent, QUESTION, {**books.config, "metadata": {"tenant": "acme"}})
    once = [("small", "summarize"), ("selector", "select_tools")]
    assert books.kinds == [*once, ("large", "step"), *once, ("large", "answer")]
    assert [call.hidden for call in books.calls] == [True] * 5 + [False]
    assert {call.user_metadata["tenant"] for call in books.calls} == {"acme"}
    assert len({call.trace_id for call in books.calls}) == 1
    assert {call.input_tokens for call in books.calls} == {10}
    for call in books.calls:
        parts = {key: value for key, value in call.input_breakdown.items() if key not in ("billed", "resent")}
        tools = parts.pop("tools")
        assert sum(parts.values()) + sum(tools.values()) == call.input_tokens


@EVERY_WAY
def test_a_context_manager_counts_as_a_callback_does(books, model, run):
    with books.ledger:
        run(create_agent(model("large", "hello")), {"messages": [("user", "hi")]}, {})
    assert books.kinds == [("large", "answer")]


def test_attached_twice_counts_once(books, model, calling):
    agent = create_agent(model("large", calling("add", a=1, b=2), "three"), [add]).with_config(books.config)
    with books.ledger:
        agent.invoke({"messages": [("user", "1 + 2?")]}, books.config)
    assert books.kinds == [("large", "step"), ("large", "answer")]


def test_attached_to_the_model_alone_sees_no_root_and_so_claims_no_answer(books, model):
    agent = create_agent(model("large", "hello", callbacks=[books.ledger]))
    agent.invoke({"messages": [("user", "hi")]})
    assert books.kinds == [("large", "step")]
    assert books.calls[0].node == "model"


def test_the_context_manager_may_be_entered_by_several_tasks_at_once(books, model):
    async def use(delay):
        with books.ledger:
            await asyncio.sleep(delay)
            await model("large", "hello").ainvoke("hi")
            await asyncio.sleep(0.03 - delay)

    async def main():
        await asyncio.gather(use(0.0), use(0.01), use(0.02))
        await model("large", "outside").ainvoke("not counted")

    asyncio.run(main())
    assert len(books.calls) == 3


class TestTools:
    def test_calls_inside_tools_are_the_tools(self, books, model, calling):
        inner = model("small", "inner")

        @tool
        def sync_tool(question: str) -> str:
            """Ask."""
            return inner.invoke(question).text

        @tool
        async def async_tool(question: str) -> str:
            """Ask."""
            return (await inner.ainvoke(question)).text

        both = AIMessage(
            "",
            tool_calls=[
                {"name": name, "args": {"question": "?"}, "id": name} for name in ("async_tool", "sync_tool")
            ],
        )
        agent = create_agent(model("large", both, "done"), [sync_tool, async_tool])
        # Under ainvoke the sync tool runs in an executor.
        asyncio.run(agent.ainvoke({"messages": [("user", "?")]}, books.config))
        tools = {call.tool: call for call in books.calls if call.model == "small"}
        assert tools.keys() == {"sync_tool", "async_tool"}
        assert {call.kind for call in tools.values()} == {"tool"}
        assert books.kinds_of("large") == ["step", "answer"]

    def test_parallel_sync_tools_in_threads(self, books, model, calling):
        inner = model("small", "inner", delay=0.02)

        @tool
        def ask(question: str) -> str:
            """Ask."""
            return inner.invoke(question).text

        calls = [{"name": "ask", "args": {"question": str(n)}, "id": str(n)} for n in range(5)]
        agent = create_agent(model("large", AIMessage("", tool_calls=calls), "done"), [ask])
        agent.invoke({"messages": [("user", "?")]}, books.config)
        assert books.kinds_of("small") == ["tool"] * 5
        assert len({call.trace_id for call in books.calls}) == 1

    def test_a_subagent_inside_a_tool_gives_no_second_answer(self, books, model, calling):
        subagent = create_agent(model("small", calling("add", a=1, b=2), "three"), [add])

        @tool
        def delegate(question: str) -> str:
            """Delegate."""
            return subagent.invoke({"messages": [("user", question)]})["messages"][-1].text

        agent = create_agent(model("large", calling("delegate", question="?"), "done"), [delegate])
        agent.invoke({"messages": [("user", "?")]}, books.config)
        assert books.kinds_of("small") == ["tool", "tool"]
        assert books.kinds_of("large") == ["step", "answer"]
        assert books.calls[1].graph_path == "tools/model"

    def test_a_tool_that_returns_directly_leaves_a_step_and_no_answer(self, books, model, calling):
        @tool(return_direct=True)
        def look_up(key: str) -> str:
            """Look up."""
            return "a value"

        agent = create_agent(model("large", calling("look_up", key="k")), [look_up])
        agent.invoke({"messages": [("user", "?")]}, books.config)
        assert books.kinds == [("large", "step")]


class Sum(BaseModel):
    """A sum."""

    total: int
    unit: str = "apples"


class TestStructuredOutput:
    def test_tool_strategy(self, books, model, calling):
        replies = [calling("add", a=1, b=2), calling("Sum", total=3)]
        agent = create_agent(model("large", *replies), [add], response_format=ToolStrategy(Sum))
        assert agent.invoke({"messages": [("user", "?")]}, books.config)["structured_response"].total == 3
        assert books.kinds == [("large", "step"), ("large", "answer")]

    def test_tool_strategy_after_a_reply_that_did_not_parse(self, books, model, calling):
        replies = [calling("Sum", total="many"), calling("Sum", total=3)]
        agent = create_agent(model("large", *replies), response_format=ToolStrategy(Sum))
        agent.invoke({"messages": [("user", "?")]}, books.config)
        assert books.kinds == [("large", "step"), ("large", "answer")]

    def test_provider_strategy(self, books, model):
        agent = create_agent(model("large", '{"total": 3}'), response_format=ProviderStrategy(Sum))
        assert agent.invoke({"messages": [("user", "?")]}, books.config)["structured_response"].total == 3
        assert books.kinds == [("large", "answer")]


class TestRetries:
    def test_every_attempt_counts_and_is_numbered(self, books, model):
        agent = create_agent(
            model("large", ConnectionError("down"), ConnectionError("down"), "hello"),
            middleware=[ModelRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)],
        )
        agent.invoke({"messages": [("user", "hi")]}, books.config)
        assert [(call.attempt, call.status, call.error) for call in books.calls] == [
            (1, "error", "ConnectionError"),
            (2, "error", "ConnectionError"),
            (3, "ok", None),
        ]
        assert [call.hidden for call in books.calls] == [True, True, False]
        assert [call.input_tokens for call in books.calls] == [None, None, 10]

    def test_a_fallback_is_a_further_attempt_by_another_model(self, books, model):
        agent = create_agent(
            model("large", ConnectionError("down")),
            middleware=[ModelFallbackMiddleware(model("small", "hello"))],
        )
        agent.invoke({"messages": [("user", "hi")]}, books.config)
        assert [(call.model, call.attempt, call.kind) for call in books.calls] == [
            ("large", 1, "step"),
            ("small", 2, "answer"),
        ]

    def test_a_prompt_that_succeeded_starts_over_at_one(self, books, model):
        agent = create_agent(
            model("large", ConnectionError("down"), "hello", "hello"),
            middleware=[ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False)],
        )
        for _ in range(2):
            agent.invoke({"messages": [("user", "hi")]}, books.config)
        assert [call.attempt for call in books.calls] == [1, 2, 1]


class TestHumanInTheLoop:
    def test_a_call_that_waits_for_approval_is_no_answer(self, books, model, calling):
        agent = create_agent(
            model("large", calling("add", a=1, b=2), "three"),
            [add],
            middleware=[HumanInTheLoopMiddleware(interrupt_on={"add": True})],
            checkpointer=InMemorySaver(),
        )
        config = {**books.config, "configurable": {"thread_id": "t"}}
        agent.invoke({"messages": [("user", "1 + 2?")]}, config)
        assert books.kinds == [("large", "step")]
        agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
        assert books.kinds == [("large", "step"), ("large", "answer")]

    def test_neither_is_one_at_a_static_interrupt(self, books, model, calling):
        agent = create_agent(
            model("large", calling("add", a=1, b=2), "three"),
            [add],
            interrupt_before=["tools"],
            checkpointer=InMemorySaver(),
        )
        config = {**books.config, "configurable": {"thread_id": "t"}}
        agent.invoke({"messages": [("user", "1 + 2?")]}, config)
        assert books.kinds == [("large", "step")]
        agent.invoke(None, config)
        assert books.kinds == [("large", "step"), ("large", "answer")]


def test_a_long_conversation_neither_recounts_nor_relabels_earlier_turns(books, model):
    agent = create_agent(model("large", "one", "two", "three"), checkpointer=InMemorySaver())
    config = {**books.config, "configurable": {"thread_id": "t"}}
    for turn in range(3):
        agent.invoke({"messages": [("user", f"turn {turn}")]}, config)
        assert books.kinds == [("large", "answer")] * (turn + 1)
    assert {call.thread_id for call in books.calls} == {"t"}
    assert [call.resent_tokens > 0 for call in books.calls] == [False, True, True]
    assert books.decisions == []
