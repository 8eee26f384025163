"""What of a reply is compared with another: its final answer, or the tools it calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.verification.verdict import answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelResponse

__all__ = ["answer_or_none", "comparable_answer"]

Source = TypeVar("Source")


def answer_or_none(extract: Callable[[Source], str | None], source: Source) -> str | None:
    """Return what a user's extractor finds; whatever it raises, it found nothing.

    Args:
        extract: Finds an answer, or returns ``None`` where there is none.
        source: What it is to find it in.

    Raises:
        GraphBubbleUp, BudgetExceeded: Interrupts and vetoes are no failure of the extractor.
    """
    try:
        return extract(source)
    except NEVER_SWALLOWED:
        raise
    except Exception:  # noqa: BLE001 - whatever a user's extract raises, there is no answer to compare
        return None


def comparable_answer(reply: ModelResponse[Any], extract: Callable[[str], str | None]) -> str | None:
    """Return a reply's answer, so that equal answers compare equal.

    Args:
        reply: The reply.
        extract: Finds the answer in its text; what it raises is let through.

    Returns:
        What ``extract`` returns; of a reply that calls tools the calls, in order and with their arguments;
        ``None`` where there is no answer or a call cannot be parsed.
    """
    message = answer_message(reply)
    if message is None or message.invalid_tool_calls:
        return None
    if message.tool_calls:
        calls = [[call["name"], call["args"]] for call in message.tool_calls]
        return json.dumps(calls, sort_keys=True, ensure_ascii=False, default=repr)
    return extract(message.text)
