"""How long an answer is good for, and by what it can be taken back before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from langgraph.store.base import BaseStore

from llmops_plugins.caching.settings import check_function
from llmops_plugins.effects import Request
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.messages import last_question

__all__ = ["Freshness", "Tags", "minutes_left", "tags_of", "volatility", "volatility_of"]

Tags: TypeAlias = "Iterable[str] | Callable[[Request], Iterable[str]]"

_VOLATILE = re.compile(
    r"\b(?:now|today|tonight|tomorrow|yesterday|current(?:ly)?|latest|newest|recent(?:ly)?|live|still|so far"
    r"|this (?:morning|afternoon|evening|week|month|year)|at the moment|right away|price|prices|stock|score"
    r"|weather|forecast|traffic|exchange rate|news|open|available|availability|status|balance|time is it)\b",
    re.IGNORECASE,
)
_MINUTES: Mapping[str, float | None] = MappingProxyType({"stable": 7 * 24 * 60.0, "volatile": 10.0})


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Gives each question a class, and each class its minutes.

    Args:
        minutes: How long answers of a class are served, in minutes: None for ever, 0 not at all.
        classify: Returns a question's class; by default ``"volatile"`` where its words speak of what soon
            changes, such as today, price or status, and ``"stable"`` otherwise.

    Raises:
        ConfigurationError: If minutes are no minutes, or ``classify`` is no plain function.
    """

    minutes: Mapping[str, float | None] = field(default_factory=lambda: _MINUTES)
    classify: Callable[[Request], str] | None = None

    def __post_init__(self) -> None:
        check_function("freshness.classify", self.classify)
        given: Any = self.minutes
        if not isinstance(given, Mapping):
            problem = f"must be minutes by class such as {{'stable': 60, 'volatile': 5}}, got {given!r}"
            raise ConfigurationError("freshness.minutes", problem)
        for name, minutes in self.minutes.items():
            wrong: Any = minutes
            if wrong is not None and (not isinstance(wrong, int | float) or not wrong >= 0):
                raise ConfigurationError(
                    f"freshness.minutes[{name!r}]", f"must be minutes or None, got {wrong!r}"
                )

    def minutes_of(self, request: Request) -> float | None:
        """Return for how many minutes the answer to a request is served.

        Raises:
            KeyError: If its class has no minutes; then it is not stored.
        """
        classify = self.classify or volatility
        return self.minutes[classify(request)]


def volatility(request: Request) -> str:
    """Return ``"volatile"`` where the question's words speak of what soon changes, else ``"stable"``."""
    return volatility_of(last_question(request.messages))


def volatility_of(question: str) -> str:
    """Return the class of a question alone, as :func:`volatility` does."""
    return "volatile" if _VOLATILE.search(question) else "stable"


def tags_of(tags: Tags, request: Request) -> tuple[str, ...]:
    """Return the names that a request's answer can be invalidated by."""
    return tuple(sorted(set(tags(request) if callable(tags) else tags)))


def minutes_left(store: BaseStore, expires_at: float | None, now: float) -> float | None:
    """Return for how long a store is to keep something, in minutes; None where it need not know.

    Args:
        store: The store; not all can forget by themselves.
        expires_at: Unix time in seconds after which it is not served; None for never.
        now: Unix time in seconds.
    """
    if expires_at is None or not store.supports_ttl:
        return None
    return max((expires_at - now) / 60, 1 / 60)
