"""Which errors of a provider pass by themselves, and how long to wait for that."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

__all__ = ["is_hopeless", "may_be_billed", "passes", "wait_seconds"]

_PASSING = frozenset({408, 409, 425, 429})
_HOPELESS = frozenset({401, 403, 404})
_BROKEN_OFF = ("RemoteProtocolError", "ReadError", "ConnectionResetError")
_LONGEST_WAIT = 60.0


def passes(error: BaseException) -> bool:
    """Return whether the same request may succeed later: too many requests, a busy server, no network."""
    status = _status(error)
    if status is not None:
        return (status in _PASSING or status >= 500) and not _is_out_of_quota(error)
    return _is_named(error, "Timeout", "Connect", *_BROKEN_OFF)


def is_hopeless(error: BaseException) -> bool:
    """Return whether every other request to the model will fail too: no key, no right, no such model."""
    return _status(error) in _HOPELESS or _is_out_of_quota(error)


def may_be_billed(error: BaseException) -> bool:
    """Return whether a provider may have answered, and bill it, though nobody was left to read it."""
    return _status(error) is None and _is_named(error, "Timeout", *_BROKEN_OFF)


def wait_seconds(error: BaseException, attempt: int, first: float) -> float:
    """Return how long to wait before the next attempt: as long as the provider says, or ever longer.

    Args:
        error: What the attempt failed with.
        attempt: Which attempt that was, from 0.
        first: Seconds to wait after the first.
    """
    asked = _retry_after(error)
    if asked is not None:
        return min(asked, _LONGEST_WAIT)
    # Spread out, so that those who failed together do not come back together.
    return min(first * 2.0**attempt, _LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of an error, wherever the provider's client keeps it."""
    response = getattr(error, "response", None)
    candidates = [getattr(error, "status_code", None), getattr(response, "status_code", None)]
    candidates.append(getattr(error, "code", None))
    if isinstance(response, Mapping):  # boto3
        candidates.append((response.get("ResponseMetadata") or {}).get("HTTPStatusCode"))
    return next((one for one in candidates if type(one) is int and 400 <= one < 600), None)


def _is_out_of_quota(error: BaseException) -> bool:
    return getattr(error, "code", None) == "insufficient_quota"


def _is_named(error: BaseException, *parts: str) -> bool:
    """Go by the names of an error and its cause: every provider's client has classes of its own."""
    raised = [error, error.__cause__] if error.__cause__ is not None else [error]
    names = [kind.__name__ for one in raised for kind in type(one).__mro__]
    return any(part in name for part in parts for name in names)


def _retry_after(error: BaseException) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    try:
        seconds = float(headers["retry-after"])
    except (TypeError, KeyError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None
