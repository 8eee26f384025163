"""The form of an answer, read from its text alone."""

from __future__ import annotations

import re

from llmops_plugins.verification.json_reply import json_value

__all__ = ["FORMAT_NAMES", "format_values"]

FORMAT_NAMES = ("code block", "digits", "list", "JSON", "ends with a question")

_DIGIT = re.compile(r"\d")
_LIST_ITEM = re.compile(r"^[ \t]*+(?:[-*+•]|\d{1,3}[.)])[ \t]++\S", re.MULTILINE)
_QUESTION_AT_END = re.compile(r"""\?[\s"')\]*_`]*+\Z""")

_LONGEST_END = 20
"""Characters at a text's end in which its last mark is looked for."""


def format_values(text: str) -> tuple[float, ...]:
    """Return 1 or 0 for each of ``FORMAT_NAMES``.

    Args:
        text: An answer's text.
    """
    items = zip(range(2), _LIST_ITEM.finditer(text), strict=False)
    found = (
        "```" in text,
        _DIGIT.search(text) is not None,
        sum(1 for _ in items) == 2,
        _is_json(text),
        _QUESTION_AT_END.search(text[-_LONGEST_END:]) is not None,
    )
    return tuple(map(float, found))


def _is_json(text: str) -> bool:
    """Tell whether the text is a JSON object or array; a bare number or word is just text."""
    try:
        return isinstance(json_value(text), dict | list)
    except ValueError:
        return False
