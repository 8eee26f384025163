"""A user's own function as a verifier."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.verdict import Verdict, answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect

__all__ = ["Predicate"]


class Predicate:
    """Accept an answer where a function of it is true.

    An exception in the function rejects: an answer that cannot be verified is not accepted.

    Args:
        function: ``function(message)`` or ``function(message, request)``, told apart by the number of
            arguments without a default. Returns whether to accept, or that and a reason as a pair; reasons
            are stored and traced, so they should not quote the answer. It runs on
            the event loop's thread, so it should be quick and do no I/O.
        name: What the reason calls it; the function's own name unless given.

    Raises:
        ConfigurationError: If the function is asynchronous or takes other arguments.

    Example:
        >>> brief = Predicate(lambda message: (len(message.text) < 200, "under 200 characters"), name="brief")
    """

    def __init__(self, function: Callable[..., bool | tuple[bool, str]], *, name: str | None = None) -> None:
        if name is not None and not (isinstance(name, str) and name.strip()):
            raise ConfigurationError("name", f"must be what reasons call it, or left out, got {name!r:.100}")
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self._function = function
        self._takes_request = _takes_request(function)

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first reply."""
        yield from ()  # a flow that asks for nothing
        message = answer_message(replies[0])
        if message is None:
            return Verdict(outcome="reject", reason="the reply holds no message of the model")
        try:
            accepted, reason = self._judge(message, request)
        except NEVER_SWALLOWED:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises, the answer is unverified
            return Verdict(outcome="reject", reason=f"{self.name} raised {type(error).__name__}")
        evidence = (f"verifier:{self.name}",)
        return Verdict(outcome="accept" if accepted else "reject", reason=reason, evidence=evidence)

    def _judge(self, message: AIMessage, request: ModelRequest[Any]) -> tuple[bool, str]:
        result = self._function(message, request) if self._takes_request else self._function(message)
        if inspect.iscoroutine(result):
            # It would count as true whatever it were to return.
            result.close()
            return False, f"{self.name} returned a coroutine where a bool is needed"
        match result:
            case (accepted, reason):
                return bool(accepted), f"{self.name}: {reason}"
            case _:
                return bool(result), f"{self.name} said {'yes' if result else 'no'}"


def _takes_request(function: Callable[..., Any]) -> bool:
    if not callable(function):
        raise ConfigurationError("function", "is not callable: give a function of the message")
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        raise ConfigurationError("function", "is asynchronous: give a plain function that returns a bool")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin without a signature
        return False
    if _takes(signature, 1):
        return False
    if _takes(signature, 2):
        return True
    raise ConfigurationError("function", "must take (message) or (message, request) and need nothing else")


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True
