"""A stored reply comes back as the model's response, with its structured output parsed again."""

import pytest
from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.replay import replay
from tests.unit.caching.fakes import request


class City(BaseModel):
    name: str


class Town(BaseModel):
    mayor: str


SCHEMA = {"title": "City", "type": "object", "properties": {"name": {"type": "string"}}}
UNTITLED = {"type": "object", "properties": {"name": {"type": "string"}}}


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    return "sunny"


def entry(*reply):
    return CacheEntry(question=None, reply=reply, usage=None, created_at=0.0)


def call(name, arguments, result="Done"):
    message = AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": "1"}])
    return entry(message, ToolMessage(result, tool_call_id="1")) if result else entry(message)


def replayed(one, response_format=None, **settings):
    return replay(one, request(response_format=response_format, **settings), "exact")


def test_plain_text_is_replayed_as_it_is():
    response = replayed(entry(AIMessage("Berlin.")))
    assert (response.result[0].text, response.structured_response) == ("Berlin.", None)


@pytest.mark.parametrize("strategy", [ToolStrategy, AutoStrategy])
@pytest.mark.parametrize(("schema", "parsed"), [(City, City(name="Berlin")), (SCHEMA, {"name": "Berlin"})])
def test_the_arguments_of_the_structured_call_are_parsed(strategy, schema, parsed):
    response = replayed(call("City", {"name": "Berlin"}), strategy(schema))
    assert response.structured_response == parsed
    assert response.result[1].tool_call_id == response.result[0].tool_calls[0]["id"]


@pytest.mark.parametrize("strategy", [ProviderStrategy, AutoStrategy])
@pytest.mark.parametrize(("schema", "parsed"), [(City, City(name="Berlin")), (SCHEMA, {"name": "Berlin"})])
def test_the_text_of_a_provider_is_parsed(strategy, schema, parsed):
    assert replayed(entry(AIMessage('{"name": "Berlin"}')), strategy(schema)).structured_response == parsed


def test_of_several_schemas_it_is_the_one_that_was_called():
    response = replayed(call("Town", {"mayor": "Ada"}), ToolStrategy(City | Town))
    assert response.structured_response == Town(mayor="Ada")


def test_a_schema_without_a_title_has_the_name_that_its_strategy_drew():
    strategy = ToolStrategy(UNTITLED)
    (spec,) = strategy.schema_specs
    assert replayed(call(spec.name, {"name": "Berlin"}), strategy).structured_response == {"name": "Berlin"}


@pytest.mark.parametrize(
    "one",
    [
        entry(AIMessage("Berlin, I think")),
        call("City", {"mayor": "Ada"}),
        call("Country", {"name": "Germany"}),
    ],
    ids=["no JSON", "other fields", "other schema"],
)
def test_what_does_not_parse_any_more_is_not_replayed(one):
    assert replayed(one, ToolStrategy(City)) is None


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy, AutoStrategy])
def test_a_call_of_the_agents_own_tools_is_a_step_and_no_output_yet(strategy):
    step = call("weather", {"city": "Berlin"}, result=None)
    response = replayed(step, strategy(City), tools=[weather])
    assert response.structured_response is None
    assert response.result[0].tool_calls[0]["name"] == "weather"
    assert replayed(call("weather", {"city": "Berlin"}), strategy(City), tools=[]) is None
