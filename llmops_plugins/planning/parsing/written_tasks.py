"""Where a plan that is being written has a task that is complete, told without reading it all again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_plugins.planning.plan.references import find

__all__ = ["WrittenTasks", "raw_dependencies"]

_CLOSING = {"}": "{", "]": "["}


class WrittenTasks:
    """Follows a text by its brackets; what it overlooks only starts later."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._in_text = False
        self._escaped = False
        self._line = ""
        self._unseen = False

    def take(self, text: str) -> bool:
        """Go on with the text.

        Args:
            text: What was added.

        Returns:
            Whether a task may have been completed since :meth:`seen`: an object in at most one list, or a
            line with a numbered call.
        """
        for character in text:
            self._unseen = self._completes(character) or self._unseen
        return self._unseen

    def seen(self) -> None:
        """Say that the tasks which are complete were looked for."""
        self._unseen = False

    def _completes(self, character: str) -> bool:
        if (
            character == "\n"
        ):  # no text of JSON goes on in another line, so a lone quotation mark does not count
            line, self._line, self._in_text = self._line.lstrip(), "", False
            return not self._open and line[:1].isdigit() and ")" in line
        self._line += character
        if self._in_text:
            self._in_text = self._escaped or character != '"'
            self._escaped = character == "\\" and not self._escaped
        elif character == '"':
            self._in_text, self._escaped = True, False
        elif character in "{[":
            self._open.append(character)
        elif character in _CLOSING and self._open and self._open[-1] == _CLOSING[character]:
            self._open.pop()
            return character == "}" and self._open.count("[") <= 1
        return False


def raw_dependencies(raw: Mapping[str, Any]) -> set[str]:
    """Return ids of the tasks that a raw task needs, as far as it says so in the typed form.

    Args:
        raw: The task.
    """
    after = raw.get("after")
    named = {one for one in after if isinstance(one, str)} if isinstance(after, list) else set()
    return named | {one.task_id for one in find(raw.get("arguments"))}
