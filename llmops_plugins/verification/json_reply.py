"""JSON in a reply's text."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["json_text", "json_value"]


def json_text(text: str) -> str:
    """Return the part of a reply that should be JSON: its only fenced block, or all of it.

    Args:
        text: The reply's text.
    """
    text = text.strip()
    if text.startswith(("{", "[")):
        return text  # a string in it may hold fences of its own
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith("```")]
    return "\n".join(lines[fences[0] + 1 : fences[1]]) if len(fences) == 2 else text


def json_value(text: str) -> Any:
    """Return the value of a reply that is JSON, alone or in its only fenced block.

    Args:
        text: The reply's text.

    Raises:
        ValueError: It is not JSON, or nested too deep to be read.
    """
    try:
        return json.loads(json_text(text))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
