"""How a task of a plan ended, as plain data: what a checkpoint keeps and the answer is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.plan.data_size import TOO_WIDE, has_wide_number, size_up_to
from llmops_plugins.redaction import hide_secrets

__all__ = ["ResultTooLargeError", "TaskOutcome", "TaskStatus", "error_text", "plain_data"]

TaskStatus = Literal["succeeded", "defaulted", "failed", "skipped", "cancelled"]
"""How a task ended; of those that succeeded and that a default stands in for, others can use the result."""

_LONGEST = 500
_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


class ResultTooLargeError(LlmopsError, ValueError):
    """An expert gave more than a result may have."""


@dataclass(frozen=True, kw_only=True)
class TaskOutcome:
    """How a task ended.

    Args:
        status: How.
        result: What it gave, as plain data; the default where one stands in; else None.
        error: What went wrong, in one line without keys; None where nothing did.
        error_type: Name of the exception's class, or None.
        because_of: Id of the failed task that it was skipped for, or None.
        expert: Who gave the result or failed last; None where nobody was asked.
        attempts: How often an expert was asked.
        seconds: From the first attempt to the end, pauses included.
        still_running: Whether a call was given up that may still be running, and change something yet.
        unavailable: Experts that could not be reached, however it ended.
        costs_usd: USD that was spent on it, by expert, as far as it is known.
    """

    status: TaskStatus
    result: Any = None
    error: str | None = None
    error_type: str | None = None
    because_of: str | None = None
    expert: str | None = None
    attempts: int = 0
    seconds: float = 0.0
    still_running: bool = False
    unavailable: Sequence[str] = ()
    costs_usd: Mapping[str, float] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether its dependants may run on the result."""
        return self.status in ("succeeded", "defaulted")

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaskOutcome:
        """Return the outcome that :meth:`to_dict` gave as plain data; keys it does not know are ignored."""
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})


def error_text(error: BaseException) -> str:
    """Return the first line of an exception's text, without keys, or its class where it says nothing."""
    try:
        lines = (_misfit(error) if isinstance(error, ValidationError) else str(error)).strip().splitlines()
    except Exception:  # noqa: BLE001 - an exception whose text cannot be had failed all the same
        lines = []
    return hide_secrets(lines[0])[:_LONGEST] if lines else type(error).__qualname__


def plain_data(value: Any, most: int | None = None) -> Any:
    """Return a result as JSON's types, which every checkpointer can keep and a prompt can show.

    Args:
        value: Plain data, or models, dataclasses, dates and the like, which pydantic knows how to write.
        most: Most characters it may have, as JSON; None for no limit.

    Raises:
        TypeError: If it cannot be written, or holds a whole number that checkpointers do not keep.
        ResultTooLargeError: If it has more.
    """
    if value is None or type(value) in (str, int, float, bool):
        data = value
    else:
        try:
            data = _ANYTHING.dump_python(value, mode="json")
        except Exception as error:
            raise TypeError(f"a {type(value).__qualname__} is no plain data, return JSON's types") from error
    if has_wide_number(data):
        raise TypeError(f"{TOO_WIDE}: return it as a text")
    if most is not None and size_up_to(data, most) > most:
        raise ResultTooLargeError(f"the result is too large, give at most {most:,} characters")
    return data


def _misfit(error: ValidationError) -> str:
    """Return the first thing that is wrong with data: pydantic's own first line says only how many are."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{error.title}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
