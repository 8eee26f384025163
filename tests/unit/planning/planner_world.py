"""A controller that is told what to plan, and experts on the weather, for the tests of planners."""

import json

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.testing import ScriptedChatModel

DEGREES = {"Oslo": 3, "Rome": 19}


def degrees(city: str) -> int:
    """Return how warm it is in a city."""
    return DEGREES[city]


def difference(a: int, b: int) -> int:
    """Return by how much one number is larger than another."""
    return a - b


def weather(task_id, city="Oslo", **fields):
    return {"id": task_id, "kind": "weather", "arguments": {"city": city}, **fields}


def plan_text(*tasks):
    return json.dumps({"tasks": list(tasks)})


DIFFERENCE = {"id": "t3", "kind": "difference", "arguments": {"a": {"ref": "t2"}, "b": {"ref": "t1"}}}
PLAN = plan_text(weather("t1"), weather("t2", "Rome"), DIFFERENCE)
ANSWER = "Rome is 16 degrees warmer [t3]."
ASKED = {"messages": ["How much warmer is Rome than Oslo?"]}


def team(*more):
    return [
        Expert(name="thermometer", kinds=["weather"], runnable=degrees, cost_usd=0.001, latency_seconds=2.0),
        Expert(name="subtractor", kinds=["difference"], runnable=difference, cost_usd=0.0),
        *more,
    ]


def controller(*replies):
    return ScriptedChatModel(replies=list(replies), model_name="controller")


def prompt_of(model, call=-1):
    """Return all that a model was sent in a call."""
    return "\n".join(message.text for message in model.calls[call])


def decisions(events):
    """Return the planner's own decisions among a run's events, without those on single tasks."""
    found = [one["data"] for one in events if one["event"] == "on_custom_event"]
    return [one for one in found if one["capability"] == "planning" and one["outcome"] != "selected"]
