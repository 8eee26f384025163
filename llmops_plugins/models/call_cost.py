"""What replies of a model cost, told from the usage that they report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from llmops_plugins.models.avoided import provider_and_name
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

__all__ = ["reply_cost"]


def reply_cost(
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
    provider, name = provider_and_name(model)
    total = 0.0
    for reply in replies:
        if not reply.usage_metadata:
            return None
        details = reply.usage_metadata.get("input_token_details") or {}
        usage = TokenUsage(
            input_tokens=reply.usage_metadata["input_tokens"],
            output_tokens=reply.usage_metadata["output_tokens"],
            cache_read_tokens=details.get("cache_read") or 0,
        )
        cost = prices.price(provider, name, usage, at)
        if not isinstance(cost, Cost):
            return None
        total += cost.total_usd
    return total
