from contextlib import closing

import pytest

from llmops_plugins.demo.agent import build_support_agent
from llmops_plugins.demo.cache import Served, count_served, open_cache_store, support_cache
from llmops_plugins.demo.shop import open_shop, shop_tools
from llmops_plugins.testing import ScriptedChatModel


@pytest.fixture
def ask():
    """Ask an agent with the demo's cache; it answers each question anew with the next number."""
    model = ScriptedChatModel(replies=["1", "2", "3"])
    with closing(open_cache_store()) as store, closing(open_shop()) as shop:
        agent = build_support_agent(model, shop, [support_cache(store)])
        yield lambda text: agent.invoke({"messages": [("user", text)]})["messages"][-1].text


def test_the_same_question_is_answered_once_however_it_is_asked(ask):
    asked = ["Do gift cards expire?", "Do gift cards expire?", "Do your gift cards expire, please?"]
    assert [ask(text) for text in asked] == ["1", "1", "1"]


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("Where is my order A1049?", "Where is my order A1050?"),
        ("Do you have any lamps under $100?", "Do you have any lamps under $200?"),
        ("Can I still return order A1042?", "Can I still return order A1024?"),
        ("How much is the Halo floor lamp?", "How much is the Juniper desk lamp?"),
    ],
)
def test_a_question_that_only_looks_the_same_is_asked(ask, question, other):
    assert [ask(question), ask(other)] == ["1", "2"]


def test_every_tool_of_the_shop_only_reads_and_is_declared_so():
    with closing(open_shop()) as shop, closing(open_cache_store()) as store:
        names = {tool.name for tool in shop_tools(shop)}
        assert support_cache(store).cache.admission.cacheable_tools == names


def test_what_was_served_is_counted_by_tier():
    answers = [
        ("first", None, True),
        ("repeat", "exact", True),
        ("trap", "semantic", False),
        ("trap", None, True),
    ]
    assert count_served(answers) == {
        "first": Served(asked=1, exact=0, semantic=0, right=0),
        "repeat": Served(asked=1, exact=1, semantic=0, right=1),
        "trap": Served(asked=2, exact=0, semantic=1, right=0),
    }
