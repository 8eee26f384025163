"""One stored result of a tool: what it said, how long that had taken, and how long it is good for."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import ToolMessage, messages_from_dict, messages_to_dict

from llmops_plugins.caching.admission import holds_secret, plain
from llmops_plugins.events import BLOCKED_KEY

__all__ = ["ToolResult", "refusal_of_result", "storable_result"]

_VERSION = 1
_KEPT_BLOCKS = ("text", "json")


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """A stored result.

    Args:
        message: The tool's message.
        tool: The tool's name.
        seconds: How long the tool had taken.
        tenant: Whose it is.
        corpus_version: Version of what it was drawn from.
        tags: Names it can be invalidated by.
        created_at: Unix time in seconds.
        expires_at: Unix time in seconds after which it is not served; None for never.
    """

    message: ToolMessage
    tool: str
    seconds: float
    tenant: str = ""
    corpus_version: str = ""
    tags: tuple[str, ...] = ()
    created_at: float
    expires_at: float | None = None

    def is_fresh(self, now: float) -> bool:
        """Tell whether it may still be served."""
        return self.expires_at is None or now < self.expires_at

    def replayed(self, tool_call_id: str | None) -> ToolMessage:
        """Return it as the answer to another call, under a fresh id: LangGraph merges messages by id.

        Args:
            tool_call_id: Id of the call it answers now.
        """
        fresh = {"id": str(uuid.uuid4()), "tool_call_id": tool_call_id}
        # Deep: what one agent does to its message must not change another's, nor the store's.
        return self.message.model_copy(update=fresh, deep=True)

    def to_value(self) -> dict[str, Any]:
        """Return it as a store keeps it: plain JSON data, beside which replies of models may lie."""
        return {
            "version": _VERSION,
            "question": None,
            "reply": messages_to_dict([self.message]),
            "tool": self.tool,
            "seconds": self.seconds,
            "tenant": self.tenant,
            "model": "",
            "corpus_version": self.corpus_version,
            "tags": list(self.tags),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
        }

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> ToolResult | None:
        """Return the result that a store kept; None for what another version wrote, or nobody can read.

        The message is built from plain data: nothing that a value says is executed or imported.
        """
        try:
            if value["version"] != _VERSION:
                return None
            (message,) = messages_from_dict(value["reply"])
            if not isinstance(message, ToolMessage):
                return None
            return cls(
                message=message,
                tool=value["tool"],
                seconds=float(value["seconds"]),
                tenant=value["tenant"],
                corpus_version=value["corpus_version"],
                tags=tuple(value["tags"]),
                created_at=float(value["created_at"]),
                expires_at=None if value["expires_at"] is None else float(value["expires_at"]),
            )
        except (KeyError, TypeError, ValueError):
            return None


def refusal_of_result(reply: Any) -> str | None:
    """Return why what a tool brought may not be stored, in a few words; None where it may.

    Args:
        reply: What came: a message, or a command that changes an agent's state.
    """
    if not isinstance(reply, ToolMessage):
        return "the tool changes the agent's state"
    if reply.status == "error":
        return "the tool failed"
    if BLOCKED_KEY in reply.response_metadata or BLOCKED_KEY in reply.additional_kwargs:
        return "the result was blocked"
    if not _is_plain(reply.content) or not _is_text(reply.content):
        return "the result holds more than text"
    if not _is_plain(reply.artifact):
        return "the result's artifact is no plain data"
    if not reply.content or (isinstance(reply.content, str) and reply.content.isspace()):
        return "the result is empty"
    if holds_secret([reply.content, reply.artifact, reply.additional_kwargs, reply.response_metadata]):
        return "a key or token is in it"
    return None


def storable_result(message: ToolMessage) -> ToolMessage:
    """Return a tool's message as it is stored: without what only this one call had."""
    return message.model_copy(
        update={
            "id": None,
            "tool_call_id": "",
            "additional_kwargs": plain(message.additional_kwargs),
            "response_metadata": plain(message.response_metadata),
        }
    )


def _is_text(content: str | list[Any]) -> bool:
    return isinstance(content, str) or all(
        isinstance(block, str) or block.get("type") in _KEPT_BLOCKS for block in content
    )


def _is_plain(value: Any) -> bool:
    """Tell whether a value is the same after it has been JSON: then what is replayed is what was said."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False
