"""Agent middleware composed around one chat model call, in each of the four ways it can be made."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import Any

from langchain.agents.middleware.types import ExtendedModelResponse, ModelResponse
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message

from llmops_plugins.effects import Request, Response
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import (
    AsyncForward,
    AsyncStream,
    Finished,
    SyncForward,
    SyncStream,
    astream,
    held,
    stream,
)
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.wrapped_model.request import call_of_request, response_of_output

__all__ = ["MiddlewareLayers"]


class MiddlewareLayers:
    """The middleware composed around the model's call, in each of the four ways it can be made."""

    def __init__(self, middleware: Sequence[Any]) -> None:
        self.call: SyncForward = _call_model
        self.acall: AsyncForward = _acall_model
        self.stream: SyncStream = _stream_model
        self.astream: AsyncStream = _astream_model
        for one in reversed(middleware):
            # the two streams wrap the inner calls as well, so they come first
            self.stream = _sync_stream(one, self.call, self.stream)
            self.astream = _async_stream(one, self.acall, self.astream)
            self.call = _sync_call(one, self.call)
            self.acall = _async_call(one, self.acall)


def _normalized(result: Any) -> Response:
    if isinstance(result, ExtendedModelResponse):
        if result.command is not None:
            raise ConfigurationError(
                "middleware",
                "one returned a Command, which needs an agent's state: give it to create_agent",
            )
        result = result.model_response
    return ModelResponse(result=[result]) if isinstance(result, AIMessage) else result


def _call_model(request: Request) -> Response:
    model, messages = call_of_request(request)
    return response_of_output(model.invoke(messages))


async def _acall_model(request: Request) -> Response:
    model, messages = call_of_request(request)
    return response_of_output(await model.ainvoke(messages))


def _stream_model(request: Request) -> Generator[AIMessageChunk, None, Response]:
    if request.response_format is not None:
        return _call_model(request)  # a value is parsed from the whole reply
    model, messages = call_of_request(request)
    whole: Any = None
    for chunk in model.stream(messages):
        whole = chunk if whole is None else whole + chunk
        yield chunk
    return ModelResponse(result=[message_chunk_to_message(whole)])


async def _astream_model(request: Request) -> AsyncGenerator[AIMessageChunk | Finished, None]:
    if request.response_format is not None:
        yield Finished(response=await _acall_model(request))
        return
    model, messages = call_of_request(request)
    whole: Any = None
    async for chunk in model.astream(messages):
        whole = chunk if whole is None else whole + chunk
        yield chunk
    yield Finished(response=ModelResponse(result=[message_chunk_to_message(whole)]))


def _sync_call(one: Any, inner: SyncForward) -> SyncForward:
    return lambda request: _normalized(one.wrap_model_call(request, inner))


def _async_call(one: Any, inner: AsyncForward) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        return _normalized(await one.awrap_model_call(request, inner))

    return call


def _sync_stream(one: Any, inner: SyncForward, inner_stream: SyncStream) -> SyncStream:
    def chunks(request: Request) -> Generator[AIMessageChunk, None, Response]:
        if isinstance(one, FlowMiddleware):
            return (yield from stream(one.guarded_flow(request), inner, inner_stream))
        with held():  # a stranger may still throw the reply away, so it cannot be shown as it comes
            return _normalized(one.wrap_model_call(request, inner))

    return chunks


def _async_stream(one: Any, inner: AsyncForward, inner_stream: AsyncStream) -> AsyncStream:
    async def chunks(request: Request) -> AsyncGenerator[AIMessageChunk | Finished, None]:
        if isinstance(one, FlowMiddleware):
            async with contextlib.aclosing(astream(one.guarded_flow(request), inner, inner_stream)) as items:
                async for item in items:
                    yield item
            return
        with held():
            response = _normalized(await one.awrap_model_call(request, inner))
        yield Finished(response=response)

    return chunks
