"""A planner's graph in a process of its own, which may kill itself while a task with side effects runs."""

import json
import os
import signal
from pathlib import Path

from langgraph.types import Command

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.testing import ScriptedChatModel
from tests.file_saver import FileSaver

PLAN = json.dumps(
    {
        "tasks": [
            {"id": "t1", "kind": "weather", "arguments": {"city": "Oslo"}},
            {"id": "t2", "kind": "mail", "arguments": {"text": "It has ${t1} degrees."}},
            {"id": "t3", "kind": "weather", "arguments": {"city": "Rome"}, "after": ["t2"]},
        ]
    }
)


def main(folder, crash, answer=None):
    folder = Path(folder)

    def note(line):
        with (folder / "log").open("a") as log:
            log.write(line + "\n")

    def weather(city: str) -> int:
        """Return how warm it is in a city."""
        note(city)
        return {"Oslo": 3, "Rome": 19}[city]

    def mail(text: str) -> str:
        """Send a mail."""
        note(text)
        if crash:
            os.kill(os.getpid(), signal.SIGKILL)
        return "sent"

    def reply(messages):
        if "<kinds-" in messages[0].text:
            note("planned")
            return PLAN
        return "It was sent [t2]."

    graph = create_planner(
        ScriptedChatModel(replies=[reply]),
        [
            Expert(name="thermometer", kinds=["weather"], runnable=weather),
            Expert(name="mailer", kinds=["mail"], runnable=mail, side_effects=True),
        ],
        plan="always",
        checkpointer=FileSaver(folder / "checkpoints"),
    )
    config = {"configurable": {"thread_id": "1"}}
    resumed = graph.get_state(config).next
    given = Command(resume=answer) if answer else None if resumed else {"messages": ["Mail me the weather."]}
    output = graph.invoke(given, config)
    interrupts = [one.value for one in output.get("__interrupt__", ())]
    said = "" if interrupts else output["messages"][-1].text
    (folder / "output").write_text(json.dumps({"interrupts": interrupts, "said": said}))
