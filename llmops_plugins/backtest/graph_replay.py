"""The user's own graph in a replay: a function that makes it of models that repeat recorded answers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig

from llmops_plugins.backtest.answering import BeginAgainError, BuildAgent
from llmops_plugins.backtest.error_sentence import error_sentence
from llmops_plugins.backtest.user_module import load_attribute
from llmops_plugins.errors import ConfigurationError, LlmopsError

__all__ = ["load_graph"]

_EXAMPLE = 'def build(models): small = models["small"]; return create_agent(small, tools=[])'
_ASYNC_ONLY = (
    "No synchronous function provided",
    "a coroutine function synchronously",
    "does not support sync invocation",
    "Synchronous implementation of",
)
"""How LangGraph and LangChain say that something can only be awaited."""


@dataclass(kw_only=True)
class _Manner:
    """How a graph is run: awaited only once it has said that it has to be."""

    runner: asyncio.Runner
    is_async: bool = False


def load_graph(path: str, runner: asyncio.Runner) -> BuildAgent:
    """Return the function at ``module:attribute`` or ``file.py:attribute`` that makes a graph of models.

    Args:
        path: Where it is; modules are looked for in the current folder too. Called with chat models by name,
            it returns a graph or another runnable that takes ``{"messages": [...]}``.
        runner: Runs a graph that is async only.

    Raises:
        ConfigurationError: If there is none; from what is returned, if the function or its graph fails.
    """
    module_name, _, attribute = path.rpartition(":")
    if not module_name or not attribute:
        raise ConfigurationError("graph", f"must be module:function such as my_app:build, got {path!r}")
    found = load_attribute(path, "graph")
    if found is None:
        raise ConfigurationError("graph", f"{module_name} has no {attribute!r}, check its spelling")
    if hasattr(found, "invoke") or hasattr(found, "compile"):
        raise ConfigurationError(
            "graph", f"{path} has its models inside, name a function that takes them: {_EXAMPLE}"
        )
    if not callable(found):
        raise ConfigurationError(
            "graph", f"{path} is no function but {type(found).__name__}, name one: {_EXAMPLE}"
        )
    return _building(path, found, _Manner(runner=runner))


def _building(
    path: str, function: Callable[[Mapping[str, BaseChatModel]], Any], manner: _Manner
) -> BuildAgent:
    def build(models: Mapping[str, BaseChatModel]) -> _UserGraph:
        try:
            graph = function(models)
        except LlmopsError:
            raise
        except Exception as error:
            raise ConfigurationError(
                "graph", f"{path} failed when called ({error_sentence(error)}), write {_EXAMPLE}"
            ) from error
        if hasattr(graph, "compile") and not hasattr(graph, "invoke"):
            raise ConfigurationError(
                "graph", f"{path} returned a graph that is not compiled, call its compile()"
            )
        if not hasattr(graph, "invoke"):
            raise ConfigurationError(
                "graph", f"{path} returned {type(graph).__name__}, return a graph: {_EXAMPLE}"
            )
        return _UserGraph(path, graph, manner)

    return build


class _UserGraph:
    """A graph whose failures are one sentence, and that may be async only."""

    def __init__(self, path: str, graph: Any, manner: _Manner) -> None:
        self._path = path
        self._graph = graph
        self._manner = manner

    def invoke(self, input: Any, config: RunnableConfig | None = None) -> Any:
        """Run the graph, in a thread of conversation of its own."""
        own: RunnableConfig = {**(config or {}), "configurable": {"thread_id": str(uuid.uuid4())}}
        try:
            if self._manner.is_async:
                return self._manner.runner.run(self._awaited(input, own))
            return self._graph.invoke(input, own)
        except LlmopsError:
            raise
        except Exception as error:
            if not self._manner.is_async and _is_async_only(error):
                self._manner.is_async = True
                raise BeginAgainError from error
            asked = str(input["messages"][-1][1])[:60]
            raise ConfigurationError(
                "graph", f"{self._path} failed at {asked!r} ({error_sentence(error)}), correct it"
            ) from error

    async def _awaited(self, input: Any, config: RunnableConfig) -> Any:
        return await self._graph.ainvoke(input, config)


def _is_async_only(error: Exception) -> bool:
    known = isinstance(error, TypeError | NotImplementedError)
    return known and any(words in str(error) for words in _ASYNC_ONLY)
