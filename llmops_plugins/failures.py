"""Says in the log, once for each cause, that a cost feature fails open: perhaps nobody hears decisions."""

from __future__ import annotations

import contextlib
import logging
import threading

from llmops_plugins.redaction import hide_secrets

__all__ = ["warn_once"]

logger = logging.getLogger(__name__)

_CAUSES = 100
"""How many causes a process warns of: a program whose every failure is new must not fill a disk."""
_LONGEST = 300
_lock = threading.Lock()
_warned: set[tuple[str, str]] = set()


def warn_once(where: str, error: BaseException, remedy: str) -> None:
    """Warn that something failed open, the first time that a place fails by an exception of this type.

    Only the first line of the exception's text is logged, without keys: further ones quote parameters.

    Args:
        where: What failed, such as ``"the cache's look-up"``.
        error: What it failed with.
        remedy: What to do about it, as a clause in the imperative.
    """
    kind = type(error).__qualname__
    with _lock:
        if (where, kind) in _warned or len(_warned) >= _CAUSES:
            return
        _warned.add((where, kind))
    with contextlib.suppress(Exception):  # neither an exception's text nor a log may fail the user's call
        logger.warning(
            "%s failed, and calls go on as if it were not there (%s): %s; this is said once",
            where,
            _sentence(kind, error),
            remedy,
        )


def _sentence(kind: str, error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return hide_secrets(f"{kind}: {lines[0]}" if lines else kind)[:_LONGEST]
