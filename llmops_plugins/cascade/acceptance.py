"""A calibrated policy decides whether a tier's answer is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from langchain_core.messages import AIMessage

from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.flow import Flow, Request
from llmops_plugins.messages import calls_tools, last_question
from llmops_plugins.verification.comparable import answer_or_none
from llmops_plugins.verification.escalation import Outcomes, Ruling, ruled, verdict_on
from llmops_plugins.verification.evidence import ReplyFacts, reply_facts
from llmops_plugins.verification.verdict import Verifier, answer_message

__all__ = ["ByPolicy", "extracted"]


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
            verdict = yield from verdict_on(self._verify, request, tiers[-1])
            if verdict.outcome != "abstain":
                return ruled(verdict, tiers)
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


def _facts(message: AIMessage | None, extract: Callable[[str], str | None]) -> ReplyFacts:
    return reply_facts(message.text if message is not None else "", extracted(message, extract))
