"""Asking one after the other until an answer holds: the loop of every capability that escalates.

A cascade escalates over models and a hierarchy over assistants. The idea is FrugalGPT's LLM cascade (Chen,
Zaharia and Zou 2023, https://arxiv.org/abs/2305.05176).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from langchain_core.messages import AIMessage

from llmops_plugins.effects import Flow, Request, Response
from llmops_plugins.verification.verdict import Verdict, Verifier

__all__ = [
    "AcceptanceRule",
    "ByVerifier",
    "Escalation",
    "Outcomes",
    "Ruling",
    "Rung",
    "escalate",
    "reply_ids",
    "ruled",
    "verdict_on",
]

Outcomes: TypeAlias = "Sequence[Response | Exception]"
"""What those asked at once came to: a failure stands in the place of its reply."""

_MODELS = "the tier's models"


@dataclass(frozen=True, kw_only=True)
class Rung:
    """Whom to ask before anybody dearer.

    Args:
        request: What they are asked, as the rule is shown it.
        ask: Begins the flow that asks them; is given what was ruled on the rungs before.
    """

    request: Request
    ask: Callable[[Sequence[Ruling]], Flow[Outcomes]]


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What happens once a rung has answered.

    Args:
        outcome: ``accept`` an answer, ``go_on`` to the next rung, or ``ask_last`` at once.
        reason: Why, in one sentence.
        reply: Index of the accepted reply among those of all rungs so far.
        score: Probability that the proposed answer is right, where the judge measures it.
        hidden: Message ids of the model calls made to reach the ruling.
        evidence: What an acceptance rests on, as in :class:`~llmops_plugins.verification.verdict.Verdict`.
        calibrated: Whether a policy accepted, so that its bound covers the answer.
    """

    outcome: Literal["accept", "go_on", "ask_last"]
    reason: str
    reply: int = 0
    score: float | None = None
    hidden: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    calibrated: bool = False


class AcceptanceRule(Protocol):
    """A flow that rules on the rungs asked so far."""

    def __call__(self, request: Request, rungs: Sequence[Outcomes], /) -> Flow[Ruling]:
        """Rule on the last rung's answer, in the light of all before.

        Args:
            request: What was asked; its model is the author of the proposed answer.
            rungs: What each rung so far came to.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """What the rungs came to.

    Args:
        accepted: The reply that held, or None.
        asked: What each rung that was asked came to.
        rulings: What was ruled after each of them.
    """

    accepted: Response | None
    asked: tuple[Outcomes, ...]
    rulings: tuple[Ruling, ...]

    @property
    def thrown_away(self) -> list[Response]:
        """Replies that were paid for and not accepted, in the order in which they came."""
        outcomes = [outcome for rung in self.asked for outcome in rung]
        return [one for one in outcomes if one is not self.accepted and not isinstance(one, Exception)]


def escalate(rungs: Iterable[Rung], rule: AcceptanceRule) -> Flow[Escalation]:
    """Ask the rungs one after the other, until an answer is accepted or the rule has seen enough.

    A rung that fails is one that is not accepted: the next may well answer.

    Args:
        rungs: Cheapest first.
        rule: Rules on every rung.
    """
    asked: list[Outcomes] = []
    rulings: list[Ruling] = []
    for rung in rungs:
        asked.append((yield from rung.ask(rulings)))
        rulings.append((yield from rule(rung.request, asked)))
        if rulings[-1].outcome != "go_on":
            break
    accepted = None
    if rulings and rulings[-1].outcome == "accept":
        proposed = [outcome for rung in asked for outcome in rung][rulings[-1].reply]
        accepted = None if isinstance(proposed, Exception) else proposed
    return Escalation(accepted=accepted, asked=tuple(asked), rulings=tuple(rulings))


class ByVerifier:
    """Accepts what a verifier accepts: the first reply of a rung, judged by that rung's replies alone.

    Args:
        verify: The verifier.
        asked: What reasons call those who are asked.
    """

    def __init__(self, verify: Verifier, asked: str = _MODELS) -> None:
        self._verify = verify
        self._asked = asked

    def __call__(self, request: Request, rungs: Sequence[Outcomes]) -> Flow[Ruling]:
        """Ask the verifier; a rung with a failure is not accepted."""
        return ruled((yield from verdict_on(self._verify, request, rungs[-1], self._asked)), rungs)


def verdict_on(verify: Verifier, request: Request, outcomes: Outcomes, asked: str = _MODELS) -> Flow[Verdict]:
    """Return what a verifier says of a rung's replies; of one with a failure it is not asked.

    Args:
        verify: The verifier.
        request: What was asked.
        outcomes: What the rung came to.
        asked: What the reason calls those who were asked.
    """
    replies = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    failed = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
    if failed is not None:
        return Verdict(outcome="abstain", reason=f"{type(failed).__name__} from {asked}")
    return (yield from verify(request, replies))


def ruled(verdict: Verdict, rungs: Sequence[Outcomes]) -> Ruling:
    """Return the ruling that follows from a verdict on the last rung's first reply."""
    return Ruling(
        outcome="accept" if verdict.accepted else "go_on",
        reason=verdict.reason,
        reply=sum(map(len, rungs[:-1])),
        score=verdict.score,
        hidden=verdict.hidden,
        evidence=verdict.evidence,
    )


def reply_ids(replies: Iterable[Response]) -> tuple[str, ...]:
    """Return the ids of all messages of models in replies, which name the calls that were paid for."""
    messages = (message for reply in replies for message in reply.result)
    return tuple(message.id for message in messages if isinstance(message, AIMessage) and message.id)
