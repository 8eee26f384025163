"""A person's opinion of an answer, whenever they come to give it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llmops_plugins.effects import Interrupt
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.messages import last_question
from llmops_plugins.redaction import redact
from llmops_plugins.verification.judging import answer_text
from llmops_plugins.verification.verdict import PriceRank, Verdict

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["Human"]


_UNREADABLE = (
    "the answer cannot be read: resume with True, False or {'accept': True or False, 'reason': '...'}"
)


class Human:
    """Accept what a person accepts, asked through LangGraph's ``interrupt``.

    The graph stops with ``{"question", "answer", "instructions"}`` and goes on with ``Command(resume=True)``,
    ``Command(resume=False)`` or ``Command(resume={"accept": False, "reason": "..."})``, days later and in
    another process if its checkpointer lasts. Any other answer is asked for again, with the ``problem``. The
    reason is stored and traced, without keys and the usual personal data.

    Only for a hierarchy (:func:`~llmops_plugins.hierarchy.graph.create_hierarchy`), whose calls do not repeat
    when the graph goes on; a cascade refuses it, since there they would.

    Args:
        instructions: What the person is told to look at.

    Raises:
        ConfigurationError: If the instructions are empty.
    """

    price: ClassVar[PriceRank] = PriceRank.PERSON
    interrupts: ClassVar[bool] = True

    def __init__(self, instructions: str = "Does the answer do what was asked?") -> None:
        if not isinstance(instructions, str) or not instructions.strip():
            raise ConfigurationError("instructions", "is empty: say what the person is to look at")
        self._instructions = instructions

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Ask about the first reply."""
        shown = {
            "question": last_question(request.messages),
            "answer": answer_text(replies[0]),
            "instructions": self._instructions,
        }
        verdict = _verdict((yield Interrupt(shown)))
        while verdict is None:
            verdict = _verdict((yield Interrupt({**shown, "problem": _UNREADABLE})))
        return verdict


def _verdict(opinion: Any) -> Verdict | None:
    """Return the verdict that a person's answer is; None where it cannot be read as one."""
    accepted, said = opinion, ""
    if isinstance(opinion, Mapping):
        accepted, said = opinion.get("accept"), redact(str(opinion.get("reason") or ""))
    if not isinstance(accepted, bool):
        return None
    reason = f"a person {'accepts' if accepted else 'rejects'} it{': ' + said if said else ''}"
    return Verdict(outcome="accept" if accepted else "reject", reason=reason, evidence=("human",))
