"""What a verifier is, and what it says of an answer."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from langchain_core.messages import AIMessage

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = [
    "PriceRank",
    "Verdict",
    "Verifier",
    "answer_message",
    "check_verifier",
    "interrupts",
    "message_ids",
    "minimum_replies",
    "price_rank",
]


class PriceRank(IntEnum):
    """What a verdict costs, in ranks and not in money: who combines verifiers asks the cheaper ones first."""

    FREE = 0
    EMBEDDING = 1
    MODEL_CALLS = 2
    PERSON = 3


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a verifier says of an answer, and why.

    Args:
        outcome: ``accept`` and ``reject`` decide; ``abstain`` leaves the decision to whoever comes next.
        reason: Why, in one sentence.
        score: How good the answer is, from 0 to 1, where the verifier measures it.
        hidden: Message ids of the model calls made to reach the verdict.
        evidence: What speaks for the answer besides its author's word, such as ``"execution"``, ``"judge"``
            or ``"human"``, with who said so after a colon where that is known, as in ``"judge:gpt-5"``. An
            acceptance without any is good enough to answer with, and not to learn from.
    """

    outcome: Literal["accept", "reject", "abstain"]
    reason: str
    score: float | None = None
    hidden: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ("verifier",)

    @property
    def accepted(self) -> bool:
        """Whether the answer may be used; an abstention accepts nothing."""
        return self.outcome == "accept"


class Verifier(Protocol):
    """A flow that judges an answer: a generator that yields effects for its I/O and returns a verdict.

    One that needs no I/O is a generator all the same, and opens with ``yield from ()``. A verifier that
    compares replies says how many it needs in an attribute ``minimum_replies``, and one whose verdict costs
    something how much in an attribute ``price``, a :class:`PriceRank`. One that may interrupt the graph to
    ask a person has an attribute ``interrupts`` that is true.
    """

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first of the replies, in the light of the others.

        Args:
            request: What the models were asked.
            replies: One reply for each model asked, at least one.

        Returns:
            The verdict.
        """
        ...


def check_verifier(field: str, verifier: Any) -> None:
    """Refuse what cannot judge: a class without its brackets, or a function that is no generator.

    Args:
        field: The setting that holds it, for the error.
        verifier: What was given for a verifier.

    Raises:
        ConfigurationError: If it is none.
    """
    if isinstance(verifier, type):
        raise ConfigurationError(field, f"must be a verifier, write {verifier.__name__}(...)")
    is_function = inspect.isfunction(verifier)
    call = verifier if is_function else inspect.getattr_static(type(verifier), "__call__", None)
    if not inspect.isgeneratorfunction(call):
        raise ConfigurationError(field, "must be a verifier, wrap a plain function as Predicate(function)")


def minimum_replies(verifier: Verifier) -> int:
    """Return how many replies to one request the verifier needs before it can decide.

    Args:
        verifier: Any verifier, also one that does not say.

    Returns:
        Its attribute ``minimum_replies``, or 1.
    """
    return int(getattr(verifier, "minimum_replies", 1))


def price_rank(verifier: Verifier) -> int:
    """Return what the verifier's verdict costs, as a rank among other verifiers.

    Args:
        verifier: Any verifier, also one that does not say.

    Returns:
        Its attribute ``price``, or :attr:`PriceRank.FREE`.
    """
    return int(getattr(verifier, "price", PriceRank.FREE))


def interrupts(verifier: Verifier) -> bool:
    """Return whether the verifier may interrupt the graph: then its caller runs again from the start.

    Args:
        verifier: Any verifier, also one that does not say.
    """
    return bool(getattr(verifier, "interrupts", False))


def answer_message(response: ModelResponse[Any]) -> AIMessage | None:
    """Return the model's own message among those of its reply.

    Args:
        response: The reply; beside the model's message it may hold a structured output's ``ToolMessage``.

    Returns:
        The last ``AIMessage``, or ``None`` where there is none.
    """
    return next((message for message in reversed(response.result) if isinstance(message, AIMessage)), None)


def message_ids(messages: Iterable[AIMessage | None]) -> tuple[str, ...]:
    """Return the ids of the messages that have one, as a verdict's ``hidden`` names calls.

    Args:
        messages: Messages of models, ``None`` where a call gave none.
    """
    return tuple(message.id for message in messages if message is not None and message.id)
