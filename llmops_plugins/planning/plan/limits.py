"""How large a plan may be: a model wrote it, so nothing in it grows without a limit."""

from __future__ import annotations

from dataclasses import dataclass, fields

from llmops_plugins.setting_checks import check_count

__all__ = ["PlanLimits"]


@dataclass(frozen=True, kw_only=True)
class PlanLimits:
    """The largest plan that is accepted.

    Args:
        tasks: Most tasks.
        depth: Most tasks one after the other: the longest chain of dependencies.
        width: Most tasks at the same distance from the start, which may run at once.
        argument_characters: Most characters of one task's arguments, as JSON.

    Raises:
        ConfigurationError: If a limit lets no plan through.
    """

    tasks: int = 64
    depth: int = 32
    width: int = 32
    argument_characters: int = 20_000

    def __post_init__(self) -> None:
        for field in fields(self):
            problem = "lets no plan through, give a number from 1"
            check_count(f"limits.{field.name}", getattr(self, field.name), problem)
