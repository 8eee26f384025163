"""One controller splits a request into tasks, experts do at once what can be, and the answer says from what.

Runs offline: the controller only says what it is told; put a chat model of yours in its place. The cheap
expert is always down, so another stands in for it; of Atlantis nobody knows anything, and the answer says so.
"""

import json
import time

from llmops_plugins import CostLedger, Expert, ExpertOutcomes, ModelRegistry, ModelSpec, Price, create_planner
from llmops_plugins.testing import ScriptedChatModel

DEGREES = {"Oslo": 3, "Rome": 19, "Cairo": 31}


def weather(city: str) -> int:
    """Return how many degrees a city has."""
    time.sleep(0.2)
    return DEGREES[city]


def broken_weather(city: str) -> int:
    """Return how many degrees a city has, if it works."""
    raise ConnectionError("no answer")


def warmest(degrees: list[int]) -> int:
    """Return the highest of some degrees."""
    return max(degrees)


cities = [
    {"id": f"t{number}", "kind": "weather", "arguments": {"city": city}}
    for number, city in enumerate([*DEGREES, "Atlantis"], 1)
]
references = [{"ref": f"t{number}"} for number in (1, 2, 3)]
last = {"id": "t5", "kind": "warmest", "arguments": {"degrees": references}}
poem = {"id": "t6", "kind": "poem", "arguments": {"about": "the ${t5} degrees of ${t3}"}}

controller = ScriptedChatModel(
    model_name="controller",
    replies=[
        f"Here is the plan:\n```json\n{json.dumps({'tasks': [*cities, last, poem]})}\n```",
        "[]",  # asked to plan again for what failed, it finds nothing more to do
        "The warmest has 31 degrees [t5]. Of Atlantis nothing is known [t4]. Warm is the sand [t6].",
    ],
)
poet = ScriptedChatModel(model_name="poet", replies=["Warm is the sand."])
about = {"type": "object", "properties": {"about": {"type": "string"}}, "required": ["about"]}
experts = [
    Expert(name="cheap weather", kinds=["weather"], runnable=broken_weather, cost_usd=0.0001),
    Expert(name="good weather", kinds=["weather"], runnable=weather, cost_usd=0.001),
    Expert(name="maximum", kinds=["warmest"], runnable=warmest, cost_usd=0.0),
    Expert(name="poet", kinds=["poem"], runnable=poet, description="Writes a line.", arguments=about),
]
price = Price(input=1.0, output=4.0)
registry = ModelRegistry([ModelSpec(name=name, prices=(price,)) for name in ("controller", "poet")])
ledger = CostLedger("sqlite://", registry=registry)
outcomes = ExpertOutcomes()
graph = create_planner(controller, experts, outcomes=outcomes, registry=registry)

request = {
    "messages": ["Look up how warm Oslo, Rome, Cairo and Atlantis are, compare them and write a poem."]
}
started = time.perf_counter()
for kind, data in graph.stream(request, {"callbacks": [ledger]}, stream_mode=["custom", "values"]):
    if kind == "custom" and data["type"] == "task_ended":
        outcome = data["outcome"]
        print(f"{data['task']} {data['kind']:<8} {outcome['status']:<10} by {outcome['expert']}", end="")
        print(f" after {outcome['attempts']} attempts" if outcome["attempts"] > 1 else "")
    elif kind == "values" and data.get("messages"):
        state = data
print(state["messages"][-1].text)
for statement in state["messages"][-1].response_metadata["llmops_statements"]:
    print(f"  {statement['text']} <- {', '.join(statement['tasks'])}")
print(f"all in {time.perf_counter() - started:.1f} seconds, of which a look at the weather takes 0.2")
ledger.flush()
for row in ledger.report(by=["kind", "expert", "task"]).rows:
    print(*(name or "-" for name in row.key.values()), f"${row.cost_usd:.6f}")
