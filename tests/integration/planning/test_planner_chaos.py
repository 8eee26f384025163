"""A whole planner whose experts fail, hang, ask and are vetoed at random: it ends, and acts at most once."""

import asyncio
import json
import threading
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from llmops_plugins.errors import BudgetExceeded, LlmopsError
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.testing import ScriptedChatModel

CONFIG = {"configurable": {"thread_id": "1"}}
ASKED = {"messages": ["Do it all."]}
LIMITS = ExecutionLimits(attempts=Attempts(retries=1, backoff_s=0.001, timeout_s=0.1), deadline_s=10)
BEHAVIOURS = ("works", "works", "raises", "hangs", "wrong type", "asks", "vetoed")


class World:
    """What happens, in the planner's runs and beside them."""

    def __init__(self, behaviours):
        self.behaviours = behaviours
        self.calls, self.effects = Counter(), Counter()
        self.acting, self.most_acting = 0, 0
        self._lock = threading.Lock()

    def work(self, task: str) -> str:
        """Do something that changes nothing."""
        return self._done(task, lambda: None)

    def act(self, task: str) -> str:
        """Do something that must not happen twice."""
        with self._lock:
            self.acting += 1
            self.most_acting = max(self.most_acting, self.acting)
        try:
            return self._done(task, lambda: self.effects.update([task]))
        finally:
            with self._lock:
                self.acting -= 1

    def _done(self, task, effect):
        self.calls[task] += 1
        behaviour = self.behaviours[task]
        answer = interrupt(f"may {task}?") if behaviour == "asks" else "done"
        effect()
        if behaviour == "raises":
            raise ValueError("as drawn")
        if behaviour == "vetoed" and self.calls[task] == 1:
            raise BudgetExceeded("as drawn")
        time.sleep(0.4 if behaviour == "hangs" else 0)
        return object() if behaviour == "wrong type" else answer


@st.composite
def worlds(draw):
    names = [f"t{number}" for number in range(draw(st.integers(1, 6)))]
    tasks = [
        {
            "id": name,
            "kind": draw(st.sampled_from(["work", "act"])),
            "arguments": {"task": name},
            "after": draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=2))
            if number
            else [],
            "on_failure": draw(
                st.sampled_from(["skip_dependants", "skip_dependants", "default", "fail_plan"])
            ),
            "default": "nothing",
        }
        for number, name in enumerate(names)
    ]
    return tasks, World({name: draw(st.sampled_from(BEHAVIOURS)) for name in names})


def controller(tasks):
    def reply(messages):
        if "You split" not in messages[0].text:
            return "This is what was done."
        plans = sum("You split" in sent[0].text for sent in model.calls)
        again = [{**task, "id": f"again-{task['id']}", "after": []} for task in tasks]
        return json.dumps({"tasks": tasks if plans == 1 else again})

    model = ScriptedChatModel(replies=[reply])
    return model


def run(graph, way, given):
    if way == "sync":
        return graph.invoke(given, CONFIG)
    return asyncio.run(graph.ainvoke(given, CONFIG))


def answer(asked, decision):
    """Return what a person says: one who is not understood is asked again, and says that it failed."""
    if not isinstance(asked, dict):
        return f"answer to {asked}"
    return "fail" if "problem" in asked else decision


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    worlds(),
    st.sampled_from(["sync", "async"]),
    st.booleans(),
    st.sampled_from(["fail", "treat as done", "what?"]),
)
def test_every_run_ends_in_time_with_a_result_or_a_typed_error_and_effects_at_most_once(
    drawn, way, streamed, decision
):
    tasks, world = drawn
    experts = [
        Expert(name="worker", kinds=["work"], runnable=world.work),
        Expert(name="actor", kinds=["act"], runnable=world.act, side_effects=True),
    ]
    graph = create_planner(
        controller(tasks),
        experts,
        plan="always",
        stream_plan=streamed,
        execution=LIMITS,
        checkpointer=InMemorySaver(),
    )
    given, state, started = ASKED, None, time.monotonic()
    for _ in range(40):
        try:
            state = run(graph, way, given)
        except BudgetExceeded:
            given = None
            continue
        except LlmopsError:
            break
        asked = state.get("__interrupt__", ())
        if not asked:
            break
        given = Command(resume={one.id: answer(one.value, decision) for one in asked})
    else:
        raise AssertionError("it asks and is vetoed without end")
    assert time.monotonic() - started < 20
    if state is not None and "__interrupt__" not in state:
        assert state["messages"][-1].text
        assert {one["id"] for one in state["plan"]["tasks"]} == set(state["outcomes"])
    assert max(world.effects.values(), default=0) <= 1
    assert world.most_acting <= 1
