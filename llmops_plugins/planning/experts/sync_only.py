"""Which runnables have nothing asynchronous about them: awaiting them only means to wait for a thread."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever

__all__ = ["is_sync_only"]

_SEARCHES = {"similarity": "asimilarity_search", "mmr": "amax_marginal_relevance_search"}


def is_sync_only(runnable: Runnable[Any, Any]) -> bool:
    """Tell whether a runnable's asynchronous methods are LangChain's own, which call the synchronous ones.

    Args:
        runnable: What does a part of an expert's work; no lambda, chain or binding, which have parts.
    """
    if isinstance(runnable, BaseTool):
        return _is_sync_tool(runnable)
    if isinstance(runnable, BaseRetriever):
        return _has(runnable, "ainvoke", BaseRetriever) and _is_sync_retriever(runnable)
    if isinstance(runnable, BaseChatModel):
        methods = ("ainvoke", "agenerate_prompt", "agenerate", "_agenerate", "_astream")
        return all(_has(runnable, one, SimpleChatModel, BaseChatModel) for one in methods)
    if isinstance(runnable, BaseOutputParser):
        return all(_has(runnable, one, BaseOutputParser) for one in ("ainvoke", "aparse_result", "aparse"))
    return _has(runnable, "ainvoke", Runnable)


def _is_sync_tool(tool: BaseTool) -> bool:
    own = (StructuredTool, Tool, BaseTool)
    if isinstance(tool, StructuredTool | Tool) and tool.coroutine is not None:
        return False
    return all(_has(tool, one, *own) for one in ("ainvoke", "arun", "_arun"))


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
