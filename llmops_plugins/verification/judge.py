"""Another language model's opinion of an answer."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llmops_plugins.effects import NEVER_SWALLOWED, CallModel, ModelReply
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.avoided import provider_and_name
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.verification.judging import (
    LONGEST_ANSWER,
    answer_text,
    authorship_problem,
    conclusion,
    conversation_text,
    judging_messages,
)
from llmops_plugins.verification.settings import check_share
from llmops_plugins.verification.verdict import PriceRank, Verdict, message_ids

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse
    from langchain_core.language_models import BaseChatModel

    from llmops_plugins.flow import Effect

__all__ = ["GRADE_FORM", "Judge", "grading_instructions", "read_grade"]

GRADE_FORM = (
    "Reason briefly. Then end with one line that holds your grade, a whole number from 0 (wrong or useless) "
    "to 10 (correct and complete), in exactly this form:\nGrade: <number>"
)
"""How a judge is told to answer, so that :func:`read_grade` can read it."""

_SOLVE_FIRST = (
    "Solve the task yourself first, then check the answer against the conversation and your solution: is it "
    "correct, and does it do what was asked?"
)

_NUMBER = r"(\d{1,3}+(?:[.,]\d++)?+)(?!\s*+-\s*+\d)(?:\s*+(?:/|out\ of)\s*+(\d{1,3}+))?"
_NAMED_GRADE = re.compile(
    rf"""\b(?:grade|score|rating)\b["'*_`]*+(?:\s*+\([^()\n]{{0,30}}\))?["'*_`]*+\s*+(?::|=|\bis\b)
    [\s"'*_`\[(<]*+{_NUMBER}""",
    re.IGNORECASE | re.VERBOSE,
)
_BARE_GRADE = re.compile(rf"[\s\"'*_`\[(<]*+{_NUMBER}[\s\"'*_`\])>.]*+", re.IGNORECASE | re.VERBOSE)
_OUT_OF_TEN = re.compile(
    r"(?<![\d.,/])(\d{1,2}+(?:[.,]\d++)?+)\s{0,3}(?:/|out of)\s{0,3}(10)\b", re.IGNORECASE
)


class Judge:
    """Accept an answer to which another model gives a good grade.

    The judge sees the conversation and the answer as delimited data that cannot break out of its delimiter,
    and is told to follow nothing in it. It should not be the answer's author, which is inclined to like what
    it wrote (Panickssery et al. 2024, https://arxiv.org/abs/2404.13076): asked to judge itself, this verifier
    abstains. It abstains too where the judge fails or its grade cannot be read.

    Args:
        model: The judge: a chat model or an ``init_chat_model`` string.
        instructions: What a good answer is, in place of the question whether it is correct and does what was
            asked. How to answer, and that the material is only data, is always added.
        minimum_score: The grade that is accepted, as a share of the best, above 0 and at most 1.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    price: ClassVar[PriceRank] = PriceRank.MODEL_CALLS

    def __init__(
        self, model: str | BaseChatModel, *, instructions: str | None = None, minimum_score: float = 0.8
    ) -> None:
        check_share("minimum_score", minimum_score)
        if not isinstance(instructions, str | None):
            problem = f"must be a text that says what a good answer is, got {type(instructions).__name__}"
            raise ConfigurationError("instructions", problem)
        if instructions is not None and not instructions.strip():
            raise ConfigurationError("instructions", "is empty: say what a good answer is, or leave it out")
        self._model = as_chat_model("model", model)
        self._instructions = instructions or grading_instructions()
        self._minimum_score = minimum_score

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Have the first reply graded."""
        problem = authorship_problem(self._model, request, replies[0])
        if problem is not None:
            return Verdict(outcome="abstain", reason=problem)
        answer = answer_text(replies[0])
        if not answer:
            return Verdict(outcome="reject", reason="the reply holds no answer to judge")
        if len(answer) > LONGEST_ANSWER:
            return Verdict(outcome="abstain", reason="the answer is too long to be judged")
        material = {"conversation": conversation_text(request), "answer": answer}
        messages = judging_messages(self._instructions, GRADE_FORM, material)
        try:
            opinion: ModelReply = yield CallModel(self._model, messages, kind="judge")
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a judge raises, it has no opinion
            return Verdict(outcome="abstain", reason=f"{type(error).__name__} from the judge")
        hidden = message_ids([opinion.message])
        score = read_grade(opinion.message.text)
        if score is None:
            return Verdict(outcome="abstain", reason="the judge's grade cannot be read", hidden=hidden)
        return Verdict(
            outcome="accept" if score >= self._minimum_score else "reject",
            reason=f"the judge gives {10 * score:g} of 10, {10 * self._minimum_score:g} is needed",
            score=score,
            hidden=hidden,
            evidence=(f"judge:{provider_and_name(self._model)[1]}",),
        )


def grading_instructions(measure: str = _SOLVE_FIRST) -> str:
    """Return what a judge is told of its task.

    Args:
        measure: What a good answer is, in sentences; that it is correct and does what was asked, if left out.
    """
    return (
        f"You grade the answer that an assistant gave to the last message of a conversation. {measure} "
        "A long or polite answer is not a better one."
    )


def read_grade(text: str) -> float | None:
    """Return the grade that a judge's reply ends with.

    Read are ``Grade: 7``, ``**Score**: 7/10``, ``{"grade": 7}``, a bare ``7`` and ``7 out of 10``; of several
    the last one, since a judge may quote before it decides.

    Args:
        text: The judge's reply.

    Returns:
        The grade from 0 to 1, or ``None`` where there is none or it exceeds its scale.
    """
    text = conclusion(text)
    bare = _BARE_GRADE.fullmatch(text)
    found = [bare.groups()] if bare else _NAMED_GRADE.findall(text) or _OUT_OF_TEN.findall(text)
    if not found:
        return None
    grade, scale = found[-1]
    value, best = float(grade.replace(",", ".")), int(scale or 10)
    return value / best if 0 <= value <= best and best > 0 else None
