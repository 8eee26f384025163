"""The guards a semantic cache asks unless it is told otherwise, and how it asks them."""

from __future__ import annotations

from collections.abc import Iterable

from llmops_plugins.caching.guards.asking import AskingWords
from llmops_plugins.caching.guards.comparatives import Comparatives
from llmops_plugins.caching.guards.entities import NamedEntities
from llmops_plugins.caching.guards.guard import Guard, Refusal
from llmops_plugins.caching.guards.negation import Negation
from llmops_plugins.caching.guards.numbers import NumbersAndUnits
from llmops_plugins.caching.guards.substitution import Substitution
from llmops_plugins.caching.guards.time_words import TimeWords

__all__ = ["DEFAULT_GUARDS", "first_refusal"]

_LONGEST = 2_000
"""Characters of a question; guards read every word, some of them several times."""

DEFAULT_GUARDS: tuple[Guard, ...] = (
    NumbersAndUnits(),
    NamedEntities(),
    Negation(),
    TimeWords(),
    Comparatives(),
    AskingWords(),
    Substitution(),
)
"""Every guard, in the order they are asked; leave one out to turn it off."""


def first_refusal(guards: Iterable[Guard], question: str, stored: str) -> Refusal | None:
    """Return what the first guard says that refuses, or None where none does.

    Args:
        guards: The guards to ask, in order.
        question: The new question.
        stored: The question that the cache holds an answer to.
    """
    if max(len(question), len(stored)) > _LONGEST:
        return Refusal(guard="length", reason="it is too long to be compared word by word")
    for guard in guards:
        reason = guard(question, stored)
        if reason is not None:
            return Refusal(guard=guard.name, reason=reason)
    return None
