"""Agent middleware composed around one chat model call, in each of the four ways it can be made."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain.agents.middleware.types import ExtendedModelResponse, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, message_chunk_to_message
from langchain_core.runnables import Runnable

from llmops_plugins.flow import (
    AsyncForward,
    AsyncStream,
    Finished,
    Request,
    Response,
    SyncForward,
    SyncStream,
    astream,
    held,
    stream,
)
from llmops_plugins.flow_middleware import FlowMiddleware

__all__ = ["PARSING_ERROR", "MiddlewareLayers", "reply_message"]

PARSING_ERROR = "llmops_parsing_error"
"""Key under which a structured reply that did not parse carries its error up through the layers."""


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


def reply_message(response: Response) -> AIMessage:
    """The reply itself: with structured output, a tool message may come after it."""
    for message in reversed(response.result):
        if isinstance(message, AIMessage):
            return message
    raise TypeError("middleware: the response holds no AIMessage, return one from wrap_model_call")


def _normalized(result: Any) -> Response:
    if isinstance(result, ExtendedModelResponse):
        result = result.model_response
    return ModelResponse(result=[result]) if isinstance(result, AIMessage) else result


def _bound(request: Request) -> tuple[Runnable[Any, Any], list[BaseMessage]]:
    messages: list[BaseMessage] = [
        *([request.system_message] if request.system_message else []),
        *request.messages,
    ]
    settings = request.model_settings
    if request.response_format is not None:
        schema = request.response_format.schema
        return request.model.with_structured_output(schema, include_raw=True, **settings), messages
    if request.tools:
        return request.model.bind_tools(request.tools, tool_choice=request.tool_choice, **settings), messages
    return (request.model.bind(**settings) if settings else request.model), messages


def _response(output: Any) -> Response:
    if not isinstance(output, dict):
        return ModelResponse(result=[output])
    if output["parsing_error"] is not None:
        output["raw"].response_metadata[PARSING_ERROR] = output["parsing_error"]
    return ModelResponse(result=[output["raw"]], structured_response=output["parsed"])


def _call_model(request: Request) -> Response:
    model, messages = _bound(request)
    return _response(model.invoke(messages))


async def _acall_model(request: Request) -> Response:
    model, messages = _bound(request)
    return _response(await model.ainvoke(messages))


def _stream_model(request: Request) -> Any:
    model, messages = _bound(request)
    whole: Any = None
    for chunk in model.stream(messages):
        whole = chunk if whole is None else whole + chunk
        yield chunk
    return ModelResponse(result=[message_chunk_to_message(whole)])


async def _astream_model(request: Request) -> Any:
    model, messages = _bound(request)
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
    def chunks(request: Request) -> Any:
        if isinstance(one, FlowMiddleware):
            return (yield from stream(one.guarded_flow(request), inner, inner_stream))
        with held():  # a stranger may still throw the reply away, so it cannot be shown as it comes
            return _normalized(one.wrap_model_call(request, inner))

    return chunks


def _async_stream(one: Any, inner: AsyncForward, inner_stream: AsyncStream) -> AsyncStream:
    async def chunks(request: Request) -> Any:
        if isinstance(one, FlowMiddleware):
            async with contextlib.aclosing(astream(one.guarded_flow(request), inner, inner_stream)) as items:
                async for item in items:
                    yield item
            return
        with held():
            response = _normalized(await one.awrap_model_call(request, inner))
        yield Finished(response=response)

    return chunks
