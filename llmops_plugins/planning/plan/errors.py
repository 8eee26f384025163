"""What goes wrong with a whole plan, as exceptions that say what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmops_plugins.errors import LlmopsError

__all__ = ["PlanFailedError", "PlanInvalidError"]

_MOST = 10


class PlanInvalidError(LlmopsError):
    """The controller made no plan that can run, and did not mend it when told why.

    Args:
        complaints: What is wrong with it, a sentence each.
    """

    def __init__(self, complaints: Sequence[str]) -> None:
        said = [
            *complaints[:_MOST],
            *([f"And {len(complaints) - _MOST} more."] if complaints[_MOST:] else []),
        ]
        super().__init__(f"no plan that can run: {' '.join(said)}")
        self.complaints = tuple(complaints)

    def __reduce__(self) -> tuple[type[PlanInvalidError], tuple[tuple[str, ...]]]:
        return type(self), (self.complaints,)


class PlanFailedError(LlmopsError):
    """No task of a plan gave a result.

    Args:
        problems: What went wrong with each, by task id.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        said = [f"{task_id}: {problem}" for task_id, problem in list(problems.items())[:_MOST]]
        more = [f"and {len(problems) - _MOST} more"] if len(problems) > _MOST else []
        super().__init__(f"no task gave a result ({'; '.join([*said, *more])})")
        self.problems = dict(problems)

    def __reduce__(self) -> tuple[type[PlanFailedError], tuple[dict[str, str]]]:
        return type(self), (self.problems,)
