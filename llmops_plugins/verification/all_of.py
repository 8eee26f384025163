"""Several verifiers that must all hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmops_plugins.verification.combination import Combination, joined_reasons
from llmops_plugins.verification.verdict import Verdict

__all__ = ["AllOf"]


class AllOf(Combination):
    """Accept what one verifier or more accept and none rejects.

    The cheapest are asked first, whatever their order here, and the first rejection ends the asking. The
    score is the lowest of those given; a rejection without one has none.

    Args:
        verifiers: The verifiers; of two that cost alike the earlier is asked first.

    Raises:
        ConfigurationError: If there is none.

    Example:
        >>> from llmops_plugins.verification.agreement import Agreement
        >>> from llmops_plugins.verification.predicate import Predicate
        >>> verify = AllOf(Predicate(lambda message: "sorry" not in message.text), Agreement())
    """

    _deciding: ClassVar[tuple[str, ...]] = ("reject",)

    def _combined(self, verdicts: Sequence[Verdict]) -> Verdict:
        last = verdicts[-1]
        scores = [verdict.score for verdict in verdicts if verdict.score is not None]
        if last.outcome == "reject":
            score = None if last.score is None else min(scores)
            return Verdict(outcome="reject", reason=last.reason, score=score)
        evidence = dict.fromkeys(kind for verdict in verdicts for kind in verdict.evidence)
        return Verdict(
            outcome="accept",
            reason=joined_reasons(verdicts),
            score=min(scores, default=None),
            evidence=tuple(evidence),
        )
