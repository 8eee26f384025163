"""Which replies may be stored: complete ones, that nobody blocked, and that do nothing when replayed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message

from llmops_plugins.caching.conversation import Conversation
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.effects import Request, Response
from llmops_plugins.events import BLOCKED_KEY
from llmops_plugins.redaction import hide_secrets
from llmops_plugins.verification.verdict import answer_message

__all__ = ["Admission", "holds_secret", "plain", "storable_reply"]

_INCOMPLETE = frozenset(
    # as OpenAI, Anthropic, Google, Bedrock, Mistral and Ollama say it
    [
        "length",
        "max_tokens",
        "incomplete",
        "failed",
        "cancelled",
        "error",
        "refusal",
        "pause_turn",
        "model_length",
        "model_context_window_exceeded",
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "malformed_function_call",
        "other",
    ]
)
_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason", "status", "stopReason")
_REASONING = ("reasoning", "thinking", "redacted_thinking")
_KEPT_METADATA = ("model_name", "model", "model_provider", *_FINISH_KEYS[:3])


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Decides what is stored.

    Args:
        cacheable_tools: Names of tools without side effects, whose results are good for as long as an answer
            is. Only replies that call no others are stored, and only runs that called no others are answered
            whole.
        admit: A further condition of the user's own.
    """

    cacheable_tools: frozenset[str] = frozenset()
    admit: Callable[[Request, AIMessage], bool] | None = None

    def refusal(self, request: Request, conversation: Conversation, response: Response) -> str | None:
        """Return why a reply may not be stored, in a few words; None where it may."""
        reason = self.refusal_of_reply(conversation, response)
        message = answer_message(response)
        parsed = response.structured_response is not None or (message is not None and message.tool_calls)
        if reason is None and request.response_format is not None and not parsed:
            return "the reply is not what the response format asks for"
        if reason is None and message is not None and self.admit and not self.admit(request, message):
            return "the admit function refused it"
        return reason

    def refusal_of_reply(self, conversation: Conversation, response: Response) -> str | None:
        """Return the same, for what can be told without asking the user's own function."""
        message = answer_message(response)
        if message is None or message.invalid_tool_calls:
            return "the reply is no valid message"
        if response.structured_response is None:
            if not message.tool_calls and not message.text.strip():
                return "the reply is empty"
            called = {call["name"] for call in message.tool_calls}
            if not called <= self.cacheable_tools:
                return "the reply calls tools that are not declared cacheable"
        if self._stopped_early(message):
            return "the reply is not complete"
        if message.response_metadata.get(BLOCKED_KEY) or message.additional_kwargs.get("refusal"):
            return "the reply was blocked"
        said = [[one.content, one.additional_kwargs] for one in response.result]
        if holds_secret([said, message.tool_calls, conversation.question]):
            return "a key or token is in it"
        return None

    def covers_run(self, conversation: Conversation) -> bool:
        """Tell whether every tool that the run has called is declared cacheable."""
        return conversation.tools_called <= self.cacheable_tools

    def allows(self, entry: CacheEntry) -> bool:
        """Tell whether a stored answer may still be served: a tool may have been taken off the list since."""
        return set(entry.tools) <= self.cacheable_tools

    @staticmethod
    def _stopped_early(message: AIMessage) -> bool:
        ends = (message.response_metadata.get(name) for name in _FINISH_KEYS)
        return any(isinstance(end, str) and end.casefold() in _INCOMPLETE for end in ends)


def storable_reply(response: Response) -> tuple[BaseMessage, ...]:
    """Return a reply's messages as they are stored: whole, and without what only this one call had."""
    return tuple(_storable(message) for message in response.result)


def holds_secret(value: Any) -> bool:
    """Tell whether a key or token is anywhere in plain data."""
    match value:
        case str():
            return hide_secrets(value) != value
        case Mapping():
            return any(holds_secret(key) or holds_secret(item) for key, item in value.items())
        case list() | tuple():
            return any(map(holds_secret, value))
    return False


def _storable(message: BaseMessage) -> BaseMessage:
    if isinstance(message, AIMessageChunk):
        message = message_chunk_to_message(message)
    if not isinstance(message, AIMessage):
        return message
    if not message.tool_calls:
        message = message.model_copy(update={"content": _said(message.content)})
    metadata = {
        name: message.response_metadata[name] for name in _KEPT_METADATA if name in message.response_metadata
    }
    more = plain(message.additional_kwargs)
    more.pop("tool_calls", None)  # the same once more, under ids that are replaced when it is replayed
    return message.model_copy(update={"response_metadata": metadata, "additional_kwargs": more})


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a message's extras is JSON: some providers keep parsed objects there."""
    kept = {}
    for name, value in values.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            continue
        kept[name] = value
    return kept


def _said(content: Any) -> Any:
    """Return what a last reply says: reasoning and ids belong to the one response that had them."""
    if isinstance(content, str):
        return content
    said = [block for block in content if isinstance(block, str) or block.get("type") not in _REASONING]
    return [
        block if isinstance(block, str) else {key: block[key] for key in block if key != "id"}
        for block in said
    ]
