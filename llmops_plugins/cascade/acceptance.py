"""Who decides whether a tier's answer is used: a verifier, or a calibrated policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from langchain_core.messages import AIMessage

from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.flow import Flow, Request, Response
from llmops_plugins.messages import calls_tools, last_question
from llmops_plugins.verification.comparable import answer_or_none
from llmops_plugins.verification.evidence import ReplyFacts, reply_facts
from llmops_plugins.verification.verdict import Verdict, Verifier, answer_message

__all__ = ["AcceptanceRule", "ByPolicy", "ByVerifier", "Outcomes", "Ruling", "extracted"]

Outcomes: TypeAlias = "Sequence[Response | Exception]"
"""What the models of one tier came to: a failure stands in the place of its reply."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What happens once a tier has answered.

    Args:
        outcome: ``accept`` an answer, ``go_on`` to the next tier, or ``ask_last`` at once.
        reason: Why, in one sentence.
        reply: Index of the accepted reply among those of all tiers so far.
        score: Probability that the proposed answer is right, where the judge measures it.
        hidden: Message ids of the model calls made to reach the ruling.
        calibrated: Whether a policy accepted, so that its bound covers the answer.
    """

    outcome: Literal["accept", "go_on", "ask_last"]
    reason: str
    reply: int = 0
    score: float | None = None
    hidden: tuple[str, ...] = ()
    calibrated: bool = False


class AcceptanceRule(Protocol):
    """A flow that rules on the tiers asked so far."""

    def __call__(self, request: Request, tiers: Sequence[Outcomes]) -> Flow[Ruling]:
        """Rule on the last tier's answer, in the light of all before.

        Args:
            request: What the models were asked; its model is the first of the last tier.
            tiers: What each tier so far came to.
        """
        ...


class ByVerifier:
    """Accepts what a verifier accepts: the first reply of a tier, judged by that tier's replies alone.

    Args:
        verify: The verifier.
    """

    def __init__(self, verify: Verifier) -> None:
        self._verify = verify

    def __call__(self, request: Request, tiers: Sequence[Outcomes]) -> Flow[Ruling]:
        """Ask the verifier; a tier with a failure is not accepted."""
        verdict = yield from _verdict(self._verify, request, tiers[-1])
        return _ruled(verdict, tiers)


class ByPolicy:
    """Accepts what a calibrated policy stays with.

    Replies that call tools are nothing a policy was calibrated on, so without a verifier for them they are
    left to the last model.

    Args:
        policy: The policy; its stages are the tiers.
        extract: Finds the final answer in a reply's text, as at calibration.
        verify: Judges first; where it abstains the policy decides. What it accepts is outside of the bound.
        margin: Returns how much more than its rivals staying has to be worth, in right answers a question.
    """

    def __init__(
        self,
        policy: CascadePolicy,
        *,
        extract: Callable[[str], str | None],
        verify: Verifier | None,
        margin: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._extract = extract
        self._verify = verify
        self._margin = margin

    def __call__(self, request: Request, tiers: Sequence[Outcomes]) -> Flow[Ruling]:
        """Weigh what all replies so far say together."""
        hidden: tuple[str, ...] = ()
        if self._verify is not None:
            verdict = yield from _verdict(self._verify, request, tiers[-1])
            if verdict.outcome != "abstain":
                return _ruled(verdict, tiers)
            hidden = verdict.hidden
        outcomes = [outcome for tier in tiers for outcome in tier]
        messages = [None if isinstance(one, Exception) else answer_message(one) for one in outcomes]
        if any(message is not None and calls_tools(message) for message in messages):
            reason = "a reply calls tools, which the policy was not calibrated on"
            return Ruling(outcome="ask_last", reason=reason, hidden=hidden)
        if None in messages:
            reason = "a model failed, and the policy was calibrated on replies of them all"
            return Ruling(outcome="ask_last", reason=reason, hidden=hidden)
        facts = [_facts(message, self._extract) for message in messages]
        choice = self._policy.choose(
            len(tiers) - 1, facts, math.log1p(len(last_question(request.messages))), margin=self._margin()
        )
        score = choice.probability
        outcome: Literal["go_on", "ask_last"] = "go_on" if choice.action == "go_on" else "ask_last"
        if choice.action == "stay":
            reason = f"the policy stays, {score:.1%} sure that the answer is right"
            return Ruling(
                outcome="accept",
                reason=reason,
                reply=choice.candidate,
                score=score,
                hidden=hidden,
                calibrated=True,
            )
        then = "goes on" if choice.action == "go_on" else "asks the last model"
        reason = f"the policy {then}, {score:.1%} sure that the answer is right"
        return Ruling(outcome=outcome, reason=reason, score=score, hidden=hidden)


def extracted(message: AIMessage | None, extract: Callable[[str], str | None]) -> str | None:
    """Return the final answer of a message; None where it has none, calls tools, or the extractor fails."""
    if message is None or calls_tools(message):
        return None
    return answer_or_none(extract, message.text)


def _verdict(verify: Verifier, request: Request, outcomes: Outcomes) -> Flow[Verdict]:
    replies = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    failed = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
    if failed is not None:
        return Verdict(outcome="abstain", reason=f"{type(failed).__name__} from the tier's models")
    return (yield from verify(request, replies))


def _ruled(verdict: Verdict, tiers: Sequence[Outcomes]) -> Ruling:
    return Ruling(
        outcome="accept" if verdict.accepted else "go_on",
        reason=verdict.reason,
        reply=sum(map(len, tiers[:-1])),
        score=verdict.score,
        hidden=verdict.hidden,
    )


def _facts(message: AIMessage | None, extract: Callable[[str], str | None]) -> ReplyFacts:
    return reply_facts(message.text if message is not None else "", extracted(message, extract))
