"""Flows and the drivers that run them: the only place where a capability meets I/O, sync or async.

A *flow* is a plain generator. It decides, yields an effect for what it needs, receives the outcome (or the
exception) at that ``yield``, and returns its result. It does no I/O, so one flow serves ``invoke``, ``ainvoke``
and both ways of streaming, and a test sends replies by hand::

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
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import (
    ContextThreadPoolExecutor,
    merge_configs,
    var_child_runnable_config,
)
from langgraph.errors import GraphBubbleUp
from langgraph.store.base import BaseStore, Op

from llmops_plugins.background import BACKGROUND
from llmops_plugins.dispatch import adispatch_decision, dispatch_decision
from llmops_plugins.embeddings import CountedEmbeddings
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.events import KIND_KEY, Decision, Kind

__all__ = [
    "CallModel",
    "Effect",
    "Embed",
    "Emit",
    "Finished",
    "Flow",
    "Forward",
    "Gather",
    "Invoke",
    "ModelReply",
    "Spawn",
    "StoreOps",
    "arun",
    "astream",
    "held",
    "run",
    "stream",
]

Result = TypeVar("Result")
Request: TypeAlias = ModelRequest[Any]
Response: TypeAlias = ModelResponse[Any]
Flow: TypeAlias = Generator["Effect", Any, Result]

NOSTREAM = "nostream"
"""LangGraph's tag that keeps a model call out of ``stream_mode="messages"``."""


@dataclass(frozen=True)
class Forward:
    """Pass the wrapped model call on; resumes with its ``ModelResponse``.

    Args:
        request: The request, usually ``request.override(...)``.
        live: Promises that the reply is returned unchanged, so it may stream as it comes. Any other reply is
            held back from the user's stream; the ledger still sees it.
    """

    request: Request
    live: bool = False


@dataclass(frozen=True)
class CallModel:
    """A hidden call the capability makes itself; resumes with a :class:`ModelReply`. Never streams to the user.

    Args:
        model: The chat model, or a model bound to settings.
        messages: What it is sent.
        kind: What the call is for. Required, so that no hidden call goes uncounted.
        schema: Optional schema for structured output.
    """

    model: BaseChatModel
    messages: Sequence[BaseMessage]
    kind: Kind
    schema: type[Any] | dict[str, Any] | None = None


@dataclass(frozen=True)
class Embed:
    """Embed texts; resumes with one vector a text. Counted, though LangChain's embeddings fire no callbacks."""

    embeddings: Embeddings
    texts: Sequence[str]


@dataclass(frozen=True)
class StoreOps:
    """Operations on a LangGraph store, in one batch; resumes with their results in order."""

    store: BaseStore
    ops: Iterable[Op]


@dataclass(frozen=True)
class Invoke:
    """Invoke anything else runnable, held back from the user's stream; resumes with its output."""

    runnable: Runnable[Any, Any]
    input: Any


@dataclass(frozen=True)
class Gather:
    """Perform several effects at once; resumes with a list of results in order, a failure as its exception.

    Args:
        effects: What to perform. None may be a live ``Forward``: only one reply can be the user's stream.
        timeout: Seconds for all of them together; one that is late comes back as ``TimeoutError``.
    """

    effects: Sequence[Effect]
    timeout: float | None = None

    def __post_init__(self) -> None:
        if any(isinstance(effect, Forward) and effect.live for effect in self.effects):
            raise ValueError("effects: a live Forward cannot be gathered, yield it on its own")


@dataclass(frozen=True)
class Spawn:
    """Run a flow in the background, bounded; resumes at once with None. Its failure never reaches the user."""

    flow: Flow[Any]


@dataclass(frozen=True)
class Emit:
    """Put a decision on the bus; resumes with None. Without a parent run it is dropped, never an error."""

    decision: Decision


Effect: TypeAlias = Forward | CallModel | Embed | StoreOps | Invoke | Gather | Spawn | Emit
"""Everything a flow can ask for. A new one is a design decision."""


@dataclass(frozen=True, kw_only=True)
class ModelReply:
    """What a hidden call answered.

    Args:
        message: The model's message; its id names the call in a ``Decision``.
        parsed: The value parsed by ``schema``, or None without one or when the reply did not parse.
    """

    message: AIMessage
    parsed: Any = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The last item of :func:`astream`: async generators cannot return a value."""

    response: Response


SyncForward: TypeAlias = Callable[[Request], Response]
AsyncForward: TypeAlias = Callable[[Request], Awaitable[Response]]
SyncStream: TypeAlias = Callable[[Request], Generator[AIMessageChunk, None, Response]]
AsyncStream: TypeAlias = Callable[[Request], AsyncGenerator[AIMessageChunk | Finished, None]]

_NEVER_OFFERED = (GraphBubbleUp, BudgetExceeded)
"""Interrupts are exceptions in LangGraph, and a veto is final: a flow that fails open must not see either."""


class Steps(Iterator[Effect]):
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
        self.result: Any = None

    def __next__(self) -> Effect:
        error, self._error = self._error, None
        reply, self.reply = self.reply, None
        try:
            return self._flow.send(reply) if error is None else self._flow.throw(error)
        except StopIteration as stop:
            self.result = stop.value
            raise

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception) and not isinstance(error, _NEVER_OFFERED):
            self._error = error
            return True
        return False


def run(flow: Flow[Result], forward: SyncForward | None = None) -> Result:
    """Drive a flow to its end in the calling thread.

    Args:
        flow: The generator to drive.
        forward: Passes a request on to the wrapped model; needed only by flows that yield ``Forward``.

    Returns:
        What the flow returned.

    Raises:
        GraphBubbleUp, BudgetExceeded: At once, without offering them to the flow.
        Exception: Whatever the flow let through.
    """
    steps = Steps(flow)
    with contextlib.closing(flow):
        for effect in steps:
            with steps:
                steps.reply = _perform(effect, forward)
    return steps.result  # type: ignore[no-any-return]  # the generator's own return type


async def arun(flow: Flow[Result], forward: AsyncForward | None = None) -> Result:
    """Drive a flow to its end in the running event loop; the async twin of :func:`run`."""
    steps = Steps(flow)
    with contextlib.closing(flow):
        for effect in steps:
            with steps:
                steps.reply = await _aperform(effect, forward)
    return steps.result  # type: ignore[no-any-return]


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
                    steps.reply = _perform(effect, forward)
    return steps.result  # type: ignore[no-any-return]


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
                    steps.reply = await _aperform(effect, forward)
    yield Finished(response=steps.result)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep every model call made inside from the user's token stream; callbacks still see it.

    The tag has to be on the callback manager that children inherit: LangGraph's stream handler reads the tags
    of the run, not of the config (``disable_streaming`` and ``internal_call_metadata`` do not keep it out).
    """
    config = var_child_runnable_config.get() or {}
    merged = merge_configs(config, {"tags": [NOSTREAM]})
    callbacks = config.get("callbacks")
    if callbacks is not None and not isinstance(callbacks, list):
        callbacks = callbacks.copy()
        callbacks.add_tags([NOSTREAM])
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


def _perform(effect: Effect, forward: SyncForward | None) -> Any:
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
        case Invoke(runnable, input_):
            return runnable.invoke(input_, {"tags": [NOSTREAM]})
        case Gather():
            return _gather(effect, forward)
        case Spawn(flow):
            return BACKGROUND.start_thread(lambda: run(flow, forward), abandon=flow.close)
        case Emit(decision):
            return dispatch_decision(decision)
        case _:
            raise TypeError(f"a flow yielded {effect!r}, which is not an effect")


async def _aperform(effect: Effect, forward: AsyncForward | None) -> Any:
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
        case Invoke(runnable, input_):
            return await runnable.ainvoke(input_, {"tags": [NOSTREAM]})
        case Gather():
            return await _agather(effect, forward)
        case Spawn(flow):
            return BACKGROUND.start_task(arun(flow, forward), abandon=flow.close)
        case Emit(decision):
            return await adispatch_decision(decision)
        case _:
            raise TypeError(f"a flow yielded {effect!r}, which is not an effect")


def _gather(gather: Gather, forward: SyncForward | None) -> list[Any]:
    pool = ContextThreadPoolExecutor(max_workers=max(1, len(gather.effects)))
    futures = [pool.submit(_perform, effect, forward) for effect in gather.effects]
    try:
        wait(futures, timeout=gather.timeout)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    late = TimeoutError(f"not done after {gather.timeout} seconds")
    return _outcomes(
        [(future.exception() or future.result()) if future.done() else late for future in futures]
    )


async def _agather(gather: Gather, forward: AsyncForward | None) -> list[Any]:
    tasks = [asyncio.ensure_future(_aperform(effect, forward)) for effect in gather.effects]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=gather.timeout)
        late = TimeoutError(f"not done after {gather.timeout} seconds")
        return _outcomes([(task.exception() or task.result()) if task.done() else late for task in tasks])
    finally:
        for task in tasks:
            task.cancel()


def _outcomes(outcomes: list[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, _NEVER_OFFERED) or (
            isinstance(outcome, BaseException) and not isinstance(outcome, Exception)
        ):
            raise outcome
    return outcomes
