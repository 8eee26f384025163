"""A conversation as text that a prompt can hold: the request, and what was said before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage

__all__ = ["conversation_material", "untold"]

_MOST_MESSAGES = 20
_LONGEST_MESSAGE = 4_000
_LONGEST_REQUEST = 20_000
_LONGEST_ADDRESS = 2_000


def conversation_material(messages: Sequence[AnyMessage]) -> dict[str, str]:
    """Return the last request of a person and what was said before it, as texts for delimiters.

    Args:
        messages: The conversation. What stands after the last message of a person is left out.
    """
    asked = next(
        (at for at in reversed(range(len(messages))) if isinstance(messages[at], HumanMessage)), len(messages)
    )
    before = [line for message in messages[:asked] for line in _line(message)][-_MOST_MESSAGES:]
    request = _said(messages[asked])[:_LONGEST_REQUEST] if asked < len(messages) else ""
    return {"conversation": "\n".join(before), "request": request} if before else {"request": request}


def untold(messages: Sequence[AnyMessage]) -> str | None:
    """Return why a text cannot say what is asked; None where it can.

    That is so of an image without an address, and where nothing is asked.

    Args:
        messages: The conversation.
    """
    asked = next((one for one in reversed(messages) if isinstance(one, HumanMessage)), None)
    blocks = [] if asked is None else [dict(block) for block in asked.content_blocks]
    if any(block.get("type") != "text" and not list(_addresses(block)) for block in blocks):
        return "it holds an image or another part that no plan can name"
    return None if asked is not None and _said(asked).strip() else "it asks nothing"


def _line(message: BaseMessage) -> Iterator[str]:
    """Yield what a person or the assistant said; instructions and tools' results are no part of it."""
    said = _said(message)[:_LONGEST_MESSAGE]
    if said and isinstance(message, HumanMessage | AIMessage):
        yield f"{'person' if isinstance(message, HumanMessage) else 'assistant'}: {said}"


def _said(message: BaseMessage) -> str:
    addresses = [address for block in message.content_blocks for address in _addresses(dict(block))]
    return "\n".join([text for text in (message.text,) if text] + addresses)


def _addresses(block: dict[str, object]) -> Iterator[str]:
    """Yield where an image or a file lies, so that a task can be given it."""
    url = block.get("url")
    if isinstance(url, str) and len(url) <= _LONGEST_ADDRESS and not url.startswith("data:"):
        yield f"[{block.get('type')}: {url}]"
