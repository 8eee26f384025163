"""The user's own graph in a replay: a function that makes it of models that repeat recorded answers."""

from __future__ import annotations

import asyncio
import importlib
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig

from llmops_plugins.backtest.answering import BuildAgent
from llmops_plugins.errors import ConfigurationError, LlmopsError

__all__ = ["load_graph"]

_EXAMPLE = 'def build(models): small = models["small"]; return create_agent(small, tools=[])'
_ASYNC_ONLY = ("No synchronous function provided", "a coroutine function synchronously")
"""How LangGraph and LangChain say that something can only be awaited."""


def load_graph(path: str) -> BuildAgent:
    """Return the function at ``module:attribute`` or ``file.py:attribute`` that makes a graph of models.

    Args:
        path: Where it is; modules are looked for in the current folder too. Called with chat models by name,
            it returns a graph or another runnable that takes ``{"messages": [...]}``.

    Raises:
        ConfigurationError: If there is none; from what is returned, if the function or its graph fails.
    """
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError("graph", f"must be module:function such as my_app:build, got {path!r}")
    try:
        found = getattr(_module(module_name), attribute, None)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            "graph", f"{module_name} cannot be imported ({type(error).__name__}: {error}), check the path"
        ) from error
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
    return _building(path, found)


def _module(name: str) -> ModuleType:
    # A command on the path does not see the folder it is called from, unlike `python -m`.
    folder = Path(name).resolve(strict=True).parent if name.endswith(".py") else Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(Path(name).stem if name.endswith(".py") else name)


def _building(path: str, function: Callable[[Mapping[str, BaseChatModel]], Any]) -> BuildAgent:
    def build(models: Mapping[str, BaseChatModel]) -> _UserGraph:
        try:
            graph = function(models)
        except LlmopsError:
            raise
        except Exception as error:
            raise ConfigurationError(
                "graph", f"{path} failed when called ({type(error).__name__}: {error}), write {_EXAMPLE}"
            ) from error
        if hasattr(graph, "compile") and not hasattr(graph, "invoke"):
            raise ConfigurationError(
                "graph", f"{path} returned a graph that is not compiled, call its compile()"
            )
        if not hasattr(graph, "invoke"):
            raise ConfigurationError(
                "graph", f"{path} returned {type(graph).__name__}, return a graph: {_EXAMPLE}"
            )
        return _UserGraph(path, graph)

    return build


class _UserGraph:
    """A graph whose failures are one sentence, and that may be async only."""

    def __init__(self, path: str, graph: Any) -> None:
        self._path = path
        self._graph = graph
        self._is_async: bool | None = None

    def invoke(self, input: Any, config: RunnableConfig | None = None) -> Any:
        """Run the graph, in a thread of conversation of its own."""
        try:
            if self._is_async is None:  # a try outside of the books: what failed half-way has called models
                self._is_async = self._is_only_async(input)
            return self._run(input, {**(config or {}), **_own_thread()}, is_async=self._is_async)
        except LlmopsError:
            raise
        except Exception as error:
            asked = str(input["messages"][-1][1])[:60]
            raise ConfigurationError(
                "graph", f"{self._path} failed at {asked!r} ({type(error).__name__}: {error}), correct it"
            ) from error

    def _is_only_async(self, input: Any) -> bool:
        try:
            self._run(input, _own_thread(), is_async=False)
        except (TypeError, NotImplementedError) as error:
            if not any(words in str(error) for words in _ASYNC_ONLY):
                raise
            return True
        return False

    def _run(self, input: Any, config: RunnableConfig, *, is_async: bool) -> Any:
        if not is_async:
            return self._graph.invoke(input, config)

        async def run() -> Any:
            return await self._graph.ainvoke(input, config)

        return asyncio.run(run())


def _own_thread() -> RunnableConfig:
    return {"configurable": {"thread_id": str(uuid.uuid4())}}
