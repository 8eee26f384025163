"""What is known of an expert through its chat model: what a call is thought to cost, and what it may hold."""

from __future__ import annotations

from datetime import UTC, datetime

from langchain_core.language_models import BaseChatModel

from llmops_plugins.models.avoided import provider_and_name
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage
from llmops_plugins.models.registry import ModelRegistry

__all__ = ["TYPICAL_CALL", "call_estimate", "context_window"]

TYPICAL_CALL = TokenUsage(input_tokens=500, output_tokens=300)
"""What a call is thought to take before one was made: instructions and arguments, and a few paragraphs."""


def call_estimate(prices: PriceBook, model: BaseChatModel | str | None) -> float | None:
    """Return the USD of a typical call, or None where there is no model or no price.

    Args:
        prices: Prices calls.
        model: A chat model or its ``init_chat_model`` string.
    """
    if model is None:
        return None
    provider, name = _named(model)
    cost = prices.price(provider, name, TYPICAL_CALL, datetime.now(UTC))
    return cost.total_usd if isinstance(cost, Cost) else None


def context_window(registry: ModelRegistry | None, model: BaseChatModel | str | None) -> int | None:
    """Return the input tokens that a registry says a model accepts, or None where it says nothing.

    Args:
        registry: The deployment's models.
        model: A chat model or its ``init_chat_model`` string.
    """
    if model is None or registry is None:
        return None
    spec = registry.find(*_named(model))
    return spec.context_window if spec is not None else None


def _named(model: BaseChatModel | str) -> tuple[str | None, str]:
    if not isinstance(model, str):
        return provider_and_name(model)
    provider, colon, name = model.partition(":")
    return (provider, name) if colon else (None, model)
