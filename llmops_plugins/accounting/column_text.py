"""Makes text from outside fit a text column of any database."""

from __future__ import annotations

from typing import Any

__all__ = ["short"]


def short(value: Any, limit: int) -> str | None:
    """Return a value as text of at most ``limit`` characters, no NUL or lone surrogate; ``None`` stays.

    Example:
        >>> short("a cascade", 5)
        'a cas'
    """
    if value is None:
        return None
    # PostgreSQL takes no NUL; a sign in its place, so that two ids do not become one.
    text = str(value)[:limit].replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
