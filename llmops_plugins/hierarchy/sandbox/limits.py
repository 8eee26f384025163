"""How much one run in the sandbox may take."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from llmops_plugins.errors import ConfigurationError

__all__ = ["SandboxLimits"]

_MOST_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class SandboxLimits:
    """Limits on one run; whatever passes one is stopped and told to the model as an error.

    Args:
        seconds: Wall clock for the whole run, host functions included; at most a day.
        memory_mb: Memory of the worker process, in 2**20 bytes.
        output_characters: Printed text; more stops the run.
        recursion: Depth of calls.
        calls: Calls of host functions.
        code_characters: Length of the code.
        value_characters: Size of one call's arguments, and of what a host function returns: characters of
            text and digits, and one for each element.

    Raises:
        ConfigurationError: If a limit is missing or not positive.
    """

    seconds: float = 10.0
    memory_mb: int = 64
    output_characters: int = 10_000
    recursion: int = 200
    calls: int = 50
    code_characters: int = 20_000
    value_characters: int = 100_000

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(f"limits.{field.name}", getattr(self, field.name), whole=field.name != "seconds")
        if self.seconds > _MOST_SECONDS:
            raise ConfigurationError(
                "limits.seconds", f"must be at most {_MOST_SECONDS:g}, got {self.seconds:g}"
            )


def _check(name: str, value: object, *, whole: bool) -> None:
    kind = "whole number" if whole else "number"
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:  # type: ignore[arg-type, operator] # it is a number
        problem = f"must be a {kind} above 0, got {value!r}: no run goes without this limit"
        raise ConfigurationError(name, problem)
