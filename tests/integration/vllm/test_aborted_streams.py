"""A stream that nobody reads to its end: the ledger has it as aborted, with what was read of it."""

import asyncio

import pytest

from tests.integration.vllm.conftest import async_node_graph, collect, run_async

LONG_QUESTION = "Explain your returns policy in detail."
CHUNKS_READ = 60
MOST_TOKENS = 3000
CLOSING_SECONDS = 0.1  # the connection is closed by the event loop, which has to run on for that


@pytest.fixture(scope="module", autouse=True)
def a_quick_reader(server):
    """First calls import whole packages while the server writes on and on, out of the reader's reach."""
    list(server.chat().stream("Hello!"))
    collect(server.chat().astream("Hello!"))


def endless(server):
    """A model that would go on for thousands of tokens."""
    return server.chat(max_tokens=MOST_TOKENS, extra_body={"ignore_eos": True})


def assert_estimated(server, books, before, read, *, read_ahead=False):
    """The ledger has the call as aborted, with an estimate of what was sent and read.

    A graph reads on while its user does not: then what was written is the most that can have been read.
    """
    counted = server.counters() - before
    (call,) = books.calls
    assert (call.status, call.usage_source) == ("aborted", "estimated")
    assert counted.input_tokens / 2 <= call.input_tokens <= counted.input_tokens * 2
    assert call.cost_usd > 0
    assert call.first_token_seconds > 0
    # Not what was written: how far the server was ahead of its reader, only the server knows.
    tokens = server.tokens(read)
    most = counted.output_tokens if read_ahead else tokens
    assert tokens / 2 <= call.output_tokens <= most * 2


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
        await asyncio.sleep(CLOSING_SECONDS)
        return text

    before = server.counters()
    assert_estimated(server, books, before, run_async(read()))


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
        await asyncio.sleep(CLOSING_SECONDS)
        return text

    before = server.counters()
    assert_estimated(server, books, before, run_async(read()), read_ahead=True)


def test_a_cancelled_task(server, books):
    async def main():
        graph = async_node_graph(endless(server))
        task = asyncio.create_task(graph.ainvoke({"messages": [("user", LONG_QUESTION)]}, books.config))
        while server.written_tokens() == before.output_tokens:
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(CLOSING_SECONDS)
        assert task.cancelled()

    before = server.counters()
    run_async(main())
    counted = server.counters() - before
    (call,) = books.calls
    assert (call.status, call.usage_source, call.output_tokens) == ("aborted", "estimated", 0)
    assert counted.input_tokens / 2 <= call.input_tokens <= counted.input_tokens * 2
