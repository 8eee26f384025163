"""Which runnables have nothing asynchronous about them, so that they are called in threads of their own.

LangChain calls these in the event loop's own pool, of which a few that hang take every thread.
"""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.prompts import BasePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever

__all__ = ["is_sync_only"]

_SEARCHES = {"similarity": "asimilarity_search", "mmr": "amax_marginal_relevance_search"}
_INSTANT = (BasePromptTemplate, BaseOutputParser)
"""What waits for nobody, and may stand in a chain with what is only synchronous."""


def is_sync_only(runnable: Any) -> bool:
    """Tell whether awaiting a runnable only means to wait for a thread in which it is called.

    Of a graph, and of a chain of which a part is asynchronous, it cannot be told: they are awaited.

    Args:
        runnable: What does an expert's work.
    """
    if isinstance(runnable, RunnableBindingBase):
        return is_sync_only(runnable.bound)
    if isinstance(runnable, RunnableSequence):
        waiting = [step for step in runnable.steps if not isinstance(step, _INSTANT)]
        return bool(waiting) and all(map(is_sync_only, waiting))
    if isinstance(runnable, RunnableLambda):
        return not hasattr(runnable, "afunc")
    if isinstance(runnable, BaseTool):
        return _is_sync_tool(runnable)
    if isinstance(runnable, BaseRetriever):
        return _is_sync_retriever(runnable)
    if isinstance(runnable, BaseChatModel):
        return _has(runnable, "_agenerate", BaseChatModel, SimpleChatModel) and _has(
            runnable, "_astream", BaseChatModel
        )
    return isinstance(runnable, Runnable) and _has(runnable, "ainvoke", Runnable)


def _is_sync_tool(tool: BaseTool) -> bool:
    if isinstance(tool, StructuredTool | Tool):
        return tool.coroutine is None and _has(tool, "_arun", StructuredTool, Tool)
    return _has(tool, "_arun", BaseTool) and _has(tool, "ainvoke", BaseTool)


def _is_sync_retriever(retriever: BaseRetriever) -> bool:
    if isinstance(retriever, VectorStoreRetriever) and _has(
        retriever, "_aget_relevant_documents", VectorStoreRetriever
    ):
        search = _SEARCHES.get(retriever.search_type)
        return search is not None and _has(retriever.vectorstore, search, VectorStore)
    return _has(retriever, "_aget_relevant_documents", BaseRetriever)


def _has(thing: Any, method: str, *of: type[Any]) -> bool:
    """Tell whether a method is one that a class of LangChain's defines, and not one's own."""
    found = getattr(type(thing), method)
    return any(found is getattr(one, method) for one in of)
