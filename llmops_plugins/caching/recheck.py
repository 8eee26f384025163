"""Asks again what was served by meaning, or compares what was not, and says what came of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from langgraph.store.base import GetOp, Op, PutOp

from llmops_plugins.caching.admission import holds_secret
from llmops_plugins.caching.decisions import CAPABILITY
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.keeping import put_entry
from llmops_plugins.caching.labels import label
from llmops_plugins.caching.place import Place
from llmops_plugins.caching.replay import replay
from llmops_plugins.caching.semantic import Candidate, SemanticTier
from llmops_plugins.drift_monitor import DriftState
from llmops_plugins.effects import Emit, Flow, Forward, Request, Response, StoreOps
from llmops_plugins.events import Decision
from llmops_plugins.messages import calls_tools
from llmops_plugins.verification.verdict import Verdict, answer_message

if TYPE_CHECKING:
    from llmops_plugins.caching.cache import Cache

__all__ = ["compare", "recheck"]

logger = logging.getLogger(__name__)


def recheck(
    request: Request, place: Place, candidate: Candidate, question: str, cache: Cache, semantic: SemanticTier
) -> Flow[None]:
    """Ask the model what was answered by meaning, and compare the answers.

    Args:
        request: What was asked.
        place: Where its answer is looked for.
        candidate: What was served.
        question: What it was found by.
        cache: Where it is kept.
        semantic: Who served it.
    """
    reply: Response = yield Forward(request)
    yield from compare(request, reply, place, candidate, question, cache, semantic, paid=True)


def compare(
    request: Request,
    reply: Response,
    place: Place,
    candidate: Candidate,
    question: str,
    cache: Cache,
    semantic: SemanticTier,
    *,
    paid: bool = False,
) -> Flow[None]:
    """Compare a reply with a candidate's answer: a label for its entry, the tier's bound and calibration.

    Args:
        request: What was asked.
        reply: The model's reply.
        place: Where the request's answer is looked for.
        candidate: The stored answer.
        question: What it was found by.
        cache: Where it is kept.
        semantic: Whose candidate it is.
        paid: Whether the call behind the reply was made for this.
    """
    message = answer_message(reply)
    paid_ids = (message.id,) if paid and message is not None and message.id else ()
    stored = replay(candidate.entry, request, "checked")
    if message is None or calls_tools(message) or stored is None:
        yield Emit(_decision("recheck_not_comparable", "the reply calls tools", hidden=paid_ids))
        return
    verdict: Verdict = yield from semantic.same_answer(request, [reply, stored])
    hidden = (*paid_ids, *verdict.hidden)
    if verdict.outcome == "abstain":
        yield Emit(_decision("recheck_not_comparable", verdict.reason, hidden=hidden))
        return
    differs = not verdict.accepted
    if candidate.refused_by is not None:  # in shadow: it says nothing of what is served
        reason = "the answers differ" if differs else "the answers are the same"
        yield Emit(_decision("shadow_checked", reason, hidden=hidden, differs=differs))
    else:
        state = semantic.monitor.record(differs=differs)
        reason = "the answer served differs from a new one" if differs else "the answers are the same"
        yield Emit(_decision("rechecked", reason, state, semantic, hidden, differs))
        if state.breached:
            yield from _breach(state, cache, semantic)
    # Last: a store that fails must not keep the check from being counted.
    yield from _note(place, candidate, question, cache, differs=differs)


def _note(place: Place, candidate: Candidate, question: str, cache: Cache, *, differs: bool) -> Flow[None]:
    """Write a check to the entry and the labels, unless the entry was taken back in the meantime."""
    namespace, key = place.partition.namespace, candidate.key
    (item,) = yield StoreOps(cache.store, [GetOp(namespace, key, refresh_ttl=False)])
    entry = CacheEntry.from_value(item.value) if item is not None else None
    if entry is None:
        return
    put: list[Op] = []
    # Only hits count for an entry; and where a newer answer is there, that one was not checked.
    if candidate.refused_by is None and entry.created_at == candidate.entry.created_at:
        put.append(put_entry(cache, namespace, key, entry.checked_again(differs=differs)))
    stored = candidate.entry.question or ""
    if not holds_secret(question):
        put.append(label(question, stored, same=not differs, tenant=place.partition.tenant))
    yield StoreOps(cache.store, put)


def _breach(state: DriftState, cache: Cache, semantic: SemanticTier) -> Flow[None]:
    reason = (
        f"{state.differing} of {state.checked} answers served by meaning differ from new ones, more than "
        f"max_error allows: the semantic tier runs in shadow, calibrate anew or clear the breach"
    )
    # Perhaps nobody listens to decisions, and this one somebody should hear of.
    logger.warning("the cache's bound does not hold: %s", reason)
    namespace, key = semantic.breach_place
    value = {"at": cache.clock(), "checked": state.checked, "differing": state.differing}
    yield Emit(_decision("bound_breached", reason, state, semantic, (), None))
    yield StoreOps(cache.store, [PutOp(namespace, key, value, False)])


def _decision(
    outcome: str,
    reason: str,
    state: DriftState | None = None,
    semantic: SemanticTier | None = None,
    hidden: tuple[str, ...] = (),
    differs: bool | None = None,
) -> Decision:
    details: dict[str, object] = {} if differs is None else {"differs": differs}
    if state is not None and semantic is not None:
        details |= {
            "checked": state.checked,
            "differing": state.differing,
            "differing_upper": state.upper,
            "bound": semantic.max_error,
            "accepted": 1.0,
            "confidence": semantic.confidence,
            "data_fingerprint": semantic.fingerprint,
        }
    return Decision(
        capability=CAPABILITY, outcome=outcome, reason=reason, mode="shadow", hidden=hidden, details=details
    )
