"""Another's error as one line that can be printed and stored."""

from __future__ import annotations

__all__ = ["error_sentence"]

_LONGEST = 300


def error_sentence(error: BaseException) -> str:
    """Say what failed in one line of at most 300 characters that holds no key.

    Args:
        error: What a provider's, or the user's, code raised.

    Returns:
        The kind of error and what it says.

    Example:
        >>> error_sentence(ValueError("no"))
        'ValueError: no'
    """
    from llmops_plugins.redaction import hide_secrets

    text = " ".join(str(error).split())
    return hide_secrets(f"{type(error).__name__}: {text}" if text else type(error).__name__)[:_LONGEST]
