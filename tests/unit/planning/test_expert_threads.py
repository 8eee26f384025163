"""Experts that are only synchronous, asked in an event loop: those that hang keep nobody from being asked."""

import asyncio
import os
import threading
from contextvars import ContextVar

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import SimpleChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langchain_core.vectorstores import VectorStore

from llmops_plugins.flow import arun
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.health import ExpertHealth

MORE_THAN_THE_POOL = min(32, (getattr(os, "process_cpu_count", os.cpu_count)() or 1) + 4) + 2
TENANT = ContextVar("tenant", default="nobody")


def function(work):
    def call(query: str) -> str:
        """Work."""
        return work(query)

    return call


def structured_tool(work):
    return tool("worker")(function(work))


def own_tool(work):
    class Own(BaseTool):
        name: str = "own"
        description: str = "Works."

        def _run(self, query: str) -> str:
            return work(query)

    return Own()


def retriever(work):
    class Slow(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            return [Document(work(query))]

    return Slow()


def vector_store(work):
    class Store(VectorStore):
        def similarity_search(self, query, k=4, **settings):
            return [Document(work(query))]

        @classmethod
        def from_texts(cls, *arguments, **settings):
            return cls()

    return Store().as_retriever()


def chat(work):
    class Slow(SimpleChatModel):
        @property
        def _llm_type(self):
            return "slow"

        def _call(self, messages, stop=None, run_manager=None, **settings):
            return work("chat")

    return Slow()


def by_name(work):
    return RunnableLambda(lambda given: work(given["query"]))


def chain(work):
    return ChatPromptTemplate.from_template("{query}") | RunnableLambda(lambda given: work("chain"))


def bound(work):
    return by_name(work).with_config(tags=["bound"])


SORTS = [function, structured_tool, own_tool, retriever, vector_store, chat, by_name, chain, bound]
QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


def expert(runnable, **settings):
    return Expert(name="it", kinds=["work"], runnable=runnable, arguments=QUERY, **settings)


@pytest.mark.parametrize("sort", SORTS)
async def test_those_that_hang_delay_nobody_else(sort):
    release = threading.Event()

    def hang(query):
        release.wait(20)
        return query

    hanging = expert(sort(hang)).asked()
    hung = [asyncio.create_task(hanging.ainvoke({"query": "a"})) for _ in range(MORE_THAN_THE_POOL)]
    try:
        await asyncio.sleep(0.02)
        async with asyncio.timeout(5):
            assert await expert(sort(lambda query: "done")).asked().ainvoke({"query": "b"})
            assert await asyncio.to_thread(lambda: "the pool is free") == "the pool is free"
        for one in hung[:3]:
            one.cancel()
    finally:
        release.set()
        await asyncio.gather(*hung, return_exceptions=True)
    assert all(one.cancelled() for one in hung[:3])
    assert not any(one.cancelled() or one.exception() for one in hung[3:])


async def test_health_probes_that_hang_delay_nobody_else():
    release = threading.Event()
    health = ExpertHealth(probe_timeout_s=0.05)
    hanging = [
        Expert(name=f"e{number}", kinds=["work"], arguments=QUERY, healthy=lambda: release.wait(20))
        for number in range(MORE_THAN_THE_POOL)
    ]
    try:
        for at in range(0, len(hanging), 16):
            await arun(health.probe_flow(hanging[at : at + 16]))
        async with asyncio.timeout(5):
            await asyncio.to_thread(lambda: None)
    finally:
        release.set()
    assert health.problem("e0") is not None


@pytest.mark.parametrize("sort", [function, structured_tool, retriever, by_name, chain])
async def test_context_and_callbacks_are_the_callers(sort, listener):
    seen = []

    def work(query):
        seen.append((TENANT.get(), threading.current_thread() is threading.main_thread()))
        RunnableLambda(lambda given: given).with_config(run_name="inner").invoke("x")
        return query

    class Heard(AsyncCallbackHandler):
        async def on_chain_start(self, serialized, inputs, **settings):
            heard.append((settings.get("name"), settings["metadata"].get("expert")))

    heard = []
    TENANT.set("acme")
    config = {"callbacks": [listener, Heard()]}
    assert await expert(sort(work)).asked("t1").ainvoke({"query": "q"}, config)
    assert seen == [("acme", False)]
    assert ("inner", "it") in heard
    run_id = next(one for one, name in listener.names.items() if name == "inner")
    assert listener.parents[run_id] is not None  # it hangs in the expert's run, and is none of its own


EXIT = (RuntimeError, "^expert it asked to exit$")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StopIteration("no"), (RuntimeError, "^coroutine raised StopIteration$")),
        (SystemExit(3), EXIT),
        (KeyError("x"), (KeyError, "^'x'$")),
    ],
)
@pytest.mark.parametrize("sort", [function, structured_tool, by_name, chain])
async def test_what_it_raises_is_raised_where_it_is_awaited(sort, error, expected):
    def fail(query):
        raise error

    kind, text = expected
    with pytest.raises(kind, match=text):
        async with asyncio.timeout(5):
            await expert(sort(fail)).asked().ainvoke({"query": "b"})


async def test_one_that_is_late_is_given_up_in_time():
    release = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await expert(function(lambda query: release.wait(20))).asked().ainvoke({"query": "b"})
        assert not release.is_set()
    finally:
        release.set()
