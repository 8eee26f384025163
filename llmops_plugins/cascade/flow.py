"""The cascade as a flow: ask a cheap tier, verify, and go on to the next only when the answer does not hold.

The idea is FrugalGPT's LLM cascade (Chen, Zaharia and Zou 2023, https://arxiv.org/abs/2305.05176); asking two
cheap models at once and accepting where they agree is AutoMix's and self-consistency's kind of evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from langchain_core.language_models import BaseChatModel

from llmops_plugins.cascade.recheck import Recheck
from llmops_plugins.events import AvoidedCall, Decision, Mode
from llmops_plugins.flow import Emit, Flow, Forward, Gather, Request, Response, Spawn
from llmops_plugins.models.avoided import avoided_call, provider_and_name
from llmops_plugins.verification.escalation import (
    AcceptanceRule,
    Escalation,
    Outcomes,
    Ruling,
    Rung,
    escalate,
    reply_ids,
)
from llmops_plugins.verification.verdict import answer_message

__all__ = ["Tier", "attempt_tiers", "cascade", "shadow_cascade"]


@dataclass(frozen=True, kw_only=True)
class Tier:
    """Models that are asked at once; the first one's reply is the tier's answer.

    Args:
        models: One model, or several whose replies are compared.
        timeout: Seconds they have together; a reply that is late counts as failed. None waits.
    """

    models: tuple[BaseChatModel, ...]
    timeout: float | None = None


def cascade(
    request: Request, tiers: Sequence[Tier], rule: AcceptanceRule, recheck: Recheck | None = None
) -> Flow[Response]:
    """Answer with the first tier whose answer holds; the last tier is not judged, and streams.

    Args:
        request: The model call as it came.
        tiers: Cheapest first; the last has one model.
        rule: Rules on every tier but the last.
        recheck: Asks again for some of the answers accepted, in the background.

    Returns:
        The accepted reply, whole, or the last tier's.
    """
    attempt = yield from attempt_tiers(request, tiers, rule)
    if attempt.accepted is not None:
        yield Emit(_decision(tiers, attempt, attempt.accepted, _counterfactual(request, attempt.accepted)))
        if recheck is not None and attempt.rulings[-1].calibrated and recheck.is_due():
            yield Spawn(recheck.flow(request, attempt.accepted))
        return attempt.accepted
    last = tiers[-1].models[0]
    try:
        reply: Response = yield Forward(request.override(model=last), live=True)
    except Exception:
        yield Emit(_decision(tiers, attempt, None, None))
        raise
    # Had the cascade not been there, the agent's own model would have answered, which may be another one.
    avoided = (
        None
        if provider_and_name(last) == provider_and_name(request.model)
        else _counterfactual(request, reply)
    )
    yield Emit(_decision(tiers, attempt, reply, avoided))
    return reply


def shadow_cascade(
    request: Request, reply: Response, tiers: Sequence[Tier], rule: AcceptanceRule
) -> Flow[None]:
    """Decide what :func:`cascade` would have done, for a request that has been answered already.

    The cheap tiers are really asked, so a shadow costs what they cost. What an accepted answer would have
    avoided is the call that was made, so it is measured.
    """
    attempt = yield from attempt_tiers(request, tiers, rule)
    avoided = None
    if attempt.accepted is not None:
        avoided = avoided_call(
            request.model, [answer_message(reply)], "measured", "the usage of the reply the user got"
        )
    yield Emit(_decision(tiers, attempt, attempt.accepted, avoided, mode="shadow"))


def attempt_tiers(request: Request, tiers: Sequence[Tier], rule: AcceptanceRule) -> Flow[Escalation]:
    """Ask the tiers but the last, one after the other, until one is accepted or the rule has seen enough.

    A tier that fails is one that is not accepted: the next may well answer.
    """
    rungs = [
        Rung(request=request.override(model=tier.models[0]), ask=partial(_ask, request, tier))
        for tier in tiers[:-1]
    ]
    return (yield from escalate(rungs, rule))


def _ask(request: Request, tier: Tier, _: Sequence[Ruling]) -> Flow[Outcomes]:
    """Ask a tier's models at once; a failure stands in the place of its reply."""
    calls = [Forward(request.override(model=model)) for model in tier.models]
    if len(calls) == 1 and tier.timeout is None:  # needs no thread of its own
        try:
            reply: Response = yield calls[0]
        except Exception as error:  # noqa: BLE001 - whatever a cheap model raises, the next may answer
            return [error]
        return [reply]
    outcomes: list[Response | Exception] = yield Gather(calls, tier.timeout)
    return outcomes


def _decision(
    tiers: Sequence[Tier],
    attempt: Escalation,
    reply: Response | None,
    avoided: AvoidedCall | None,
    *,
    mode: Mode = "on",
) -> Decision:
    message = answer_message(reply) if reply is not None else None
    return Decision(
        capability="cascade",
        outcome="escalated" if attempt.accepted is None else "accepted",
        reason=attempt.rulings[-1].reason if attempt.rulings else "there is one model to ask",
        mode=mode,
        returned=message.id if message is not None else None,
        rejected=reply_ids(attempt.thrown_away),
        hidden=tuple(message_id for ruling in attempt.rulings for message_id in ruling.hidden),
        avoided=avoided,
        details={
            "tier": len(tiers) if attempt.accepted is None else len(attempt.asked),
            "reasons": [ruling.reason for ruling in attempt.rulings],
            "scores": [ruling.score for ruling in attempt.rulings],
        },
    )


def _counterfactual(request: Request, reply: Response) -> AvoidedCall:
    """The call that the agent's own model would have made: nobody knows its tokens, the reply's stand in."""
    source = "the reply's tokens at the own model's price"
    return avoided_call(request.model, [answer_message(reply)], "estimated", source)
