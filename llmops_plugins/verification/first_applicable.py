"""Several verifiers in a row, combined as access-control policies are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.verdict import Verdict, Verifier, check_verifier, minimum_replies

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["FirstApplicable"]


class FirstApplicable:
    """Let the first verifier that does not abstain decide (XACML's *first-applicable* combining).

    Args:
        verifiers: The verifiers in order, the cheapest first.

    Raises:
        ConfigurationError: If there is none.

    Example:
        >>> from llmops_plugins.verification.agreement import Agreement
        >>> from llmops_plugins.verification.tool_calls import ValidToolCalls
        >>> FirstApplicable(ValidToolCalls(), Agreement()).minimum_replies
        2
    """

    def __init__(self, *verifiers: Verifier) -> None:
        if not verifiers:
            raise ConfigurationError("verifiers", "is empty: give at least one verifier")
        for number, verifier in enumerate(verifiers):
            check_verifier(f"verifiers[{number}]", verifier)
        self.verifiers = verifiers
        self.minimum_replies = max(map(minimum_replies, verifiers))

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Ask one verifier after the other; the verdict counts the hidden calls of all that were asked."""
        hidden: tuple[str, ...] = ()
        reasons: list[str] = []
        for verifier in self.verifiers:
            verdict = yield from verifier(request, replies)
            hidden += verdict.hidden
            if verdict.outcome != "abstain":
                return replace(verdict, hidden=hidden)
            reasons.append(verdict.reason)
        return Verdict(outcome="abstain", reason="; ".join(reasons), hidden=hidden)
