"""Every exception this package raises on purpose.

"Your mistake" and "the run failed" are different branches, so a caller can fix one and retry the other::

    LlmopsError
    ├── ConfigurationError (ValueError)   a field is wrong: the message names it and the fix
    │   ├── UnknownModelError             a model name that no registry or record knows
    │   ├── MissingExtraError             an optional package is not installed: names the extra
    │   └── BoundNotMetError              no policy keeps the bound: says what can be shown
    ├── PlanInvalidError, PlanFailedError  a request could not be planned, or nothing of its plan was done
    ├── NoExpertError                     no expert can do a task
    ├── TooManyAbandonedError             an expert that hangs is not asked once more
    ├── RecordError (ValueError)          a row of recorded traffic cannot be used: names file and line
    ├── AssistantFailedError              no assistant of a hierarchy answered
    ├── PromptNotRecordedError            a replay was asked something its records do not hold
    ├── DatabaseUnavailableError          a table could not be opened or read
    └── BudgetExceeded                    a veto; flows never see it, so nothing can fail open around it
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AssistantFailedError",
    "BoundNotMetError",
    "BudgetExceeded",
    "ConfigurationError",
    "DatabaseUnavailableError",
    "LlmopsError",
    "MissingExtraError",
    "PromptNotRecordedError",
    "RecordError",
    "UnknownModelError",
]


class LlmopsError(Exception):
    """Root of every exception this package raises on purpose."""


class ConfigurationError(LlmopsError, ValueError):
    """A setting is wrong; the message names the field and the fix.

    Args:
        field: The setting as the user wrote it, for example ``"tiers"`` or ``"models.cheap.input"``.
        problem: What is wrong with it and what to write instead, as the rest of one sentence.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[str, str]]:
        return type(self), (self.field, self.problem)


class UnknownModelError(ConfigurationError):
    """A model name that no registry or record knows."""


class MissingExtraError(ConfigurationError):
    """An optional package is not installed; the message names the extra that brings it."""


class BoundNotMetError(ConfigurationError):
    """No policy can be shown to keep the bound that was asked for.

    Args:
        field: The setting that holds the bound.
        asked: The bound.
        lowest_upper: The lowest upper limit that could be shown.
        rows: Calibration rows it was shown on.
        remedy: What else can be done, as the end of the sentence.
    """

    def __init__(
        self,
        field: str,
        asked: float,
        lowest_upper: float,
        rows: int,
        remedy: str = "raise it, record more answers, or use the best single model",
    ) -> None:
        super().__init__(
            field,
            f"{asked:g} cannot be shown on {rows} calibration rows, the best that can is {lowest_upper:.2g}: "
            f"{remedy}",
        )
        self.asked = asked
        self.lowest_upper = lowest_upper
        self.rows = rows
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.asked, self.lowest_upper, self.rows, self.remedy)


class RecordError(LlmopsError, ValueError):
    """A row of recorded traffic cannot be used.

    Args:
        source: The file the row came from.
        line: The row's line number, from 1.
        problem: What is wrong with it, naming the field.
    """

    def __init__(self, source: str, line: int, problem: str) -> None:
        super().__init__(f"{source}, line {line}: {problem}")
        self.source = source
        self.line = line
        self.problem = problem

    def __reduce__(self) -> tuple[type[RecordError], tuple[str, int, str]]:
        return type(self), (self.source, self.line, self.problem)


class AssistantFailedError(LlmopsError):
    """An assistant of a hierarchy did not answer, and nobody was left to ask; names what it raised."""


class PromptNotRecordedError(LlmopsError):
    """A replay was asked something its records do not hold."""


class DatabaseUnavailableError(LlmopsError):
    """A table could not be opened or read; the message names the URL (without its password) and the fix."""


class BudgetExceeded(LlmopsError):  # noqa: N818 - it is a refusal, not a fault, and is named as one
    """A limit refused a call.

    Raised by handlers that veto. The drivers in ``flow.py`` re-raise it without offering it to the flow,
    so that no cost feature can fail open around a limit.
    """
