"""The rows of what was decided beside the calls: by capabilities, by LangChain's cache and by LangGraph's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from llmops_plugins.accounting.attribution import graph_path, user_metadata
from llmops_plugins.accounting.column_text import short
from llmops_plugins.accounting.observed import ObservedCall, ObservedDecision, RootEnded
from llmops_plugins.accounting.rows import requested_model, thread_id
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage
from llmops_plugins.models.usage import reported_model

__all__ = ["avoided_usd", "cache_hit_row", "decision_row", "replay_row"]


def decision_row(decision: ObservedDecision) -> dict[str, Any]:
    """Return the row of a capability's decision, all but what it spent and saved.

    Args:
        decision: As it came from the bus.
    """
    data, avoided = decision.data, decision.data["avoided"]
    return {
        **_where(decision.run_id, decision.run.root, decision.metadata, decision.at),
        "capability": short(data["capability"], 100),
        "outcome": short(data["outcome"], 100),
        "reason": short(data["reason"], 500),
        "mode": short(data["mode"], 10),
        # What a decision spends is on the ledger; only what it avoided can be an estimate.
        "saved_basis": avoided["basis"] if avoided else "measured",
        "saved_source": short(avoided["source"] if avoided else "the calls made for this decision", 500),
        "avoided_model": short(avoided["model"], 255) if avoided else None,
        "details": dict(data["details"] or {}),
    }


def avoided_usd(prices: PriceBook, avoided: Mapping[str, Any] | None, at: float) -> float | None:
    """Return what the avoided call would have cost, ``None`` where nothing prices it."""
    if avoided is None:
        return 0.0
    if avoided["input_tokens"] is None or avoided["output_tokens"] is None:
        return None
    usage = TokenUsage(
        input_tokens=avoided["input_tokens"],
        output_tokens=avoided["output_tokens"],
        cache_read_tokens=avoided["cache_read_tokens"],
    )
    cost = prices.price(avoided["provider"], avoided["model"], usage, datetime.fromtimestamp(at, UTC))
    return cost.total_usd if isinstance(cost, Cost) else None


def cache_hit_row(call: ObservedCall, saved_usd: float | None) -> dict[str, Any]:
    """Return the row of a call that LangChain's LLM cache answered."""
    return {
        **_where(call.run_id, call.run.root, call.metadata, call.started_at),
        "capability": "llm_cache",
        "outcome": "hit",
        "reason": "LangChain's LLM cache held this prompt",
        "mode": "on",
        "spent_usd": 0.0,
        "saved_usd": saved_usd,
        "saved_basis": "measured",
        "saved_source": "the usage recorded with the cached reply",
        "avoided_model": short(reported_model(call.result) or requested_model(call), 255),
        "details": {},
    }


def replay_row(end: RootEnded, *, saved_usd: float | None, model: str | None) -> dict[str, Any]:
    """Return the row of a reply that LangGraph's node cache replayed."""
    return {
        **_where(end.tree.root, end.tree.root, end.tree.metadata, end.at),
        "capability": "node_cache",
        "outcome": "replayed",
        "reason": "a node's cache policy replayed an earlier reply",
        "mode": "on",
        "spent_usd": 0.0,
        "saved_usd": saved_usd,
        "saved_basis": "measured",
        "saved_source": "the cost recorded when the reply was made",
        "avoided_model": model,
        "details": {},
    }


def _where(run_id: str, root: str, metadata: Mapping[str, Any], at: float) -> dict[str, Any]:
    return {
        "decision_id": str(uuid.uuid4()),
        "run_id": run_id,
        "trace_id": root,
        "thread_id": thread_id(metadata),
        "at": datetime.fromtimestamp(at, UTC),
        "graph_path": graph_path(metadata),
        "node": short(metadata.get("langgraph_node"), 255),
        "user_metadata": user_metadata(metadata),
    }
