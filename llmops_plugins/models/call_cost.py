"""What calls of models cost, told from what their results report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from langchain_core.outputs import ChatGeneration, LLMResult

from llmops_plugins.models.avoided import provider_and_name
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage, Unpriced
from llmops_plugins.models.usage import is_llm_cache_hit, reported_cost_usd, reported_model, reported_usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

__all__ = ["call_cost", "reply_cost_usd", "result_cost_usd"]


def call_cost(
    prices: PriceBook,
    provider: str | None,
    requested: str | None,
    usage: TokenUsage,
    result: LLMResult | None,
    at: datetime,
) -> Cost | Unpriced:
    """Price a call: by the provider's own bill, else the user's price for the model asked for, else lists.

    Args:
        prices: Prices calls.
        provider: LangChain's ``ls_provider``.
        requested: The model that was asked for; lists are asked for the one that says it has answered.
        usage: The call's tokens.
        result: What came back, where it did.
        at: When the call was made.
    """
    reported = reported_cost_usd(result)
    if reported is not None:
        return Cost(parts={"unsplit": reported}, source="reported")
    answered = reported_model(result)
    cost = prices.price(provider, requested, usage, at)
    if (
        answered is None
        or answered == requested
        or (isinstance(cost, Cost) and cost.source != "genai-prices")
    ):
        return cost
    exact = prices.price(provider, answered, usage, at)
    return exact if isinstance(exact, Cost) else cost


def result_cost_usd(
    prices: PriceBook, provider: str | None, requested: str | None, result: LLMResult, at: datetime
) -> float | None:
    """Return what a call cost in USD; nothing where LangChain's cache answered, None where that is unknown.

    Args:
        prices: Prices calls.
        provider: LangChain's ``ls_provider``.
        requested: The model that was asked for.
        result: What came back.
        at: When the call was made.
    """
    if is_llm_cache_hit(result):
        return 0.0
    usage = reported_usage(result)
    if usage is None:
        return None
    cost = call_cost(prices, provider, requested, usage, result, at)
    return cost.total_usd if isinstance(cost, Cost) else None


def reply_cost_usd(
    prices: PriceBook, model: BaseChatModel | None, replies: Iterable[AIMessage], at: datetime
) -> float | None:
    """Return the USD that replies cost together; None where a price or a usage is missing.

    Args:
        prices: Prices calls.
        model: Who wrote them; None where nobody knows.
        replies: The messages.
        at: When they were written.
    """
    if model is None:
        return None
    named = provider_and_name(model)
    total = 0.0
    for reply in replies:
        result = LLMResult(generations=[[ChatGeneration(message=reply)]])
        cost = result_cost_usd(prices, *named, result, at)
        if cost is None:
            return None
        total += cost
    return total
