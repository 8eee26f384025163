"""Makes a plan that can run, or says why not: the controller's answer is read, checked, and mended once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from pydantic import BaseModel

from llmops_plugins.effects import CallModel, Flow, Invoke
from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.experts.choice import ExpertChooser
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.kinds import kind_specs, unserved_complaints
from llmops_plugins.planning.experts.selection import NoExpertError
from llmops_plugins.planning.parsing.parsing import ParsedPlan, parse_plan
from llmops_plugins.planning.plan.complaints import Complaint
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Plan, Task
from llmops_plugins.planning.plan_prompt import plan_prompt, repair_message
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.validation.kind_spec import KindSpec
from llmops_plugins.planning.validation.validation import check, check_parsed

__all__ = ["MadePlan", "PlanMaking", "assign_flow", "checked_plan"]

_REFUSALS = (TypeError, ValueError)
_REFUSED = frozenset({400, 404, 415, 422, 501})
_TOO_LONG = re.compile(r"context.?(?:length|window)|too (?:long|many tokens)", re.IGNORECASE)
"""Providers count what is in tools and functions in such a message, too."""
_NAMES_SCHEMA = re.compile(r"response_?format|structured|schema|tools?\b|tool_|function", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class MadePlan:
    """What the controller's answer came to.

    Args:
        assignments: The tasks, and who is to do each; none where there is nothing to do, or no plan.
        complaints: What is wrong with it; none of a plan that can run.
    """

    assignments: tuple[Assignment, ...] = ()
    complaints: tuple[Complaint, ...] = ()


class PlanMaking:
    """The making of one plan.

    Args:
        planner: Who plans.
        messages: The conversation.
        tenant: Whose it is.
        earlier: What was done before, where this is not the first plan for the request.
    """

    def __init__(
        self,
        planner: Planner,
        messages: Sequence[AnyMessage],
        tenant: str,
        earlier: Earlier | None = None,
    ) -> None:
        self._planner = planner
        self._tenant = tenant
        self._earlier = earlier
        self.prompt = plan_prompt(messages, planner.kinds, planner.limits, earlier)
        self.hidden: list[str] = []
        """Ids of the replies that it took so far."""

    def make_flow(self) -> Flow[MadePlan]:
        """Ask for a plan, and once more where it cannot run."""
        answer = yield from self._ask(self.prompt)
        made = yield from self.read_flow(answer)
        return (yield from self.repair_flow(answer, made)) if made.complaints else made

    def read_flow(self, answer: str) -> Flow[MadePlan]:
        """Read an answer, check it, and choose who does the tasks."""
        planner = self._planner
        parsed = parse_plan(answer)
        if parsed.data == []:  # the controller found nothing for an expert
            return MadePlan()
        plan, complaints = checked_plan(
            parsed, planner.experts, planner.limits, self._earlier, kinds=planner.kinds, able=planner.able
        )
        if plan is None:
            return MadePlan(complaints=tuple(complaints))
        return (yield from assign_flow(planner.chooser, plan.tasks, self._tenant))

    def repair_flow(self, answer: str, made: MadePlan) -> Flow[MadePlan]:
        """Let the controller mend an answer, told what is wrong with it."""
        mended = yield from self._ask([*self.prompt, repair_message(answer, made.complaints)])
        return (yield from self.read_flow(mended))

    def _ask(self, prompt: Sequence[BaseMessage]) -> Flow[str]:
        structured = None if self._planner.stream_plan else self._planner.structured
        if structured is not None:
            try:
                output = yield Invoke(structured, list(prompt))
                return self._written(output)
            except Exception as error:
                if not _refuses(error):
                    raise
                self._planner.without_structured()
        reply = yield CallModel(self._planner.model("controller"), list(prompt), kind="plan")
        return self._noted(reply.message)

    def _written(self, output: Any) -> str:
        """Return what a model wrote in structured output as text, since models err there too."""
        raw = output.get("raw") if isinstance(output, dict) else None
        if isinstance(raw, AIMessage):
            return self._noted(raw)
        parsed = output.get("parsed", output) if isinstance(output, dict) else output
        return parsed.model_dump_json() if isinstance(parsed, BaseModel) else json.dumps(parsed, default=str)

    def _noted(self, message: AIMessage) -> str:
        self.hidden += [message.id] if message.id else []
        if message.tool_calls:
            return json.dumps(message.tool_calls[0]["args"], ensure_ascii=False, default=str)
        if message.invalid_tool_calls:
            return message.invalid_tool_calls[0]["args"] or ""
        return message.text


def checked_plan(
    parsed: ParsedPlan,
    experts: Sequence[Expert],
    limits: PlanLimits | None = None,
    earlier: Earlier | None = None,
    *,
    kinds: Mapping[str, KindSpec] | None = None,
    able: Mapping[str, Sequence[Expert]] | None = None,
) -> tuple[Plan | None, list[Complaint]]:
    """Return the tasks of a plan that are to be done, or what is wrong with it.

    Args:
        parsed: What was read.
        experts: Who there is.
        limits: How large it may be.
        earlier: What was done before, to which tasks may refer.
        kinds: What tasks of each kind take and give, where that is known already.
        able: Who does tasks of each kind, likewise.
    """
    kinds = kind_specs(experts) if kinds is None else kinds
    if earlier is None or parsed.data is None:
        plan, complaints = check_parsed(parsed, kinds=kinds, limits=limits)
    else:
        before = [_ended(earlier, task_id) for task_id in earlier.outcomes]
        new = [one for one in parsed.data if not earlier.is_restated(one)]
        within = _with_room(limits or PlanLimits(), len(before))
        plan, complaints = check([*before, *new], kinds=kinds, limits=within, links=parsed.links)
        if plan is not None:
            plan = Plan(tasks=plan.tasks[len(before) :])
            complaints = list(earlier.complaints(plan.tasks))
    if plan is not None:
        complaints += unserved_complaints(plan.tasks, experts, able=able)
    return (None, complaints) if complaints else (plan, [])


def assign_flow(chooser: ExpertChooser, tasks: Sequence[Task], tenant: str) -> Flow[MadePlan]:
    """Choose who does each task; a task that nobody can do is a fault of the plan.

    Args:
        chooser: Who chooses.
        tasks: The tasks.
        tenant: Whose they are.
    """
    standings = yield from chooser.standings_flow(tenant, [task.kind for task in tasks])
    assignments, complaints = [], []
    for task in tasks:
        try:
            selection = yield from chooser.choose_flow(task, standings, tenant=tenant)
        except NoExpertError as error:
            sentence = f"There is {error}: use another kind, or leave the task out."
            complaints.append(Complaint(task_id=task.id, code="no_expert", sentence=sentence))
        else:
            assignments.append(selection.assignment)
    if complaints:
        return MadePlan(complaints=tuple(complaints))
    return MadePlan(assignments=tuple(assignments))


def _ended(earlier: Earlier, task_id: str) -> dict[str, Any]:
    """Return a task as what it gave is referred to: a default counts where it stands in for that alone."""
    raw = earlier.task(task_id).model_dump()
    if earlier.outcomes[task_id].status != "defaulted":
        raw |= {"on_failure": "skip_dependants", "default": None}
    return raw


def _with_room(limits: PlanLimits, tasks: int) -> PlanLimits:
    """Return limits that what was done before does not count against."""
    return replace(limits, tasks=limits.tasks + tasks, depth=limits.depth + tasks, width=limits.width + tasks)


def _refuses(error: Exception) -> bool:
    """Tell whether a provider or its package refused the schema, and not what it was sent."""
    if isinstance(error, NotImplementedError):
        return True
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    refused = isinstance(error, _REFUSALS) or status in _REFUSED
    text = str(error)
    return refused and _NAMES_SCHEMA.search(text) is not None and _TOO_LONG.search(text) is None
