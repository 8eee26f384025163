"""Which errors say that an expert could not be reached, and not that what it was asked was wrong."""

from __future__ import annotations

__all__ = ["is_unavailable"]

_UNREACHED = frozenset({"TransportError", "APIConnectionError", "ClientConnectionError"})
"""Classes of httpx, of the providers' own packages and of aiohttp that are no ``OSError``."""
_TOO_MANY = 429


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error is one of availability: a timeout, a connection, HTTP 429 or 5xx.

    Args:
        error: What an expert raised.
    """
    if isinstance(error, OSError):
        return True
    status = _status(error)
    if status is not None:
        return status == _TOO_MANY or 500 <= status < 600
    return any(kind.__name__ in _UNREACHED for kind in type(error).__mro__)


def _status(error: BaseException) -> int | None:
    found = (getattr(holder, name, None) for holder, name in _places(error))
    return next((status for status in found if type(status) is int), None)


def _places(error: BaseException) -> tuple[tuple[object, str], ...]:
    response = getattr(error, "response", None)
    return ((error, "status_code"), (response, "status_code"), (error, "code"))
