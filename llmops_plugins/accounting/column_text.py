"""Makes text from outside fit a text column of any database."""

from __future__ import annotations

from typing import Any

__all__ = ["short"]


def short(value: Any, limit: int) -> str | None:
    """Return a value as text without lone surrogates, at most ``limit`` characters; ``None`` stays ``None``.

    Example:
        >>> short("a cascade", 5)
        'a cas'
    """
    if value is None:
        return None
    text = str(value)[:limit]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
