"""Starts tasks while the plan is still being written, as LLMCompiler (https://arxiv.org/abs/2312.04511) does.

A task starts early if it is complete, valid on its own, needs no task that has not started, and its expert
has no side effects: what the rest of the plan turns out to be can then do no harm. The others wait for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from langchain_core.messages import AnyMessage, BaseMessageChunk
from langchain_core.runnables import RunnableConfig

from llmops_plugins.effects import Flow
from llmops_plugins.events import KIND_KEY
from llmops_plugins.flow import NOSTREAM, arun, run
from llmops_plugins.planning.assignment import Assignment
from llmops_plugins.planning.complaints import Complaint
from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.expert_kinds import unserved_complaints
from llmops_plugins.planning.expert_outcomes import Standings
from llmops_plugins.planning.plan import Plan
from llmops_plugins.planning.plan_making import MadePlan, PlanMaking, assign_flow, checked_plan
from llmops_plugins.planning.plan_parsing import parse_plan
from llmops_plugins.planning.plan_validation import check
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.selection import NoExpertError
from llmops_plugins.planning.task_outcome import TaskOutcome

__all__ = ["StreamedPlan"]

_LONGEST = 40_000
"""Characters of an answer after which no further task starts early: each look reads it all."""
_HIDDEN: RunnableConfig = {"tags": [NOSTREAM], "metadata": {KIND_KEY: "plan"}}


class StreamedPlan:
    """A plan that is being written.

    Args:
        planner: Who plans.
        messages: The conversation.
        tenant: Whose it is.
    """

    def __init__(self, planner: Planner, messages: Sequence[AnyMessage], tenant: str) -> None:
        self._planner = planner
        self._messages = messages
        self._tenant = tenant
        self._making = PlanMaking(planner, messages, tenant)
        self._controller = planner.model("controller")
        self._whole: BaseMessageChunk | None = None
        self._text = ""
        self._complete = False
        self._standings: Standings | None = None
        self._considered: set[str] = set()
        self.early: dict[str, Assignment] = {}
        """Tasks that started before the plan was complete, by id."""

    @property
    def hidden(self) -> list[str]:
        """Ids of the replies that it took."""
        return self._making.hidden

    def read(self) -> Iterator[Assignment]:
        """Yield tasks that may start, while the controller writes."""
        for chunk in self._controller.stream(self._making.prompt, _HIDDEN):
            if self._take(chunk):
                yield from run(self._news_flow())
        self._end()

    async def aread(self) -> AsyncIterator[Assignment]:
        """Yield tasks that may start; the async twin of :meth:`read`."""
        async for chunk in self._controller.astream(self._making.prompt, _HIDDEN):
            if self._take(chunk):
                for assignment in await arun(self._news_flow()):
                    yield assignment
        self._end()

    def finish_flow(self, outcomes: Mapping[str, TaskOutcome]) -> Flow[tuple[MadePlan, list[str]]]:
        """Check the whole plan, and let it be mended once.

        Args:
            outcomes: How the tasks ended that started early.

        Returns:
            What is to be done besides, and the ids of those that count as done.

        Raises:
            TimeoutError: If the time was up before the plan was complete.
        """
        if not self._complete:
            raise TimeoutError("the plan was not written in the time for its execution")
        parsed = parse_plan(self._text)
        plan, complaints = checked_plan(parsed, self._planner.experts, self._planner.limits)
        if plan is None and parsed.data == []:
            return MadePlan(), []
        if plan is not None:
            kept = self._kept(plan)
            rest = [task for task in plan.tasks if task.id not in kept]
            made = yield from assign_flow(self._planner.chooser, rest, self._tenant)
            if not made.complaints:
                return made, kept
            complaints = list(made.complaints)
        return (yield from self._mended_flow(complaints, outcomes))

    def _mended_flow(
        self, complaints: Sequence[Complaint], outcomes: Mapping[str, TaskOutcome]
    ) -> Flow[tuple[MadePlan, list[str]]]:
        making = self._making
        if self.early:
            done = Earlier(assignments=tuple(self.early.values()), outcomes=outcomes)
            making = PlanMaking(self._planner, self._messages, self._tenant, done)
        made = yield from making.repair_flow(self._text, MadePlan(complaints=tuple(complaints)))
        if making is not self._making:
            self._making.hidden += making.hidden
        return made, list(self.early)

    def _kept(self, plan: Plan) -> list[str]:
        """Return the tasks that the whole plan has as they were started, on results that it has too."""
        whole = {task.id: task for task in plan.tasks}
        kept: list[str] = []
        for task_id, assignment in self.early.items():
            task = assignment.task
            if whole.get(task_id) == task and all(one in kept for one in task.dependencies):
                kept.append(task_id)
        return kept

    def _take(self, chunk: BaseMessageChunk) -> bool:
        """Add a chunk, and tell whether a task may be complete by it."""
        self._whole = chunk if self._whole is None else self._whole + chunk
        self._text += chunk.text
        return len(self._text) <= _LONGEST and ("}" in chunk.text or "\n" in chunk.text)

    def _end(self) -> None:
        self._complete = True
        if self._whole is not None and self._whole.id:
            self._making.hidden.append(self._whole.id)

    def _news_flow(self) -> Flow[list[Assignment]]:
        """Return what may start now; a task that the whole plan has otherwise is done again then."""
        news = []
        for raw in parse_plan(self._text).data or ():
            if str(raw.get("id")) in self._considered:
                continue
            before = [one.task.model_dump() for one in self.early.values()]
            plan, _ = check([*before, raw], kinds=self._planner.kinds, limits=self._planner.limits)
            if plan is not None and not unserved_complaints(plan.tasks[-1:], self._planner.experts):
                assignment = yield from self._assigned_flow(plan)
                news += [] if assignment is None else [assignment]
        return news

    def _assigned_flow(self, plan: Plan) -> Flow[Assignment | None]:
        task, chooser = plan.tasks[-1], self._planner.chooser
        self._considered.add(task.id)
        if self._standings is None:
            self._standings = yield from chooser.standings_flow(self._tenant, self._planner.kinds)
        try:
            selection = yield from chooser.choose_flow(task, self._standings)
        except NoExpertError:  # the whole plan is complained of, once it is there
            return None
        if selection.assignment.side_effects:
            return None
        self.early[task.id] = selection.assignment
        return selection.assignment
