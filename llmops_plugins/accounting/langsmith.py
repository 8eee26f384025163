"""Puts a call's cost, kind and input breakdown on its LangSmith run, before the tracer posts it.

LangSmith takes a run's own costs from ``usage_metadata`` (``input_cost``, ``output_cost``, ``total_cost``); the
rest becomes metadata of the run. See https://docs.langchain.com/langsmith/cost-tracking.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.langchain import LangChainTracer
from langsmith.utils import tracing_is_enabled

from llmops_plugins.accounting.attribution import KindRule, kind_by_evidence
from llmops_plugins.accounting.observed import ObservedCall
from llmops_plugins.accounting.rows import call_breakdown, call_facts, price_call
from llmops_plugins.accounting.usage import is_llm_cache_hit, reply_of, reported_usage
from llmops_plugins.events import KIND_KEY, Kind
from llmops_plugins.models.prices import Cost, PriceBook

__all__ = ["BREAKDOWN_KEY", "complete_traced_call", "correct_traced_kind", "mark_root_call"]

BREAKDOWN_KEY = "llmops_input_breakdown"
"""Key in a LangSmith run's metadata for what the call's input was made of."""


def mark_root_call(call: ObservedCall, metadata: dict[str, Any] | None) -> None:
    """Note the kind of a model called on its own, whose run cannot be found later, while it starts."""
    if metadata is not None and tracing_is_enabled():
        metadata.setdefault(KIND_KEY, "answer")
        metadata[BREAKDOWN_KEY] = call_breakdown(call, None, None).to_dict()


def complete_traced_call(call: ObservedCall, prices: PriceBook, rule: KindRule | None) -> None:
    """Complete an ended call's usage with its cost, and its LangSmith run with kind and breakdown.

    A no-op without tracing. The kind is as far as it can be told now; :func:`correct_traced_kind` follows when
    the root has ended and says otherwise.

    Args:
        call: The call, just ended; its tracer has not posted it yet when the ledger came first in ``callbacks``.
        prices: Prices the call.
        rule: The user's rule for kinds.
    """
    run = _traced_run(call.run_id)
    if run is None and not (call.run.root == call.run_id and tracing_is_enabled()):
        return
    message, usage = reply_of(call.result), reported_usage(call.result)
    if (
        message is not None
        and message.usage_metadata
        and usage is not None
        and not is_llm_cache_hit(call.result)
    ):
        cost = price_call(prices, call, usage, datetime.fromtimestamp(call.started_at, UTC))
        if isinstance(cost, Cost):
            costs: dict[str, Any] = {"total_cost": cost.total_usd}
            if cost.source != "reported":
                costs |= {"input_cost": cost.input_usd, "output_cost": cost.output_usd}
            message.usage_metadata = cast("UsageMetadata", {**message.usage_metadata, **costs})
    if run is not None:
        kind = kind_by_evidence(call, call_facts(call), rule)
        if kind is None:
            kind = "step" if message is None or message.tool_calls or call.nostream else "answer"
        breakdown = call_breakdown(call, usage.input_tokens if usage else None, None)
        run.add_metadata({KIND_KEY: kind, BREAKDOWN_KEY: breakdown.to_dict()})
        call.traced_run, call.posted_kind = run, kind


def correct_traced_kind(run: Any, kind: Kind) -> None:
    """Post a run's kind again, now that its root has ended."""
    run.add_metadata({KIND_KEY: kind})
    run.patch()


def _traced_run(run_id: str) -> Any:
    callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
    for handler in getattr(callbacks, "handlers", ()):
        if isinstance(handler, LangChainTracer):
            return handler.run_map.get(run_id)
    return None
