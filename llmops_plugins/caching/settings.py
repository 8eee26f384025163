"""Checks that the settings of the caches share: a wrong one would only ever show in nothing being cached."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from llmops_plugins.errors import ConfigurationError

__all__ = ["check_function", "check_guards", "check_names", "check_tags", "check_text_source"]


def check_function(field: str, function: Any) -> None:
    """Refuse what is no plain function.

    Args:
        field: The setting that holds it, for the error.
        function: What was given; None is a function left out.

    Raises:
        ConfigurationError: If it cannot be called, or is asynchronous.
    """
    if function is None:
        return
    if not callable(function):
        raise ConfigurationError(field, f"must be a function, got {type(function).__name__}")
    for called in (function, getattr(function, "__call__", None)):  # noqa: B004 - an object's own method
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            raise ConfigurationError(field, "is asynchronous, give a plain function: def, not async def")


def check_text_source(field: str, source: Any) -> None:
    """Refuse what is neither a string nor a plain function that returns one.

    Args:
        field: The setting that holds it, for the error.
        source: What was given.

    Raises:
        ConfigurationError: If it is neither.
    """
    if isinstance(source, str):
        return
    if not callable(source):
        raise ConfigurationError(field, f"must be a string or a function, got {type(source).__name__}")
    check_function(field, source)


def check_names(field: str, names: Any) -> tuple[str, ...]:
    """Return names, read once; refuse what holds anything else.

    Args:
        field: The setting that holds them, for the error.
        names: What was given.

    Raises:
        ConfigurationError: If it is one string, or holds something that is no string.
    """
    if isinstance(names, str):
        raise ConfigurationError(field, f"must be a list of names, write [{names!r}]")
    if not isinstance(names, Iterable):
        raise ConfigurationError(field, f"must be a list of names, got {type(names).__name__}")
    found = tuple(names)
    for name in found:
        if not isinstance(name, str):
            raise ConfigurationError(field, f"must hold names as strings, got {_described(name)}")
    return found


def check_tags(field: str, tags: Any) -> Any:
    """Return tags, read once, or the plain function that returns them.

    Args:
        field: The setting that holds them, for the error.
        tags: What was given.

    Raises:
        ConfigurationError: If they are neither.
    """
    if not callable(tags):
        return check_names(field, tags)
    check_function(field, tags)
    return tags


def check_guards(field: str, guards: Any) -> tuple[Any, ...]:
    """Return guards; refuse what is no sequence of them.

    Args:
        field: The setting that holds them, for the error.
        guards: What was given.

    Raises:
        ConfigurationError: If it is no sequence, or holds something without a name or that cannot be called.
    """
    if isinstance(guards, str) or not isinstance(guards, Sequence):
        raise ConfigurationError(field, f"must be a list of guards, got {_described(guards)}")
    for guard in guards:
        if isinstance(guard, type) or not callable(guard) or not isinstance(getattr(guard, "name", 0), str):
            problem = f"must hold guards, called with two questions and with a name, got {_described(guard)}"
            raise ConfigurationError(field, problem)
        check_function(field, guard)
    return tuple(guards)


def _described(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"a value of type {type(value).__name__}"
