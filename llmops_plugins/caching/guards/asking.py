"""Refuses where one question asks when and the other where."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.caching.guards.asking_words import COMPATIBLE, asked_for
from llmops_plugins.caching.guards.reading import read

__all__ = ["AskingWords"]


@dataclass(frozen=True)
class AskingWords:
    """Refuses where the questions ask for different kinds of answer: when and where, why and how many.

    A question that asks yes or no, or bids, goes with any; so do kinds that other words ask for alike, as how
    long until and when. Where a question asks for several, one in common is enough.
    """

    name: str = "asking"

    def __call__(self, question: str, stored: str) -> str | None:
        """Return what the questions ask for, or None where that is the same."""
        new, old = read(question).part(asked_for), read(stored).part(asked_for)
        if not new or not old or any(_agree(one, other) for one in new for other in old):
            return None
        return f"the new question asks {_shown(new)}, the stored one {_shown(old)}"


def _agree(one: str, other: str) -> bool:
    return one == other or frozenset((one, other)) in COMPATIBLE


def _shown(kinds: frozenset[str]) -> str:
    return " and ".join(SHOWN[kind] for kind in sorted(kinds)[:2])


SHOWN = {
    "when": "when",
    "where": "where",
    "who": "who",
    "quantity": "how much",
    "duration": "how long",
    "frequency": "how often",
    "dimension": "how big",
    "why": "why",
    "how": "how to",
    "mechanism": "how",
    "definition": "what it is",
}
