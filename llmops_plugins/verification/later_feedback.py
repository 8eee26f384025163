"""Answers that are used now and judged later, by whoever got them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from llmops_plugins.verification.judging import answer_text
from llmops_plugins.verification.verdict import Verdict

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["LaterFeedback"]


class LaterFeedback:
    """Accept any answer for now: what it is worth is said later, by feedback on the run.

    Such an answer is used and nothing is learned from it, until
    :func:`~llmops_plugins.hierarchy.feedback.record_feedback` says that it resolved the request.

    Example:
        >>> from llmops_plugins.verification.any_of import AnyOf
        >>> from llmops_plugins.verification.execution import ExecutionSucceeded
        >>> success = AnyOf(ExecutionSucceeded(), LaterFeedback())
    """

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Accept the first reply, if it says anything."""
        yield from ()  # a flow that asks for nothing
        if not answer_text(replies[0]):
            return Verdict(outcome="reject", reason="the reply holds no answer")
        return Verdict(outcome="accept", reason="it is judged later, by feedback", evidence=())
