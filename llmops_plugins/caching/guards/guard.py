"""What a guard is, and what it says when it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Guard", "Refusal", "one_sided", "swapped"]

LONGEST_TOKEN = 40


class Guard(Protocol):
    """Says why two similar questions are not the same one; it is symmetric, and needs no model."""

    @property
    def name(self) -> str:
        """Return the name that a refusal is counted under."""
        ...

    def __call__(self, question: str, stored: str) -> str | None:
        """Return one sentence that says how the questions differ, or None where the guard sees nothing.

        Args:
            question: The new question.
            stored: The question that the cache holds an answer to.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a stored answer was not given.

    Args:
        guard: Name of the guard that refused.
        reason: What differs, in one sentence that quotes no more of a question than that.
    """

    guard: str
    reason: str


def one_sided(token: str, *, in_new: bool) -> str:
    """Return the sentence for a token that only one of the questions has."""
    return f"{shown(token)} is only in the {'new' if in_new else 'stored'} question"


def swapped(new: str, stored: str) -> str:
    """Return the sentence for a token that stands where the stored question has another."""
    return f"{shown(new)} in the new question is {shown(stored)} in the stored one"


def shown(token: str) -> str:
    """Return the token in quotes, cut where it is too long to read."""
    return f"'{token if len(token) <= LONGEST_TOKEN else token[: LONGEST_TOKEN - 1] + '…'}'"
