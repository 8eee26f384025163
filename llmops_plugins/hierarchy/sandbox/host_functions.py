"""The host's functions that code in the sandbox may call, with signatures the model is shown."""

from __future__ import annotations

import builtins
import inspect
import keyword
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from llmops_plugins.errors import ConfigurationError

__all__ = ["HostFunction", "WrongCallError", "bind", "check_functions", "signature_of"]

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class WrongCallError(Exception):
    """Arguments do not fit a function's signature; the message names the argument, never its value."""


@dataclass(frozen=True, kw_only=True)
class HostFunction:
    """A function of the host that code in the sandbox may call.

    It runs with the host's rights, and its arguments come from code that nobody has read: give it no path,
    query or address that it would follow anywhere. A tracer around it sees the secrets it is granted.

    Args:
        function: Plain or async, with a type hint for every parameter and for what it returns, which must be
            plain data. The model sees its signature and the first line of its docstring.
        secrets: Names of the secrets whose placeholders are filled in in its arguments. Grant them only to
            functions that pass them on to one fixed place: what one computes from a secret is not recognised.
        shown_errors: Exceptions whose message the model may read (cleared of secrets); of all others it
            learns the type alone.

    Raises:
        ConfigurationError: If the model could not call it by its name, or a type hint is missing.
    """

    function: Callable[..., Any]
    secrets: Sequence[str] = ()
    shown_errors: tuple[type[Exception], ...] = ()

    def __post_init__(self) -> None:
        field = f"functions.{self.name}"
        taken = keyword.iskeyword(self.name) or hasattr(builtins, self.name)
        if not callable(self.function) or not self.name.isidentifier() or taken:
            problem = "must be a function with a name of its own, write it with def under another name"
            raise ConfigurationError(field, problem)
        _check_grants(field, self.secrets, self.shown_errors)
        _check_hints(field, self.function)

    @property
    def name(self) -> str:
        """The name it is called by."""
        return str(getattr(self.function, "__name__", self.function))

    @property
    def is_async(self) -> bool:
        """True if calling it makes a coroutine."""
        return inspect.iscoroutinefunction(self.function)


def check_functions(functions: Sequence[HostFunction | Callable[..., Any]]) -> dict[str, HostFunction]:
    """Return the functions by name.

    Args:
        functions: Plain functions, or with what they are granted.

    Raises:
        ConfigurationError: If two have one name, or one is no :class:`HostFunction` can be.
    """
    found: dict[str, HostFunction] = {}
    for one in functions:
        function = one if isinstance(one, HostFunction) else HostFunction(function=one)
        if function.name in found:
            problem = f"has two functions named {function.name}, rename one"
            raise ConfigurationError("functions", problem)
        found[function.name] = function
    return found


def bind(function: HostFunction, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Check a call against the function's signature and type hints.

    Args:
        function: What is called.
        args: Its positional arguments, plain data.
        kwargs: Its named arguments.

    Returns:
        The arguments by name, as the type hints want them.

    Raises:
        WrongCallError: If they do not fit.
    """
    try:
        bound = inspect.signature(function.function).bind(*args, **kwargs)
    except TypeError as error:
        raise WrongCallError(f"{function.name}: {error}") from None
    hints = _hints(function.function)
    return {name: _as(function.name, name, hints[name], value) for name, value in bound.arguments.items()}


def signature_of(function: HostFunction) -> str:
    """Return what the model is shown of a function: one ``def`` line, and what it is for."""
    hints = _hints(function.function)
    signature = inspect.signature(function.function)
    parameters = [
        one.replace(annotation=hints[one.name], default=_shown_default(one))
        for one in signature.parameters.values()
    ]
    shown = signature.replace(parameters=parameters, return_annotation=hints["return"])
    first_line = (inspect.getdoc(function.function) or "").partition("\n")[0].strip()
    lines = [f"def {function.name}{shown}", f"    {first_line}" if first_line else ""]
    if function.secrets:
        lines.append("    Takes " + ", ".join("{{" + name + "}}" for name in function.secrets) + ".")
    return "\n".join(line for line in lines if line)


def _as(function: str, name: str, hint: Any, value: Any) -> Any:
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(one) for one in (name, *first["loc"]))
        raise WrongCallError(f"{function}: {place}: {first['msg']}") from None


def _shown_default(parameter: inspect.Parameter) -> Any:
    plain = parameter.default is None or isinstance(parameter.default, str | int | float)
    return parameter.default if plain or parameter.default is parameter.empty else ...


def _check_grants(field: str, secrets: Any, shown_errors: Any) -> None:
    if not isinstance(secrets, list | tuple) or not all(isinstance(name, str) for name in secrets):
        instead = f"({secrets!r},)" if isinstance(secrets, str) else f"got {type(secrets).__name__}"
        raise ConfigurationError(f"{field}.secrets", f"must be a sequence of names, {instead}")
    classes = isinstance(shown_errors, tuple) and all(isinstance(one, type) for one in shown_errors)
    if not classes or not all(issubclass(one, Exception) for one in shown_errors):
        problem = f"must be a tuple of exceptions, as (KeyError,), got {shown_errors!r:.100}"
        raise ConfigurationError(f"{field}.shown_errors", problem)


def _check_hints(field: str, function: Callable[..., Any]) -> None:
    try:
        parameters = inspect.signature(function).parameters
        hints = _hints(function)
        for name, hint in hints.items():
            if name != "return":
                TypeAdapter(hint)
    except (NameError, TypeError, ValueError, AttributeError, PydanticUserError) as error:
        problem = f"has type hints that cannot be used ({type(error).__name__}), use types of plain data"
        raise ConfigurationError(field, problem) from error
    bare = [name for name in (*parameters, "return") if name not in hints]
    if bare:
        problem = (
            f"has no type hint for {', '.join(bare)}, add it: the model is shown them and calls are checked"
        )
        raise ConfigurationError(field, problem)
    if any(one.kind not in _BY_NAME for one in parameters.values()):
        problem = "takes *args, **kwargs or unnamed parameters, name them all: the model is shown the names"
        raise ConfigurationError(field, problem)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(function, include_extras=True)
