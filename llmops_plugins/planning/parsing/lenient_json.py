"""Reads what a model meant as JSON: one pass, no recursion, never an error.

Accepted besides JSON: comments (``//``, ``#``, ``/* */``), trailing and missing commas, single, typographic
and triple quotes, Python's ``None``, ``True`` and ``False``, bare words, line breaks and quotes inside
strings, brackets that do not match, and an end that is missing. Parentheses hold the arguments of a call, by
position or ``name=value``, or a tuple.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from llmops_plugins.planning.parsing.json_tokens import past_blanks, read_string, read_word

__all__ = ["DEEPEST", "LenientValue", "read_lenient"]

DEEPEST = 48
"""Containers within one another; what is deeper is left out."""

_CLOSERS = {"{": "}", "[": "]", "(": ")"}
_QUOTES = "\"'“‘"  # noqa: RUF001 - typographic quotes are meant


@dataclass(frozen=True, kw_only=True)
class LenientValue:
    """What was read.

    Args:
        value: Plain data; the arguments of a call are a mapping, those by position as ``"0"``, ``"1"``, ...
        end: Where the text goes on.
        truncated: Whether the text ended before the value did.
        incomplete: ``id`` of each list and mapping in the value whose end is missing.
    """

    value: Any
    end: int
    truncated: bool
    incomplete: frozenset[int]


@dataclass
class _Open:
    """A container that is being read."""

    closer: str
    key_in_parent: str | None
    items: list[Any] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)
    key: str | None = None
    waiting: list[Any] = field(default_factory=list)
    """A value that may yet turn out to be a key."""

    def take(self, value: Any) -> None:
        """Take a value, under the key before it if there is one."""
        if self.closer == "]":
            self.items.append(value)
        elif self.key is not None:
            self.members[self.key] = value
            self.key = None
        else:
            self.end_member()
            self.waiting = [value]

    def take_key(self) -> bool:
        """Make the value just read a key, and tell whether there was one."""
        if not self.waiting or isinstance(self.waiting[0], dict | list):
            return False
        self.key, self.waiting = _key_text(self.waiting[0]), []
        return True

    def end_member(self) -> None:
        """Settle what a value without a key is: an argument by position, or nothing."""
        if self.waiting and self.closer == ")":
            self.items.append(self.waiting[0])
        self.waiting, self.key = [], None

    def result(self, *, is_call: bool) -> list[Any] | dict[str, Any]:
        if self.closer == "]" or (self.closer == ")" and not is_call and not self.members):
            return self.items
        return {**{str(position): item for position, item in enumerate(self.items)}, **self.members}


def read_lenient(text: str, start: int, end: int | None = None) -> LenientValue:
    """Read the container that begins at a position.

    Args:
        text: What a model wrote.
        start: Position of a ``{``, ``[`` or ``(``.
        end: Where to stop at the latest; the text's end by default.
    """
    return _Reader(text, start, len(text) if end is None else end).read()


class _Reader:
    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text
        self._at = start
        self._end = end
        self._open: list[_Open] = []
        self._too_deep = 0
        self._incomplete: set[int] = set()
        self._value: Any = None

    def read(self) -> LenientValue:
        self._enter(self._text[self._at])
        while self._open:
            self._at = past_blanks(self._text, self._at, self._end)
            if self._at >= self._end:
                return self._cut_short()
            self._step(self._text[self._at])
        return LenientValue(value=self._value, end=self._at, truncated=False, incomplete=frozenset())

    def _step(self, character: str) -> None:
        container = self._open[-1]
        if character in _CLOSERS:
            self._enter(character)
        elif character in "}])":
            self._leave(character)
        elif character in ",;":
            self._at += 1
            if not self._too_deep:
                container.end_member()
        elif character in ":=" and container.closer != "]":
            self._at += 1
            container.take_key()
        else:
            self._scalar(character, container)

    def _scalar(self, character: str, container: _Open) -> None:
        may_be_key = container.closer != "]" and container.key is None
        if character in _QUOTES:
            value, self._at, complete = read_string(self._text, self._at, self._end)
        else:
            value, self._at = read_word(self._text, self._at, self._end, may_be_key=may_be_key)
            complete = self._at < self._end
        if complete and not self._too_deep:
            container.take(value)

    def _enter(self, character: str) -> None:
        self._at += 1
        if len(self._open) >= DEEPEST:
            self._too_deep += 1
        else:
            parent = self._open[-1] if self._open else None
            key = parent.key if parent is not None else None
            self._open.append(_Open(closer=_CLOSERS[character], key_in_parent=key))

    def _leave(self, closer: str) -> None:
        self._at += 1
        if self._too_deep:
            self._too_deep -= 1
        elif any(container.closer == closer for container in self._open):
            while self._close() != closer:
                pass  # one that a model forgot to close

    def _close(self) -> str:
        container = self._open.pop()
        container.end_member()
        value = container.result(is_call=not self._open)
        if self._open:
            self._open[-1].key = container.key_in_parent
            self._open[-1].take(value)
        else:
            self._value = value
        return container.closer

    def _cut_short(self) -> LenientValue:
        while self._open:
            container = self._open[-1]
            container.waiting, container.key = [], None  # half a member
            self._close_incomplete()
        return LenientValue(
            value=self._value, end=self._end, truncated=True, incomplete=frozenset(self._incomplete)
        )

    def _close_incomplete(self) -> None:
        self._close()
        parent = self._open[-1] if self._open else None
        if parent is None:
            value = self._value
        elif parent.closer == "]":
            value = parent.items[-1]
        else:
            value = parent.waiting[0] if parent.waiting else list(parent.members.values())[-1]
        if parent is not None and parent.waiting:
            parent.end_member()
        self._incomplete.add(id(value))


def _key_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
