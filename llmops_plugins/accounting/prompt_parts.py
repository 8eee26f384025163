"""Reads messages and tool schemas of any provider's shape into parts: what each is, its size, its identity.

Accounting must not fail for what an agent put into a prompt, so nothing here raises on strange content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import BaseMessage

from llmops_plugins.events import PART_KEY

__all__ = ["PART_KEY", "MessagePart", "Role", "ToolPart", "read_message", "read_tool", "text_bytes"]

Role = Literal["system", "human", "ai", "tool", "other"]

_MARKABLE = frozenset({"demonstrations", "memory"})
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "human",
    "user": "human",
    "ai": "ai",
    "assistant": "ai",
    "tool": "tool",
    "function": "tool",
}

_TOOL_CALL_BLOCKS = frozenset(
    {"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call", "input_json_delta"}
)
_TOOL_RESULT_BLOCKS = frozenset({"tool_result", "function_call_output"})
_JSON_BLOCKS = frozenset({"json", "search_result", "custom_tool_call_output", "server_tool_call"})
_REASONING_BLOCKS = frozenset({"reasoning", "thinking"})
_UNTYPED_MEDIA = frozenset({"image", "audio", "video", "document", "reasoningContent"})  # Bedrock's own shape
_SCHEMA_KINDS = frozenset({"function", "custom", "object", "json_schema"})


@dataclass(slots=True, kw_only=True)
class MessagePart:
    """One message of a prompt, read.

    Args:
        role: Who speaks; ``"other"`` for roles this package does not know.
        marked: ``"demonstrations"`` or ``"memory"`` where the message as a whole is one, else ``None``.
        sizes: UTF-8 bytes of each text in it, with the part that the text's own block claims, if any.
        opaque: Whether it holds content whose tokens cannot be estimated (images, encrypted reasoning).
        signature: Hash of role and content, the same whenever the message is sent again in this process.
    """

    role: Role
    marked: str | None
    sizes: list[tuple[str | None, int]] = field(default_factory=list)
    opaque: bool = False
    signature: int

    @property
    def size(self) -> int:
        """UTF-8 bytes of all its texts."""
        return sum(size for _, size in self.sizes)

    def add_text(self, text: str, part: str | None = None) -> None:
        """Count a text, for its own part if it claims one."""
        self.sizes.append((part, text_bytes(text)))
        self.signature = hash((self.signature, text))

    def add_opaque(self, kind: str | None) -> None:
        """Note content that cannot be estimated; its data, often large, stays out of the hash."""
        self.opaque = True
        self.signature = hash((self.signature, "opaque", kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPart:
    """One tool schema of a prompt, read.

    Args:
        name: The tool's name, its schema's title, the provider's name for a built-in tool, or its position.
        size: UTF-8 bytes of its schema as compact JSON.
        signature: Hash of the schema.
    """

    name: str
    size: int
    signature: int


def text_bytes(text: str) -> int:
    """Return a text's UTF-8 bytes; a lone surrogate counts as the three bytes it would take."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def read_message(message: BaseMessage) -> MessagePart:
    """Read a message: its role, texts, tool calls, and what in it cannot be estimated.

    Args:
        message: A message of any class and provider; missing attributes are taken as empty.

    Returns:
        The message as one part.
    """
    kind = str(getattr(message, "type", "")).removesuffix("MessageChunk").lower()
    role = _ROLES.get(str(getattr(message, "role", "")) if kind == "chat" else kind, "other")
    # Ids and names stay out of the hash: they may differ between two sendings of one message.
    part = MessagePart(role=role, marked=_marked_part(message, role), signature=hash(role))
    calls = [
        *(getattr(message, "tool_calls", None) or ()),
        *(getattr(message, "invalid_tool_calls", None) or ()),
    ]
    content = getattr(message, "content", None)
    parts = _parts_of_blocks(message) if isinstance(content, list) else []
    for position, block in enumerate(_as_blocks(content)):
        listed = parts[position] if position < len(parts) else None
        _read_block(block, part, calls_listed=bool(calls), listed=listed)
    for call in calls:
        part.add_text(_tool_call_text(call))
    return part


def read_tool(tool: Any, position: int) -> ToolPart:
    """Read a tool or structured-output schema in OpenAI's, Anthropic's or Bedrock's format.

    Args:
        tool: The schema as bound to the model.
        position: Where it stands among the call's tools, from 0; names it where nothing else does.

    Returns:
        The tool as one part.
    """
    name, body = f"tool[{position}]", tool
    if isinstance(tool, Mapping):
        kind = _kind(tool)
        nested = tool.get("toolSpec" if kind is None else kind)
        body = nested if isinstance(nested, Mapping) else tool
        schema = body.get("schema")
        title = schema.get("title") if isinstance(schema, Mapping) else None
        built_in = None if kind in _SCHEMA_KINDS else kind
        candidates = (body.get("name"), body.get("title"), title, built_in)
        name = next((known for known in candidates if isinstance(known, str) and known), name)
    text = _text_of(body)
    return ToolPart(name=name, size=text_bytes(text), signature=hash(("schema", text)))


def _marked_part(message: BaseMessage, role: Role) -> str | None:
    """Return the part that a message as a whole is marked as: by a capability, by LangChain or by name."""
    additional = getattr(message, "additional_kwargs", None)
    marked = _marker(additional) or _marker(getattr(message, "response_metadata", None))
    if marked:
        return marked
    if isinstance(additional, Mapping) and additional.get("lc_source") == "summarization":
        return "memory"
    name = getattr(message, "name", None)
    # A tool message's name is its tool's, so it says nothing about examples.
    named_example = role != "tool" and isinstance(name, str) and name.startswith("example_")
    return "demonstrations" if named_example or getattr(message, "example", None) is True else None


def _parts_of_blocks(message: BaseMessage) -> list[str | None]:
    """Return the parts that a capability says a message's first blocks are."""
    additional = getattr(message, "additional_kwargs", None)
    listed = additional.get(PART_KEY) if isinstance(additional, Mapping) else None
    return [_known_part(one) for one in listed] if isinstance(listed, list) else []


def _marker(holder: Any) -> str | None:
    return _known_part(holder.get(PART_KEY)) if isinstance(holder, Mapping) else None


def _known_part(value: Any) -> str | None:
    return value if isinstance(value, str) and value in _MARKABLE else None


def _kind(block: Mapping[str, Any]) -> str | None:
    kind = block.get("type")
    return kind if isinstance(kind, str) else None


def _as_blocks(content: Any) -> Iterator[Any]:
    if isinstance(content, list | tuple):
        yield from content
    elif content is not None:
        yield content


def _read_block(
    block: Any,
    part: MessagePart,
    *,
    calls_listed: bool,
    listed: str | None = None,
    result_of: str | None = None,
) -> None:
    """Count one content block, of the part that its message lists for it.

    Within a tool result, ``result_of`` is its part (results do not nest).
    """
    if not isinstance(block, Mapping):
        part.add_text(_text_of(block), listed or result_of)
        return
    kind = _kind(block)
    claimed = _marker(block) or _marker(block.get("extras")) or listed or result_of
    if kind in _TOOL_RESULT_BLOCKS and result_of is None:
        for inner in _as_blocks(block.get("content", block.get("output"))):
            _read_block(
                inner, part, calls_listed=calls_listed, result_of=claimed or part.marked or "tool_results"
            )
    elif kind in _TOOL_CALL_BLOCKS:
        if not calls_listed:  # otherwise the block repeats what the message's tool_calls say
            part.add_text(_tool_call_text(block), claimed)
    elif (text := _block_text(block, kind)) is not None:
        part.add_text(text, claimed)
    else:
        part.add_opaque(kind)


def _block_text(block: Mapping[str, Any], kind: str | None) -> str | None:
    """Return a block's text, or ``None`` where its tokens cannot be told from here."""
    if kind in _REASONING_BLOCKS:
        extras = block.get("extras")
        holders = (block, extras if isinstance(extras, Mapping) else {})
        if any(holder.get(key) for holder in holders for key in ("encrypted_content", "signature")):
            return None  # the visible text is a summary of what is billed
    texts = (block.get(key) for key in ("text", "reasoning", "thinking", "refusal"))
    text = next((text for text in texts if isinstance(text, str)), None)
    if text is not None:
        return text
    if kind in _JSON_BLOCKS or (kind is None and _UNTYPED_MEDIA.isdisjoint(block)):
        return _text_of(block)
    return None


def _tool_call_text(call: Any) -> str:
    if not isinstance(call, Mapping):
        return _text_of(call)
    arguments = next((call[key] for key in ("args", "input", "arguments") if key in call), "")
    return f"{_text_of(call.get('name') or '')}{_text_of(arguments)}"


def _text_of(value: Any) -> str:
    """Return a value as the text a provider would be sent: strings as they are, the rest as compact JSON."""
    if isinstance(value, str):
        return value
    for write in (_compact_json, repr):
        try:
            return write(value)
        except Exception:  # noqa: BLE001, S112 - a foreign object may raise anything; its size is not worth a failure
            continue
    return ""


_compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr).encode
