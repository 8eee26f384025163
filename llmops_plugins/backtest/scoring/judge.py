"""Another model's opinion of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.verification.judge import GRADE_FORM, grading_instructions, read_grade
from llmops_plugins.verification.judging import LONGEST_ANSWER, judging_messages

__all__ = ["AskJudge", "JudgeScorer"]

AskJudge = Callable[[Sequence[tuple[str, str]]], Awaitable[str]]
"""Sends the judge messages, each a role and a text; returns its reply."""

_AGAINST_REFERENCE = (
    "A reference answer is right: grade whether the assistant's answer says the same, in whatever words."
)


@dataclass(frozen=True, kw_only=True)
class JudgeScorer:
    """A model's grade, from 0 to 1, beside the right answer where there is one.

    Conversation, answer and reference are shown to it as delimited data, so that no answer can grade itself.

    Args:
        name: As the user wrote it.
        ask: Asks the judge.
    """

    name: str
    ask: AskJudge = field(repr=False)
    needs_gold: bool = False

    async def __call__(self, question: Question, text: str) -> float:
        """Have the answer graded."""
        if not text.strip():
            return 0.0
        if len(text) > LONGEST_ANSWER:
            raise ValueError("the answer is too long to be judged")
        grade = read_grade(await self.ask(_messages(question, text)))
        if grade is None:
            raise ValueError("the judge's grade cannot be read")
        return grade


def _messages(question: Question, text: str) -> list[tuple[str, str]]:
    conversation = "\n\n".join(f"{role}: {said}" for role, said in question.messages)
    material = {"conversation": conversation, "answer": text}
    instructions = grading_instructions()
    if question.gold is not None:
        material["reference"] = question.gold
        instructions = grading_instructions(_AGAINST_REFERENCE)
    system, human = judging_messages(instructions, GRADE_FORM, material)
    return [("system", system.text), ("user", human.text)]
