"""A stored reply as the model's response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain.agents.structured_output import (
    OutputToolBinding,
    ProviderStrategy,
    ProviderStrategyBinding,
    ToolStrategy,
)
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.effects import Request, Response

__all__ = ["replay"]


def replay(entry: CacheEntry, request: Request, tier: str) -> Response | None:
    """Return a stored reply under fresh ids, with its structured output parsed again.

    Args:
        entry: The stored answer, of the request's own partition: so its response format is the request's.
        request: What is asked.
        tier: Which tier serves it.

    Returns:
        The response; None where the structured output does not parse any more.
    """
    messages = entry.replayed(tier)
    if request.response_format is None or _calls_only(entry, _names(request)):
        return ModelResponse(result=messages)
    try:
        return ModelResponse(result=messages, structured_response=_parsed(request.response_format, messages))
    except Exception:  # noqa: BLE001 - a user's schema may raise anything; a miss is always right
        return None


def _calls_only(entry: CacheEntry, names: frozenset[str]) -> bool:
    """Tell whether a reply is a step on the way to the structured output: it calls the agent's own tools."""
    return entry.calls_tools and {call["name"] for call in entry.message.tool_calls} <= names


def _names(request: Request) -> frozenset[str]:
    described = (tool.name if isinstance(tool, BaseTool) else tool.get("name") for tool in request.tools)
    return frozenset(name for name in described if name)


def _parsed(response_format: Any, messages: Sequence[BaseMessage]) -> Any:
    message = next(message for message in messages if isinstance(message, AIMessage))
    if not message.tool_calls:
        spec = ProviderStrategy(response_format.schema).schema_spec
        return ProviderStrategyBinding.from_schema_spec(spec).parse(message)
    # The agent's own strategy: a schema without a title has a name that was drawn when it was built.
    strategy = response_format
    if not isinstance(strategy, ToolStrategy):
        strategy = ToolStrategy(response_format.schema)
    specs = {spec.name: spec for spec in strategy.schema_specs}
    (call,) = [call for call in message.tool_calls if call["name"] in specs]
    return OutputToolBinding.from_schema_spec(specs[call["name"]]).parse(call["args"])
