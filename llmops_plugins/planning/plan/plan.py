"""A plan: the tasks a request was split into, with what each needs from the others.

HuggingGPT's task planning (Shen et al. 2023, https://arxiv.org/abs/2303.17580, section 3.1), with typed
references and a policy for failure, which it has not.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llmops_plugins.planning.plan.references import TASK_ID, find

__all__ = ["FailurePolicy", "Plan", "Task", "TaskId"]

TaskId = Annotated[str, Field(pattern=rf"^{TASK_ID}$")]
"""Letters, digits, ``_`` and ``-``, at most 64 of them."""

FailurePolicy = Literal["fail_plan", "skip_dependants", "default"]
"""What becomes of the others when a task fails: nothing runs on, its dependants do not run, or they get its
default."""


class Task(BaseModel):
    """One task of a plan.

    Args:
        id: Its name, by which others refer to it.
        kind: What sort of task it is, which says which experts can do it.
        arguments: What it is given, by name. A result of another task is ``{"ref": "t1.path"}``, or
            ``${t1.path}`` inside a longer string. ``{"literal": ...}`` stands for what is in it as it is:
            ``{"literal": {"ref": "main"}}`` refers to nothing.
        after: Tasks that must have ended before, besides those it refers to.
        on_failure: What becomes of the others when it fails.
        default: What its dependants get when it fails and ``on_failure`` is ``"default"``.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"description": "One task of a plan."}
    )

    id: TaskId = Field(description='Short name, such as "t1".')
    kind: str = Field(description="Kind of the task, one of those listed.")
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Arguments by name. Give a result of another task as "
        '{"ref": "t1"} or {"ref": "t1.field"}, '
        "inside a longer string as ${t1} or ${t1.field}.",
    )
    after: list[str] = Field(
        default_factory=list, description="Ids of tasks that must end before, besides those referred to."
    )
    on_failure: FailurePolicy = Field(
        default="skip_dependants", description="What becomes of the other tasks if this one fails."
    )
    default: Any = Field(
        default=None, description='Result that stands in if this task fails and on_failure is "default".'
    )

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Ids of the tasks that must have ended before, each once, in the order they are named."""
        return tuple(dict.fromkeys([*(reference.task_id for reference in find(self.arguments)), *self.after]))


class Plan(BaseModel):
    """The tasks a request was split into, in no order but that of their dependencies.

    One that is built here is only known to be typed; whether it can run says
    :func:`~llmops_plugins.planning.validation.validation.check`.

    Args:
        tasks: The tasks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: list[Task] = Field(description="The tasks; those that do not depend on each other run at once.")
