"""Several verifiers in a row, combined as access-control policies are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from llmops_plugins.verification.combination import Combination
from llmops_plugins.verification.verdict import Verdict

__all__ = ["FirstApplicable"]


class FirstApplicable(Combination):
    """Let the first verifier that does not abstain decide (XACML's *first-applicable* combining).

    Args:
        verifiers: The verifiers in the order in which they are asked, the cheapest first.

    Raises:
        ConfigurationError: If there is none.

    Example:
        >>> from llmops_plugins.verification.agreement import Agreement
        >>> from llmops_plugins.verification.tool_calls import ValidToolCalls
        >>> FirstApplicable(ValidToolCalls(), Agreement()).minimum_replies
        2
    """

    _deciding: ClassVar[tuple[str, ...]] = ("accept", "reject")
    _cheapest_first: ClassVar[bool] = False

    def _combined(self, verdicts: Sequence[Verdict]) -> Verdict:
        return verdicts[0]
