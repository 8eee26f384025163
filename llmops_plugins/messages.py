"""What the package needs to know of LangChain's messages, in one place."""

from __future__ import annotations

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call_chunk

__all__ = ["calls_tools", "chunk_of_message", "last_question", "with_note"]


def calls_tools(message: AIMessage) -> bool:
    """Tell whether a message calls tools, or tried to."""
    return bool(message.tool_calls or message.invalid_tool_calls)


def last_question(messages: Sequence[AnyMessage]) -> str:
    """Return the text of the last message that a person wrote; empty without one."""
    asked = (message.text for message in reversed(messages) if isinstance(message, HumanMessage))
    return next(asked, "")


def chunk_of_message(message: AIMessage) -> AIMessageChunk:
    """Return a whole message in the shape of a stream's only chunk, under the same id."""
    if isinstance(message, AIMessageChunk):
        return message
    fields = message.model_dump(exclude={"type", "tool_calls", "invalid_tool_calls"})
    calls: list[tuple[str | None, str | None, str | None]] = [
        (call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls
    ]
    # A chunk has no invalid calls of its own: it reads them off the arguments that do not parse.
    calls += [(call["name"], call["args"], call["id"]) for call in message.invalid_tool_calls]
    chunks = [
        tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
        for index, (name, arguments, call_id) in enumerate(calls)
    ]
    return AIMessageChunk(**fields, tool_call_chunks=chunks, chunk_position="last")


def with_note(messages: Sequence[BaseMessage], note: str) -> list[BaseMessage]:
    """Return messages with a line after what the last message of a person says; without one they stay.

    Args:
        messages: The conversation; it is not changed.
        note: The line.
    """
    changed = list(messages)
    for index in reversed(range(len(changed))):
        message = changed[index]
        if isinstance(message, HumanMessage):
            said = (
                [{"type": "text", "text": message.content}]
                if isinstance(message.content, str)
                else message.content
            )
            changed[index] = message.model_copy(
                update={"content": [*said, {"type": "text", "text": f"\n\n{note}"}]}
            )
            break
    return changed
