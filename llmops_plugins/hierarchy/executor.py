"""What runs an assistant's code: the protocol for a sandbox, a container or a remote service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from llmops_plugins.errors import ConfigurationError

__all__ = ["Execution", "Executor", "check_executor"]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What came of one block of code.

    Args:
        ok: True if it ended by itself and without an error.
        output: What it printed, without secrets, cut to the executor's limit.
        error: What went wrong, in one message that the model can act on; None if ``ok``.
        seconds: How long it took on the wall clock.
    """

    ok: bool
    output: str
    error: str | None
    seconds: float


class Executor(Protocol):
    """Runs code that nobody has read, within limits.

    ``run`` and ``arun`` return an :class:`Execution` for anything the code does. They raise only for faults
    of the executor itself and for what no capability may swallow (interrupts and budget vetoes).
    """

    @property
    def limits(self) -> Any:
        """What a run may take at most; never None."""

    @property
    def description(self) -> str:
        """What the model is told: imports, functions with their signatures, placeholders of secrets."""

    def run(self, code: str) -> Execution:
        """Run one block of code; nothing of earlier blocks is left."""

    async def arun(self, code: str) -> Execution:
        """Do as ``run`` does, without blocking the event loop."""


def check_executor(field: str, executor: Any) -> Executor:
    """Refuse what cannot run code, or runs it without limits.

    Args:
        field: The setting's name, for the message.
        executor: What the user gave.

    Returns:
        The executor.

    Raises:
        ConfigurationError: If it lacks a method, its description or its limits.
    """
    lacking = [name for name in ("run", "arun") if not callable(getattr(executor, name, None))]
    if isinstance(executor, type) or executor is None or lacking:
        given = executor.__name__ if isinstance(executor, type) else type(executor).__name__
        problem = (
            f"must be an executor with run, arun, description and limits, as SandboxExecutor; got {given}"
        )
        raise ConfigurationError(field, problem)
    if getattr(executor, "limits", None) is None:
        problem = "has no limits, give it limits on time, memory and output as SandboxLimits does"
        raise ConfigurationError(field, problem)
    if not isinstance(getattr(executor, "description", None), str):
        problem = "has no description, say in it what the model may import and call"
        raise ConfigurationError(field, problem)
    checked: Executor = executor
    return checked
