"""Runnables whose synchronous parts are called in threads of their own where they are awaited.

LangChain calls those parts in the event loop's own pool, of which a few that hang take every thread.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForChainRun
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.config import call_func_with_variable_args

from llmops_plugins.planning.execution.abandonable import await_in_thread
from llmops_plugins.planning.experts.sync_only import is_sync_only

__all__ = ["in_threads"]


def in_threads(runnable: Runnable[Any, Any], expert: str) -> Runnable[Any, Any]:
    """Return a runnable that does the same, and in threads of its own what is not asynchronous about it.

    Of a graph, and of what runs others side by side, that cannot be told: it is awaited as it is.

    Args:
        runnable: What does an expert's work.
        expert: The expert's name, for the error when something asks to exit, and by which its calls that were
            given up and still run are counted.
    """
    if isinstance(runnable, RunnableBindingBase):
        bound = in_threads(runnable.bound, expert)
        return runnable if bound is runnable.bound else runnable.model_copy(update={"bound": bound})
    if isinstance(runnable, RunnableSequence):
        return _chain(runnable, expert)
    if isinstance(runnable, RunnableLambda):
        return _lambda(runnable, expert)
    return _InThread(runnable, expert) if is_sync_only(runnable) else runnable


class _InThread(Runnable[Any, Any]):
    """A runnable that has nothing asynchronous about it; it adds no run of its own to a trace."""

    def __init__(self, runnable: Runnable[Any, Any], expert: str) -> None:
        self._runnable = runnable
        self._expert = expert

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return self._runnable.invoke(input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return await _called(partial(self._runnable.invoke, input, config, **kwargs), self._expert)


def _chain(chain: RunnableSequence[Any, Any], expert: str) -> Runnable[Any, Any]:
    steps = [in_threads(step, expert) for step in chain.steps]
    if all(new is old for new, old in zip(steps, chain.steps, strict=True)):
        return chain
    return chain.model_copy(update={"first": steps[0], "middle": steps[1:-1], "last": steps[-1]})


def _lambda(function: RunnableLambda[Any, Any], expert: str) -> Runnable[Any, Any]:
    """Return a lambda of which the function alone is called in a thread: what it returns may be a runnable.

    LangChain runs that with the same input, and awaits it, since it may have no other way to be called.
    """
    if hasattr(function, "afunc"):
        return function
    if inspect.isgeneratorfunction(function.func):
        return _InThread(function, expert)

    async def acall(
        given: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig, **kwargs: Any
    ) -> Any:
        sync_manager = run_manager.get_sync()
        call = partial(call_func_with_variable_args, function.func, given, config, sync_manager, **kwargs)
        returned = await _called(call, expert)
        return in_threads(returned, expert) if isinstance(returned, Runnable) else returned

    threaded = copy.copy(function)
    threaded.afunc = acall
    return threaded


async def _called(call: Callable[[], Any], expert: str) -> Any:
    try:
        return await await_in_thread(call, expert)
    except SystemExit as error:  # it would end the event loop, and everybody's work with it
        raise RuntimeError(f"expert {expert} asked to exit") from error
