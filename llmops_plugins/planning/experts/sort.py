"""What sort of runnable does an expert's work, which says how it is called and what it gives."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.tools import BaseTool
from langgraph.pregel import Pregel

__all__ = ["MESSAGES", "ExpertSort", "chat_model_of", "sort_of"]

ExpertSort = Literal["chat", "tool", "retriever", "agent", "runnable", "function"]
"""A chat model, a LangChain tool, a retriever, a graph that takes messages, anything else that takes a
mapping, and a plain function."""

MESSAGES = "messages"
"""The part of a graph's state that makes it one that can be spoken to."""


def sort_of(runnable: Any, inputs: Collection[str], arguments: Collection[str]) -> ExpertSort | None:
    """Return what sort a runnable is, or None where it cannot be called.

    Args:
        runnable: What does the work.
        inputs: Names of what it takes, where it is a graph.
        arguments: Names of the arguments that tasks give it. A graph with messages in its state that has all
            of them there too is given them as they are; any other one is told of them in a message.
    """
    if isinstance(runnable, str) or chat_model_of(runnable) is not None:
        return "chat"
    if isinstance(runnable, BaseTool):
        return "tool"
    if isinstance(runnable, BaseRetriever):
        return "retriever"
    if isinstance(runnable, Pregel) and MESSAGES in inputs:
        own = set(inputs) - {MESSAGES}
        return "runnable" if arguments and own.issuperset(arguments) else "agent"
    if isinstance(runnable, Runnable):
        return "runnable"
    return "function" if callable(runnable) else None


def chat_model_of(runnable: Any) -> BaseChatModel | None:
    """Return the chat model that is given what a runnable is, bound, parsed or with fallbacks; else None.

    Args:
        runnable: Anything.
    """
    while not isinstance(runnable, BaseChatModel):
        if isinstance(runnable, RunnableBinding):
            runnable = runnable.bound
        elif isinstance(runnable, RunnableSequence):
            runnable = runnable.first
        elif isinstance(runnable, RunnableWithFallbacks):
            runnable = runnable.runnable
        else:
            return None
    return runnable
