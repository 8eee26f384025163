"""Experts of which a part is asynchronous, asked in an event loop: it is awaited, the rest has threads."""

import threading

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langchain_core.vectorstores import InMemoryVectorStore

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.in_threads import in_threads
from llmops_plugins.testing import ScriptedChatModel

QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}


async def asked(runnable):
    expert = Expert(name="it", kinds=["work"], runnable=runnable, arguments=QUERY)
    return await expert.asked().ainvoke({"query": "q"})


def refuse(query: str) -> str:
    """Work."""
    raise NotImplementedError("only asynchronous")


async def acall(query: str) -> str:
    """Work."""
    return f"awaited {query}"


async def anamed(given):
    return await acall(given["query"])


def own(base, method, gives, **fields):
    """Return a subclass with an asynchronous method of its own, whose synchronous side refuses."""

    async def called(self, *arguments, **settings):
        return gives

    return type("Own", (base,), {method: called, **fields})


def refusing(self, *arguments, **settings):
    raise NotImplementedError("only asynchronous")


REMOTE = StructuredTool.from_function(coroutine=acall, name="remote", description="Works.")
CHOSEN = {
    "a tool": lambda given: REMOTE,
    "a lambda": lambda given: RunnableLambda(anamed),
    "a lambda that returns one": lambda given: RunnableLambda(lambda again: REMOTE),
    "a chain": lambda given: RunnableLambda(lambda again: again) | REMOTE,
    "a bound tool": lambda given: REMOTE.with_config(tags=["bound"]),
}


@pytest.mark.parametrize("choose", CHOSEN.values(), ids=CHOSEN)
@pytest.mark.parametrize("put", ["alone", "in a chain", "bound"])
async def test_what_a_function_returns_to_be_run_is_awaited(choose, put):
    threads = []

    def noted(given):
        threads.append(threading.current_thread())
        return choose(given)

    chosen = RunnableLambda(noted)
    runnable = {
        "alone": chosen,
        "in a chain": RunnableLambda(lambda given: given) | chosen,
        "bound": chosen.with_config(tags=["bound"]),
    }[put]
    assert await asked(runnable) == "awaited q"
    assert threads[0] is not threading.main_thread()


async def test_a_plain_function_may_return_what_is_to_be_run_too():
    def choose(query: str):
        return REMOTE

    assert await asked(choose) == "awaited q"


async def test_one_that_returns_itself_without_end_is_stopped():
    def again(given):
        return endless

    endless = RunnableLambda(again)
    with pytest.raises(RecursionError):
        await asked(endless)


async def test_what_is_bound_to_a_function_is_given_to_it():
    runnable = RunnableLambda(lambda given, times: given["query"] * times).bind(times=3)
    assert await asked(runnable) == "qqq"


async def test_a_function_that_yields_is_run_to_its_end():
    def pieces(given):
        yield from ("a", "b", given["query"])

    assert await asked(RunnableLambda(pieces)) == "abq"


@pytest.mark.parametrize("method", ["ainvoke", "_arun"])
@pytest.mark.parametrize("base", [StructuredTool, Tool, BaseTool])
async def test_a_tool_with_an_asynchronous_method_of_its_own_is_awaited(base, method):
    kind = own(base, method, "its own", _run=refusing, __annotations__={})
    settings = {} if base is BaseTool else {"func": refuse}
    if base is StructuredTool:
        settings["args_schema"] = QUERY
    tool = kind(name="own", description="Works.", **settings)
    assert in_threads(tool, "it") is tool
    if method == "ainvoke":
        assert await asked(tool) == "its own"


@pytest.mark.parametrize("method", ["ainvoke", "_aget_relevant_documents"])
async def test_a_retriever_with_an_asynchronous_method_of_its_own_is_awaited(method):
    kind = own(BaseRetriever, method, [Document("its own")], _get_relevant_documents=refusing)
    assert [one["page_content"] for one in await asked(kind())] == ["its own"]


@pytest.mark.parametrize("method", ["ainvoke", "agenerate", "_agenerate"])
async def test_a_chat_model_with_an_asynchronous_method_of_its_own_is_awaited(method):
    fields = {"_generate": refusing, "_llm_type": property(lambda self: "own")}
    model = own(BaseChatModel, method, AIMessage("its own"), **fields)()
    assert in_threads(model, "it") is model
    if method == "ainvoke":
        assert await asked(model) == "its own"


def test_what_has_an_asynchronous_side_is_awaited_as_it_is():
    memory = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    for runnable in (
        ScriptedChatModel(replies=["x"]),
        ChatPromptTemplate.from_template("{query}") | ScriptedChatModel(replies=["x"]),
        RunnableLambda(lambda given: given, anamed),
        StructuredTool.from_function(refuse, acall),
        Tool(name="t", func=str, coroutine=acall, description="d"),
        memory.as_retriever(),
        RunnablePassthrough(),
    ):
        assert in_threads(runnable, "it") is runnable
    synchronous = Tool(name="t", func=str, description="d")
    assert in_threads(synchronous, "it") is not synchronous
