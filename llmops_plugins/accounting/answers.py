"""Which of a run tree's replies came out at its root: those are the answers, everything else was hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel

__all__ = ["RootOutput", "ai_messages", "read_output"]

_MAX_ITEMS = 20_000
_MAX_DEPTH = 6


@dataclass
class RootOutput:
    """What a root run put out.

    Args:
        messages: Its AI messages in order.
        turn_start: How many of them stand before the last human message: those are older turns.
        texts: Every other string in it.
        values: Every mapping or model in it, as JSON.
    """

    messages: list[AIMessage] = field(default_factory=list)
    turn_start: int = 0
    texts: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)

    def holds(self, reply: AIMessage, *, interrupted: bool) -> bool:
        """Tell whether ``reply`` is an answer in this output.

        A message that calls tools is a step of the loop, unless the output ends with it: then its arguments
        are the structured answer. An interrupted run ends with the calls that wait for approval.
        """
        place = next(
            (index for index, one in enumerate(self.messages) if one.id and one.id == reply.id), None
        )
        if place is not None:
            last = place == len(self.messages) - 1
            return not reply.tool_calls or (last and not interrupted)
        if self.messages:
            return False
        text = reply.text.strip()
        if text and (text in self.texts or _canonical_text(text) in self.values):
            return True
        return any(_canonical(call["args"]) in self.values for call in reply.tool_calls)


def read_output(outputs: Any) -> RootOutput:
    """Walk a root run's output, whatever its shape, within bounds."""
    found = RootOutput()
    for item in _leaves(outputs):
        if isinstance(item, AIMessage):
            found.messages.append(item)
        elif isinstance(item, HumanMessage):
            found.turn_start = len(found.messages)
        elif isinstance(item, str):
            found.texts.add(item.strip())
        elif not isinstance(item, BaseMessage):
            found.values.add(_canonical(item))
    return found


def ai_messages(value: Any) -> list[AIMessage]:
    """Return the AI messages in a run's input or output, in order."""
    return [item for item in _leaves(value) if isinstance(item, AIMessage)]


def _leaves(value: Any) -> Iterator[Any]:
    stack: list[tuple[Any, int]] = [(value, 0)]
    for _ in range(_MAX_ITEMS):
        if not stack:
            return
        item, depth = stack.pop()
        if isinstance(item, BaseMessage | str):
            yield item
        elif isinstance(item, (Mapping, BaseModel)):
            yield item
            children = item.values() if isinstance(item, Mapping) else [v for _, v in item]
            if depth < _MAX_DEPTH:
                stack.extend((child, depth + 1) for child in reversed(list(children)))
        elif isinstance(item, Sequence) and not isinstance(item, bytes) and depth < _MAX_DEPTH:
            stack.extend((child, depth + 1) for child in reversed(item))
        elif hasattr(item, "update") and hasattr(item, "goto") and depth < _MAX_DEPTH:  # a Command
            stack.append((item.update, depth + 1))


def _canonical(value: Any) -> str:
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    try:
        return json.dumps(plain, sort_keys=True, default=str)
    except (TypeError, ValueError):
        return ""


def _canonical_text(text: str) -> str | None:
    try:
        return _canonical(json.loads(text)) if text[0] in "{[" else None
    except ValueError:
        return None
