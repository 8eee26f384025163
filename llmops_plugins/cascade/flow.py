"""The cascade as a flow: ask a cheap tier, verify, and go on to the next only when the answer does not hold.

The idea is FrugalGPT's LLM cascade (Chen, Zaharia and Zou 2023, https://arxiv.org/abs/2305.05176); asking two
cheap models at once and accepting where they agree is AutoMix's and self-consistency's kind of evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from llmops_plugins.events import AvoidedCall, Decision, Mode
from llmops_plugins.flow import Emit, Flow, Forward, Gather, Request, Response
from llmops_plugins.verification.verdict import Verdict, Verifier, answer_message

__all__ = ["Attempt", "Tier", "attempt_tiers", "cascade", "shadow_cascade"]


@dataclass(frozen=True, kw_only=True)
class Tier:
    """Models that are asked at once; the first one's reply is the tier's answer.

    Args:
        models: One model, or several whose replies a verifier compares.
    """

    models: tuple[BaseChatModel, ...]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What the tiers but the last came to.

    Args:
        accepted: The reply that held, or None.
        tier: Index of the tier that gave it, or of the last.
        reasons: Why each tier tried was accepted or not.
        rejected: Message ids of replies thrown away, second opinions among them.
        hidden: Message ids of further calls the verifier made.
    """

    accepted: Response | None
    tier: int
    reasons: tuple[str, ...]
    rejected: tuple[str, ...]
    hidden: tuple[str, ...]


def cascade(request: Request, tiers: Sequence[Tier], verify: Verifier) -> Flow[Response]:
    """Answer with the first tier whose answer is verified; the last tier is not verified, and streams.

    Args:
        request: The model call as it came.
        tiers: Cheapest first; the last has one model.
        verify: Judges every tier's replies but the last's. An abstention escalates.

    Returns:
        The accepted reply, whole, or the last tier's.
    """
    attempt = yield from attempt_tiers(request, tiers, verify)
    if attempt.accepted is not None:
        yield Emit(_decision(attempt, attempt.accepted, _counterfactual(request, attempt.accepted)))
        return attempt.accepted
    last = tiers[-1].models[0]
    try:
        reply: Response = yield Forward(request.override(model=last), live=True)
    except Exception:
        yield Emit(_decision(attempt, None, None))
        raise
    # Had the cascade not been there, the agent's own model would have answered, which may be another one.
    avoided = None if _named(last) == _named(request.model) else _counterfactual(request, reply)
    yield Emit(_decision(attempt, reply, avoided))
    return reply


def shadow_cascade(request: Request, reply: Response, tiers: Sequence[Tier], verify: Verifier) -> Flow[None]:
    """Decide what :func:`cascade` would have done, for a request that has been answered already.

    The cheap tiers are really asked, so a shadow costs what they cost. What an accepted answer would have
    avoided is the call that was made, so it is measured.
    """
    attempt = yield from attempt_tiers(request, tiers, verify)
    avoided = None
    if attempt.accepted is not None:
        avoided = _avoided(request.model, reply, "measured", "the usage of the reply the user got")
    yield Emit(_decision(attempt, attempt.accepted, avoided, mode="shadow"))


def attempt_tiers(request: Request, tiers: Sequence[Tier], verify: Verifier) -> Flow[Attempt]:
    """Ask the tiers but the last, one after the other, until one is accepted.

    A tier that fails is one that is not accepted: the next may well answer.
    """
    reasons: list[str] = []
    rejected: list[str] = []
    hidden: list[str] = []
    for index, tier in enumerate(tiers[:-1]):
        outcomes = yield from _ask(request, tier)
        replies = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        failed = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
        if failed is not None:
            verdict = Verdict(outcome="abstain", reason=f"{type(failed).__name__} from the tier's models")
        else:
            verdict = yield from verify(request, replies)
        reasons.append(verdict.reason)
        hidden += verdict.hidden
        if verdict.accepted:
            rejected += _message_ids(replies[1:])  # they have served as second opinions
            return _attempt(replies[0], index, reasons, rejected, hidden)
        rejected += _message_ids(replies)
    return _attempt(None, len(tiers) - 1, reasons, rejected, hidden)


def _ask(request: Request, tier: Tier) -> Flow[list[Response | Exception]]:
    """Ask a tier's models at once; a failure stands in the place of its reply."""
    calls = [Forward(request.override(model=model)) for model in tier.models]
    if len(calls) == 1:  # needs no thread of its own
        try:
            reply: Response = yield calls[0]
        except Exception as error:  # noqa: BLE001 - whatever a cheap model raises, the next may answer
            return [error]
        return [reply]
    outcomes: list[Response | Exception] = yield Gather(calls)
    return outcomes


def _attempt(
    accepted: Response | None, tier: int, reasons: list[str], rejected: list[str], hidden: list[str]
) -> Attempt:
    return Attempt(
        accepted=accepted,
        tier=tier,
        reasons=tuple(reasons),
        rejected=tuple(rejected),
        hidden=tuple(hidden),
    )


def _message_ids(replies: Sequence[Response]) -> list[str]:
    messages = [answer_message(reply) for reply in replies]
    return [message.id for message in messages if message is not None and message.id]


def _decision(
    attempt: Attempt, reply: Response | None, avoided: AvoidedCall | None, *, mode: Mode = "on"
) -> Decision:
    message = answer_message(reply) if reply is not None else None
    return Decision(
        capability="cascade",
        outcome="escalated" if attempt.accepted is None else "accepted",
        reason=attempt.reasons[-1],
        mode=mode,
        returned=message.id if message is not None else None,
        rejected=attempt.rejected,
        hidden=attempt.hidden,
        avoided=avoided,
        details={"tier": attempt.tier + 1, "reasons": list(attempt.reasons)},
    )


def _counterfactual(request: Request, reply: Response) -> AvoidedCall:
    """The call that the agent's own model would have made: nobody knows its tokens, the reply's stand in."""
    return _avoided(request.model, reply, "estimated", "the reply's tokens at the own model's price")


def _avoided(
    model: BaseChatModel, reply: Response, basis: Literal["measured", "estimated"], source: str
) -> AvoidedCall:
    message = answer_message(reply)
    usage: Mapping[str, Any] = (message.usage_metadata if message is not None else None) or {}
    provider, name = _named(model)
    return AvoidedCall(
        provider=provider,
        model=name,
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        cache_read_tokens=(usage.get("input_token_details") or {}).get("cache_read") or 0,
        basis=basis,
        source=source,
    )


def _named(model: BaseChatModel) -> tuple[str | None, str]:
    named = model._get_ls_params()  # LangChain keeps a model's provider and name nowhere else
    return named.get("ls_provider"), named.get("ls_model_name") or ""
