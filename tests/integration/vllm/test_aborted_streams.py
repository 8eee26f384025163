"""A stream that nobody reads to its end: the server stops, and the ledger has what was read of it."""

import asyncio

from tests.integration.vllm.conftest import async_node_graph

LONG_QUESTION = "Explain your returns policy in detail."
CHUNKS_READ = 60


def endless(server):
    """A model that would go on for thousands of tokens."""
    return server.chat(max_tokens=3000, extra_body={"ignore_eos": True})


def assert_estimated(server, books, before, text):
    counted = server.counters() - before
    assert (counted.requests, counted.aborted) == (1, 1)
    assert counted.output_tokens < 3000
    (call,) = books.calls
    assert (call.status, call.usage_source) == ("aborted", "estimated")
    received = server.tokens(text)
    assert received / 2 <= call.output_tokens <= received * 2
    assert counted.input_tokens / 2 <= call.input_tokens <= counted.input_tokens * 2
    assert call.cost_usd > 0
    assert 0 < call.first_token_seconds <= call.latency_seconds
    print(f"output tokens: {counted.output_tokens} written, {received} read, {call.output_tokens} estimated")
    print(f"input tokens: {counted.input_tokens} sent, {call.input_tokens} estimated")


def test_sync(server, books):
    before, text = server.counters(), ""
    stream = endless(server).stream(LONG_QUESTION, books.config)
    for _, chunk in zip(range(CHUNKS_READ), stream, strict=False):
        text += chunk.text
    stream.close()
    assert_estimated(server, books, before, text)


def test_async(server, books):
    async def read():
        text, stream = "", endless(server).astream(LONG_QUESTION, books.config)
        for _ in range(CHUNKS_READ):
            text += (await anext(stream)).text
        await stream.aclose()
        return text

    before = server.counters()
    assert_estimated(server, books, before, asyncio.run(read()))


def test_async_inside_a_graph(server, books):
    async def read():
        text = ""
        stream = async_node_graph(endless(server)).astream(
            {"messages": [("user", LONG_QUESTION)]}, books.config, stream_mode="messages"
        )
        for _ in range(CHUNKS_READ):
            chunk, _ = await anext(stream)
            text += chunk.text
        await stream.aclose()
        return text

    before = server.counters()
    assert_estimated(server, books, before, asyncio.run(read()))


def test_a_cancelled_task(server, books):
    async def main():
        graph = async_node_graph(endless(server))
        task = asyncio.create_task(graph.ainvoke({"messages": [("user", LONG_QUESTION)]}, books.config))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    before = server.counters()
    asyncio.run(main())
    counted = server.counters() - before
    assert (counted.requests, counted.aborted) == (1, 1)
    (call,) = books.calls
    assert (call.status, call.usage_source, call.output_tokens) == ("aborted", "estimated", 0)
    assert call.input_tokens > 0
