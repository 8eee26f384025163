"""Calls that do not end as they should: aborted, cancelled, vetoed. None is lost, none is counted twice."""

import asyncio
import gc

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from llmops_plugins.accounting import writer
from llmops_plugins.errors import BudgetExceeded

LONG = "word " * 40


class TestAbortedStreams:
    def test_sync_at_the_root(self, books, model):
        for _chunk in model("large", LONG).stream("x" * 400, books.config):
            break
        gc.collect()
        (call,) = books.calls
        assert (call.status, call.kind, call.hidden, call.usage_source) == (
            "aborted",
            "other",
            True,
            "estimated",
        )
        assert call.input_tokens == pytest.approx(100, abs=8)
        assert 1 <= call.output_tokens < 40
        assert call.cost_usd > 0
        assert call.first_token_seconds is not None

    def test_sync_inside_an_agent(self, books, model):
        agent = create_agent(model("large", LONG))
        for _part in agent.stream({"messages": [("user", "x" * 400)]}, books.config, stream_mode="messages"):
            break
        gc.collect()
        assert [call.run_id for call in books.calls] == list({call.run_id for call in books.calls})
        assert len(books.calls) == 1

    def test_async(self, books, model):
        async def read():
            stream = model("large", LONG).astream("x" * 400, books.config)
            async for _chunk in stream:
                break
            await stream.aclose()

        asyncio.run(read())
        (call,) = books.calls
        assert (call.status, call.usage_source) == ("aborted", "estimated")

    def test_async_inside_an_agent(self, books, model):
        async def read():
            stream = create_agent(model("large", LONG, delay=0.005)).astream(
                {"messages": [("user", "hi")]}, books.config, stream_mode="messages"
            )
            async for _part in stream:
                break
            await stream.aclose()
            await asyncio.sleep(0.05)

        asyncio.run(read())
        (call,) = books.calls
        assert (call.status, call.usage_source, call.hidden) == ("aborted", "estimated", True)

    def test_what_the_provider_said_of_the_input_is_kept(self, books, model):
        from langchain_core.messages import AIMessageChunk
        from langchain_core.outputs import ChatGenerationChunk

        class TellsInputFirst(type(model("x", "y"))):
            def _stream(self, messages, stop=None, run_manager=None, **kwargs):
                usage = {"input_tokens": 77, "output_tokens": 1, "total_tokens": 78}
                yield ChatGenerationChunk(message=AIMessageChunk("x" * 40, usage_metadata=usage))
                yield ChatGenerationChunk(message=AIMessageChunk("never read"))

        for _chunk in TellsInputFirst(replies=["?"]).stream("hi", books.config):
            break
        gc.collect()
        (call,) = books.calls
        assert (call.input_tokens, call.output_tokens, call.usage_source) == (77, 10, "estimated")

    def test_a_stream_that_fails_midway_was_billed_too(self, books, model):
        from langchain_core.messages import AIMessageChunk
        from langchain_core.outputs import ChatGenerationChunk

        class Breaks(type(model("x", "y"))):
            def _stream(self, messages, stop=None, run_manager=None, **kwargs):
                yield ChatGenerationChunk(message=AIMessageChunk("x" * 40))
                raise ConnectionError("reset")

        with pytest.raises(ConnectionError):
            list(Breaks(replies=["?"]).stream("x" * 400, books.config))
        (call,) = books.calls
        assert (call.status, call.error, call.output_tokens) == ("error", "ConnectionError", 10)
        assert call.usage_source == "estimated"


def test_a_cancelled_task(books, model):
    async def main():
        agent = create_agent(model("large", "too late", delay=5.0))
        task = asyncio.create_task(agent.ainvoke({"messages": [("user", "hi")]}, books.config))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (call,) = books.calls
    assert (call.status, call.hidden) == ("aborted", True)
    assert (call.usage_source, call.output_tokens) == ("estimated", 0)
    assert call.input_tokens > 0


def test_a_call_that_took_too_long(books, model):
    async def node(text, config):
        try:
            async with asyncio.timeout(0.05):
                return await model("large", "too late", delay=5.0).ainvoke(text, config)
        except TimeoutError:
            return "sorry"

    asyncio.run(RunnableLambda(node).ainvoke("x" * 400, books.config))
    (call,) = books.calls
    assert (call.status, call.usage_source) == ("aborted", "estimated")
    assert call.input_tokens == pytest.approx(100, abs=8)


class Veto(BaseCallbackHandler):
    raise_error = True

    def on_chat_model_start(self, *args, **kwargs):
        raise BudgetExceeded("no more")


@pytest.fixture
def no_grace(monkeypatch):
    monkeypatch.setattr(writer, "_GRACE_SECONDS", 0.0)


class TestVetoes:
    def test_after_the_ledger_in_the_list(self, books, model, no_grace):
        chain = RunnableLambda(lambda text: text) | model("large", "never said")
        with pytest.raises(BudgetExceeded):
            chain.invoke("hi", {"callbacks": [books.ledger, Veto()]})
        (call,) = books.calls
        assert (call.status, call.usage_source, call.cost_usd) == ("refused", "none", None)
        assert (call.input_tokens, call.output_tokens, call.hidden) == (None, None, True)

    def test_before_the_ledger_there_is_nothing_to_count(self, books, model):
        chain = RunnableLambda(lambda text: text) | model("large", "never said")
        with pytest.raises(BudgetExceeded):
            chain.invoke("hi", {"callbacks": [Veto(), books.ledger]})
        assert books.calls == []

    def test_of_a_bare_model_is_written_when_the_ledger_closes(self, books, model):
        with pytest.raises(BudgetExceeded):
            model("large", "never said").invoke("hi", {"callbacks": [books.ledger, Veto()]})
        assert books.calls == []
        books.ledger.close()
        assert [call.status for call in books.calls] == ["refused"]

    def test_in_an_async_run(self, books, model, no_grace):
        agent = create_agent(model("large", "never said"))
        with pytest.raises(BudgetExceeded):
            asyncio.run(agent.ainvoke({"messages": [("user", "hi")]}, {"callbacks": [books.ledger, Veto()]}))
        assert [call.status for call in books.calls] == ["refused"]

    def test_a_retry_middleware_asks_again_and_is_refused_again(self, books, model, no_grace):
        agent = create_agent(
            model("large", "never said"),
            middleware=[ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False)],
        )
        agent.invoke({"messages": [("user", "hi")]}, {"callbacks": [books.ledger, Veto()]})
        assert [call.status for call in books.calls] == ["refused", "refused"]


def test_an_end_after_the_call_was_given_up_replaces_the_row(books, model, no_grace):
    """A call left running by its root is written as lost, until it ends after all."""
    from concurrent.futures import Future
    from threading import Event, Thread

    release, ended = Event(), Future()

    def late(messages):
        release.wait(5)
        return AIMessage("late")

    slow = model("large", late)

    def node(text, config):
        Thread(target=lambda: ended.set_result(slow.invoke(text, config))).start()
        return "the root ends at once"

    RunnableLambda(node).invoke("hi", books.config)
    assert [call.status for call in books.calls] == ["refused"]
    release.set()
    ended.result(5)
    (call,) = books.calls
    assert (call.status, call.input_tokens) == ("ok", 10)
