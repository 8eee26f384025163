"""Plans and savers for the tests of execution."""

from llmops_plugins.planning.execution.execution import Assignment
from llmops_plugins.planning.plan.plan import Task


def assigned(id, *after, expert="expert", fallback=None, side_effects=False, timeout_s=None, **task):
    """Return a task that comes after others, given to an expert."""
    return Assignment(
        task=Task(id=id, kind=task.pop("kind", "work"), after=list(after), **task),
        expert=expert,
        fallback=fallback,
        side_effects=side_effects,
        timeout_s=timeout_s,
    )


def statuses(result):
    return {task_id: outcome.status for task_id, outcome in result.outcomes.items()}
