"""A tool that is given the run's state may answer each user otherwise, though the calls look the same."""

from dataclasses import dataclass

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.messages import AIMessage

from llmops_plugins.caching.injected import takes_run_state
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.tool_middleware import ToolCacheMiddleware
from llmops_plugins.testing import ScriptedChatModel


@dataclass
class User:
    name: str


@tool
def my_orders(runtime: ToolRuntime[User]) -> str:
    """Look up the user's orders."""
    return f"orders of {runtime.context.name}"


@tool
def policy(topic: str) -> str:
    """Look up a policy."""
    return topic


def whose(request):
    return request.runtime.context.name


def asked(middleware):
    """What two users get who ask the same."""
    call = AIMessage("", tool_calls=[{"name": "my_orders", "args": {}, "id": "1"}])
    model = ScriptedChatModel(replies=[call, lambda messages: messages[-1].text] * 4)
    agent = create_agent(model, [my_orders], middleware=[middleware], context_schema=User)
    return [
        agent.invoke({"messages": ["What did I order?"]}, context=User(name))["messages"][-1].text
        for name in ("ann", "bob", "ann")
    ]


def test_what_a_tool_is_given_beside_its_arguments_shows():
    assert takes_run_state(my_orders)
    assert not takes_run_state(policy)
    assert not takes_run_state({"type": "web_search"})


@pytest.mark.parametrize(
    "middleware",
    [
        lambda **settings: ToolCacheMiddleware(":memory:", tools=["my_orders"], **settings),
        lambda **settings: CacheMiddleware(":memory:", cacheable_tools=["my_orders"], **settings),
    ],
    ids=["tool", "run"],
)
@pytest.mark.parametrize("settings", [{}, {"tenant": whose}], ids=["nobody said whose", "tenant"])
def test_nobody_gets_what_another_ones_run_was_given(middleware, settings):
    assert asked(middleware(**settings)) == ["orders of ann", "orders of bob", "orders of ann"]
