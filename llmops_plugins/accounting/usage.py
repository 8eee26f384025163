"""Reads what a provider says a call used, wherever LangChain puts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult

from llmops_plugins.models.prices import TokenUsage

__all__ = ["is_llm_cache_hit", "reply_of", "reported_cost_usd", "reported_model", "reported_usage"]

_INPUT_NAMES = ("prompt_tokens", "input_tokens")
_OUTPUT_NAMES = ("completion_tokens", "output_tokens")


def reply_of(result: LLMResult | None) -> AIMessage | None:
    """Return the first message of a chat model's result, or None for a text model's."""
    for generations in result.generations if result is not None else ():
        for generation in generations:
            message = getattr(generation, "message", None)
            if isinstance(message, AIMessage):
                return message
    return None


def reported_usage(result: LLMResult | None) -> TokenUsage | None:
    """Return the tokens a call used, or None when the provider reported none.

    ``usage_metadata`` goes first; older integrations report in ``response_metadata`` or ``llm_output``.
    Several generations of one call share one bill, so the first that carries usage is the whole of it.
    """
    message = reply_of(result)
    if message is not None and message.usage_metadata and "input_tokens" in message.usage_metadata:
        return _from_usage_metadata(message.usage_metadata)
    for source in (message.response_metadata if message else None, result.llm_output if result else None):
        for key in ("token_usage", "usage"):
            usage = _from_provider_usage((source or {}).get(key))
            if usage is not None:
                return usage
    return None


def reported_model(result: LLMResult | None) -> str | None:
    """Return the model the provider says has answered, which is more exact than the one asked for."""
    message = reply_of(result)
    sources = (message.response_metadata if message else {}, (result.llm_output or {}) if result else {})
    for source in sources:
        name = source.get("model_name") or source.get("model")
        if isinstance(name, str) and name:
            return name
    return None


def reported_cost_usd(result: LLMResult | None) -> float | None:
    """Return the cost that came with the usage, for providers and replays that know it."""
    message = reply_of(result)
    cost = (message.usage_metadata or {}).get("total_cost") if message is not None else None
    if isinstance(cost, bool) or not isinstance(cost, int | float) or _marks_cache_hit(cost):
        return None
    return float(cost)


def is_llm_cache_hit(result: LLMResult | None) -> bool:
    """Tell whether LangChain's LLM cache answered; a cost of integer zero on the message is its only mark."""
    message = reply_of(result)
    return message is not None and _marks_cache_hit((message.usage_metadata or {}).get("total_cost"))


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
