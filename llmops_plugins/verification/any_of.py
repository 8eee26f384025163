"""Several verifiers of which one is enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmops_plugins.verification.combination import Combination, joined_reasons
from llmops_plugins.verification.verdict import Verdict

__all__ = ["AnyOf"]


class AnyOf(Combination):
    """Accept what one verifier accepts; reject what one rejects and none accepts.

    The cheapest are asked first, whatever their order here, and the first acceptance ends the asking. The
    score is the one of the verifier that accepted, and of a rejection the highest given.

    Args:
        verifiers: The verifiers; of two that cost alike the earlier is asked first.

    Raises:
        ConfigurationError: If there is none.

    Example:
        >>> from llmops_plugins.verification.agreement import Agreement
        >>> from llmops_plugins.verification.logprobs import LogprobConfidence
        >>> verify = AnyOf(LogprobConfidence(minimum=0.98), Agreement())
    """

    _deciding: ClassVar[tuple[str, ...]] = ("accept",)

    def _combined(self, verdicts: Sequence[Verdict]) -> Verdict:
        if verdicts[-1].accepted:
            return verdicts[-1]
        scores = [verdict.score for verdict in verdicts if verdict.score is not None]
        return Verdict(outcome="reject", reason=joined_reasons(verdicts), score=max(scores, default=None))
