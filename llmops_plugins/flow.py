"""The drivers that run flows: the only place where a capability meets I/O, sync or async.

A *flow* is a plain generator. It decides, yields an effect for what it needs, receives the outcome (or the
exception) at that ``yield``, and returns its result. It does no I/O, so one flow serves ``invoke``,
``ainvoke`` and both ways of streaming, and a test sends replies by hand::

    def once_more(request):
        reply = yield Forward(request)
        if reply.result[0].text:
            return reply
        return (yield Forward(request, live=True))

The idea is httpx's ``auth_flow``. Flows never yield in ``finally``: a driver closes them on every exit.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeAlias

from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs, var_child_runnable_config
from langgraph.types import interrupt

from llmops_plugins.background import BACKGROUND
from llmops_plugins.dispatch import adispatch_decision, dispatch_decision
from llmops_plugins.effects import (
    NEVER_SWALLOWED,
    CallModel,
    Effect,
    Embed,
    Emit,
    Flow,
    Forward,
    Gather,
    Interrupt,
    Invoke,
    ModelReply,
    Request,
    Response,
    Result,
    Spawn,
    StoreOps,
    Wait,
)
from llmops_plugins.embeddings import CountedEmbeddings
from llmops_plugins.events import KIND_KEY, SHADOW_KEY
from llmops_plugins.gathering import agather, gather

__all__ = [
    "CallModel",
    "Effect",
    "Embed",
    "Emit",
    "Finished",
    "Flow",
    "Forward",
    "Gather",
    "Interrupt",
    "Invoke",
    "ModelReply",
    "Request",
    "Response",
    "Spawn",
    "Steps",
    "StoreOps",
    "Wait",
    "aperform",
    "arun",
    "astream",
    "held",
    "perform",
    "run",
    "stream",
]

NOSTREAM = "nostream"
"""LangGraph's tag that keeps a model call out of ``stream_mode="messages"``."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The last item of :func:`astream`: async generators cannot return a value."""

    response: Response


SyncForward: TypeAlias = Callable[[Request], Response]
AsyncForward: TypeAlias = Callable[[Request], Awaitable[Response]]
SyncStream: TypeAlias = Callable[[Request], Generator[AIMessageChunk, None, Response]]
Perform: TypeAlias = Callable[[Effect, SyncForward | None], Any]
AsyncPerform: TypeAlias = Callable[[Effect, AsyncForward | None], Awaitable[Any]]
AsyncStream: TypeAlias = Callable[[Request], AsyncGenerator[AIMessageChunk | Finished, None]]


class Steps(Iterator[Effect], Generic[Result]):
    """The effects of a flow, one after the other, each resumed with the outcome of the one before.

    Iterating resumes the flow; the ``with`` block around performing an effect records its outcome::

        for effect in steps:
            with steps:
                steps.reply = perform(effect)
        return steps.result
    """

    def __init__(self, flow: Flow[Result]) -> None:
        self._flow = flow
        self._error: Exception | None = None
        self.reply: Any = None
        self.result: Result

    def __next__(self) -> Effect:
        error, self._error = self._error, None
        reply, self.reply = self.reply, None
        try:
            return self._flow.send(reply) if error is None else self._flow.throw(error)
        except StopIteration as stop:
            self.result = stop.value
            raise

    def __enter__(self) -> Steps[Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception) and not isinstance(error, NEVER_SWALLOWED):
            self._error = error
            return True
        return False


def run(flow: Flow[Result], forward: SyncForward | None = None, do: Perform | None = None) -> Result:
    """Drive a flow to its end in the calling thread.

    Args:
        flow: The generator to drive.
        forward: Passes a request on to the wrapped model; needed only by flows that yield ``Forward``.
        do: Performs an effect in place of :func:`perform`, which it may call.

    Returns:
        What the flow returned.

    Raises:
        GraphBubbleUp, BudgetExceeded: At once, without offering them to the flow.
        Exception: Whatever the flow let through.
    """
    performed = perform if do is None else do
    steps = Steps(flow)
    with contextlib.closing(flow):
        for effect in steps:
            with steps:
                steps.reply = performed(effect, forward)
    return steps.result


async def arun(
    flow: Flow[Result], forward: AsyncForward | None = None, do: AsyncPerform | None = None
) -> Result:
    """Drive a flow to its end in the running event loop; the async twin of :func:`run`."""
    performed = aperform if do is None else do
    steps = Steps(flow)
    with contextlib.closing(flow):
        for effect in steps:
            with steps:
                steps.reply = await performed(effect, forward)
    return steps.result


def stream(
    flow: Flow[Response], forward: SyncForward, forward_stream: SyncStream
) -> Generator[AIMessageChunk, None, Response]:
    """Drive a flow, yielding the chunks of its live ``Forward`` as they come.

    Args:
        flow: The generator to drive.
        forward: Passes a held request on.
        forward_stream: Passes a live request on: a generator of chunks that returns the response.

    Returns:
        The flow's response, as the generator's return value.
    """
    steps = Steps(flow)
    with contextlib.closing(flow):
        for effect in steps:
            with steps:
                if isinstance(effect, Forward) and effect.live:
                    steps.reply = yield from forward_stream(effect.request)
                else:
                    steps.reply = perform(effect, forward)
    return steps.result


async def astream(
    flow: Flow[Response], forward: AsyncForward, forward_stream: AsyncStream
) -> AsyncGenerator[AIMessageChunk | Finished, None]:
    """Drive a flow, yielding the chunks of its live ``Forward``, and last of all ``Finished``."""
    steps = Steps(flow)
    with contextlib.closing(flow):
        for effect in steps:
            with steps:
                if isinstance(effect, Forward) and effect.live:
                    async with contextlib.aclosing(forward_stream(effect.request)) as chunks:
                        async for item in chunks:
                            if isinstance(item, Finished):
                                steps.reply = item.response
                            else:
                                yield item
                else:
                    steps.reply = await aperform(effect, forward)
    yield Finished(response=steps.result)


@contextlib.contextmanager
def held(metadata: dict[str, Any] | None = None) -> Iterator[None]:
    """Keep every model call made inside from the user's token stream; callbacks still see it.

    Args:
        metadata: What else to note on the runs inside.

    The tag has to be on the callback manager that children inherit: LangGraph's stream handler reads the tags
    of the run, not of the config (``disable_streaming`` and ``internal_call_metadata`` do not keep it out).
    """
    config = var_child_runnable_config.get() or {}
    merged = merge_configs(config, {"tags": [NOSTREAM], "metadata": metadata or {}})
    callbacks = config.get("callbacks")
    if callbacks is not None and not isinstance(callbacks, list):
        callbacks = callbacks.copy()
        callbacks.add_tags([NOSTREAM])
        callbacks.add_metadata(metadata or {})
        merged["callbacks"] = callbacks
    token = var_child_runnable_config.set(merged)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def _hidden_call(effect: CallModel) -> tuple[Runnable[Any, Any], RunnableConfig]:
    config: RunnableConfig = {"tags": [NOSTREAM], "metadata": {KIND_KEY: effect.kind}}
    if effect.schema is None:
        return effect.model, config
    return effect.model.with_structured_output(effect.schema, include_raw=True), config


def _model_reply(output: Any) -> ModelReply:
    if isinstance(output, dict):
        return ModelReply(message=output["raw"], parsed=output["parsed"])
    return ModelReply(message=output)


def _needed(forward: Callable[[Request], Any] | None) -> Callable[[Request], Any]:
    if forward is None:
        raise TypeError("forward: a flow that yields Forward needs the wrapped call, pass it to the driver")
    return forward


def perform(effect: Effect, forward: SyncForward | None) -> Any:
    """Perform one effect in the calling thread.

    Args:
        effect: What a flow asked for.
        forward: Passes a request on to the wrapped model.
    """
    match effect:
        case Forward(request, live):
            with contextlib.nullcontext() if live else held():
                return _needed(forward)(request)
        case CallModel(messages=messages):
            runnable, config = _hidden_call(effect)
            return _model_reply(runnable.invoke(list(messages), config))
        case Embed(embeddings, texts):
            return CountedEmbeddings(embeddings).embed_documents(list(texts))
        case StoreOps(store, ops):
            return store.batch(ops)
        case Invoke(runnable, input_, live):
            return runnable.invoke(input_, {} if live else {"tags": [NOSTREAM]})
        case Gather(effects, timeout):
            calls = [partial(perform, one, forward) for one in effects]
            return gather(calls, timeout, NEVER_SWALLOWED)
        case Spawn(flow):
            return BACKGROUND.start_thread(lambda: _run_spawned(flow, forward), abandon=flow.close)
        case Wait(future, timeout):
            return future.result(timeout)
        case Interrupt(value):
            return interrupt(value)
        case Emit(decision):
            return dispatch_decision(decision)
        case _:
            raise TypeError(f"a flow yielded {effect!r}, which is not an effect")


async def aperform(effect: Effect, forward: AsyncForward | None) -> Any:
    """Perform one effect in the running event loop; the async twin of :func:`perform`."""
    match effect:
        case Forward(request, live):
            with contextlib.nullcontext() if live else held():
                return await _needed(forward)(request)
        case CallModel(messages=messages):
            runnable, config = _hidden_call(effect)
            return _model_reply(await runnable.ainvoke(list(messages), config))
        case Embed(embeddings, texts):
            return await CountedEmbeddings(embeddings).aembed_documents(list(texts))
        case StoreOps(store, ops):
            return await store.abatch(ops)
        case Invoke(runnable, input_, live):
            return await runnable.ainvoke(input_, {} if live else {"tags": [NOSTREAM]})
        case Gather(effects, timeout):
            calls = [aperform(one, forward) for one in effects]
            return await agather(calls, timeout, NEVER_SWALLOWED)
        case Spawn(flow):
            return BACKGROUND.start_task(_arun_spawned(flow, forward), abandon=flow.close)
        case Wait(future, timeout):
            # The shield: a waiter that is cancelled must not cancel what others wait for.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), timeout)
        case Interrupt(value):
            return interrupt(value)
        case Emit(decision):
            return await adispatch_decision(decision)
        case _:
            raise TypeError(f"a flow yielded {effect!r}, which is not an effect")


def _run_spawned(flow: Flow[Any], forward: SyncForward | None) -> Any:
    with held({SHADOW_KEY: True}):  # even a live call: nobody is reading any more
        return run(flow, forward)


async def _arun_spawned(flow: Flow[Any], forward: AsyncForward | None) -> Any:
    with held({SHADOW_KEY: True}):
        return await arun(flow, forward)
