"""What all combinations of verifiers have in common: whom to ask, in which order, and for how long."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.verdict import (
    Verdict,
    Verifier,
    check_verifier,
    interrupts,
    minimum_replies,
    price_rank,
)

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["Combination", "joined_reasons"]


class Combination(ABC):
    """Several verifiers as one, asked in turn until one of them decides.

    Verdicts that abstain have no say; where all do, the combination abstains. The verdict counts the hidden
    calls of all that were asked.

    Args:
        verifiers: At least one.

    Raises:
        ConfigurationError: If there is none, or one cannot judge.
    """

    _deciding: ClassVar[tuple[str, ...]]
    """Outcomes after which nobody else is asked."""

    _cheapest_first: ClassVar[bool] = True

    def __init__(self, *verifiers: Verifier) -> None:
        if not verifiers:
            raise ConfigurationError("verifiers", "is empty: give at least one verifier")
        for number, verifier in enumerate(verifiers):
            check_verifier(f"verifiers[{number}]", verifier)
        self.verifiers = tuple(sorted(verifiers, key=price_rank)) if self._cheapest_first else verifiers
        self.minimum_replies = max(map(minimum_replies, verifiers))
        self.price = max(map(price_rank, verifiers))
        self.interrupts = any(map(interrupts, verifiers))

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Ask one verifier after the other, and combine what they said."""
        verdicts: list[Verdict] = []
        for verifier in self.verifiers:
            verdict = yield from verifier(request, replies)
            verdicts.append(verdict)
            if verdict.outcome in self._deciding:
                break
        hidden = tuple(message_id for verdict in verdicts for message_id in verdict.hidden)
        decided = [verdict for verdict in verdicts if verdict.outcome != "abstain"]
        if not decided:
            return Verdict(outcome="abstain", reason=joined_reasons(verdicts), hidden=hidden)
        return replace(self._combined(decided), hidden=hidden)

    @abstractmethod
    def _combined(self, verdicts: Sequence[Verdict]) -> Verdict:
        """Return the verdict that follows from those, at least one, that did not abstain."""


def joined_reasons(verdicts: Iterable[Verdict]) -> str:
    """Return the reasons of several verdicts in one line."""
    return "; ".join(verdict.reason for verdict in verdicts)
