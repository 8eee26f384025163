"""One run of one block of code in a worker of its own, from its start to what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmops_plugins.hierarchy.executor import Execution
from llmops_plugins.hierarchy.sandbox.host_calls import (
    LONGEST_SCRUBBED,
    TOO_LONG,
    HostCallError,
    HostCalls,
    OutOfTimeError,
)
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.hierarchy.sandbox.worker_watch import WorkerWatch

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyRuntimeError, MontySyntaxError, ResourceLimits

__all__ = ["SandboxRun"]

_GRACE_SECONDS = 0.25
"""The worker ends itself at the limit; one that does not is killed this much later."""
_LOOKUPS = 1_000
"""Names that are not defined and system calls that are not there, which a run may ask for before it ends."""
_LONGEST_ERROR = 1_000
_OUT_OF_TIME = "TimeoutError: feed time limit exceeded"


class _StoppedError(Exception):
    """The run has reached a limit that the host counts; the message is for the model."""


class SandboxRun:
    """Runs one block of code.

    Args:
        limits: What it may take.
        calls: What it may call.
        clean: Takes secrets out of a text.
        loop: Where async host functions run; None for a loop of their own.
        watch: What stops it from outside.
    """

    def __init__(
        self,
        *,
        limits: SandboxLimits,
        calls: HostCalls,
        clean: Callable[[str], str],
        loop: asyncio.AbstractEventLoop | None,
        watch: WorkerWatch,
    ) -> None:
        self._limits = limits
        self._calls = calls
        self._clean = clean
        self._loop = loop
        self._watch = watch
        self._printed: list[str] = []
        self._characters = 0
        self._called = 0
        self._deadline = 0.0
        self._late = f"stopped after {limits.seconds:g} seconds: do less, or in fewer steps"

    def execute(self, pool: Monty, code: str) -> Execution:
        """Run the code in a fresh worker of the pool; returns whatever it does."""
        from pydantic_monty import MontyError

        started = time.monotonic()
        error: str | None = None
        try:
            with pool.checkout(limits=self._worker_limits(), os_policy={"sleep": "zero"}) as session:
                started = time.monotonic()
                self._deadline = started + self._limits.seconds
                self._watch.start(session.worker_pid, self._limits.seconds + _GRACE_SECONDS, self._late)
                try:
                    self._drive(session, code)
                finally:
                    self._watch.finish()
        except (MontyError, _StoppedError) as problem:
            error = self._told(problem)
        return self._execution(self._watch.reason or error, time.monotonic() - started)

    def _drive(self, session: Any, code: str) -> None:
        from pydantic_monty import FunctionSnapshot, MontyComplete, NameLookupSnapshot

        # The value of a last expression would be sent to the host: None is sent instead.
        state = session.feed_start(f"{code}\n\nNone\n", print_callback=self._print)
        while not isinstance(state, MontyComplete):
            if isinstance(state, FunctionSnapshot):
                state = state.resume_not_handled() if state.is_os_function else self._call(state)
            elif isinstance(state, NameLookupSnapshot):
                function = self._calls.functions.get(state.variable_name)
                state = state.resume() if function is None else state.resume(value=_stand_in(function.name))
            else:
                raise _StoppedError(
                    "awaits something that never comes: host functions are called without await"
                )

    def _call(self, state: Any) -> Any:
        self._called += 1
        if self._called > self._limits.calls:
            raise _StoppedError(f"stopped: more than {self._limits.calls} calls of functions in one run")
        try:
            value = self._calls.call(
                state.function_name,
                state.args,
                state.kwargs,
                seconds=max(self._deadline - time.monotonic(), 0.0),
                loop=self._loop,
                pending=self._watch.pending,
            )
        except HostCallError as error:
            return state.resume({"exc_type": error.kind, "message": error.message})
        except OutOfTimeError:
            raise _StoppedError(self._late) from None
        return state.resume({"return_value": value})

    def _print(self, _: str, text: str) -> None:
        room = self._limits.output_characters - self._characters
        if room >= 0:
            self._printed.append(text[: room + 1])
        self._characters += len(text)
        if self._characters > self._limits.output_characters:
            self._watch.stop(
                f"stopped: printed more than {self._limits.output_characters} characters, print less"
            )

    def _worker_limits(self) -> ResourceLimits:
        return {
            "max_feed_duration_secs": self._limits.seconds,
            "max_memory": self._limits.memory_mb * 2**20,
            "max_recursion_depth": self._limits.recursion,
            "max_suspensions": self._limits.calls + _LOOKUPS,
        }

    def _told(self, problem: Exception) -> str:
        from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

        if isinstance(problem, MontyCrashedError):
            return self._late if problem.timed_out else "the sandbox's process ended unexpectedly: try again"
        if isinstance(problem, MontyRuntimeError | MontySyntaxError):
            told = _message_and_line(problem)
            return self._late if told.startswith(_OUT_OF_TIME) else told
        return str(problem)

    def _execution(self, error: str | None, seconds: float) -> Execution:
        most = self._limits.output_characters
        output = self._clean("".join(self._printed))[:most]
        if error is not None:
            error = self._clean(error)[:_LONGEST_ERROR]
        return Execution(ok=error is None, output=output, error=error, seconds=seconds)


def _message_and_line(problem: MontyRuntimeError | MontySyntaxError) -> str:
    frames = problem.traceback()
    line = f" (line {frames[-1].line})" if frames else ""
    message = problem.display("type-msg")
    # Whole, since it is scrubbed before it is cut: cut, it could end with the beginning of a secret.
    return f"{message if len(message) <= LONGEST_SCRUBBED else TOO_LONG}{line}"


def _stand_in(name: str) -> Callable[[], None]:
    """Return what the sandbox holds where code names a host function: a name to call back by."""

    def function() -> None: ...

    function.__name__ = function.__qualname__ = name
    return function
