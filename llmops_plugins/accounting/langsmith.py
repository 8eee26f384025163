"""Brings a call's cost, kind and input breakdown to its LangSmith run, without touching the user's messages.

Costs are floats, and LangChain's ``add_usage`` refuses floats: on a message they would break whoever sums
usage. So a run inside a tree is found through its tracer, and posted again once its root has ended and its
kind is final. A model called on its own has a run that nothing leads to; there the cost goes out with the
tracer's own post, in what the message serialises to. See https://docs.langchain.com/langsmith/cost-tracking.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.langchain import LangChainTracer
from langsmith.run_helpers import get_current_run_tree
from langsmith.utils import tracing_is_enabled

from llmops_plugins.accounting.attribution import KindRule, kind_by_evidence
from llmops_plugins.accounting.observed import ObservedCall
from llmops_plugins.accounting.priced_messages import USAGE_KEY, serialise_with_usage, warn_once
from llmops_plugins.accounting.rows import call_breakdown, call_facts, price_call
from llmops_plugins.events import KIND_KEY, Kind
from llmops_plugins.models.prices import Cost, PriceBook
from llmops_plugins.models.usage import is_llm_cache_hit, reply_of, reported_usage

__all__ = ["BREAKDOWN_KEY", "complete_traced_call", "correct_traced_kinds", "mark_root_call"]

logger = logging.getLogger(__name__)
BREAKDOWN_KEY = "llmops_input_breakdown"
"""Key in a LangSmith run's metadata for what the call's input was made of."""

_MAX_WAIT = 1.0
_STUCK_SECONDS = 30.0
_INPUT_DETAILS = {"cache_read": "cache_read", "cache_write": "cache_creation", "input_audio": "audio"}
_OUTPUT_DETAILS = {"output_audio": "audio", "reasoning": "reasoning"}


@dataclass(frozen=True, slots=True)
class TracedCall:
    """An ended call and its LangSmith run, kept until its kind is final."""

    run: Any
    call: ObservedCall
    prices: PriceBook


def mark_root_call(call: ObservedCall, metadata: dict[str, Any] | None, rule: KindRule | None) -> None:
    """Note kind and breakdown of a model called on its own, whose run cannot be found later, while it starts.

    Args:
        call: The call, just started; from here on it has metadata of its own.
        metadata: The mapping the tracer shares with every handler.
        rule: The user's rule for kinds.
    """
    if metadata is None or not tracing_is_enabled():
        return
    # What is noted for LangSmith must not come back to the ledger as evidence of the kind.
    call.metadata = own = dict(metadata)
    try:
        breakdown = call_breakdown(call, None, None).to_dict()
        metadata.setdefault(KIND_KEY, kind_by_evidence(call, call_facts(call), rule) or "answer")
        # The client copies the mapping but not what is in it, so the breakdown can be made exact later.
        metadata[BREAKDOWN_KEY] = own[BREAKDOWN_KEY] = breakdown
    except Exception as error:  # noqa: BLE001 - tracing is never the app's problem
        warn_once("could not break down a call's input", type(error).__name__)


def complete_traced_call(call: ObservedCall, prices: PriceBook) -> None:
    """Find an ended call's LangSmith run for :func:`correct_traced_kinds`; complete a root's here.

    Never raises; a no-op without tracing.

    Args:
        call: The call, just ended.
        prices: Prices the call.
    """
    if is_llm_cache_hit(call.result):
        return
    try:
        noted = call.metadata.get(BREAKDOWN_KEY) if call.parent_id is None else None
        if noted is not None:
            _complete_root_call(call, noted, prices)
        else:
            run = _traced_run(call)
            if run is not None:
                call.traced_run = TracedCall(run, call, prices)
    except Exception as error:  # noqa: BLE001 - tracing is never the app's problem
        warn_once("could not complete a call's run", type(error).__name__)


def correct_traced_kinds(corrections: Sequence[tuple[TracedCall, Kind]]) -> None:
    """Post runs again with their kinds, costs and breakdowns, now that their roots have ended; never raises.

    Args:
        corrections: What :func:`complete_traced_call` left on each call, and the call's final kind.
    """
    try:
        for client in {id(traced.run.client): traced.run.client for traced, _ in corrections}.values():
            _TURN.send_compressed(client)
    except Exception as error:
        logger.debug("LangSmith's client did not send what it held", exc_info=error)
    for traced, kind in corrections:
        try:
            _post_again(traced, kind)
        except Exception as error:
            logger.debug("LangSmith did not take a corrected kind", exc_info=error)


def _post_again(traced: TracedCall, kind: Kind) -> None:
    run, call = traced.run, traced.call
    if run.extra.get("__disabled"):
        return
    usage = reported_usage(call.result)
    breakdown = call_breakdown(call, usage.input_tokens if usage else None, None)
    metadata = {**run.metadata, KIND_KEY: kind, BREAKDOWN_KEY: breakdown.to_dict()}
    priced = _priced_usage(call, traced.prices)
    if priced is not None:
        metadata[USAGE_KEY] = priced
        run.outputs = _with_usage(run.outputs, priced)
    # The mapping is shared with handlers and with the ledger's own record: replaced, not changed.
    run.extra = {**run.extra, "metadata": metadata}
    _TURN.wait(run.client.tracing_queue, run.id)
    run.patch(exclude_inputs=True)


class _Turn:
    """Waits until what was posted of a run before has left the client.

    It keeps no order among the posts of one run, so an earlier one could come last and overwrite.
    """

    def __init__(self) -> None:
        self._stuck_until = 0.0

    def wait(self, queue: Any, run_id: UUID) -> None:
        deadline = time.monotonic() + _MAX_WAIT
        while queue is not None and time.monotonic() >= self._stuck_until and self._holds(queue, run_id):
            if time.monotonic() >= deadline:
                # LangSmith is down: the ledger's rows must not wait for it.
                self._stuck_until = time.monotonic() + _STUCK_SECONDS
            time.sleep(0.01)

    def send_compressed(self, client: Any) -> None:
        """Have what the client compresses sent: its requests go out at once, in threads."""
        if client.compressed_traces is None or time.monotonic() < self._stuck_until:
            return
        began = time.monotonic()
        client.flush_compressed_traces(timeout=_MAX_WAIT)
        if time.monotonic() >= began + _MAX_WAIT:
            self._stuck_until = time.monotonic() + _STUCK_SECONDS

    def _holds(self, queue: Any, run_id: UUID) -> bool:
        with queue.mutex:
            return any(getattr(entry.item, "id", None) == run_id for entry in queue.queue)


_TURN = _Turn()


def _complete_root_call(call: ObservedCall, noted_breakdown: dict[str, Any], prices: PriceBook) -> None:
    usage = reported_usage(call.result)
    noted_breakdown |= call_breakdown(call, usage.input_tokens if usage else None, None).to_dict()
    priced = _priced_usage(call, prices)
    if priced is not None and call.result is not None:
        serialise_with_usage(call.result, priced)


def _priced_usage(call: ObservedCall, prices: PriceBook) -> dict[str, Any] | None:
    """Return the call's usage with its costs as LangSmith names them, or None where there is no price."""
    message, usage = reply_of(call.result), reported_usage(call.result)
    if message is None or usage is None or call.error is not None:
        return None
    cost = price_call(prices, call, usage, datetime.fromtimestamp(call.started_at, UTC))
    if not isinstance(cost, Cost):
        return None
    priced: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    priced.update(message.usage_metadata or {}, total_cost=cost.total_usd)
    if cost.source != "reported":
        priced |= {"input_cost": cost.input_usd, "output_cost": cost.output_usd}
        for key, names in (("input_cost_details", _INPUT_DETAILS), ("output_cost_details", _OUTPUT_DETAILS)):
            details = {name: cost.parts[part] for part, name in names.items() if part in cost.parts}
            if details:
                priced[key] = details
    return priced


def _with_usage(outputs: dict[str, Any] | None, usage: dict[str, Any]) -> dict[str, Any] | None:
    """Return a run's outputs with another usage on the first message, as the whole call's bill."""
    match outputs:
        case {"generations": [[{"message": {"kwargs": dict() as kwargs}} as first, *others], *rest]}:
            message = {**first["message"], "kwargs": {**kwargs, USAGE_KEY: usage}}
            return {**(outputs or {}), "generations": [[{**first, "message": message}, *others], *rest]}
    return outputs


def _traced_run(call: ObservedCall) -> Any:
    callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
    for handler in callbacks if isinstance(callbacks, list) else getattr(callbacks, "handlers", ()):
        if isinstance(handler, LangChainTracer):
            return handler.run_map.get(call.run_id) or _ended_run(handler, call)
    return None


def _ended_run(tracer: LangChainTracer, call: ObservedCall) -> Any:
    """Find the run when the tracer came first and has let go of it: its parent, still running, has not."""
    parent: Any = tracer.run_map.get(call.parent_id or "")
    if parent is None:  # a span, of which a tracer lets go when the last run in it has ended
        parent = get_current_run_tree()
    siblings = parent.child_runs if parent is not None else ()
    return next((run for run in reversed(siblings) if str(run.id) == call.run_id), None)
