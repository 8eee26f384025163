"""Reads what a provider says a call used, wherever LangChain puts it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult

from llmops_plugins.models.prices import TokenUsage

__all__ = [
    "is_llm_cache_hit",
    "reply_of",
    "reported_cost_usd",
    "reported_model",
    "reported_usage",
    "snapshot",
]

_INPUT_NAMES = ("prompt_tokens", "input_tokens")
_OUTPUT_NAMES = ("completion_tokens", "output_tokens")


def snapshot(result: LLMResult | None) -> LLMResult | None:
    """Return a result as it is now, with its first generation only.

    LangChain's LLM cache keeps a generation and, at the next hit, exchanges the message in it for one that
    costs nothing: read later, the call that was paid for would look like a hit.
    """
    if result is None or not result.generations:
        return result
    first = [copy(generation) for generation in result.generations[0][:1]]
    return LLMResult.model_construct(generations=[first], llm_output=result.llm_output)


def reply_of(result: LLMResult | None) -> AIMessage | None:
    """Return the first message of a result; a text model's text as one without an id."""
    for generations in result.generations if result is not None else ():
        for generation in generations:
            message = getattr(generation, "message", None)
            if isinstance(message, AIMessage):
                return message
            if message is None:
                return AIMessage(generation.text)
    return None


def reported_usage(result: LLMResult | None) -> TokenUsage | None:
    """Return the tokens a call used, or None when the provider reported none.

    ``usage_metadata`` goes first; older integrations report in ``response_metadata`` or ``llm_output``.
    Several generations of one call share one bill, so the first that carries usage is the whole of it.
    """
    message = reply_of(result)
    if message is not None and message.usage_metadata and "input_tokens" in message.usage_metadata:
        return _from_usage_metadata(message.usage_metadata)
    for source in _said_beside(message, result):
        for key in ("token_usage", "usage"):
            usage = _from_provider_usage(source.get(key))
            if usage is not None:
                return usage
    return None


def reported_model(result: LLMResult | None) -> str | None:
    """Return the model the provider says has answered, which is more exact than the one asked for."""
    for source in _said_beside(reply_of(result), result):
        name = source.get("model_name") or source.get("model")
        if isinstance(name, str) and name:
            return name
    return None


def reported_cost_usd(result: LLMResult | None) -> float | None:
    """Return the cost that came with the usage, for providers and replays that know it."""
    cost = _total_cost(reply_of(result))
    if isinstance(cost, bool) or not isinstance(cost, int | float) or _marks_cache_hit(cost):
        return None
    return float(cost) if math.isfinite(cost) and cost >= 0 else None


def is_llm_cache_hit(result: LLMResult | None) -> bool:
    """Tell whether LangChain's LLM cache answered; a cost of integer zero on the message is its only mark."""
    return _marks_cache_hit(_total_cost(reply_of(result)))


def _said_beside(message: AIMessage | None, result: LLMResult | None) -> Iterator[Mapping[str, Any]]:
    """Yield where providers put what is not the reply itself."""
    if message is not None:
        yield message.response_metadata
    if result is not None and result.llm_output:
        yield result.llm_output


def _total_cost(message: AIMessage | None) -> Any:
    usage: Mapping[str, Any] = (message.usage_metadata if message is not None else None) or {}
    return usage.get("total_cost")


def _marks_cache_hit(cost: Any) -> bool:
    return type(cost) is int and cost == 0


def _from_usage_metadata(usage: Mapping[str, Any]) -> TokenUsage:
    read = usage.get("input_token_details") or {}
    written = usage.get("output_token_details") or {}
    return TokenUsage(
        input_tokens=usage.get("input_tokens") or 0,
        output_tokens=usage.get("output_tokens") or 0,
        cache_read_tokens=read.get("cache_read") or 0,
        # Anthropic splits cache writes by lifetime and then reports the parts, not the sum.
        cache_write_tokens=(read.get("cache_creation") or 0)
        or sum(count for name, count in read.items() if name.startswith("ephemeral_") and count),
        input_audio_tokens=read.get("audio") or 0,
        output_audio_tokens=written.get("audio") or 0,
        reasoning_tokens=written.get("reasoning") or 0,
    )


def _from_provider_usage(usage: Any) -> TokenUsage | None:
    if not isinstance(usage, Mapping):
        return None
    counts = [
        next((usage[name] for name in names if isinstance(usage.get(name), int)), None)
        for names in (_INPUT_NAMES, _OUTPUT_NAMES)
    ]
    if counts[0] is None and counts[1] is None:
        return None
    read = usage.get("prompt_tokens_details") or {}
    written = usage.get("completion_tokens_details") or {}
    return TokenUsage(
        input_tokens=counts[0] or 0,
        output_tokens=counts[1] or 0,
        cache_read_tokens=read.get("cached_tokens") or 0,
        input_audio_tokens=read.get("audio_tokens") or 0,
        output_audio_tokens=written.get("audio_tokens") or 0,
        reasoning_tokens=written.get("reasoning_tokens") or 0,
    )
