"""The ledger against the server's own counters: every call once, every token, whatever way it was made."""

import asyncio
import uuid

import pytest

from tests.integration.vllm.conftest import (
    HOST,
    WAYS,
    agent_graph,
    ask,
    assert_agrees,
    async_node_graph,
    collect,
    node_graph,
    run_async,
)

QUESTION = "Where is order A1007?"
STREAMED = [way for way in WAYS if way.endswith("messages")]


@pytest.mark.parametrize("way", WAYS)
def test_a_node_that_calls_the_model(server, books, way):
    before = server.counters()
    build = async_node_graph if way.startswith("a") else node_graph
    ask(build(server.chat()), way, "When are you open?", books.config)
    calls = books.calls
    assert_agrees(calls, server.counters() - before)
    (call,) = calls
    assert (call.node, call.kind, call.hidden, call.model) == ("answer", "answer", False, server.model)
    assert call.latency_seconds > 0
    if way in STREAMED:
        assert 0 < call.first_token_seconds <= call.latency_seconds
    else:
        assert call.first_token_seconds is None


@pytest.mark.parametrize("way", WAYS)
def test_an_agent_with_a_tool(server, books, way):
    before = server.counters()
    messages = ask(agent_graph(server.chat()), way, QUESTION, books.config)
    calls = books.calls
    assert_agrees(calls, server.counters() - before)
    asked = [call for message in messages for call in message.tool_calls]
    assert {(call["name"], *call["args"]) for call in asked} == {("look_up_order", "order_id")}
    assert messages[-1].text
    assert [call.kind for call in calls] == ["step"] * (len(messages) - 1) + ["answer"]
    assert len({call.trace_id for call in calls}) == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_bare_model(server, books, way):
    before = server.counters()
    model = server.chat()
    if way == "stream":
        list(model.stream(QUESTION, books.config))
    else:
        collect(model.astream(QUESTION, books.config))
    assert_agrees(books.calls, server.counters() - before)
    assert 0 < books.calls[0].first_token_seconds <= books.calls[0].latency_seconds


def test_several_calls_at_once(server, books):
    before = server.counters()
    graph = agent_graph(server.chat())

    async def main():
        inputs = [{"messages": [("user", f"Where is order A{number}?")]} for number in range(1001, 1009)]
        await asyncio.gather(*(graph.ainvoke(one, books.config) for one in inputs))

    run_async(main())
    assert_agrees(books.calls, server.counters() - before)
    assert len({call.trace_id for call in books.calls}) == 8


@pytest.mark.parametrize("way", ["invoke", "stream messages"])
def test_a_prompt_sent_twice_is_read_from_the_cache(server, books, way):
    """Needs a server with --enable-prompt-tokens-details; without it vLLM keeps cached tokens to itself."""
    long = f"{uuid.uuid4()} " + "The parcel is blue and stands beside the green door. " * 20
    before = server.counters()
    graph = node_graph(server.chat())
    for _ in range(2):
        ask(graph, way, long, books.config)
    assert_agrees(books.calls, server.counters() - before)
    first, second = books.calls
    assert first.input_tokens == second.input_tokens
    assert first.cache_read_tokens < second.cache_read_tokens < second.input_tokens
    assert second.cache_read_tokens > 0.8 * second.input_tokens


@pytest.mark.parametrize("way", ["invoke", "astream messages"])
def test_a_self_hosted_model_costs_the_time_it_takes_the_gpu(server, books, way):
    before = server.counters()
    ask(agent_graph(server.chat()), way, QUESTION, books.config)
    counted = server.counters() - before
    seconds = counted.input_tokens / HOST.input_tokens_per_second
    seconds += counted.output_tokens / HOST.output_tokens_per_second
    totals = books.ledger.report().totals
    assert totals.cost_usd == pytest.approx(seconds * HOST.gpu_usd_per_hour / 3600)
    assert (totals.unpriced_calls, totals.calls_without_usage) == (0, 0)
    assert {call.price_source for call in books.calls} == {"self-hosted"}
