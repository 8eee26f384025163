"""Starts tasks while the plan is still being written, as LLMCompiler (https://arxiv.org/abs/2312.04511) does.

A task starts early if it is complete, valid on its own, needs no task that has not started, and its expert
has no side effects: what the rest of the plan turns out to be can then do no harm. The others wait for it.

What was written is read again only where a task may have been completed, and so seldom that all the reading
takes time in proportion to the text and to how many tasks a plan may have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from threading import Lock

from langchain_core.messages import AnyMessage, BaseMessageChunk
from langchain_core.runnables import RunnableConfig

from llmops_plugins.effects import Flow
from llmops_plugins.events import KIND_KEY
from llmops_plugins.flow import NOSTREAM, arun, run
from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.execution.assignment import Assignment, ExecutionResult
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.experts.kinds import unserved_complaints
from llmops_plugins.planning.experts.outcomes import Standings
from llmops_plugins.planning.experts.selection import NoExpertError
from llmops_plugins.planning.need_flow import Need
from llmops_plugins.planning.parsing.parsing import parse_plan
from llmops_plugins.planning.parsing.written_tasks import WrittenTasks, raw_dependencies
from llmops_plugins.planning.plan.complaints import Complaint
from llmops_plugins.planning.plan.plan import Plan
from llmops_plugins.planning.plan_making import MadePlan, PlanMaking, assign_flow, checked_plan
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.validation.validation import check
from llmops_plugins.planning.written_plan import WrittenPlan

__all__ = ["StreamedPlan"]

_LONGEST = 40_000
"""Characters of an answer after which no further task starts early: each look reads it all."""
_FREE_LOOKS = 8
_GROWTH = 1.15
"""How many looks are taken whenever a task is complete, and by how much the text grows between later ones."""
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
        self._written = WrittenTasks()
        self._looks = 0
        self._looked_at = 0
        self._stopped = False
        self._ending = Lock()
        self._standings: Standings | None = None
        self._considered: set[str] = set()
        self._started: dict[str, Assignment] = {}
        self.starts_early = True
        """Whether tasks may start while it is written."""
        self.complete = False
        """Whether it was read to its end."""
        self.early: dict[str, Assignment] = {}
        """Tasks that started before the plan was complete, by id; known once they have ended."""

    @property
    def hidden(self) -> list[str]:
        """Ids of the replies that it took."""
        return self._making.hidden

    def restore(self, written: WrittenPlan) -> None:
        """Take over a plan that was written before the run was interrupted, in place of reading one."""
        self._text, self.complete = written.text, True
        self._making.hidden += written.hidden

    def written(self, need: Need) -> WrittenPlan:
        """Return what was written, once it has been read to its end."""
        early, hidden = tuple(self._started.values()), tuple(self.hidden)
        return WrittenPlan(need=need, text=self._text, hidden=hidden, early=early)

    def read(self) -> Iterator[Assignment]:
        """Yield tasks that may start, while the controller writes."""
        for chunk in self._controller.stream(self._making.prompt, _HIDDEN):
            if self._stopped:
                return
            if self._take(chunk):
                yield from run(self._news_flow())
        self._end()

    async def aread(self) -> AsyncIterator[Assignment]:
        """Yield tasks that may start; the async twin of :meth:`read`."""
        async for chunk in self._controller.astream(self._making.prompt, _HIDDEN):
            if self._stopped:
                return
            if self._take(chunk):
                for assignment in await arun(self._news_flow()):
                    yield assignment
        self._end()

    def stop(self) -> None:
        """Read no further; a reply that was broken off counts among those that it took."""
        with self._ending:
            if not self._stopped and not self.complete:
                self._hide()
            self._stopped = True

    def settle(self, done: ExecutionResult) -> None:
        """Note which tasks were begun early, as they were; the others were not reached.

        Args:
            done: What became of them; of a plan that is written a second time, those of the first are in it.
        """
        self.early = dict(done.assignments)

    def finish_flow(self, outcomes: Mapping[str, TaskOutcome]) -> Flow[tuple[MadePlan, list[str]]]:
        """Check the whole plan, and let it be mended once; one that a task has ended is what was done of it.

        Args:
            outcomes: How the tasks ended that started early.

        Returns:
            What is to be done besides, and the ids of those that count as done.

        Raises:
            TimeoutError: If the time was up before the plan was complete.
        """
        if not self.complete and self._is_ended(outcomes):
            return MadePlan(), list(self.early)
        if not self.complete:
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

    def _is_ended(self, outcomes: Mapping[str, TaskOutcome]) -> bool:
        """Tell whether a task failed that ends the plan, so that the rest of it was not waited for."""
        ending = [one for one, given in self.early.items() if given.task.on_failure == "fail_plan"]
        return any(outcomes[one].status == "failed" for one in ending)

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
        """Add a chunk, and tell whether to look for tasks that are complete by it."""
        self._whole = chunk if self._whole is None else self._whole + chunk
        self._text += chunk.text
        if not self.starts_early or len(self._text) > _LONGEST:
            return False
        if len(self._considered) >= self._planner.limits.tasks:
            return False
        if not self._written.take(chunk.text):
            return False
        if self._looks >= _FREE_LOOKS and len(self._text) < _GROWTH * self._looked_at:
            return False
        self._looks += 1
        self._looked_at = len(self._text)
        self._written.seen()
        return True

    def _end(self) -> None:
        with self._ending:  # once it was stopped, what is complete no longer changes
            if not self._stopped:
                self.complete = True
                self._hide()

    def _hide(self) -> None:
        if self._whole is not None and self._whole.id:
            self._making.hidden.append(self._whole.id)

    def _news_flow(self) -> Flow[list[Assignment]]:
        """Return what may start now; a task that the whole plan has otherwise is done again then."""
        news = []
        for raw in parse_plan(self._text).data or ():
            needed = raw_dependencies(raw)
            if str(raw.get("id")) in self._considered or any(one not in self._started for one in needed):
                continue
            self._considered.add(str(raw.get("id")))
            before = [self._started[one].task.model_dump() for one in self._ancestors(needed)]
            plan, _ = check([*before, raw], kinds=self._planner.kinds, limits=self._planner.limits)
            if plan is None:
                continue
            own, planner = plan.tasks[-1:], self._planner
            if not unserved_complaints(own, planner.experts, able=planner.able):
                assignment = yield from self._assigned_flow(plan)
                news += [] if assignment is None else [assignment]
        return news

    def _ancestors(self, task_ids: Iterable[str]) -> list[str]:
        """Return tasks and all that they need, in the order in which they started."""
        found: set[str] = set()
        pending = list(task_ids)
        while pending:
            task_id = pending.pop()
            if task_id not in found:
                found.add(task_id)
                pending += self._started[task_id].task.dependencies
        return [task_id for task_id in self._started if task_id in found]

    def _assigned_flow(self, plan: Plan) -> Flow[Assignment | None]:
        task, chooser = plan.tasks[-1], self._planner.chooser
        if self._standings is None:
            self._standings = yield from chooser.standings_flow(self._tenant, self._planner.kinds)
        try:
            selection = yield from chooser.choose_flow(task, self._standings, tenant=self._tenant)
        except NoExpertError:  # the whole plan is complained of, once it is there
            return None
        if selection.assignment.side_effects:
            return None
        self._started[task.id] = selection.assignment
        return selection.assignment
