"""What makes a card, and which are refused."""

from typing import Annotated

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import InjectedToolArg, tool
from pydantic import BaseModel

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.planning.experts.expert import checked_experts
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.planning.expert_stubs import card


class Sentence(BaseModel):
    text: str


def untyped(text):
    return text


def many(*texts: str):
    return texts


@tool
def inbox(state: Annotated[dict, InjectedToolArg]) -> str:
    """Read the inbox."""
    return ""


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("name", {"name": " "}),
        ("kinds", {"kinds": []}),
        ("kinds", {"kinds": "translate"}),
        ("kinds", {"kinds": [" "]}),
        ("runnable", {"runnable": 3}),
        ("arguments", {"arguments": None}),
        ("arguments", {"arguments": None, "runnable": ScriptedChatModel(replies=[""])}),
        ("arguments", {"arguments": None, "runnable": RunnableLambda(lambda given: given)}),
        ("arguments", {"arguments": {"type": "array"}}),
        ("arguments", {"arguments": {"type": "object", "properties": {"a": {"type": "int"}}}}),
        ("arguments", {"arguments": 3}),
        ("output", {"output": {"type": "text"}}),
        ("output", {"output": {"type": "array"}, "runnable": "openai:gpt-4o-mini"}),
        ("output", {"output": Sentence, "runnable": ScriptedChatModel(replies=[""]).bind(stop=["."])}),
        ("runnable", {"arguments": None, "runnable": untyped}),
        ("runnable", {"arguments": None, "runnable": many}),
        ("runnable", {"arguments": None, "runnable": inbox}),
        ("cost_usd", {"cost_usd": -1}),
        ("cost_usd", {"cost_usd": float("nan")}),
        ("latency_seconds", {"latency_seconds": "2"}),
        ("timeout", {"timeout": 0}),
        ("max_input_tokens", {"max_input_tokens": 0}),
        ("healthy", {"healthy": True}),
    ],
)
def test_a_wrong_card_is_refused_by_the_name_of_the_field(field, settings):
    with pytest.raises(ConfigurationError) as refused:
        card(**{"name": "it", **settings})
    assert refused.value.field in (field, f"experts.it.{field}")
    assert "\n" not in str(refused.value)


def test_experts_are_refused_where_there_is_none_or_two_have_one_name():
    with pytest.raises(ConfigurationError, match="experts: is empty"):
        checked_experts([])
    with pytest.raises(ConfigurationError, match="two are called 'it'"):
        checked_experts([card("it", runnable=len), card("other", runnable=len), card("it", runnable=len)])
    with pytest.raises(ConfigurationError, match=r"experts\[0\]: must be an Expert"):
        checked_experts([len])


def test_a_card_without_a_runnable_can_be_planned_with_and_not_run():
    (planned,) = checked_experts([card("it")], need_runnable=False)
    assert planned.sort is None
    with pytest.raises(ConfigurationError, match=r"experts\.it\.runnable: is missing"):
        planned.asked()
    with pytest.raises(ConfigurationError, match=r"experts\.it\.runnable: is missing"):
        checked_experts([planned])


def test_arguments_can_be_a_pydantic_model():
    assert card("it", arguments=Sentence).spec.argument_schema["required"] == ["text"]


def test_a_models_price_and_room_are_looked_up_where_the_card_says_neither():
    prices = (Price(input=2.0, output=10.0),)
    spec = ModelSpec(name="small", model="openai:small-1", prices=prices, context_window=4_000)
    named = card("named", runnable="openai:small-1")
    behind = card(
        "behind",
        model=ScriptedChatModel(replies=[""], model_name="small", provider="openai"),
        runnable=lambda text: text,
    )
    said = card("said", runnable="openai:small-1", cost_usd=0.5, max_input_tokens=10)
    unknown = card("unknown", runnable="openai:nobody-knows-this")
    experts = checked_experts(
        [named, behind, said, unknown], registry=ModelRegistry([spec]), need_runnable=False
    )
    assert [one.cost_usd for one in experts] == pytest.approx([0.004, 0.004, 0.5, None])
    assert [one.max_input_tokens for one in experts] == [4_000, 4_000, 10, None]


def test_kinds_are_kept_once_each_in_their_order():
    assert card("it", kinds=["b", "a", "b"]).kinds == ("b", "a")
