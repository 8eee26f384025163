"""Which tasks each statement of an answer rests on, read from markers such as ``[t1]``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

__all__ = ["statements_of", "without_markers"]

_BRACKET = re.compile(r"(?P<space>[ \t]*+)\[(?P<inside>[^\[\]\n]{1,400})\](?!\()")
_SEPARATOR = re.compile(r"[,;\s]+")
_LOOKS_LIKE_ID = re.compile(r"t\d{1,6}")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]{0,3}\s+|\n+")
_LEFT_OVER = ".,;:!? \t\n"


def statements_of(text: str, task_ids: Collection[str]) -> list[dict[str, Any]]:
    """Return an answer's statements, each with the ids of the tasks that it names.

    Args:
        text: The answer. A marker counts for the sentence that it ends or follows.
        task_ids: The plan's tasks; other ids are dropped.

    Returns:
        ``{"text": ..., "tasks": [...]}`` each; a statement without a marker has no tasks.
    """
    statements: list[dict[str, Any]] = []
    start = 0
    for match, cited in _markers(text, task_ids):
        between = text[start : match.start()]
        start = match.end()
        if not between.strip(_LEFT_OVER) and statements:  # several markers in a row
            statements[-1]["tasks"] = list(dict.fromkeys([*statements[-1]["tasks"], *cited]))
            continue
        sentences = _sentences(between)
        statements += [{"text": one, "tasks": []} for one in sentences[:-1]]
        statements += [{"text": one, "tasks": cited} for one in sentences[-1:]]
    return statements + [{"text": one, "tasks": []} for one in _sentences(text[start:])]


def without_markers(text: str, task_ids: Collection[str]) -> str:
    """Return an answer without the markers, and without the space before each.

    Args:
        text: The answer.
        task_ids: The plan's tasks.
    """
    parts, start = [], 0
    for match, _ in _markers(text, task_ids):
        parts.append(text[start : match.start()])
        start = match.end()
    return "".join([*parts, text[start:]])


def _markers(text: str, task_ids: Collection[str]) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Yield what stands in brackets and is ids, of which at least one is known or looks like one."""
    for match in _BRACKET.finditer(text):
        inside = [one for one in _SEPARATOR.split(match["inside"].strip()) if one]
        known = [one for one in dict.fromkeys(inside) if one in task_ids]
        if known or (inside and all(_LOOKS_LIKE_ID.fullmatch(one) for one in inside)):
            yield match, known


def _sentences(text: str) -> list[str]:
    stripped = (one.strip() for one in _SENTENCE_END.split(text))
    cleaned = (one.lstrip(_LEFT_OVER) for one in stripped)
    return [one for one in cleaned if one]
