"""Code that ran is evidence: the last run of the code an answer rests on ended well and said something."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llmops_plugins.verification.verdict import Verdict

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse
    from langchain_core.messages import BaseMessage

    from llmops_plugins.flow import Effect

__all__ = ["EXECUTION_KEY", "ExecutionSucceeded", "executions"]

EXECUTION_KEY = "llmops_execution"
"""Key in a message's ``additional_kwargs`` for what running a model's code came to: ``{"ok", "printed"}``."""


class ExecutionSucceeded:
    """Accept an answer whose code's last run ended without an error and printed something.

    The rule is EcoAssistant's (Zhang et al. 2023, https://arxiv.org/abs/2310.03046), read from what the
    executor saw and not from what the model says of it. Abstains where no code was run.
    """

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first reply by the last execution among its messages."""
        yield from ()  # a flow that asks for nothing
        runs = executions(replies[0].result)
        if not runs:
            return Verdict(outcome="abstain", reason="no code was run")
        if not runs[-1].get("ok"):
            return Verdict(outcome="reject", reason="the last run of the code failed")
        if not runs[-1].get("printed"):
            return Verdict(outcome="reject", reason="the last run of the code printed nothing")
        reason = "the last run of the code ended without an error and printed something"
        return Verdict(outcome="accept", reason=reason, evidence=("execution",))


def executions(messages: Iterable[BaseMessage]) -> list[Mapping[str, Any]]:
    """Return what each run of code that messages tell of came to, in order.

    Args:
        messages: Messages of an attempt, those of an executor marked with :data:`EXECUTION_KEY`.
    """
    marks = (message.additional_kwargs.get(EXECUTION_KEY) for message in messages)
    return [mark for mark in marks if isinstance(mark, Mapping)]
