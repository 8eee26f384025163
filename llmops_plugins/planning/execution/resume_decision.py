"""What people decide about a task with side effects that was begun and has no result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langgraph.types import interrupt

from llmops_plugins.planning.execution.state import Start
from llmops_plugins.planning.execution.task_outcome import TaskOutcome, error_text, plain_data

__all__ = ["RESUME_OPTIONS", "decided_outcome", "failed_outcome"]

RESUME_OPTIONS = ("treat as done", "run again", "fail")
"""What can be decided about a task with side effects that was begun and has no result."""

_UNREADABLE = (
    "the answer cannot be read: resume with 'treat as done', 'run again', 'fail' or "
    "{'decision': 'treat as done', 'result': ...}, the result in JSON's types"
)


def decided_outcome(start: Start, begun: int) -> TaskOutcome | None:
    """Ask about each time the task was begun before.

    Args:
        start: The task that is about to run.
        begun: How often it was begun before and has no result.

    Returns:
        How it ended, as was decided; None where it may run.

    Raises:
        GraphInterrupt: Where nobody has answered yet.
    """
    for _ in range(begun):
        decision, result = _asked(start)
        if decision == "treat as done":
            return TaskOutcome(status="succeeded", result=result, expert=start.call.expert)
        if decision == "fail":
            return failed_outcome(
                RuntimeError("begun before the run was interrupted, and decided to have failed"), start
            )
    return None


def _asked(start: Start) -> tuple[str, Any]:
    """Ask a person what is to be done about a task until the answer is one of those there are."""
    shown = {
        "task": start.call.task_id,
        "kind": start.call.kind,
        "expert": start.call.expert,
        "arguments": start.call.arguments,
        "question": "This task has side effects, was begun and has no result. What is to be done?",
        "options": list(RESUME_OPTIONS),
    }
    answer = _read(interrupt(shown))
    while answer is None:
        answer = _read(interrupt({**shown, "problem": _UNREADABLE}))
    return answer


def _read(answer: Any) -> tuple[str, Any] | None:
    """Return what a person decided, and the result to go on with; None where it cannot be read as that."""
    given = answer if isinstance(answer, Mapping) else {"decision": answer}
    decision = given.get("decision")
    if not isinstance(decision, str) or decision not in RESUME_OPTIONS:
        return None
    try:
        return decision, plain_data(given.get("result"))
    except TypeError:
        return None


def failed_outcome(error: Exception, begun: Start | None = None) -> TaskOutcome:
    """Return that a task failed.

    Args:
        error: Why.
        begun: The task, where it was begun: it may have acted, so its expert counts as asked.
    """
    outcome = TaskOutcome(status="failed", error=error_text(error), error_type=type(error).__qualname__)
    return outcome if begun is None else replace(outcome, expert=begun.call.expert, attempts=1)
