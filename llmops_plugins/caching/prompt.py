"""What LangChain hands an LLM cache, read as the conversation it is: serialised messages, or a plain text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, messages_from_dict

from llmops_plugins.caching.conversation import Conversation, conversation_of
from llmops_plugins.caching.identity import CannotNameError, digest, named
from llmops_plugins.caching.partition import Partition, leading_system_messages
from llmops_plugins.caching.place import PassedBy, Place
from llmops_plugins.messages import last_question

__all__ = ["PromptPlace", "find_prompt_place"]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_PARAMETER = re.compile(r"\('(\w+)', ")
_OF_ANY_MODEL = frozenset(
    {
        "_type",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "ls_structured_output_format",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
    }
)
"""Parameters that say nothing of which model is asked."""


@dataclass(frozen=True, kw_only=True)
class PromptPlace(Place):
    """Where a prompt's answer is.

    Args:
        last_words: What a person said last, or all of a text: it tells how long an answer is good for.
    """

    last_words: str


def find_prompt_place(
    prompt: str, llm_string: str, *, tenant: str, corpus_version: str
) -> PromptPlace | PassedBy:
    """Return where a prompt's answer is looked for.

    Args:
        prompt: A text, or what LangChain's ``dumps`` makes of messages.
        llm_string: The model and its settings, as LangChain tells them apart.
        tenant: Whose it is.
        corpus_version: Version of what answers are drawn from.
    """
    if _ADDRESS.search(llm_string):
        return PassedBy(reason="a setting of the model is an object that has no name")
    if _is_unnamed(llm_string):
        return PassedBy(reason="the model's class does not name its model, give it _identifying_params")
    try:
        messages = _messages(prompt)
        leading = leading_system_messages(messages) if messages is not None else []
        conversation = (
            _text_conversation(prompt) if messages is None else conversation_of(messages[len(leading) :])
        )
        parts = {
            "what": "prompt",
            "tenant": tenant,
            "corpus_version": corpus_version,
            "model": llm_string,
            "system": [named(message.content) for message in leading],
            "chat": messages is not None,
        }
        identity = digest(parts)
    except CannotNameError as error:
        return PassedBy(reason=str(error))
    if conversation.refusal is not None:
        return PassedBy(reason=conversation.refusal)
    partition = Partition(tenant=tenant, corpus_version=corpus_version, identity=identity)
    words = prompt if messages is None else last_question(messages)
    return PromptPlace(partition=partition, conversation=conversation, last_words=words)


def _is_unnamed(llm_string: str) -> bool:
    """Tell whether two models of one class would have this same string, as LangChain lets them."""
    return llm_string.startswith("[('") and {*_PARAMETER.findall(llm_string)} <= _OF_ANY_MODEL


def _text_conversation(prompt: str) -> Conversation:
    # All that is known of a text: instructions are part of it, so it is looked up exactly.
    key = digest(prompt)
    return Conversation(
        key=key,
        opening_key=key,
        question=None,
        steps=(),
        refusal=None if prompt.strip() else "the prompt holds no text",
    )


def _messages(prompt: str) -> list[Any] | None:
    """Return a serialised prompt's messages, built from plain data; None for a text.

    Raises:
        CannotNameError: If something in them could not be serialised: its name is its place in memory.
    """
    try:
        nodes = json.loads(prompt)
    except ValueError:
        return None
    if not isinstance(nodes, list) or not nodes or not all(map(_is_message, nodes)):
        return None
    if _holds_unserialised(nodes):
        raise CannotNameError("a message holds an object that has no name")
    try:
        messages: list[BaseMessage] = messages_from_dict(
            [{"type": node["kwargs"]["type"], "data": node["kwargs"]} for node in nodes]
        )
    except (TypeError, ValueError):
        raise CannotNameError("a message is of a kind that is not known") from None
    return messages


def _is_message(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and node.get("lc") == 1
        and node.get("type") == "constructor"
        and isinstance(node.get("kwargs"), dict)
        and isinstance(node["kwargs"].get("type"), str)
    )


def _holds_unserialised(value: Any) -> bool:
    if isinstance(value, dict):
        unserialised = value.get("lc") == 1 and value.get("type") == "not_implemented"
        return unserialised or any(map(_holds_unserialised, value.values()))
    return isinstance(value, list) and any(map(_holds_unserialised, value))
