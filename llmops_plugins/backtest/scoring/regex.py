"""A pattern is found in the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.errors import ConfigurationError

__all__ = ["RegexScorer"]


@dataclass(frozen=True, kw_only=True)
class RegexScorer:
    """1 where a pattern is found anywhere in the answer.

    Args:
        pattern: A regular expression of Python's ``re``.

    Raises:
        ConfigurationError: If it is none.
    """

    pattern: str
    needs_gold: bool = False
    _compiled: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            compiled = re.compile(self.pattern)
        except re.error as error:
            raise ConfigurationError(
                "score", f"{self.pattern!r} is no regular expression ({error})"
            ) from error
        object.__setattr__(self, "_compiled", compiled)

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return f"regex:{self.pattern}"

    async def __call__(self, question: Question, text: str) -> float:
        """Search the answer."""
        return float(self._compiled.search(text) is not None)
