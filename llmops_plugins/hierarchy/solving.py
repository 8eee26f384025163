"""Solving one request: the cheapest assistant first, and up only when there is no evidence that it succeeded.

The assistant hierarchy of EcoAssistant (Zhang et al. 2023, https://arxiv.org/abs/2310.03046), on the
escalation loop that cascades run too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.runnables import Runnable

from llmops_plugins.effects import NEVER_SWALLOWED, Emit, Flow, Gather, Invoke, Request
from llmops_plugins.events import Decision
from llmops_plugins.failures import warn_once
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.code_driven import answer_with_code, last_good_code
from llmops_plugins.hierarchy.durable import FailedBeforeError
from llmops_plugins.hierarchy.executor import Executor
from llmops_plugins.messages import with_note
from llmops_plugins.models.avoided import avoided_call
from llmops_plugins.verification.attempt import FAILED_ATTEMPTS_KEY
from llmops_plugins.verification.escalation import (
    AcceptanceRule,
    ByVerifier,
    Escalation,
    Outcomes,
    Ruling,
    Rung,
    escalate,
    reply_ids,
)
from llmops_plugins.verification.verdict import Verifier, answer_message

__all__ = ["FailingOpen", "Solution", "Team", "solve"]

_REMEDY = "the last assistant answers unverified until the success verifier works again"


@dataclass(frozen=True, kw_only=True)
class Team:
    """Who solves requests, and what counts as solved.

    Args:
        assistants: Cheapest first.
        success: Finds evidence that an answer solves the request.
        executor: Runs the code that assistants write; None where they write none.
        tell_reason: Whether an assistant is told in one line why the one before failed.
    """

    assistants: tuple[Assistant, ...]
    success: Verifier
    executor: Executor | None = None
    tell_reason: bool = False


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What a request came to.

    Args:
        answer: Messages that go to whoever asked: of an answer found by code the last one only.
        assistant: Who wrote it.
        resolved: Whether it was found to solve the request.
        evidence: What that rests on; empty where the author's word is all there is.
        reason: Why, in one sentence.
        solution: What a demonstration shows: the code that worked, or the answer.
        replies: All that its author wrote for it.
        attempts: One for each assistant asked: its name, the outcome and the reason; plain data.
    """

    answer: tuple[BaseMessage, ...]
    assistant: Assistant
    resolved: bool
    evidence: tuple[str, ...]
    reason: str
    solution: str
    replies: tuple[AIMessage, ...]
    attempts: tuple[Mapping[str, Any], ...]


def solve(
    team: Team,
    messages: Sequence[AnyMessage],
    sent: Sequence[AnyMessage],
    *,
    solve_id: str,
    shown: int = 0,
) -> Flow[Solution]:
    """Answer a request with the first assistant whose answer is found to solve it, else with the last one's.

    Args:
        team: Who is asked.
        messages: The request as it came, which is what verifiers see.
        sent: The request as assistants see it, with demonstrations.
        solve_id: An id of its own, the same when it goes on after an interrupt.
        shown: How many demonstrations those are.

    Raises:
        Exception: What the last assistant raised.
    """
    said = _Said(solve_id)
    rungs = [
        Rung(request=_request(assistant, messages), ask=partial(_attempt, team, assistant, sent, said))
        for assistant in team.assistants
    ]
    escalation = yield from escalate(rungs, FailingOpen(ByVerifier(team.success, "the assistant")))
    if escalation.rulings[-1].outcome == "ask_last" and len(escalation.asked) < len(rungs):
        last = yield from rungs[-1].ask(escalation.rulings)
        escalation = Escalation(
            accepted=None,
            asked=(*escalation.asked, last),
            rulings=(*escalation.rulings, Ruling(outcome="ask_last", reason="it was not judged")),
        )
    return (yield from _concluded(team, escalation, said, shown))


class _Said:
    """What assistants wrote in attempts that failed: it was paid for all the same.

    Args:
        solve_id: Of the request's being solved.
    """

    def __init__(self, solve_id: str) -> None:
        self.lost: list[BaseMessage] = []
        self.failed_attempts: list[str] = []
        self.ended = 0
        self._solve_id = solve_id

    def attempt_id(self, assistant: Assistant) -> str:
        """Return the id by which the ledger knows an assistant's attempt."""
        return f"{self._solve_id}:{assistant.name}{f':{self.ended}' if self.ended else ''}"

    def end(self) -> None:
        """Note that the graph ended here before: that run's own decision has what was paid until then."""
        self.lost, self.failed_attempts = [], []
        self.ended += 1


class FailingOpen:
    """Rules as another rule does; where that fails, the last assistant is asked without being judged.

    Args:
        rule: The other rule.
    """

    def __init__(self, rule: AcceptanceRule) -> None:
        self._rule = rule

    def __call__(self, request: Request, rungs: Sequence[Outcomes], /) -> Flow[Ruling]:
        """Rule on the last rung's answer."""
        try:
            return (yield from self._rule(request, rungs))
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a verifier raises, the user gets an answer
            warn_once("the hierarchy's success verifier", error, _REMEDY)
            reason = f"{type(error).__name__} inside the hierarchy"
            yield Emit(Decision(capability="hierarchy", outcome="failed_open", reason=reason))
            return Ruling(outcome="ask_last", reason=reason)


def _request(assistant: Assistant, messages: Sequence[AnyMessage]) -> Request:
    # Verifiers that compare authors are told of none where a graph does not say whose model it runs.
    author: Any = assistant.author
    return ModelRequest(model=author, messages=list(messages))


def _attempt(
    team: Team, assistant: Assistant, sent: Sequence[AnyMessage], said: _Said, before: Sequence[Ruling]
) -> Flow[Outcomes]:
    """Ask one assistant, with nothing of what those before said; a failure stands in its reply's place.

    What the last one raises ends the graph. Where that is run again the last is asked again, as LangGraph
    runs a node again that failed.
    """
    messages: Sequence[BaseMessage] = sent
    if team.tell_reason and before:
        messages = with_note(sent, f"Another assistant failed at this before: {before[-1].reason}.")
    is_last = assistant is team.assistants[-1]
    while True:
        so_far: list[BaseMessage] = []
        attempt_id = said.attempt_id(assistant)
        try:
            return [
                ModelResponse(result=(yield from _answered(team, assistant, attempt_id, messages, so_far)))
            ]
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an assistant raises, the next may answer
            if is_last and isinstance(error, FailedBeforeError):
                said.end()
                continue
            said.lost += so_far
            said.failed_attempts.append(attempt_id)
            return [error]


def _answered(
    team: Team,
    assistant: Assistant,
    attempt_id: str,
    messages: Sequence[BaseMessage],
    so_far: list[BaseMessage],
) -> Flow[list[BaseMessage]]:
    asked = assistant.asked(attempt_id)
    if team.executor is not None:
        ask = partial(_ask, asked, assistant.timeout, so_far=so_far, live=False)
        return (yield from answer_with_code(ask, messages, team.executor, assistant.max_runs))
    # The last answer is given whatever is found of it, so it may stream.
    is_last = assistant is team.assistants[-1]
    return (yield from _ask(asked, assistant.timeout, messages, so_far=so_far, live=is_last))


def _ask(
    asked: Runnable[Any, list[BaseMessage]],
    timeout: float | None,
    messages: Sequence[BaseMessage],
    *,
    so_far: list[BaseMessage],
    live: bool,
) -> Flow[list[BaseMessage]]:
    call = Invoke(asked, list(messages), live and timeout is None)
    if timeout is None:
        outcome: Any = yield call
    else:
        (outcome,) = yield Gather([call], timeout)
    if isinstance(outcome, Exception):
        raise outcome
    said: list[BaseMessage] = outcome
    so_far += said
    return said


def _concluded(team: Team, escalation: Escalation, said: _Said, shown: int) -> Flow[Solution]:
    asked = _asked(team, escalation)
    attempts = tuple(_attempts(asked, escalation))
    reply = escalation.accepted or escalation.asked[-1][0]
    yield Emit(_decision(team, asked[-1], escalation, said, attempts, shown))
    if isinstance(reply, Exception):
        raise reply
    resolved, ruling = escalation.accepted is not None, escalation.rulings[-1]
    code, message = last_good_code(reply.result), answer_message(reply)
    return Solution(
        answer=tuple(reply.result if team.executor is None else reply.result[-1:]),
        assistant=asked[-1],
        resolved=resolved,
        evidence=ruling.evidence if resolved else (),
        reason=ruling.reason,
        solution=code or (message.text if message is not None else ""),
        replies=tuple(one for one in reply.result if isinstance(one, AIMessage)),
        attempts=attempts,
    )


def _asked(team: Team, escalation: Escalation) -> tuple[Assistant, ...]:
    """Return who was asked, in order: where a rule failed, the last came after the first few."""
    asked = team.assistants[: len(escalation.asked)]
    was_skipped = any(ruling.outcome == "ask_last" for ruling in escalation.rulings[:-1])
    return (*asked[:-1], team.assistants[-1]) if was_skipped else asked


def _attempts(asked: Sequence[Assistant], escalation: Escalation) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for assistant, outcomes, ruling in zip(asked, escalation.asked, escalation.rulings, strict=True):
        failed = isinstance(outcomes[0], Exception)
        outcome = "failed" if failed else "accepted" if ruling.outcome == "accept" else "not_accepted"
        found.append({"assistant": assistant.name, "outcome": outcome, "reason": ruling.reason})
    return found


def _outcome(team: Team, author: Assistant, escalation: Escalation) -> str:
    if escalation.accepted is None:
        return "failed" if isinstance(escalation.asked[-1][0], Exception) else "unresolved"
    return "escalated" if len(team.assistants) > 1 and author is team.assistants[-1] else "accepted"


def _decision(
    team: Team,
    author: Assistant,
    escalation: Escalation,
    said: _Said,
    attempts: Sequence[Mapping[str, Any]],
    shown: int,
) -> Decision:
    reply, last = escalation.accepted or escalation.asked[-1][0], team.assistants[-1]
    replies = [] if isinstance(reply, Exception) else reply.result
    steps = [one for one in replies if isinstance(one, AIMessage)]
    avoided = None
    if escalation.accepted is not None and author is not last and last.author is not None:
        source = f"the tokens of {author.name} at the price of {last.name}, which would have answered alone"
        avoided = avoided_call(last.author, steps, "estimated", source)
    thrown_away = [] if said.ended else [one for one in escalation.thrown_away if one is not reply]
    rulings = escalation.rulings[-1:] if said.ended else escalation.rulings
    judges = tuple(message_id for ruling in rulings for message_id in ruling.hidden)
    own = tuple(one.id for one in steps[:-1] if one.id)
    return Decision(
        capability="hierarchy",
        outcome=_outcome(team, author, escalation),
        reason=escalation.rulings[-1].reason,
        returned=steps[-1].id if steps else None,
        rejected=reply_ids([*thrown_away, ModelResponse(result=said.lost)]),
        # What the answer's author took to get there is part of what the decision spent.
        hidden=judges + (own if avoided is not None else ()),
        avoided=avoided,
        details={
            "assistant": author.name,
            "demonstrations": shown,
            "attempts": list(attempts),
            FAILED_ATTEMPTS_KEY: said.failed_attempts,
        },
    )
