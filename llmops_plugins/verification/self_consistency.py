"""A model that gives the same answer again and again is probably right."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from llmops_plugins.effects import Forward, Gather
from llmops_plugins.setting_checks import check_count
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.comparable import answer_or_none, comparable_answer
from llmops_plugins.verification.settings import check_extract, check_share
from llmops_plugins.verification.verdict import (
    PriceRank,
    Verdict,
    answer_message,
    message_ids,
)

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["SelfConsistency"]

_MOST_SAMPLES = 40  # as many as Wang et al. drew; the gain had long flattened out


class SelfConsistency:
    """Accept an answer that the model which gave it gives again when it is asked again.

    The author is asked for further samples, all at once, and the score is the share of samples, the reply
    included, that have the reply's answer (self-consistency, Wang et al. 2022,
    https://arxiv.org/abs/2203.11171). A sample that fails has another answer.

    Samples have to be able to differ: at temperature 0, or behind a cache that repeats the first reply, they
    agree whatever the answer is worth. This verifier abstains where it sees a temperature of 0; a cache it
    cannot see. Samples that differ in kind tell more than samples that differ in seed, so another model's
    opinion (:class:`~llmops_plugins.Agreement`) is often the better use of a call.

    Args:
        samples: How many further samples to ask for, 1 to 40.
        minimum_share: The share of samples, above 0 and at most 1, that must agree with the reply.
        extract: Finds the final answer in a sample's text and returns it in a form that can be compared, or
            ``None`` where there is none. An exception in it is a sample without an answer.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    price: ClassVar[PriceRank] = PriceRank.MODEL_CALLS

    def __init__(
        self,
        *,
        samples: int = 4,
        minimum_share: float = 0.8,
        extract: Callable[[str], str | None] = extract_answer,
    ) -> None:
        check_count("samples", samples, most=_MOST_SAMPLES)
        check_share("minimum_share", minimum_share)
        check_extract(extract)
        self._samples = samples
        self._minimum_share = minimum_share
        self._extract = extract

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Sample again and compare; a reply without an answer is refused for nothing."""
        answer = self._answer(replies[0])
        if answer is None:
            return Verdict(outcome="reject", reason="the reply holds no answer to compare")
        if _temperature(request) == 0:
            return Verdict(outcome="abstain", reason="at temperature 0 samples cannot differ")
        outcomes: list[Any] = yield Gather([Forward(request) for _ in range(self._samples)])
        samples = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        agreeing = 1 + sum(self._answer(sample) == answer for sample in samples)
        share = agreeing / (1 + self._samples)
        failed = f", {self._samples - len(samples)} failed" if len(samples) < self._samples else ""
        return Verdict(
            outcome="accept" if share >= self._minimum_share else "reject",
            reason=f"{agreeing} of {1 + self._samples} samples agree{failed}",
            score=share,
            hidden=message_ids(map(answer_message, samples)),
            evidence=(),  # all of it is the author's own word
        )

    def _answer(self, reply: ModelResponse[Any]) -> str | None:
        return answer_or_none(partial(comparable_answer, extract=self._extract), reply)


def _temperature(request: ModelRequest[Any]) -> Any:
    return request.model_settings.get("temperature", getattr(request.model, "temperature", None))
