"""LlamaIndex's messages as LangChain's, and LangChain's replies as LlamaIndex's."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llmops_plugins.errors import ConfigurationError

__all__ = ["chat_response", "completion_response", "langchain_messages"]


def chat_response(reply: AIMessage, delta: str | None = None) -> ChatResponse:
    """Return a reply as LlamaIndex's; ``delta`` is what a stream's last chunk added to it."""
    calls = [
        ToolCallBlock(tool_call_id=call["id"], tool_name=call["name"] or "", tool_kwargs=call["args"] or {})
        for call in (*reply.tool_calls, *reply.invalid_tool_calls)
    ]
    texts = [TextBlock(text=str(reply.text))] if reply.text or not calls else []
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=[*texts, *calls])
    return ChatResponse(message=message, delta=delta, raw=reply, additional_kwargs=_token_counts(reply))


def completion_response(reply: AIMessage, delta: str | None = None) -> CompletionResponse:
    """Return a reply's text as LlamaIndex's; ``delta`` is what a stream's last chunk added to it."""
    return CompletionResponse(
        text=str(reply.text), delta=delta, raw=reply, additional_kwargs=_token_counts(reply)
    )


def _token_counts(reply: AIMessage) -> dict[str, int]:
    """Return the usage under the names that LlamaIndex's OpenAI class gives it."""
    usage = reply.usage_metadata
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }


def langchain_messages(messages: Sequence[ChatMessage]) -> list[BaseMessage]:
    """Return a conversation as LangChain's.

    Raises:
        ConfigurationError: A message has a role or a block that cannot be passed on.
    """
    return [_langchain_message(f"messages[{place}]", one) for place, one in enumerate(messages)]


def _langchain_message(field: str, message: ChatMessage) -> BaseMessage:
    role, content = message.role, _content(field, message)
    if role == MessageRole.USER:
        return HumanMessage(content)
    if role == MessageRole.SYSTEM:
        return SystemMessage(content)
    if role == MessageRole.DEVELOPER:  # LangChain's own way to say it
        return SystemMessage(content, additional_kwargs={"__openai_role__": "developer"})
    if role in (MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL):
        return _langchain_reply(content, message)
    if role == MessageRole.TOOL:
        call_id = message.additional_kwargs.get("tool_call_id")
        if call_id is None:
            raise ConfigurationError(field, "a tool's message needs additional_kwargs['tool_call_id']")
        return ToolMessage(content, tool_call_id=call_id)
    raise ConfigurationError(field, f"no LangChain chat model knows the role {role.value!r}, use 'tool'")


def _langchain_reply(content: Any, message: ChatMessage) -> AIMessage:
    calls: list[Any] = []
    unreadable: list[Any] = []
    for block in message.blocks:
        if not isinstance(block, ToolCallBlock):
            continue
        arguments = _parsed(block.tool_kwargs)
        call = {"name": block.tool_name, "args": arguments, "id": block.tool_call_id}
        if isinstance(arguments, dict):
            calls.append(call)
        else:
            unreadable.append({**call, "error": None})
    return AIMessage(content, tool_calls=calls, invalid_tool_calls=unreadable)


def _parsed(arguments: dict[str, Any] | str) -> Any:
    if not isinstance(arguments, str):
        return arguments
    with contextlib.suppress(ValueError):
        parsed = json.loads(arguments)
        if isinstance(parsed, dict):
            return parsed
    return arguments


def _content(field: str, message: ChatMessage) -> Any:
    """Return the text, or the blocks of a message that is more than one text."""
    # Calls have a place of their own in LangChain, and a model's thinking is not sent back to it.
    blocks = [one for one in message.blocks if not isinstance(one, ToolCallBlock | ThinkingBlock)]
    content = [_content_block(field, one) for one in blocks]
    if not content:
        return ""
    return content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content


def _content_block(field: str, block: Any) -> dict[str, Any]:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    if not isinstance(block, ImageBlock):
        unknown = type(block).__name__
        raise ConfigurationError(field, f"{unknown} cannot be passed on, send text blocks and image blocks")
    url = str(block.url or "")
    if url and not url.startswith("data:"):
        return {"type": "image", "url": url}  # for the provider to fetch, nothing is downloaded here
    kind = block.image_mimetype or url.removeprefix("data:").partition(";")[0]
    if not kind:
        raise ConfigurationError(field, "an image of unknown kind, set its image_mimetype")
    data = block.resolve_image(as_base64=True).read().decode()
    return {"type": "image", "base64": data, "mime_type": kind}
