"""The row of an embedding call, whose tokens no provider reports through LangChain's interface."""

from __future__ import annotations

import uuid
from typing import Any

from llmops_plugins.accounting.breakdown import SentBefore
from llmops_plugins.accounting.observed import ObservedCall, ObservedEmbedding
from llmops_plugins.accounting.rows import call_row, cost_columns, price_call, usage_columns
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage, Unpriced

__all__ = ["embedding_row"]

_BYTES_PER_TOKEN = 4


def embedding_row(embedding: ObservedEmbedding, prices: PriceBook) -> dict[str, Any]:
    """Return the row of one embedding call, its tokens estimated from the texts' size."""
    data = embedding.data
    call = ObservedCall(
        run_id=str(uuid.uuid4()),
        parent_id=embedding.run_id,
        run=embedding.run,
        messages=(),
        metadata={**embedding.metadata, "ls_provider": data["provider"], "ls_model_name": data["model"]},
        parameters={},
        started_at=embedding.at - data["latency_seconds"],
        started_clock=0.0,
        ended_clock=data["latency_seconds"],
    )
    row = call_row(call, prices=prices, sent_before=SentBefore(), content="none")
    usage = TokenUsage(input_tokens=round(data["bytes"] / _BYTES_PER_TOKEN), output_tokens=0)
    cost: Cost | Unpriced = price_call(prices, call, usage, row["started_at"])
    if data["free"]:
        cost = Cost(parts={"input": 0.0}, source="self-hosted")
    return {
        **row,
        **usage_columns(usage),
        **cost_columns(cost),
        "status": "ok",
        "usage_source": "estimated",
        "input_breakdown": None,
        "resent_tokens": None,
        "kind": "embed",
        "hidden": True,
        "rejected": False,
        "attempt": 1,
    }
