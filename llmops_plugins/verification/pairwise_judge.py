"""Another language model's opinion of which of two answers is better."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from llmops_plugins.effects import CallModel, Gather, ModelReply
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.verification.judging import (
    LONGEST_ANSWER,
    answer_text,
    authorship_problem,
    conclusion,
    conversation_text,
    judging_messages,
)
from llmops_plugins.verification.verdict import PriceRank, Verdict, message_ids

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse
    from langchain_core.language_models import BaseChatModel

    from llmops_plugins.flow import Effect

__all__ = ["PairwiseJudge", "read_preference"]

Preference: TypeAlias = Literal["a", "b", "tie"]

_INSTRUCTIONS = (
    "You compare two answers, A and B, that assistants gave to the last message of a conversation. Solve the "
    "task yourself first, then say which answer is the better one: correct, and doing what was asked. "
    "Neither the order of the answers nor their length or politeness makes one better. Answers that are as "
    "good as each other are a tie, also when both are wrong."
)
_FORM = (
    "Reason briefly. Then end with one line that holds your verdict, A, B or tie, in exactly this form:\n"
    "Verdict: <A, B or tie>"
)
# Letters are capitals, since "a close win" does not name A, and alone, since "A and B" names neither.
_LETTER = r"(?i:answer[ _-]?)?(?P<letter>[AB])\b(?![ ]?(?:,|and|or|/|=)[ ]?[AB]\b|[ ]tie)"
_WINNER = rf"(?:(?i:a[ ])?(?:(?i:tie|draw|equal|neither|both)\b|C\b)|{_LETTER})"
_VERDICT = re.compile(rf"""\b(?i:verdict)\b["'*_`]*+\s*+[:=][\s"'*_`\[(<]*+{_WINNER}""")
_BRACKETED = re.compile(rf"\[\[{_WINNER}\]\]")
_BARE = re.compile(rf"""[\s"'*_`\[(]*+{_WINNER}[\s"'*_`\]).]*+""")


class PairwiseJudge:
    """Accept the first of two answers where another model does not prefer the second.

    The judge is asked twice at once, with the answers in either order, because judges favour a position
    (Zheng et al. 2023, https://arxiv.org/abs/2306.05685). The first is accepted only where it wins or ties in
    both orders. The score is 1 where both orders prefer the first, 0 where both prefer the second, and 0.5,
    a tie, otherwise; the mean of it is a win rate. Equal answers tie without a call.

    It abstains where the judge is the author of the first answer, fails, or says nothing that can be read.
    The author of the second answer is not known here: the judge should be neither.

    Args:
        model: The judge: a chat model or an ``init_chat_model`` string.

    Raises:
        ConfigurationError: If the model is neither, or cannot be built.
    """

    minimum_replies: ClassVar[int] = 2
    price: ClassVar[PriceRank] = PriceRank.MODEL_CALLS

    def __init__(self, model: str | BaseChatModel) -> None:
        self._model = as_chat_model("model", model)

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Compare the first reply with the second."""
        if len(replies) < self.minimum_replies:
            return Verdict(outcome="abstain", reason="a comparison needs two replies and had one")
        problem = authorship_problem(self._model, request, replies[0])
        if problem is not None:
            return Verdict(outcome="abstain", reason=problem)
        first, second = map(answer_text, replies[:2])
        if not first:
            return Verdict(outcome="reject", reason="the reply holds no answer to judge")
        if first == second:
            return Verdict(outcome="accept", reason="the answers are the same", score=0.5)
        if max(len(first), len(second)) > LONGEST_ANSWER:
            return Verdict(outcome="abstain", reason="an answer is too long to be judged")
        conversation = conversation_text(request)
        opinions: list[Any] = yield Gather(
            [
                self._call({"conversation": conversation, "answer-A": one, "answer-B": other})
                for one, other in ((first, second), (second, first))
            ]
        )
        return _verdict(opinions)

    def _call(self, material: Mapping[str, str]) -> CallModel:
        return CallModel(self._model, judging_messages(_INSTRUCTIONS, _FORM, material), kind="judge")


def read_preference(text: str) -> Preference | None:
    """Return which answer a judge's reply prefers in the end.

    Read are ``Verdict: A``, ``**Verdict**: tie``, ``{"verdict": "B"}``, ``[[A]]`` and a bare ``A``; of
    several the last one.

    Args:
        text: The judge's reply.

    Returns:
        The preferred answer, or ``None`` where the reply does not say.
    """
    text = conclusion(text)
    bare = _BARE.fullmatch(text)
    found = [bare] if bare else [*_VERDICT.finditer(text)] or [*_BRACKETED.finditer(text)]
    if not found:
        return None
    match found[-1]["letter"]:
        case "A":
            return "a"
        case "B":
            return "b"
        case _:
            return "tie"


def _verdict(opinions: Sequence[ModelReply | Exception]) -> Verdict:
    """Combine the opinions of both orders: the first answer was A in one and B in the other."""
    heard = [opinion for opinion in opinions if isinstance(opinion, ModelReply)]
    hidden = message_ids(opinion.message for opinion in heard)
    failed = next((opinion for opinion in opinions if isinstance(opinion, Exception)), None)
    if failed is not None:
        return Verdict(outcome="abstain", reason=f"{type(failed).__name__} from the judge", hidden=hidden)
    straight, swapped = (read_preference(opinion.message.text) for opinion in heard)
    if straight is None or swapped is None:
        return Verdict(outcome="abstain", reason="the judge's verdict cannot be read", hidden=hidden)
    if (straight, swapped) == ("a", "b"):
        return Verdict(
            outcome="accept",
            reason="the first wins in both orders",
            score=1.0,
            hidden=hidden,
            evidence=("judge",),
        )
    if (straight, swapped) == ("b", "a"):
        return Verdict(outcome="reject", reason="the second wins in both orders", score=0.0, hidden=hidden)
    if straight == "b" or swapped == "a":
        reason = "the second wins in one of the two orders"
        return Verdict(outcome="reject", reason=reason, score=0.5, hidden=hidden, evidence=("judge",))
    return Verdict(outcome="accept", reason="the answers tie", score=0.5, hidden=hidden, evidence=("judge",))
