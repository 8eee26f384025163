"""A model that was sure of every word is probably right."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.settings import check_share
from llmops_plugins.verification.verdict import Verdict, answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse
    from langchain_core.messages import AIMessage

    from llmops_plugins.flow import Effect

__all__ = ["LogprobConfidence"]

_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda logprobs: math.fsum(logprobs) / len(logprobs),
    "min": min,
}


class LogprobConfidence:
    """Accept an answer whose tokens its model thought likely.

    Costs nothing where the provider gives log probabilities, and abstains where it gives none. To turn them
    on, build the model with ``logprobs=True``: ``ChatOpenAI(..., logprobs=True)``, for vLLM too. Replies that
    call tools, and OpenAI's Responses API, carry none in this form.

    Args:
        minimum: The lowest score, above 0 and at most 1, that is accepted. What is high depends on the model
            and the task: measure it.
        statistic: What of the tokens' log probabilities the score is the exponential of: the ``mean``, so
            that it is the tokens' geometric mean probability, or the ``min``, so that one doubtful token is
            enough to doubt the answer, however long it is.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    def __init__(self, *, minimum: float, statistic: Literal["mean", "min"] = "mean") -> None:
        check_share("minimum", minimum)
        if not isinstance(statistic, str) or statistic not in _STATISTICS:
            raise ConfigurationError("statistic", f"must be 'mean' or 'min', got {statistic!r}")
        self._minimum = minimum
        self._statistic = statistic

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first reply."""
        yield from ()  # a flow that asks for nothing
        logprobs = _logprobs(answer_message(replies[0]))
        if not logprobs:
            reason = "the reply brings no log probabilities: build its model with logprobs=True"
            return Verdict(outcome="abstain", reason=reason)
        score = min(1.0, math.exp(_STATISTICS[self._statistic](logprobs)))
        return Verdict(
            outcome="accept" if score >= self._minimum else "reject",
            reason=f"the {self._statistic} token probability is {score:.3f}, {self._minimum:g} is needed",
            score=score,
            evidence=(),  # the author's own word
        )


def _logprobs(message: AIMessage | None) -> list[float]:
    """Return the log probability of each token, or nothing where not every token has one."""
    given = message.response_metadata.get("logprobs") if message is not None else None
    tokens = given.get("content") if isinstance(given, Mapping) else None
    if not isinstance(tokens, list):
        return []
    logprobs = [token.get("logprob") if isinstance(token, Mapping) else None for token in tokens]
    readable = [one for one in logprobs if isinstance(one, int | float) and one <= 1e-3]  # NaN is not
    return readable if len(readable) == len(logprobs) else []
