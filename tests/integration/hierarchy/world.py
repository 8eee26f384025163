"""Local data, host functions over it, and requests about it, for a hierarchy that answers by code.

All of it is made up. Simulated assistants stand in for models: the small one knows no function, and writes
the right call only where a demonstration in its prompt shows it; the large one always does.
"""

import re

from langchain_core.messages import AIMessage

from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.execution import EXECUTION_KEY

CITIES = ("Brena", "Calder", "Dorn", "Elvas", "Fenwick", "Gallow", "Harbin", "Istra")
PLACES = {
    (city, kind): f"{city} {kind.title()} {number}"
    for number, city in enumerate(CITIES, 1)
    for kind in ("pharmacy", "bakery")
}
DEGREES = {city: 10 + number for number, city in enumerate(CITIES)}
PRICES = {f"T{city[:3].upper()}": 100.0 + 10 * number for number, city in enumerate(CITIES)}


def find_place(city: str, kind: str) -> str:
    """Find a place of a kind in a city."""
    return PLACES[city, kind]


def read_weather(city: str) -> dict[str, int]:
    """Return the weather in a city."""
    return {"degrees": DEGREES[city]}


def quote_stock(symbol: str) -> float:
    """Return the last price of a stock."""
    return PRICES[symbol]


FAMILIES = {
    "places": ("find_place", [f"Where is a {kind} in {city}?" for city, kind in PLACES]),
    "weather": ("read_weather", [f"How warm is it outside {city} right now?" for city in CITIES]),
    "stocks": (
        "quote_stock",
        [f"What does the share {symbol} trade at?" for symbol in PRICES]
        + [f"Give me the latest price of the share {symbol}, please." for symbol in PRICES],
    ),
}


def requests():
    """Return the requests of all families in turn, each with its family and the answer it has."""
    found = [(family, text) for family, (_, texts) in FAMILIES.items() for text in texts]
    return [(family, text, expected(family, text)) for family, text in found]


def expected(family, text):
    if family == "places":
        kind, city = re.search(r"a (\w+) in (\w+)\?", text).groups()
        return PLACES[city, kind]
    if family == "weather":
        return str(DEGREES[re.search(r"outside (\w+)", text)[1]])
    return str(PRICES[re.search(r"T[A-Z]{3}", text)[0]])


def code_for(text):
    """Return the right code for a request, as somebody who knows the functions writes it."""
    if place := re.search(r"a (\w+) in (\w+)\?", text):
        return f'print(find_place("{place[2]}", "{place[1]}"))'
    if city := re.search(r"outside (\w+)", text):
        return f'weather = read_weather("{city[1]}")\nprint(weather["degrees"])'
    return f'print(quote_stock("{re.search("T[A-Z]{3}", text)[0]}"))'


def function_for(text):
    return next(name for name, _ in FAMILIES.values() if f"{name}(" in code_for(text))


def question_of(messages):
    """Return the person's own text; demonstrations stand before it in the same message."""
    human = next(message for message in messages if message.type == "human")
    return human.content if isinstance(human.content, str) else human.content[-1]["text"]


def demonstrations_of(messages):
    human = next(message for message in messages if message.type == "human")
    return "" if isinstance(human.content, str) else human.content[0]["text"]


def scripted(name, *, knows):
    """Return a simulated assistant that answers by code.

    Args:
        name: What it reports as its model.
        knows: Tells of a request's messages whether the right call is known.
    """

    def reply(messages):
        shown = messages[-1]
        if EXECUTION_KEY in shown.additional_kwargs:
            mark = shown.additional_kwargs[EXECUTION_KEY]
            said = re.search(r"<output-\w+>\n(.*?)\n</output", shown.text, re.DOTALL)
            return f"It is {said[1].strip()}." if mark["ok"] and said else "I do not know."
        question = question_of(messages)
        code = code_for(question) if knows(messages) else "print(look_it_up())"
        usage = {"input_tokens": 50, "output_tokens": 20, "total_tokens": 70}
        return AIMessage(f"Let me see.\n```python\n{code}\n```", usage_metadata=usage)

    return ScriptedChatModel(model_name=name, replies=[reply])


def shown_how(messages):
    return f"{function_for(question_of(messages))}(" in demonstrations_of(messages)


def sandbox():
    return SandboxExecutor([find_place, read_weather, quote_stock], limits=SandboxLimits(seconds=20))
