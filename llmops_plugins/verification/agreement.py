"""Models that answer alike are probably right."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.comparable import comparable_answer
from llmops_plugins.verification.settings import check_extract
from llmops_plugins.verification.verdict import Verdict

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["Agreement"]


class Agreement:
    """Accept an answer that every model asked gives alike.

    Replies agree where their final answers are equal; replies that call tools, where the calls are: the same
    tools in the same order with the same arguments. Different models err apart, so their agreement says more
    than that of one model's samples (self-consistency, Wang et al. 2022, https://arxiv.org/abs/2203.11171).

    Args:
        extract: Finds the final answer in a reply's text and returns it in a form that can be compared, or
            ``None`` where there is none. An exception in it rejects.

    Raises:
        ConfigurationError: If ``extract`` is no plain function.
    """

    minimum_replies: ClassVar[int] = 2

    def __init__(self, *, extract: Callable[[str], str | None] = extract_answer) -> None:
        check_extract(extract)
        self._extract = extract

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Compare the replies; abstain where there is nothing to compare."""
        yield from ()  # a flow that asks for nothing
        if len(replies) < self.minimum_replies:
            return Verdict(outcome="abstain", reason="agreement needs two replies or more and had one")
        try:
            answers = [comparable_answer(reply, self._extract) for reply in replies]
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a user's extract raises, the answer is unverified
            return Verdict(outcome="reject", reason=f"extract raised {type(error).__name__}")
        # Reasons are stored and traced, so they never quote an answer.
        if None in answers:
            nothing = answers.index(None) + 1
            return Verdict(outcome="reject", reason=f"reply {nothing} holds no answer to compare")
        for number, answer in enumerate(answers[1:], 2):
            if answer != answers[0]:
                return Verdict(outcome="reject", reason=f"reply {number} differs from the first")
        return Verdict(outcome="accept", reason=f"{len(answers)} replies agree")
