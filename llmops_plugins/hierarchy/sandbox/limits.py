"""How much one run in the sandbox may take."""

from __future__ import annotations

from dataclasses import dataclass, fields

from llmops_plugins.setting_checks import check_count, check_seconds

__all__ = ["SandboxLimits"]

_MOST_SECONDS = 86_400
_MOST = 2**31 - 1
"""More than a run needs of anything, and a number that the interpreter can hold."""


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
        ConfigurationError: If a limit is missing, not positive, or none that could be kept.
    """

    seconds: float = 10.0
    memory_mb: int = 64
    output_characters: int = 10_000
    recursion: int = 200
    calls: int = 50
    code_characters: int = 20_000
    value_characters: int = 100_000

    def __post_init__(self) -> None:
        check_seconds("limits.seconds", self.seconds, "a number of seconds", most=_MOST_SECONDS)
        for field in fields(self):
            if field.name != "seconds":
                check_count(f"limits.{field.name}", getattr(self, field.name), most=_MOST)
