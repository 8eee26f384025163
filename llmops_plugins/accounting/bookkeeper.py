"""The ledger's judgement, without I/O: observed events in, rows out.

One call's kind, attempt and rejection can only be told from its whole run tree, so rows wait here until their
root has ended; a flush before that writes them as far as they are known and corrects them later.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage

from llmops_plugins.accounting.answers import RootOutput, ai_messages, read_output
from llmops_plugins.accounting.attribution import (
    KindRule,
    graph_path,
    kind_by_evidence,
    kind_by_loop,
    user_metadata,
)
from llmops_plugins.accounting.breakdown import SentBefore
from llmops_plugins.accounting.observed import (
    ObservedCall,
    ObservedDecision,
    ObservedEmbedding,
    RootEnded,
)
from llmops_plugins.accounting.rows import Content, call_facts, call_row, price_call, thread_id
from llmops_plugins.accounting.usage import is_llm_cache_hit, reply_of, reported_model, reported_usage
from llmops_plugins.events import Kind
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage

__all__ = ["Batch", "Bookkeeper"]

_MAX_TRACES = 10_000
_MAX_REMEMBERED_REPLIES = 20_000
Value = TypeVar("Value")


@dataclass
class Batch:
    """What has to be written: new rows, rows to replace, and corrections of rows written earlier.

    ``reposts`` are LangSmith runs whose kind turned out to be another than was posted.
    """

    calls: list[dict[str, Any]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    reposts: list[tuple[Any, Kind]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.calls) + len(self.decisions) + len(self.corrections)

    def extend(self, other: Batch) -> None:
        """Append another batch's rows."""
        self.calls += other.calls
        self.replaced += other.replaced
        self.decisions += other.decisions
        self.corrections += other.corrections


@dataclass
class _Kept:
    """A row and what its judgement still needs."""

    row: dict[str, Any]
    reply: AIMessage | None
    settled: bool
    call: ObservedCall | None
    written: bool = False

    def forget(self) -> None:
        """Let go of messages and traced runs: only the row is needed from here on."""
        self.reply = self.call = None


@dataclass
class _Trace:
    calls: list[_Kept] = field(default_factory=list)
    by_message: dict[str, _Kept] = field(default_factory=dict)
    failures: dict[tuple[str | None, int], int] = field(default_factory=dict)
    rejected: dict[str, str | None] = field(default_factory=dict)
    ended: bool = False


@dataclass(frozen=True)
class _Remembered:
    """A reply that was paid for, so that a replay of it can be told from a new one."""

    thread: str | None
    usage: TokenUsage | None
    cost_usd: float | None
    model: str | None


class Bookkeeper:
    """Judges observed events; for use by one thread.

    Args:
        prices: Prices calls and the calls that were avoided.
        kinds: The user's rule for kinds.
        content: Whether prompts and answers become part of rows.
    """

    def __init__(
        self, *, prices: PriceBook, kinds: KindRule | None = None, content: Content = "none"
    ) -> None:
        self._prices = prices
        self._kinds = kinds
        self._content: Content = content
        self._sent_before = SentBefore()
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._replies: OrderedDict[str, _Remembered] = OrderedDict()
        self._batch = Batch()
        self._waiting: list[_Kept] = []

    def note(self, item: ObservedCall | ObservedDecision | ObservedEmbedding | RootEnded) -> None:
        """Take one event into account."""
        match item:
            case ObservedCall():
                self._note_call(item)
            case ObservedDecision():
                self._note_decision(item)
            case ObservedEmbedding():
                self._note_embedding(item)
            case RootEnded():
                self._note_root_end(item)

    def take(self, *, unfinished: bool = False) -> Batch:
        """Hand over what can be written; with ``unfinished`` also the rows of traces still running."""
        ready = [kept for kept in self._waiting if unfinished or self._trace(kept.row["trace_id"]).ended]
        if ready:
            chosen = {id(kept) for kept in ready}
            self._waiting = [kept for kept in self._waiting if id(kept) not in chosen]
        for kept in ready:
            kept.written = True
            self._batch.calls.append(kept.row)
        batch, self._batch = self._batch, Batch()
        return batch

    def _trace(self, root: str) -> _Trace:
        return _remember(self._traces, root, self._traces.get(root) or _Trace(), _MAX_TRACES)

    def _note_call(self, call: ObservedCall) -> None:
        if is_llm_cache_hit(call.result):
            self._note_llm_cache_hit(call)
            return
        trace = self._trace(call.run.root)
        reply = reply_of(call.result)
        row = call_row(call, prices=self._prices, sent_before=self._sent_before, content=self._content)
        if call.ended_clock is None and call.first_token_clock is None:
            # Never heard of again and not a token came: it was vetoed, so it cost nothing.
            row |= {"status": "refused", "usage_source": "none", "input_tokens": None, "output_tokens": None}
            row |= {"cost_usd": None, "cost_parts": None, "price_source": None, "unpriced_reason": None}
        kind = kind_by_evidence(call, call_facts(call), self._kinds)
        row |= {
            "kind": kind or kind_by_loop(call, reply),
            "rejected": False,
            "hidden": True,
            "attempt": self._attempt(trace, call, row),
        }
        if call.run.root == call.run_id and kind is None and row["status"] == "ok":
            row |= {"kind": "answer", "hidden": False}  # a model called on its own: nothing stands between
        if call.run.root == call.run_id:
            trace.ended = True
        kept = _Kept(row=row, reply=reply, settled=kind is not None, call=call)
        self._keep(trace, kept)

    def _keep(self, trace: _Trace, kept: _Kept) -> None:
        row, call = kept.row, kept.call
        row["call_id"] = str(uuid.uuid4())
        if call.given_up is not None:
            # Given up for aborted, and then it ended after all.
            self._batch.replaced.append(call.given_up)
            self._waiting = [other for other in self._waiting if other.row["call_id"] != call.given_up]
        call.given_up = row["call_id"]
        self._waiting.append(kept)
        if row["message_id"]:
            trace.by_message[row["message_id"]] = kept
            usage = reported_usage(call.result)
            remembered = _Remembered(row["thread_id"], usage, row["cost_usd"], row["model"])
            _remember(self._replies, row["message_id"], remembered, _MAX_REMEMBERED_REPLIES)
        if trace.ended:
            kept.forget()
        else:
            trace.calls.append(kept)

    def _attempt(self, trace: _Trace, call: ObservedCall, row: Mapping[str, Any]) -> int:
        failed = row["status"] == "error"
        if not failed and not trace.failures:
            return 1
        fingerprint = (row["graph_path"], _fingerprint(call.messages))
        earlier = trace.failures.get(fingerprint, 0)
        if failed:
            trace.failures[fingerprint] = earlier + 1
        return earlier + 1

    def _note_llm_cache_hit(self, call: ObservedCall) -> None:
        usage = reported_usage(call.result)
        spared = None
        if usage is not None:
            provider = call.metadata.get("ls_provider")
            model = reported_model(call.result) or call_facts(call).model
            at = datetime.fromtimestamp(call.started_at, UTC)
            cost = self._prices.price(provider, model, usage, at)
            spared = cost.total_usd if isinstance(cost, Cost) else None
        self._batch.decisions.append(
            self._decision_row(
                run_id=call.run_id,
                root=call.run.root,
                metadata=call.metadata,
                at=call.started_at,
                capability="llm_cache",
                outcome="hit",
                reason="LangChain's LLM cache held this prompt",
                saved_usd=spared,
                saved_basis="measured",
                saved_source="the usage recorded with the cached reply",
                avoided_model=reported_model(call.result) or call_facts(call).model,
                spent_usd=0.0,
            )
        )

    def _note_decision(self, decision: ObservedDecision) -> None:
        data = decision.data
        trace = self._trace(decision.run.root)
        mode = data["mode"]
        if mode == "on":
            for message_id in data["rejected"]:
                trace.rejected[message_id] = data["returned"]
            if trace.ended:
                self._settle_rejected(trace)
        avoided = data["avoided"]
        paid = [*data["rejected"], *data["hidden"]]
        if avoided is not None and data["returned"] is not None:
            paid.append(data["returned"])
        spent = self._spent(trace, paid)
        avoided_usd = self._avoided_usd(avoided, decision.at)
        self._batch.decisions.append(
            self._decision_row(
                run_id=decision.run_id,
                root=decision.run.root,
                metadata=decision.metadata,
                at=decision.at,
                capability=data["capability"],
                outcome=data["outcome"],
                reason=data["reason"],
                mode=mode,
                spent_usd=spent,
                saved_usd=None if spent is None or avoided_usd is None else avoided_usd - spent,
                # What a decision spends is on the ledger; only what it avoided can be an estimate.
                saved_basis=avoided["basis"] if avoided else "measured",
                saved_source=avoided["source"] if avoided else "the calls made for this decision",
                avoided_model=avoided["model"] if avoided else None,
                details=data["details"],
            )
        )

    def _spent(self, trace: _Trace, message_ids: list[str]) -> float | None:
        spent = 0.0
        for message_id in message_ids:
            kept = trace.by_message.get(message_id)
            if kept is None or kept.row["cost_usd"] is None:
                return None
            spent += kept.row["cost_usd"]
        return spent

    def _avoided_usd(self, avoided: Mapping[str, Any] | None, at: float) -> float | None:
        if avoided is None:
            return 0.0
        usage = TokenUsage(input_tokens=avoided["input_tokens"], output_tokens=avoided["output_tokens"])
        cost = self._prices.price(
            avoided["provider"], avoided["model"], usage, datetime.fromtimestamp(at, UTC)
        )
        return cost.total_usd if isinstance(cost, Cost) else None

    def _note_embedding(self, embedding: ObservedEmbedding) -> None:
        data = embedding.data
        tokens = round(data["bytes"] / 4)
        call = ObservedCall(
            run_id=str(uuid.uuid4()),
            parent_id=embedding.run_id,
            run=embedding.run,
            messages=(),
            metadata={**embedding.metadata, "ls_provider": data["provider"], "ls_model_name": data["model"]},
            parameters={},
            started_at=embedding.at - data["latency_seconds"],
            started_clock=0.0,
            first_token_clock=0.0,
            ended_clock=data["latency_seconds"],
        )
        row = call_row(call, prices=self._prices, sent_before=self._sent_before, content="none")
        usage = TokenUsage(input_tokens=tokens, output_tokens=0)
        cost = price_call(self._prices, call, usage, row["started_at"])
        priced = cost if isinstance(cost, Cost) else None
        row |= {
            "status": "ok",
            "usage_source": "estimated",
            "input_tokens": tokens,
            "output_tokens": 0,
            "cost_usd": priced.total_usd if priced else None,
            "cost_parts": dict(priced.parts) if priced else None,
            "price_source": priced.source if priced else None,
            "unpriced_reason": None if priced else getattr(cost, "reason", "")[:255],
            "first_token_seconds": None,
            "input_breakdown": None,
            "resent_tokens": None,
            "kind": "embed",
            "hidden": True,
            "rejected": False,
            "attempt": 1,
        }
        self._keep(self._trace(embedding.run.root), _Kept(row=row, reply=None, settled=True, call=call))

    def _note_root_end(self, end: RootEnded) -> None:
        trace = self._trace(end.root)
        output = read_output(end.outputs)
        for kept in trace.calls:
            row = kept.row
            if kept.settled or row["status"] != "ok" or kept.reply is None:
                continue
            if output.holds(kept.reply, interrupted=end.interrupted):
                self._correct(kept, kind="answer", hidden=False)
        self._settle_rejected(trace)
        self._note_replays(trace, output, end)
        trace.ended = True
        for kept in trace.calls:
            if kept.call.traced_run is not None and kept.call.posted_kind != kept.row["kind"]:
                self._batch.reposts.append((kept.call.traced_run, kept.row["kind"]))
            kept.forget()
        trace.calls.clear()
        trace.failures.clear()

    def _settle_rejected(self, trace: _Trace) -> None:
        """A reply thrown away has the kind of the one that came in its place."""
        for message_id, returned in trace.rejected.items():
            kept = trace.by_message.get(message_id)
            if kept is None or kept.row["rejected"]:
                continue
            instead = trace.by_message.get(returned or "")
            kind = instead.row["kind"] if instead is not None and not kept.settled else kept.row["kind"]
            self._correct(kept, kind=kind, hidden=True, rejected=True)

    def _correct(self, kept: _Kept, **values: Any) -> None:
        kept.row |= values
        if kept.written:
            row = kept.row
            self._batch.corrections.append(
                {
                    "corrected_id": row["call_id"],
                    "new_kind": row["kind"],
                    "new_hidden": row["hidden"],
                    "new_rejected": row["rejected"],
                }
            )

    def _note_replays(self, trace: _Trace, output: RootOutput, end: RootEnded) -> None:
        """Count replies that LangGraph's node cache replayed: no call was made, yet they carry their old usage.

        Only what is certain: paid for earlier in this process, by another conversation or none, not part of
        this run's input, and standing after the last human message.
        """
        thread = thread_id(end.metadata)
        given = {message.id for message in ai_messages(end.inputs)}
        for message in output.messages[output.turn_start :]:
            remembered = self._replies.get(message.id or "")
            if remembered is None or message.id in trace.by_message or message.id in given:
                continue
            if thread is not None and remembered.thread == thread:
                continue
            self._batch.decisions.append(
                self._decision_row(
                    run_id=end.root,
                    root=end.root,
                    metadata=end.metadata,
                    at=end.at,
                    capability="node_cache",
                    outcome="replayed",
                    reason="a node's cache policy replayed an earlier reply",
                    spent_usd=0.0,
                    saved_usd=remembered.cost_usd,
                    saved_basis="measured",
                    saved_source="the cost recorded when the reply was made",
                    avoided_model=remembered.model,
                )
            )

    def _decision_row(
        self,
        *,
        run_id: str,
        root: str,
        metadata: Mapping[str, Any],
        at: float,
        capability: str,
        outcome: str,
        reason: str,
        spent_usd: float | None,
        saved_usd: float | None,
        saved_basis: str,
        saved_source: str,
        avoided_model: str | None,
        mode: str = "on",
        details: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {
            "decision_id": str(uuid.uuid4()),
            "run_id": run_id,
            "trace_id": root,
            "thread_id": thread_id(metadata),
            "at": datetime.fromtimestamp(at, UTC),
            "graph_path": graph_path(metadata),
            "node": metadata.get("langgraph_node"),
            "capability": capability[:100],
            "outcome": outcome[:100],
            "reason": reason[:500],
            "mode": mode,
            "spent_usd": spent_usd,
            "saved_usd": saved_usd,
            "saved_basis": saved_basis,
            "saved_source": saved_source[:500],
            "avoided_model": avoided_model,
            "details": dict(details or {}),
            "user_metadata": user_metadata(metadata),
        }


def _remember(kept: OrderedDict[str, Value], key: str, value: Value, limit: int) -> Value:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > limit:
        kept.popitem(last=False)
    return value


def _fingerprint(messages: Any) -> int:
    """Tells whether two calls were sent the same, in this process."""
    return hash(tuple((one.type, str(one.content)) for one in messages if isinstance(one, BaseMessage)))
