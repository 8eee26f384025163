"""Calls of host functions from the sandbox: filled in, checked, in time, and cleared of secrets after."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from typing import Any

from llmops_plugins.effects import NEVER_SWALLOWED
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction, WrongCallError, bind
from llmops_plugins.hierarchy.sandbox.plain_values import NotPlainError, copy_plain
from llmops_plugins.hierarchy.sandbox.secret_values import SecretNotGrantedError, SecretValues
from llmops_plugins.redaction import hide_secrets

__all__ = ["LONGEST_SCRUBBED", "TOO_LONG", "HostCallError", "HostCalls", "OutOfTimeError"]

LONGEST_SCRUBBED = 100_000
"""Characters of a message above which looking for secrets in it takes too long."""
TOO_LONG = "the message is too long to be shown"
_LONGEST_MESSAGE = 500
_MOST_ABANDONED = 32


class HostCallError(Exception):
    """A call failed, as the sandbox may hear of it.

    Args:
        kind: Name of a builtin exception.
        message: Without secrets.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class OutOfTimeError(Exception):
    """A call did not end in time, or its run was stopped; it is abandoned."""


class HostCalls:
    """Makes the calls that code in the sandbox asks for.

    Args:
        functions: What may be called, by name.
        secrets: What is filled in in arguments, and taken out of everything that comes back.
        most: Greatest size of a call's arguments and of what it returns, in characters.
    """

    def __init__(self, functions: Mapping[str, HostFunction], secrets: SecretValues, most: int) -> None:
        self.functions = functions
        self._secrets = secrets
        self._most = most
        self._starting = threading.Lock()
        self._abandoned: list[threading.Thread] = []

    def call(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        seconds: float,
        loop: asyncio.AbstractEventLoop | None,
        pending: Callable[[Future[Any]], None],
    ) -> Any:
        """Make one call.

        Args:
            name: The function.
            args: Positional arguments, as they left the sandbox.
            kwargs: Named arguments.
            seconds: How long it may take.
            loop: Where async functions run; a loop of the call's own if None.
            pending: Is handed the call, so that it can be cancelled.

        Returns:
            Plain data without secrets.

        Raises:
            HostCallError: If it fails or does not fit.
            OutOfTimeError: If it does not end in time.
            GraphBubbleUp, BudgetExceeded: As the function raised them.
        """
        function = self.functions.get(name)
        if function is None:
            raise HostCallError("NameError", f"name {name!r:.100} is not defined")
        arguments = self._arguments(function, args, kwargs)
        outcome = self._start(function, arguments, seconds, loop)
        pending(outcome)
        try:
            error = outcome.exception(timeout=seconds)
        except (TimeoutError, CancelledError):
            outcome.cancel()
            raise OutOfTimeError from None
        if error is None:
            return self._result(function, outcome.result())
        if isinstance(error, NEVER_SWALLOWED):
            raise error
        raise self._failure(function, error) from None

    def _arguments(
        self, function: HostFunction, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        def fill(text: str) -> str:
            return self._secrets.fill(text, function.secrets)

        try:
            # Names are what the function says: one that it does not is told to the model as it is.
            names = copy_plain(list(kwargs), most=self._most, text=str)
            given, values = copy_plain([args, list(kwargs.values())], most=self._most, text=fill)
            return bind(function, given, dict(zip(names, values, strict=True)))
        except SecretNotGrantedError as error:
            raise HostCallError("PermissionError", f"{function.name}: {error}") from None
        except NotPlainError as error:
            raise HostCallError(
                "ValueError", f"{function.name}: the arguments are refused: {error}"
            ) from None
        except WrongCallError as error:
            raise HostCallError("TypeError", self._clean(str(error))) from None

    def _start(
        self,
        function: HostFunction,
        arguments: Mapping[str, Any],
        seconds: float,
        loop: asyncio.AbstractEventLoop | None,
    ) -> Future[Any]:
        if function.is_async and loop is not None:
            return asyncio.run_coroutine_threadsafe(function.function(**arguments), loop)

        def work() -> Any:
            if function.is_async:
                return asyncio.run(asyncio.wait_for(function.function(**arguments), seconds))
            return function.function(**arguments)

        with self._starting:
            self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
            if len(self._abandoned) >= _MOST_ABANDONED:
                raise HostCallError("RuntimeError", f"{function.name}: too many earlier calls still hang")
            outcome, thread = _in_thread(work)
            self._abandoned.append(thread)
        return outcome

    def _result(self, function: HostFunction, value: Any) -> Any:
        try:
            plain = copy_plain(value, most=self._most, text=self._secrets.scrub)
        except NotPlainError as error:
            problem = f"{function.name}: what it returned is withheld: {self._clean(str(error))}"
            raise HostCallError("ValueError", problem) from None
        except Exception as error:  # noqa: BLE001 - a model's own serializer may raise anything
            raise self._failure(function, error) from None
        if self._secrets.scrub.finds(json.dumps(plain, ensure_ascii=False)):
            problem = f"{function.name}: what it returned is withheld: it holds a secret in parts"
            raise HostCallError("ValueError", problem)
        return plain

    def _failure(self, function: HostFunction, error: BaseException) -> HostCallError:
        message = f"{function.name} failed: {type(error).__name__}"
        if function.shown_errors and isinstance(error, function.shown_errors):
            said = str(error)
            message += f": {said if len(said) < LONGEST_SCRUBBED // 2 else TOO_LONG}"
        return HostCallError("RuntimeError", self._clean(message))

    def _clean(self, message: str) -> str:
        # Scrubbed whole: cut before, it could end with the beginning of a secret.
        whole = message if len(message) <= LONGEST_SCRUBBED else TOO_LONG
        return hide_secrets(self._secrets.scrub(whole))[:_LONGEST_MESSAGE]


def _in_thread(work: Callable[[], Any]) -> tuple[Future[Any], threading.Thread]:
    """Start work in a thread of its own, which nobody has to wait for."""
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the call
            with suppress(InvalidStateError):
                outcome.set_exception(error)
        else:
            with suppress(InvalidStateError):
                outcome.set_result(value)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    thread.start()
    return outcome, thread
