"""Runs a plan durably, in a process of its own that may kill itself.

Each task writes its id into the file ``log`` when it begins. ``crash`` names a task that kills the process,
and whether before it writes (``send:before``), after (``send:after``) or on ending (``send:late``).
"""

import asyncio
import json
import operator
import os
import signal
import threading
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from llmops_plugins.planning.execution.durable import aexecute_durably, execute_durably
from llmops_plugins.planning.execution.execution import Attempts, ExecutionLimits
from tests.file_saver import FileSaver
from tests.unit.planning.stubs import assigned, statuses

PLAN = [
    assigned("a"),
    assigned("b"),
    assigned("slow"),
    assigned("c", "a"),
    assigned("d", "b"),
    assigned("send", "c", side_effects=True),
    assigned("e", "d", "send"),
    assigned("post", "e", side_effects=True),
    assigned("f", "slow", "post"),
]
LIMITS = ExecutionLimits(attempts=Attempts(retries=0), deadline_s=30)
SECONDS = {"a": 0.02, "slow": 0.5, "c": 0.02}


class State(TypedDict):
    statuses: Annotated[list[Any], operator.add]


def main(folder, way, crash, answer=None):
    folder = Path(folder)

    def steps(call):
        """Do the task; yields the seconds to sleep."""
        for moment in ("before", "after", "late"):
            if crash == f"{call.task_id}:{moment}":
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()
                yield 60
            if moment == "before":
                with (folder / "log").open("a") as log:
                    log.write(call.task_id + "\n")
            if moment == "after":
                yield SECONDS.get(call.task_id, 0.05)

    def expert(call):
        for seconds in steps(call):
            time.sleep(seconds)
        return call.task_id

    async def aexpert(call):
        for seconds in steps(call):
            await asyncio.sleep(seconds)
        return call.task_id

    def node(state):
        return {"statuses": [statuses(execute_durably(PLAN, expert, limits=LIMITS))]}

    async def anode(state):
        return {"statuses": [statuses(await aexecute_durably(PLAN, aexpert, limits=LIMITS))]}

    graph = StateGraph(State)
    graph.add_node("prepare", lambda state: {})
    graph.add_node("execute", node if way == "sync" else anode)
    graph.add_edge(START, "prepare")
    graph.add_edge("prepare", "execute")
    graph.add_edge("execute", END)
    app = graph.compile(checkpointer=FileSaver(folder / "checkpoints"))
    config = {"configurable": {"thread_id": "1"}}
    resumed = app.get_state(config).next
    given = Command(resume=answer) if answer else None if resumed else {"statuses": []}
    output = app.invoke(given, config) if way == "sync" else asyncio.run(app.ainvoke(given, config))
    interrupts = [one.value for one in output.get("__interrupt__", ())]
    (folder / "output").write_text(json.dumps({"statuses": output["statuses"], "interrupts": interrupts}))
