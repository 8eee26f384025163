"""The cheapest assistant first, the next where it fails, and what the dear one solves teaches the cheap one.

Runs offline: the models only say what they are told, and the embeddings only count words. Put your own in
their place. The small model knows no function until a demonstration shows it one; the code really runs, in a
sandbox (extra `sandbox`).
"""

import re

from llmops_plugins import (
    Assistant,
    CostLedger,
    DemonstrationStore,
    ExecutionSucceeded,
    ModelRegistry,
    ModelSpec,
    Price,
    SandboxExecutor,
    SandboxLimits,
    create_hierarchy,
)
from llmops_plugins.demo.embeddings import SimulatedEmbeddings
from llmops_plugins.testing import ScriptedChatModel

DEGREES = {"Oslo": 3, "Rome": 19, "Cairo": 31, "Lima": 18}


def weather(city: str) -> dict[str, int]:
    """Return the weather in a city."""
    return {"degrees": DEGREES[city]}


def assistant(name, function):
    """Simulate a model that writes a call of `function`, which it may look up in what it is shown."""

    def reply(messages):
        if "<error-" in messages[-1].text:
            return "I do not know."
        if output := re.search(r"<output-\w+>\n(\d+)", messages[-1].text):
            return f"It has {output[1]} degrees."
        city = re.search(r"warm is it in (\w+)\?$", messages[-1].text)[1]
        return f'```python\nprint({function(messages[-1].text)}("{city}")["degrees"])\n```'

    return Assistant(name=name, runnable=ScriptedChatModel(model_name=name, replies=[reply]))


small = assistant("small", lambda prompt: "weather" if "weather(" in prompt else "temperature")
large = assistant("large", lambda prompt: "weather")
registry = ModelRegistry(
    [
        ModelSpec(name="small", prices=(Price(input=0.1, output=0.4),)),
        ModelSpec(name="large", prices=(Price(input=2.5, output=10.0),)),
    ]
)
ledger = CostLedger("sqlite://", registry=registry)
store = DemonstrationStore(":memory:", tenant="acme", embeddings=SimulatedEmbeddings())

with SandboxExecutor([weather], limits=SandboxLimits(seconds=5)) as sandbox:
    graph = create_hierarchy(
        [small, large],
        success=ExecutionSucceeded(),
        executor=sandbox,
        demonstrations=store,
        user="ann",
        prices=registry,
    )
    for city in DEGREES:
        state = graph.invoke({"messages": [f"How warm is it in {city}?"]}, {"callbacks": [ledger]})
        tried = " -> ".join(f"{one['assistant']} {one['outcome']}" for one in state["attempts"])
        print(f"{state['messages'][-1].text:<22} {tried}")

for row in ledger.report(by=["assistant"]).assistants:
    print(f"{row.assistant}: solved {row.solved} of {row.asked}, with demonstrations", end=" ")
    print(f"{row.solved_with_demonstrations} of {row.asked_with_demonstrations}")
