"""Which of a run tree's replies came out at its root: those are the answers, everything else was hidden."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel

__all__ = ["RootOutput", "ai_messages", "answers_among", "read_output"]

_MAX_ITEMS = 20_000
_MAX_DEPTH = 6


@dataclass
class RootOutput:
    """What a root run put out.

    Args:
        messages: Its AI messages in order.
        turn_start: How many of them stand before the last human message: those are older turns.
        ends_with_reply: Whether no other message comes after the last of them.
        texts: Every other string in it, and how often.
        values: Every mapping or object with fields in it.
    """

    messages: list[AIMessage] = field(default_factory=list)
    turn_start: int = 0
    ends_with_reply: bool = False
    texts: Counter[str] = field(default_factory=Counter)
    values: list[Any] = field(default_factory=list)


def read_output(outputs: Any) -> RootOutput:
    """Walk a root run's output, whatever its shape, within bounds."""
    found = RootOutput()
    for item in _leaves(outputs):
        if isinstance(item, BaseMessage):
            found.ends_with_reply = isinstance(item, AIMessage)
            if isinstance(item, AIMessage):
                found.messages.append(item)
            elif isinstance(item, HumanMessage):
                found.turn_start = len(found.messages)
        elif isinstance(item, str):
            found.texts[item.strip()] += 1
        else:
            found.values.append(item)
    return found


def answers_among(
    replies: Sequence[AIMessage], output: RootOutput, *, inputs: Any = None, interrupted: bool = False
) -> set[int]:
    """Return the positions of the replies that are answers in a root's output.

    A reply is one when its message is there; where no reply's message is, when its text or its structured
    value is. Each text counts once, for the latest reply that says it, and not where the input held it.
    A message that calls tools is a step of the loop, unless the output ends with it or holds its arguments as
    a structured value; an interrupted run ends with calls that wait for approval.

    Args:
        replies: What the models of the tree said, in the order in which their calls ended.
        output: What the root put out.
        inputs: What the root was given.
        interrupted: Whether the root ended waiting for a human.
    """
    places = {message.id: place for place, message in enumerate(output.messages) if message.id}
    ids = {reply.id for reply in replies}
    answers = {
        index
        for index, reply in enumerate(replies)
        if reply.id in places
        and (not reply.tool_calls or (not interrupted and _ends_with(reply, places[reply.id], output)))
    }
    if answers:
        return answers
    texts = output.texts - _texts(inputs)
    texts.update(one.text.strip() for one in output.messages[output.turn_start :] if one.id not in ids)
    for index, reply in reversed(list(enumerate(replies))):
        text = reply.text.strip()
        if reply.id in places:
            continue
        if text and texts[text] > 0:
            texts[text] -= 1
            answers.add(index)
        elif not answers and not interrupted and _is_structured_answer(reply, output):
            answers.add(index)
    return answers


def ai_messages(value: Any) -> list[AIMessage]:
    """Return the AI messages in a run's input or output, in order."""
    return [item for item in _leaves(value) if isinstance(item, AIMessage)]


def _texts(value: Any) -> Counter[str]:
    return Counter(item.strip() for item in _leaves(value) if isinstance(item, str))


def _ends_with(reply: AIMessage, place: int, output: RootOutput) -> bool:
    if place != len(output.messages) - 1:
        return False
    return output.ends_with_reply or _is_structured_answer(reply, output)


def _is_structured_answer(reply: AIMessage, output: RootOutput) -> bool:
    said: list[tuple[str | None, Mapping[str, Any]]] = [
        (call["name"], call["args"]) for call in reply.tool_calls
    ]
    if not said:
        value = _parsed(reply.text.strip())
        said = [] if value is None else [(None, value)]
    return any(_is_value(value, name, args) for value in output.values for name, args in said)


def _is_value(value: Any, name: str | None, args: Mapping[str, Any]) -> bool:
    """Tell whether ``value`` was parsed from ``args``: it may have defaults besides, and coerced types."""
    if not isinstance(value, Mapping) and name == type(value).__name__:
        return True
    fields = _fields(value)
    return bool(args) and all(key in fields and _same(fields[key], said) for key, said in args.items())


def _fields(value: Any) -> Mapping[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    return value if isinstance(value, Mapping) else {}


def _same(value: Any, said: Any) -> bool:
    if value == said:
        return True
    try:
        return json.dumps(value, sort_keys=True, default=str) == json.dumps(said, sort_keys=True, default=str)
    except (TypeError, ValueError):
        return False


def _parsed(text: str) -> Mapping[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _leaves(value: Any) -> Iterator[Any]:
    stack: list[tuple[Any, int]] = [(value, 0)]
    for _ in range(_MAX_ITEMS):
        if not stack:
            return
        item, depth = stack.pop()
        if isinstance(item, BaseMessage | str):
            yield item
            continue
        children = _children(item)
        if children is None:
            continue
        if not isinstance(item, list | tuple):
            yield item
        if depth < _MAX_DEPTH:
            stack.extend((child, depth + 1) for child in reversed(children))


def _children(item: Any) -> list[Any] | None:
    """Return what a container holds, ``None`` for anything else."""
    if isinstance(item, Mapping):
        return list(item.values())
    if isinstance(item, list | tuple):
        return list(item)
    if isinstance(item, BaseModel):
        return [child for _, child in item]
    if hasattr(item, "update") and hasattr(item, "goto"):  # a Command
        return [item.update]
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return list(_fields(item).values())
    return None
