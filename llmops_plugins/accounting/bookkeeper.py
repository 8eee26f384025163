"""The ledger's judgement, without I/O: observed events in, rows out.

One call's kind, attempt and rejection can only be told from its whole run tree, so rows wait here until their
root has ended; a flush before that writes them as far as they are known and corrects them later.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from llmops_plugins.accounting.answers import RootOutput, answers_among, read_output
from llmops_plugins.accounting.attempts import AttemptCall, Attempts, failed_attempts
from llmops_plugins.accounting.attribution import KindRule, kind_by_evidence, kind_by_loop
from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.breakdown import SentBefore
from llmops_plugins.accounting.decision_rows import avoided_usd, cache_hit_row, decision_row
from llmops_plugins.accounting.earlier_replies import EARLIER_REPLIES, EarlierReplies
from llmops_plugins.accounting.embedding_rows import embedding_row
from llmops_plugins.accounting.observed import (
    Observed,
    ObservedCall,
    ObservedDecision,
    ObservedEmbedding,
    RootEnded,
    RunTree,
)
from llmops_plugins.accounting.paid_replies import PaidReplies
from llmops_plugins.accounting.replays import replay_rows
from llmops_plugins.accounting.rows import Content, call_facts, call_row, price_call, thread_id
from llmops_plugins.accounting.spending import Spending, added, charged_replies
from llmops_plugins.accounting.trace_state import KeptCall, TraceState
from llmops_plugins.accounting.whole_trees import WholeTrees
from llmops_plugins.events import INNER_KEY, SHADOW_KEY
from llmops_plugins.models.prices import Cost, PriceBook
from llmops_plugins.models.usage import is_llm_cache_hit, reply_of, reported_usage
from llmops_plugins.verification.attempt import attempts_of

__all__ = ["Bookkeeper"]


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
        # Forgotten with their trees, which live as long as runs may still refer to them.
        self._traces: WeakKeyDictionary[RunTree, TraceState] = WeakKeyDictionary()
        self._paid_replies = PaidReplies()
        self._attempts = Attempts()
        self._whole_trees = WholeTrees()
        self._batch = Batch()
        self._waiting: dict[str, KeptCall] = {}

    def note(self, item: Observed) -> None:
        """Take one event into account."""
        match item:
            case ObservedCall():
                self._note_call(item)
            case ObservedDecision():
                self._note_decision(item)
            case ObservedEmbedding():
                trace, row = self._trace(item.run.tree), embedding_row(item, self._prices)
                trace.note_embedding(item.run_id, row["cost_usd"])
                self._keep(KeptCall(trace, row, settled=True))
            case RootEnded():
                self._note_root_end(item)

    def take(self, *, unfinished: bool = False) -> Batch:
        """Hand over what can be written; with ``unfinished`` also the rows of traces still running."""
        ready = [kept for kept in self._waiting.values() if unfinished or kept.trace.ended]
        for kept in ready:
            self._batch.calls.append(kept.row)
            del self._waiting[kept.row["call_id"]]
            kept.hand_over()
        batch, self._batch = self._batch, Batch()
        return batch

    @property
    def waiting(self) -> int:
        """Rows that wait for their root to end."""
        return len(self._waiting)

    def _trace(self, tree: RunTree) -> TraceState:
        trace = self._traces.get(tree)
        if trace is None:
            trace = self._traces[tree] = TraceState(ended=tree.rootless)
        return trace

    # -- calls

    def _note_call(self, call: ObservedCall) -> None:
        if is_llm_cache_hit(call.result):
            self._note_cache_hit(call)
            return
        trace = self._trace(call.run.tree)
        reply = reply_of(call.result)
        row = call_row(call, prices=self._prices, sent_before=self._sent_before, content=self._content)
        kind = kind_by_evidence(call, call_facts(call), self._kinds)
        # What a shadow asks for is nobody's answer, even where it says the same or a rule calls it one.
        in_shadow = SHADOW_KEY in call.metadata
        seen = kind == "answer" and row["status"] == "ok" and not in_shadow
        row |= {"kind": kind or kind_by_loop(call, reply), "rejected": False, "hidden": not seen}
        row["attempt"] = trace.attempt(call, row["status"])
        if call.run.root == call.run_id:  # a model called on its own: nothing stands between
            trace.ended = True
            if kind is None and row["status"] == "ok":
                row |= {"kind": "answer", "hidden": False}
        given_up = self._replace_given_up(call, row)
        settled = kind is not None or in_shadow or INNER_KEY in call.metadata
        kept = KeptCall(trace, row, settled, reply, call.traced_run)
        self._keep(kept)
        if reply is not None and reply.id:
            self._paid_replies.remember(reply.id, row, call.started_at)
        paid = AttemptCall.of(kept, reply)
        if paid is not None:
            trace.by_message[paid.message_id] = kept
        self._note_attempts(call, paid, given_up)
        if trace.ended:
            self._settle_rejected(trace)
            self._repost(kept)
            kept.reply = None
        else:
            trace.calls.append(kept)

    def _note_attempts(
        self, call: ObservedCall, paid: AttemptCall | None, given_up: str | None = None
    ) -> None:
        attempts, whole = attempts_of(call.metadata), call.run.tree in self._whole_trees
        self._batch.charges += self._attempts.note_call(attempts, paid, whole=whole, given_up=given_up)

    def _keep(self, kept: KeptCall) -> None:
        self._waiting[kept.row.setdefault("call_id", str(uuid.uuid4()))] = kept

    def _replace_given_up(self, call: ObservedCall, row: dict[str, Any]) -> str | None:
        """A call given up for lost may end after all: then its row is replaced."""
        row["call_id"], given_up = str(uuid.uuid4()), call.given_up
        if given_up is not None and self._waiting.pop(given_up, None) is None:
            self._batch.replaced.append(given_up)
        call.given_up = row["call_id"]
        return given_up

    def _note_cache_hit(self, call: ObservedCall) -> None:
        reply, usage = reply_of(call.result), reported_usage(call.result)
        reply_id = reply.id if reply is not None else None
        paid = self._paid_replies.get(reply_id)
        saved = paid.cost_usd if paid is not None else None
        if saved is None and usage is not None:
            cost = price_call(self._prices, call, usage, datetime.fromtimestamp(call.started_at, UTC))
            saved = cost.total_usd if isinstance(cost, Cost) else None
        if reply_id:
            self._trace(call.run.tree).unpaid[reply_id] = saved
        self._note_attempts(call, None)
        self._batch.decisions.append(cache_hit_row(call, saved))

    # -- decisions

    def _note_decision(self, decision: ObservedDecision) -> None:
        data, trace, is_on = decision.data, self._trace(decision.run.tree), decision.data["mode"] == "on"
        failed, thread = failed_attempts(data), thread_id(decision.metadata)
        attempted = self._attempts.calls(failed)
        paid = charged_replies(data, trace, [(call.trace, call.message_id) for call in attempted])
        others = paid.difference(call.message_id for call in attempted)
        unseen = [
            one
            for one in others
            if not trace.knows(one) and self._paid_replies.of_thread(one, thread) is None
        ]
        costs = [call.cost_usd for call in attempted if call.message_id in paid]
        costs += [trace.spent_usd(others.difference(unseen), self._paid_replies, thread)]
        spending = self._spending(decision, costs, bool(unseen), failed)
        self._batch.decisions.append(spending.row)
        if unseen and thread is not None:
            rejected = [one for one in unseen if one in data["rejected"] and is_on]
            self._batch.earlier.append(
                EarlierReplies(thread_id=thread, paid=unseen, rejected=rejected, spending=spending)
            )
        if is_on:
            trace.rejected.update(dict.fromkeys(data["rejected"], data["returned"]))
            self._reject_earlier(trace, data["rejected"], thread)
            for one in {trace, *self._attempts.throw_away(failed, spending, data["returned"])}:
                if one.ended:
                    self._settle_rejected(one)

    def _spending(
        self,
        decision: ObservedDecision,
        calls_usd: list[float | None],
        elsewhere: bool,
        failed: Sequence[str],
    ) -> Spending:
        """Return what a decision spent, and what of it is still waited for."""
        embedded_usd = self._trace(decision.run.tree).take_embedded_usd(decision.run_id)
        return Spending(
            decision_row(decision),
            known_usd=added([*calls_usd, embedded_usd]),
            avoided_usd=avoided_usd(self._prices, decision.data["avoided"], decision.at),
            waits_for=[
                *([EARLIER_REPLIES] if elsewhere else []),
                # What was said in an attempt that another process made is not on record as said there.
                *(self._attempts.unseen(failed) if decision.run.tree not in self._whole_trees else []),
            ],
        )

    def _settle_rejected(self, trace: TraceState) -> None:
        """A reply thrown away has the kind of the one that came in its place."""
        for message_id, returned in trace.rejected.items():
            kept = trace.by_message.get(message_id)
            if kept is None or kept.row["rejected"]:
                continue
            instead = trace.by_message.get(returned or "")
            kind = instead.row["kind"] if instead is not None and not kept.settled else kept.row["kind"]
            self._correct(kept, kind=kind, hidden=True, rejected=True)

    def _reject_earlier(self, trace: TraceState, message_ids: Sequence[str], thread: str | None) -> None:
        """Correct calls that were made before an interrupt: what goes on after it is another trace."""
        for message_id in message_ids:
            paid = self._paid_replies.of_thread(message_id, thread)
            if paid is not None and message_id not in trace.by_message:
                self._batch.corrections.append(paid.correction(paid.kind, hidden=True, rejected=True))

    # -- the root's end

    def _note_root_end(self, end: RootEnded) -> None:
        trace, tree = self._trace(end.tree), end.tree
        output = read_output(end.outputs)
        open_calls = [
            (kept, kept.reply)
            for kept in trace.calls
            if kept.reply is not None
            and not kept.settled
            and kept.row["status"] == "ok"
            and kept.reply.id not in trace.rejected
        ]
        replies = [reply for _, reply in open_calls]
        for index in answers_among(replies, output, inputs=tree.inputs, interrupted=tree.interrupted):
            self._correct(open_calls[index][0], kind="answer", hidden=False)
        self._settle_rejected(trace)
        self._note_earlier_answer(trace, output, end)
        known = trace.by_message.keys() | trace.unpaid.keys()
        self._batch.decisions += replay_rows(end, output, known, self._paid_replies)
        for kept in trace.calls:
            self._repost(kept)
        trace.end()
        self._whole_trees.note_end(tree)
        tree.end()

    def _note_earlier_answer(self, trace: TraceState, output: RootOutput, end: RootEnded) -> None:
        """An answer that was written before an interrupt may come out only now that the graph went on."""
        last = output.messages[-1] if output.ends_with_reply else None
        if last is None or last.id is None or not end.tree.goes_on:
            return
        if trace.knows(last.id) or last.id in trace.rejected or end.tree.interrupted:
            return
        thread = thread_id(end.tree.metadata)
        paid = self._paid_replies.of_thread(last.id, thread)
        if paid is not None:
            self._batch.corrections.append(paid.correction("answer", hidden=False, rejected=False))
        elif thread is not None:
            self._batch.earlier.append(EarlierReplies(thread_id=thread, answer=last.id))

    def _correct(self, kept: KeptCall, **values: Any) -> None:
        kept.row |= values
        if kept.written:
            self._batch.corrections.append(kept.correction())

    def _repost(self, kept: KeptCall) -> None:
        if kept.traced_run is not None:
            self._batch.reposts.append((kept.traced_run, kept.row["kind"]))
            kept.traced_run = None
