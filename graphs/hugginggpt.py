"""The demo's shop as experts, compiled bare; put a chat model of yours in the simulated one's place."""

import re
from typing import Any

from llmops_plugins import Expert, create_planner
from llmops_plugins.demo.shop import open_shop, shop_tools
from llmops_plugins.testing import ScriptedChatModel


def _simulated(messages: list[Any]) -> str:
    orders = dict.fromkeys(re.findall(r"\b[A-Z]\d{4}\b", messages[-1].text))
    if "<kinds-" in messages[0].text:  # it is asked for a plan
        return "\n".join(f'{number}. look_up_order("{one}")' for number, one in enumerate(orders, 1)) or "[]"
    found = re.findall(r"<task-(\w+)-\w+>.*?\"total_usd\": \"([\d.]+)\"", messages[-1].text, re.DOTALL)
    return " ".join(f"It cost ${total} [{task}]." for task, total in found) or "Which order do you mean?"


experts = [Expert(name=tool.name, kinds=[tool.name], runnable=tool) for tool in shop_tools(open_shop())]
graph = create_planner(ScriptedChatModel(replies=[_simulated]), experts, plan="always")
