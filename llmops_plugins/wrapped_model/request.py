"""A chat model's call as the ``ModelRequest`` that agent middleware sees, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, cast

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_config
from langgraph.runtime import Runtime, get_runtime

from llmops_plugins.effects import Request, Response

__all__ = [
    "PARSING_ERROR",
    "RESPONSE_FORMAT",
    "call_of_request",
    "reply_message",
    "request_of_call",
    "response_of_output",
]

RESPONSE_FORMAT = "llmops_response_format"
"""Key of a call's settings that asks for structured output."""

PARSING_ERROR = "llmops_parsing_error"
"""Key under which a structured reply that did not parse carries its error up through the layers."""

_NO_SETTINGS = frozenset({"tools", "tool_choice", "ls_structured_output_format", RESPONSE_FORMAT})


def request_of_call(
    model: BaseChatModel, messages: list[BaseMessage], stop: list[str] | None, settings: Mapping[str, Any]
) -> Request:
    """Return what an agent would have made of a chat model's call.

    Args:
        model: The model that is called.
        messages: What it is sent; a leading system message becomes the request's own.
        stop: Stop sequences, which become a setting.
        settings: The call's keyword arguments, bound tools included.

    Returns:
        The request, with the runtime of the graph node that makes the call, where one does.
    """
    system = messages[0] if messages and isinstance(messages[0], SystemMessage) else None
    model_settings = {key: value for key, value in settings.items() if key not in _NO_SETTINGS}
    tools = settings.get("tools") or []
    conversation = cast("list[AnyMessage]", messages)
    return ModelRequest(
        model=model,
        messages=conversation[1:] if system else conversation,
        system_message=system,
        tool_choice=settings.get("tool_choice"),
        tools=[one if isinstance(one, BaseTool | dict) else convert_to_openai_tool(one) for one in tools],
        response_format=settings.get(RESPONSE_FORMAT),
        state={"messages": conversation},
        runtime=_runtime(),
        model_settings={**model_settings, "stop": stop} if stop else model_settings,
    )


def call_of_request(request: Request) -> tuple[Runnable[Any, Any], list[BaseMessage]]:
    """Return what to invoke, and with which messages, to answer a request."""
    messages: list[BaseMessage] = [
        *([request.system_message] if request.system_message else []),
        *request.messages,
    ]
    settings = request.model_settings
    if request.response_format is not None:
        schema: Any = request.response_format.schema
        return request.model.with_structured_output(schema, include_raw=True, **settings), messages
    if request.tools:
        return request.model.bind_tools(request.tools, tool_choice=request.tool_choice, **settings), messages
    return (request.model.bind(**settings) if settings else request.model), messages


def response_of_output(output: Any) -> Response:
    """Return the response for what that invocation put out: a message, or one parsed by a schema."""
    if not isinstance(output, dict):
        return ModelResponse(result=[output])
    if output["parsing_error"] is not None:
        output["raw"].response_metadata[PARSING_ERROR] = output["parsing_error"]
    return ModelResponse(result=[output["raw"]], structured_response=output["parsed"])


def reply_message(response: Response) -> AIMessage:
    """Return the reply itself: with structured output, a tool message may come after it."""
    for message in reversed(response.result):
        if isinstance(message, AIMessage):
            return message
    raise TypeError("middleware: the response holds no AIMessage, return one from wrap_model_call")


def _runtime() -> Runtime[Any]:
    with contextlib.suppress(RuntimeError, KeyError):
        get_config()
        return get_runtime() or Runtime()
    return Runtime()
