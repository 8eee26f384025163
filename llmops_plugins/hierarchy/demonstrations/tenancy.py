"""Whose demonstrations they are: tenants and users, and the names they go by in a store."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from llmops_plugins.errors import ConfigurationError

__all__ = ["FromRequest", "check_name_source", "hashed", "name_from"]

FromRequest: TypeAlias = "str | Callable[[Any], str | None]"
"""A fixed name, or a function of the request, such as of ``request.runtime.context``."""


def check_name_source(field: str, source: Any) -> None:
    """Refuse what can never name anybody.

    Args:
        field: The setting that holds it, for the error.
        source: What was given.

    Raises:
        ConfigurationError: If it is neither a name nor a plain function.
    """
    if isinstance(source, str):
        if not source.strip():
            problem = "is empty, and then one's demonstrations reach all: name whose they are"
            raise ConfigurationError(field, problem)
        return
    if not callable(source):
        raise ConfigurationError(field, f"must be a name or a function, got {type(source).__name__}")
    if inspect.iscoroutinefunction(source):
        raise ConfigurationError(field, "is asynchronous, give a plain function: def, not async def")


def name_from(field: str, source: FromRequest, request: Any) -> str:
    """Return what a fixed name, or a function of a request, says.

    Args:
        field: The setting it comes from.
        source: The name or function.
        request: What a function is given.

    Raises:
        ConfigurationError: If that is nobody, or a function has no request to read.
        Exception: Whatever the function raises.
    """
    try:
        name = source(request) if callable(source) else source
    except (AttributeError, KeyError, TypeError) as error:
        if request is not None:
            raise
        problem = f"is missing: the {field} is a function of it, give request= what that function reads"
        raise ConfigurationError("request", problem) from error
    if not isinstance(name, str) or not name.strip():
        problem = f"must be a name that is not empty, got {name!r}: return one for every request"
        raise ConfigurationError(field, problem)
    return name


def hashed(*names: str) -> str:
    """Return a name for a store: names may be e-mail addresses, and namespaces take no periods."""
    lengths = ",".join(str(len(name)) for name in names)
    whole = "\0".join((lengths, *names))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
