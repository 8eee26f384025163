"""One stored answer: what was asked, what came, what that had taken, and how long it is good for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, messages_from_dict, messages_to_dict

__all__ = ["CacheEntry", "RecordedUsage", "recorded_usage"]

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class RecordedUsage:
    """What the calls behind an answer took, added up; None where a provider did not report it.

    Args:
        provider: LangChain's name of the provider; None where it is unknown.
        model: The model that was asked.
        calls: How many calls they were.
        input_tokens: Tokens they were sent.
        output_tokens: Tokens they wrote.
        cache_read_tokens: Of the input, what the provider's prompt cache served.
    """

    provider: str | None
    model: str
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """A stored answer.

    Args:
        question: What was asked, where it may be found by its meaning; None where only exactly.
        reply: The model's message, and the tool messages of a structured output after it.
        usage: What it had taken; None for an answer from elsewhere.
        tenant: Whose it is.
        corpus_version: Version of what it was drawn from.
        tags: Names it can be invalidated by.
        created_at: Unix time in seconds.
        expires_at: Unix time in seconds after which it is not served; None for never.
        tools: Names of the tools that it took, or calls.
        checked: How often a hit on it by meaning was asked again.
        differing: How often that gave another answer.
    """

    question: str | None
    reply: tuple[BaseMessage, ...]
    usage: RecordedUsage | None
    tenant: str = ""
    corpus_version: str = ""
    tags: tuple[str, ...] = ()
    created_at: float
    expires_at: float | None = None
    tools: tuple[str, ...] = ()
    checked: int = 0
    differing: int = 0

    @property
    def message(self) -> AIMessage:
        """The model's own message."""
        return next(message for message in self.reply if isinstance(message, AIMessage))

    @property
    def calls_tools(self) -> bool:
        """Whether the reply calls tools whose results are not part of it."""
        answered = {message.tool_call_id for message in self.reply if isinstance(message, ToolMessage)}
        return any(call["id"] not in answered for call in self.message.tool_calls)

    def is_fresh(self, now: float) -> bool:
        """Tell whether it may still be served."""
        return self.expires_at is None or now < self.expires_at

    def checked_again(self, *, differs: bool) -> CacheEntry:
        """Return the entry after one more check."""
        return replace(self, checked=self.checked + 1, differing=self.differing + differs)

    def to_value(self) -> dict[str, Any]:
        """Return it as a store keeps it: plain JSON data."""
        usage = self.usage
        return {
            "version": _VERSION,
            "question": self.question,
            "reply": messages_to_dict(self.reply),
            "usage": None if usage is None else {**usage.__dict__},
            "tenant": self.tenant,
            "model": "" if usage is None else usage.model,
            "corpus_version": self.corpus_version,
            "tags": list(self.tags),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "tools": list(self.tools),
            "checked": self.checked,
            "differing": self.differing,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> CacheEntry | None:
        """Return the entry that a store kept; None for what another version wrote, or nobody can read.

        Messages are built from plain data: nothing that a value says is executed or imported.
        """
        try:
            if value["version"] != _VERSION or not isinstance(value["question"], str | None):
                return None
            reply = tuple(messages_from_dict(value["reply"]))
            entry = cls(
                question=value["question"],
                reply=reply,
                usage=None if value["usage"] is None else _usage(value["usage"]),
                tenant=value["tenant"],
                corpus_version=value["corpus_version"],
                tags=tuple(value["tags"]),
                created_at=float(value["created_at"]),
                expires_at=None if value["expires_at"] is None else float(value["expires_at"]),
                tools=tuple(map(str, value["tools"])),
                checked=int(value["checked"]),
                differing=int(value["differing"]),
            )
            _ = entry.message
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, StopIteration):
            return None
        return entry

    def replayed(self, tier: str) -> list[BaseMessage]:
        """Return the reply as new messages that took no tokens.

        Ids are fresh, of messages and of tool calls: LangGraph merges by them and would overwrite the
        earlier answer.

        Args:
            tier: Which tier served it, for whoever reads the message's ``response_metadata``.
        """
        ids = {call["id"]: f"call_{uuid.uuid4().hex}" for call in self.message.tool_calls}
        return [_replayed(message, ids, tier) for message in self.reply]


def recorded_usage(messages: Sequence[AIMessage], provider: str | None, model: str) -> RecordedUsage:
    """Return what the calls that brought messages took, added up.

    Args:
        messages: The models' messages, at least one.
        provider: LangChain's name of the provider.
        model: The model that was asked.
    """
    usages: list[Any] = [message.usage_metadata for message in messages]
    known = None not in usages
    return RecordedUsage(
        provider=provider,
        model=model,
        calls=len(messages),
        input_tokens=sum(usage["input_tokens"] for usage in usages) if known else None,
        output_tokens=sum(usage["output_tokens"] for usage in usages) if known else None,
        cache_read_tokens=sum(
            ((usage or {}).get("input_token_details") or {}).get("cache_read") or 0 for usage in usages
        ),
    )


def _usage(value: Mapping[str, Any]) -> RecordedUsage:
    usage = RecordedUsage(**value)
    counts = (usage.calls, usage.input_tokens or 0, usage.output_tokens or 0, usage.cache_read_tokens)
    if any(type(count) is not int or count < 0 for count in counts) or usage.calls < 1:
        raise ValueError("these are no counts")
    return usage


def _replayed(message: BaseMessage, ids: Mapping[str | None, str], tier: str) -> BaseMessage:
    if isinstance(message, ToolMessage):
        tool_call_id = ids.get(message.tool_call_id, message.tool_call_id)
        return message.model_copy(update={"id": str(uuid.uuid4()), "tool_call_id": tool_call_id})
    if not isinstance(message, AIMessage):
        return message.model_copy(update={"id": str(uuid.uuid4())})
    return message.model_copy(
        update={
            "id": f"lc_cache--{uuid.uuid4()}",
            "content": _content_with(message.content, ids),
            "tool_calls": [{**call, "id": ids[call["id"]]} for call in message.tool_calls],
            "usage_metadata": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
            "response_metadata": {**message.response_metadata, "llmops_cache": tier},
        }
    )


def _content_with(content: Any, ids: Mapping[str | None, str]) -> Any:
    """Some providers repeat the ids of tool calls in the content."""
    if isinstance(content, str):
        return content
    return [
        {**block, **{key: ids[block[key]] for key in ("id", "call_id") if block.get(key) in ids}}
        if isinstance(block, dict)
        else block
        for block in content
    ]
