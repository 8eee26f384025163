"""Turns one observed call into the row it becomes: its tokens, what they cost, and what they were made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from langchain_core.messages import AIMessage

from llmops_plugins.accounting.attribution import CallFacts, graph_path, user_metadata
from llmops_plugins.accounting.breakdown import (
    BYTES_PER_TOKEN,
    InputBreakdown,
    SentBefore,
    break_down,
    estimate_tokens,
)
from llmops_plugins.accounting.column_text import short
from llmops_plugins.accounting.observed import ABORTS, CallStatus, ObservedCall
from llmops_plugins.models.call_cost import call_cost
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage, Unpriced
from llmops_plugins.models.usage import reply_of, reported_model, reported_usage
from llmops_plugins.redaction import redact

__all__ = [
    "Content",
    "call_breakdown",
    "call_facts",
    "call_row",
    "cost_columns",
    "may_have_cost",
    "price_call",
    "requested_model",
    "thread_id",
    "usage_columns",
]

Content = Literal["none", "redacted", "full"]
"""Whether prompts and answers are stored."""

_MAX_CONTENT = 200_000
_LONGEST_SECRET = 10_000


def call_facts(call: ObservedCall) -> CallFacts:
    """Return where a call was made, as users' rules see it."""
    return CallFacts(
        node=call.metadata.get("langgraph_node"),
        graph_path=graph_path(call.metadata),
        model=requested_model(call),
        tool=call.run.tool,
        metadata=call.metadata,
    )


def requested_model(call: ObservedCall) -> str | None:
    """Return the model the call asked for."""
    for name in (
        call.metadata.get("ls_model_name"),
        call.parameters.get("model"),
        call.parameters.get("model_name"),
    ):
        if isinstance(name, str) and name:
            return name
    return None


def thread_id(metadata: Mapping[str, Any]) -> str | None:
    """Return the conversation a run belongs to, where the user named one."""
    return short(metadata.get("thread_id"), 255)


def price_call(prices: PriceBook, call: ObservedCall, usage: TokenUsage, at: datetime) -> Cost | Unpriced:
    """Price a call by what was observed of it."""
    provider = short(call.metadata.get("ls_provider"), 100)
    return call_cost(prices, provider, requested_model(call), usage, call.result, at)


def call_breakdown(
    call: ObservedCall, billed_input_tokens: int | None, sent_before: SentBefore | None
) -> InputBreakdown:
    """Return what the call's input was made of."""
    tools = list(call.parameters.get("tools") or call.parameters.get("functions") or [])
    response_format = call.parameters.get("response_format")
    if isinstance(response_format, Mapping):
        tools.append(response_format)
    thread = thread_id(call.metadata) or call.run.root
    return break_down(call.messages, tools, billed_input_tokens, sent_before, thread)


def call_row(
    call: ObservedCall, *, prices: PriceBook, sent_before: SentBefore, content: Content
) -> dict[str, Any]:
    """Return the call's row, all but what only its trace can tell (kind, rejected, attempt).

    Args:
        call: An ended call.
        prices: Prices it.
        sent_before: Remembers what each thread has sent.
        content: Whether its prompt and answer are stored.
    """
    status = _status(call)
    reply = reply_of(call.result)
    reported = reported_usage(call.result)
    breakdown = call_breakdown(call, reported.input_tokens if reported is not None else None, sent_before)
    written = round(estimate_tokens(reply.text) if reply is not None else call.read_bytes / BYTES_PER_TOKEN)
    usage, source = _usage(status, written, reported, breakdown)
    at = datetime.fromtimestamp(call.started_at, UTC)
    cost = price_call(prices, call, usage, at) if usage is not None else None
    facts, step = call_facts(call), call.metadata.get("langgraph_step")
    return {
        "run_id": call.run_id,
        "parent_id": call.parent_id,
        "trace_id": call.run.root,
        "thread_id": thread_id(call.metadata),
        "started_at": at,
        "graph_path": facts.graph_path,
        "node": short(facts.node, 255),
        "step": step if isinstance(step, int) else None,
        "tool": short(facts.tool, 255),
        "provider": short(call.metadata.get("ls_provider"), 100),
        "model": short(reported_model(call.result) or facts.model, 255),
        "status": status,
        "error": short(type(call.error).__name__, 255) if call.error is not None else None,
        "latency_seconds": _seconds(call, call.ended_clock or call.last_token_clock),
        "first_token_seconds": _seconds(call, call.first_token_clock),
        "usage_source": source,
        **usage_columns(usage),
        **cost_columns(cost),
        # Of an input nobody counted there is no share to tell.
        "resent_tokens": breakdown.resent if usage is not None else None,
        "input_breakdown": breakdown.to_dict(),
        "user_metadata": user_metadata(call.metadata),
        "message_id": short(reply.id, 255) if reply is not None else None,
        **_content_columns(call, reply, content),
    }


def _status(call: ObservedCall) -> CallStatus:
    if call.error is not None:
        return "aborted" if isinstance(call.error, ABORTS) else "error"
    if call.result is not None:
        return "ok"
    return "aborted" if call.ended_clock is not None or call.was_sent else "refused"


def _usage(
    status: CallStatus, written: int, reported: TokenUsage | None, breakdown: InputBreakdown
) -> tuple[TokenUsage | None, Literal["reported", "estimated", "none"]]:
    """Return what a call used and who says so; of a broken stream the provider may have said the half."""
    if status == "ok":
        return reported, "none" if reported is None else "reported"
    if status == "refused" or (status == "error" and not written and reported is None):
        return None, "none"
    if reported is None:
        return TokenUsage(input_tokens=breakdown.total, output_tokens=written), "estimated"
    if reported.output_tokens >= written:
        return reported, "reported"
    return replace(reported, output_tokens=written), "estimated"


def usage_columns(usage: TokenUsage | None) -> dict[str, int | None]:
    """Return the columns of what a call used."""
    names = (
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "input_audio_tokens",
        "output_audio_tokens",
    )
    return {name: None if usage is None else getattr(usage, name) for name in names}


def cost_columns(cost: Cost | Unpriced | None) -> dict[str, Any]:
    """Return the columns of what a call cost."""
    priced = cost if isinstance(cost, Cost) else None
    return {
        "cost_usd": priced.total_usd if priced else None,
        "cost_parts": dict(priced.parts) if priced else None,
        "price_source": priced.source if priced else None,
        "unpriced_reason": short(cost.reason, 255) if isinstance(cost, Unpriced) else None,
    }


def may_have_cost(row: Mapping[str, Any]) -> bool:
    """Tell whether a call may have cost something: one that failed before it used anything has not.

    Args:
        row: The call's row.
    """
    return row["cost_usd"] is not None or row["usage_source"] != "none" or row["status"] == "ok"


def _content_columns(call: ObservedCall, reply: AIMessage | None, content: Content) -> dict[str, str | None]:
    if content == "none":
        return {"prompt": None, "answer": None}
    shown = _redacted if content == "redacted" else _shortened
    messages = [
        {"role": message.type, "content": _stored(message.content, shown)} for message in call.messages
    ]
    prompt = json.dumps(messages, ensure_ascii=False)
    answer = shown(reply.text) if reply is not None else None
    return {"prompt": short(prompt, _MAX_CONTENT), "answer": short(answer, _MAX_CONTENT)}


def _shortened(text: str) -> str:
    return text[:_MAX_CONTENT]


def _redacted(text: str) -> str:
    read = text[: _MAX_CONTENT + _LONGEST_SECRET]
    shown = redact(read)
    # What was read of a longer text may end with the beginning of a secret, which nothing would recognise.
    return (shown if len(read) == len(text) else shown[:-_LONGEST_SECRET])[:_MAX_CONTENT]


def _stored(content: Any, shown: Callable[[str], str]) -> Any:
    """Return a message's texts, each as it is to be stored; of other blocks only that they were."""
    if isinstance(content, str):
        return shown(content)
    blocks = []
    for block in content if isinstance(content, list) else ():
        text = block if isinstance(block, str) else block.get("text") if isinstance(block, dict) else None
        kind = block.get("type") if isinstance(block, dict) else "text"
        blocks.append({"type": str(kind), **({"text": shown(text)} if isinstance(text, str) else {})})
    return blocks


def _seconds(call: ObservedCall, clock: float | None) -> float | None:
    return None if clock is None else clock - call.started_clock
