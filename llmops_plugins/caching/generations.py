"""LangChain's generations as the messages of an entry, and back, by way of plain data only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation

from llmops_plugins.caching.admission import plain, storable_reply
from llmops_plugins.caching.entry import CacheEntry

__all__ = ["generations_of", "messages_of", "stored_messages"]

_KEY = "llmops_generation"


def messages_of(generations: Sequence[Generation]) -> list[AIMessage] | None:
    """Return the generations' messages, a text model's texts as such; None where one has no AI message.

    Args:
        generations: What LangChain hands a cache.
    """
    messages = []
    for generation in generations:
        if isinstance(generation, ChatGeneration):
            if not isinstance(generation.message, AIMessage):
                return None
            messages.append(generation.message)
        else:
            messages.append(AIMessage(generation.text, response_metadata=generation.generation_info or {}))
    return messages


def stored_messages(
    generations: Sequence[Generation], messages: Sequence[AIMessage]
) -> tuple[AIMessage, ...]:
    """Return the messages as an entry keeps them, each with what its generation was.

    Args:
        generations: What LangChain hands a cache.
        messages: Their messages, in order.
    """
    storable = storable_reply(ModelResponse(result=list(messages)))
    return tuple(
        _marked(generation, message)
        for generation, message in zip(generations, storable, strict=True)
        if isinstance(message, AIMessage)
    )


def generations_of(entry: CacheEntry, tier: str) -> list[Generation]:
    """Return an entry's generations under fresh ids.

    The messages keep their recorded usage: LangChain marks them as free by a cost of zero, and ledgers read
    from it what the hit has spared.

    Args:
        entry: The entry.
        tier: Which tier serves it.

    Raises:
        KeyError: If it is no entry of generations.
    """
    return [_generation(entry, message, tier) for message in entry.reply if isinstance(message, AIMessage)]


def _marked(generation: Generation, message: AIMessage) -> AIMessage:
    info = generation.generation_info
    mark = {
        "chat": isinstance(generation, ChatGeneration),
        "info": None if info is None else plain(info),
    }
    return message.model_copy(update={"additional_kwargs": {**message.additional_kwargs, _KEY: mark}})


def _generation(entry: CacheEntry, stored: AIMessage, tier: str) -> Generation:
    mark: dict[str, Any] = stored.additional_kwargs[_KEY]
    if not mark["chat"]:
        return Generation(text=str(stored.content), generation_info=mark["info"])
    (message,) = replace(entry, reply=(stored,)).replayed(tier)
    kept = {name: value for name, value in message.additional_kwargs.items() if name != _KEY}
    update = {"additional_kwargs": kept, "usage_metadata": stored.usage_metadata}
    return ChatGeneration(message=message.model_copy(update=update, deep=True), generation_info=mark["info"])
