"""The user's own idea of a right answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.user_module import load_attribute
from llmops_plugins.errors import ConfigurationError

__all__ = ["FunctionScorer", "load_function"]


@dataclass(frozen=True, kw_only=True)
class FunctionScorer:
    """What a function of prompt, right answer and text returns.

    Args:
        name: As the user wrote it.
        function: Called as ``function(prompt, gold, text)``, plain or async; ``gold`` may be None. Returns a
            bool, or a number from 0 to 1.
    """

    name: str
    function: Callable[[str, str | None, str], Any] = field(repr=False)
    needs_gold: bool = False

    async def __call__(self, question: Question, text: str) -> float:
        """Call the function."""
        score = self.function(question.prompt, question.gold, text)
        if inspect.isawaitable(score):
            score = await score
        try:
            number = float(score)
        except (TypeError, ValueError, OverflowError):
            given = type(score).__name__  # the value may be an answer, which an error must not spread
            raise ValueError(f"{self.name} returned {given}, a number from 0 to 1 is needed") from None
        if not 0 <= number <= 1:
            raise ValueError(f"{self.name} returned {number:g}, a number from 0 to 1 is needed")
        return number


def load_function(path: str) -> Callable[[str, str | None, str], Any]:
    """Return the function at ``module:function`` or ``file.py:function``.

    Raises:
        ConfigurationError: If there is none.
    """
    found = load_attribute(path, "score")
    if not callable(found):
        module_name, _, attribute = path.rpartition(":")
        raise ConfigurationError("score", f"{module_name} has no function {attribute!r}, check its spelling")
    return found  # type: ignore[no-any-return]  # what a user's module holds has no type here
