"""What of a request's conversation is looked up: all of it exactly, or a lone question by its meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from llmops_plugins.caching.identity import digest, named
from llmops_plugins.caching.partition import system_messages
from llmops_plugins.effects import Request

__all__ = ["Conversation", "conversation_of", "read_conversation"]

_TEXT_BLOCKS = ("text", "reasoning", "thinking", "tool_use", "tool_call", "function_call")
_IDS = ("id", "call_id", "index")


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A conversation as the cache sees it.

    Args:
        key: SHA-256 of all of it.
        opening_key: SHA-256 of it up to the last thing a person said: what the run in progress answers.
        question: The person's words where they are all there is, on the first turn; None otherwise.
        steps: What has been said since then: the agent's own calls of tools, and their results.
        refusal: Why it cannot be cached at all; None where it can.
    """

    key: str
    opening_key: str
    question: str | None
    steps: tuple[AnyMessage, ...]
    refusal: str | None = None

    @property
    def tools_called(self) -> frozenset[str]:
        """Names of the tools that were called since the person spoke."""
        calls = [call for step in self.steps if isinstance(step, AIMessage) for call in step.tool_calls]
        broken = [step for step in self.steps if isinstance(step, AIMessage) and step.invalid_tool_calls]
        answered = {step.name or "" for step in self.steps if isinstance(step, ToolMessage)}
        return frozenset({call["name"] for call in calls} | answered | ({""} if broken else set()))


def read_conversation(request: Request) -> Conversation:
    """Return what is looked up for a request; its leading system messages belong to its partition.

    Raises:
        CannotNameError: If a message holds something that has no name.
    """
    return conversation_of(request.messages[len(system_messages(request)) - bool(request.system_message) :])


def conversation_of(messages: Sequence[AnyMessage]) -> Conversation:
    """Return what is looked up for messages.

    Messages are equal where type, name, content and calls of tools are; ids of messages do not count, and
    ids of tool calls only for which result belongs to which call.

    Args:
        messages: The messages that follow the leading system messages.

    Raises:
        CannotNameError: If a message holds something that has no name.
    """
    spoken = [index for index, message in enumerate(messages) if isinstance(message, HumanMessage)]
    opening = messages[: spoken[-1] + 1] if spoken else messages
    forms = _forms(messages)
    question = _lone_question(messages[0]) if len(opening) == 1 and spoken else ""
    return Conversation(
        key=digest(forms),
        opening_key=digest(forms[: len(opening)]),
        question=question or None,
        steps=tuple(messages[len(opening) :]),
        refusal=_refusal(messages, spoken),
    )


def _lone_question(message: AnyMessage) -> str:
    """Return the words of a message that says nothing but these, and is nobody's in particular."""
    content = message.content
    alone = isinstance(content, str) or all(
        isinstance(block, str) or block.get("type") == "text" for block in content
    )
    return message.text.strip() if alone and not message.name and not message.additional_kwargs else ""


def _refusal(messages: Sequence[BaseMessage], spoken: Sequence[int]) -> str | None:
    if not spoken:
        return "nobody asked anything"
    if not messages[spoken[-1]].text.strip():
        return "the question holds no text"
    for message in messages:
        if isinstance(message.content, list) and not all(map(_is_text, message.content)):
            return "the conversation holds more than text"
    return None


def _is_text(block: Any) -> bool:
    return isinstance(block, str) or block.get("type") in _TEXT_BLOCKS


def _forms(messages: Sequence[BaseMessage]) -> list[Any]:
    """Return the messages' forms, with the ids of tool calls replaced by their numbers."""
    numbers: dict[str | None, int] = {}
    forms = []
    for message in messages:
        form: dict[str, Any] = {"type": message.type, "name": message.name}
        if isinstance(message, AIMessage):
            called = [*message.tool_calls, *message.invalid_tool_calls]
            form["calls"] = [
                [call["name"], call["args"], numbers.setdefault(call["id"], len(numbers))] for call in called
            ]
        if isinstance(message, ToolMessage):
            form |= {"answers": numbers.get(message.tool_call_id), "status": message.status}
        form["content"] = _numbered(message.content, numbers)
        # Some providers say there once more which tools are called.
        form["more"] = {key: value for key, value in message.additional_kwargs.items() if key != "tool_calls"}
        forms.append(named(form))
    return forms


def _numbered(content: Any, numbers: Mapping[str | None, int]) -> Any:
    """Return content whose blocks have no ids but the numbers of tool calls: others differ in every call."""
    if isinstance(content, str):
        return content
    return [
        {key: value for key, value in block.items() if key not in _IDS}
        | {key: numbers[block[key]] for key in _IDS if block.get(key) in numbers}
        if isinstance(block, dict)
        else block
        for block in content
    ]
