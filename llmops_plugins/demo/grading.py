"""The demo's customer requests, and how an answer to one is graded."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from llmops_plugins.errors import ConfigurationError

__all__ = ["SupportRequest", "Variant", "grade", "load_requests"]

Variant = Literal["first", "repeat", "near_repeat", "trap"]

_AMOUNT = re.compile(
    r"(?:us\$|usd\s?|\$)\s?(?P<before>\d+(?:\.\d+)?)|(?P<after>\d+(?:\.\d+)?)\s?(?:usd|dollars?)\b"
)
_PUNCTUATION = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2019": "'"})


@dataclass(frozen=True, kw_only=True)
class SupportRequest:
    """A customer's request and what a right answer to it says.

    Args:
        id: Name of the request.
        text: What the customer writes.
        must_contain: Facts that a right answer states, each as :func:`grade` looks for it.
        topic: What the request is about, for example ``"order_total"``.
        difficulty: ``hard`` requests need several tool calls, arithmetic or a policy applied to an order.
        variant: ``first`` for a question nobody has asked before; ``repeat`` for one that was asked in the
            same words, ``near_repeat`` in others; a ``trap`` has the words of another question and not its
            answer.
        of: Id of that question, which comes earlier.
    """

    id: str
    text: str
    must_contain: tuple[str, ...]
    topic: str
    difficulty: Literal["easy", "hard"]
    variant: Variant = "first"
    of: str | None = None


def load_requests() -> tuple[SupportRequest, ...]:
    """Read the requests that ship with the package, in their fixed order."""
    lines = files(__package__).joinpath("requests.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return tuple(SupportRequest(**row | {"must_contain": tuple(row["must_contain"])}) for row in rows)


def grade(answer: str, must_contain: Sequence[str]) -> bool:
    """Say whether an answer states every fact asked of it.

    Case, thousands separators and the spelling of dollar amounts do not count. A fact must stand on its own:
    ``"3"`` is not found in ``"A1033"``, nor ``"$59.98"`` in ``"$159.98"``.

    Args:
        answer: The text the customer reads.
        must_contain: The facts: amounts, dates, names, words.

    Returns:
        ``True`` if all of them are there.

    Raises:
        ConfigurationError: No fact is given, so that any answer would pass.
    """
    if not must_contain:
        raise ConfigurationError("must_contain", "is empty, so any answer would pass; list at least one fact")
    text = _normalise(answer)
    return all(_stands_alone(_normalise(fact), text) for fact in must_contain)


def _normalise(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION).casefold()
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = _AMOUNT.sub(lambda found: f"${float(found['before'] or found['after']):.2f}", text)
    return " ".join(text.split())


def _stands_alone(fact: str, text: str) -> bool:
    # A hyphen joins the digits of a date but not "2-year", and a point may end a sentence or split an amount.
    return re.search(rf"(?<![\w$])(?<!\d[.-]){re.escape(fact)}(?!\w|[.-]\d)", text) is not None
