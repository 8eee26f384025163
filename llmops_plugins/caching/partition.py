"""Which requests may share answers at all: those that are equal in everything but the conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeAlias

from langchain_core.messages import BaseMessage, SystemMessage

from llmops_plugins.caching.identity import CannotNameError, digest, model_identity, named, tool_identity
from llmops_plugins.effects import Request

__all__ = [
    "ROOT",
    "STATE",
    "FromRequest",
    "Partition",
    "PartitionRule",
    "keys_of",
    "leading_system_messages",
    "provider_and_model",
    "system_messages",
    "text_of",
]

ROOT = "llmops_cache"
"""First part of every namespace of the cache in a store."""

STATE = (ROOT, "state")
"""Where a store remembers breaches of the bound."""

FromRequest: TypeAlias = "str | Callable[[Request], str | None]"
"""A fixed value, or a function of the request: of ``request.runtime.context`` or ``request.state``."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One set of requests that may share answers.

    Args:
        tenant: Whose they are; empty where nobody said.
        corpus_version: Version of what the answers are drawn from; empty where nobody said.
        identity: SHA-256 of everything that makes it this one.
    """

    tenant: str
    corpus_version: str
    identity: str

    @property
    def namespace(self) -> tuple[str, str]:
        """Where its entries are in a store."""
        return (ROOT, self.identity)


@dataclass(frozen=True, kw_only=True)
class PartitionRule:
    """Finds the partition of a request: exact in all that may change an answer.

    That is tenant, model and its parameters, system messages, tools with their schemas and the choice among
    them, response format, corpus version, and the user's own keys.

    Args:
        tenant: Whose request it is. A function that returns None or fails makes the request pass by.
        corpus_version: Version of what answers are drawn from; likewise.
        keys: Whatever else an answer depends on, such as the user's language: plain data by name.
    """

    tenant: FromRequest = ""
    corpus_version: FromRequest = ""
    keys: Callable[[Request], Mapping[str, Any]] | None = None

    @property
    def knows_whose(self) -> bool:
        """Whether anything tells one user's requests from another's."""
        return bool(self.tenant) or self.keys is not None

    def __call__(self, request: Request) -> Partition:
        """Return the request's partition.

        Raises:
            CannotNameError: If something it depends on cannot be named; such a request must not be cached.
        """
        tenant = text_of("tenant", self.tenant, request)
        corpus_version = text_of("corpus_version", self.corpus_version, request)
        model = model_identity(request.model)
        parts = {
            "tenant": tenant,
            "corpus_version": corpus_version,
            "keys": keys_of(self.keys, request),
            "model": model,
            "settings": request.model_settings,
            "system": [_content(message) for message in system_messages(request)],
            "tools": [tool_identity(tool) for tool in request.tools],
            "tool_choice": request.tool_choice,
            "response_format": request.response_format,
        }
        return Partition(tenant=tenant, corpus_version=corpus_version, identity=digest(parts))


def system_messages(request: Request) -> list[BaseMessage]:
    """Return the request's own system message and those that lead its conversation."""
    own: list[BaseMessage] = [request.system_message] if request.system_message else []
    return [*own, *leading_system_messages(request.messages)]


def leading_system_messages(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the system messages that come before everything else."""
    return list(takewhile(lambda message: isinstance(message, SystemMessage), messages))


def provider_and_model(request: Request) -> tuple[str | None, str]:
    """Return the provider and the name of the model that answers, as the ledger knows them."""
    named_by: dict[str, Any] = getattr(request.model, "_get_ls_params", dict)()
    return named_by.get("ls_provider"), str(named_by.get("ls_model_name") or "")


def text_of(field: str, source: str | Callable[[Any], str | None], request: Any) -> str:
    """Return what a fixed value, or a function of a request, says of it.

    Args:
        field: The setting it comes from.
        source: The value or function.
        request: A model's request, or a tool's.

    Raises:
        CannotNameError: If it is no string.
    """
    value = source(request) if callable(source) else source
    if not isinstance(value, str):
        raise CannotNameError(f"{field} of this request is {type(value).__name__}, it must be a string")
    return value


def keys_of(keys: Callable[[Any], Mapping[str, Any]] | None, request: Any) -> Mapping[str, Any]:
    """Return the user's own keys for a request of a model or a tool.

    Raises:
        CannotNameError: If they are no mapping.
    """
    if keys is None:
        return {}
    found = keys(request)
    if not isinstance(found, Mapping):
        raise CannotNameError(f"keys of this request are {type(found).__name__}, they must be a mapping")
    return found


def _content(message: BaseMessage) -> Any:
    return named(message.content)
