"""Structured output goes through the middleware, by whichever way the answering model parses."""

import asyncio

import pytest
from langchain.agents import create_agent
from pydantic import BaseModel, ValidationError

from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware


class Person(BaseModel):
    """A person."""

    name: str


GOOD = {"name": "Person", "args": {"name": "Ada"}, "id": "1"}
BAD = {"name": "Person", "args": {"nom": "Ada"}, "id": "1"}

WAYS = {
    "invoke": lambda model: model.invoke("hi"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("hi")),
    "stream": lambda model: list(model.stream("hi"))[-1],
    "batch": lambda model: model.batch(["hi"])[0],
}


@pytest.fixture(params=WAYS)
def call(request):
    return WAYS[request.param]


@pytest.fixture
def people(scenario):
    return scenario.calling(GOOD)


def test_the_parsed_value_comes_out(people, call):
    assert call(people.wrapped.with_structured_output(Person)) == Person(name="Ada")
    assert len(people.cheap.calls) == 1
    assert len(people.strong.calls) == len(people.models) - 1


def test_the_raw_message_comes_with_it_where_asked_for(people, call):
    output = call(people.wrapped.with_structured_output(Person, include_raw=True))
    assert output["parsed"] == Person(name="Ada")
    assert output["parsing_error"] is None
    assert output["raw"].tool_calls[0]["args"] == {"name": "Ada"}


def test_a_json_schema_gives_plain_data(people, call):
    schema = {**Person.model_json_schema(), "description": "A person."}
    assert call(people.wrapped.with_structured_output(schema)) == {"name": "Ada"}


def test_what_does_not_parse_is_raised_or_reported(scenario, call):
    model = scenario.calling(BAD).wrapped
    with pytest.raises(ValidationError):
        call(model.with_structured_output(Person))
    output = call(scenario.calling(BAD).wrapped.with_structured_output(Person, include_raw=True))
    assert output["parsed"] is None
    assert isinstance(output["parsing_error"], ValidationError)
    assert "llmops_parsing_error" not in output["raw"].response_metadata


def test_every_model_run_is_seen_once(people, listener):
    people.wrapped.with_structured_output(Person).invoke("hi", {"callbacks": [listener]})
    assert listener.model_names == people.models
    assert listener.outcomes == [people.outcome]


def test_it_works_around_a_model_in_middleware_as_well(people):
    outer = with_middleware(people.wrapped)
    assert outer.with_structured_output(Person).invoke("hi") == Person(name="Ada")


def test_in_a_chain_with_retries_and_fallbacks(people):
    model = people.wrapped.with_structured_output(Person)
    assert model.with_retry().invoke("hi") == Person(name="Ada")
    fallback = ScriptedChatModel(replies=["no"]).with_structured_output(Person)
    again = people.calling(GOOD).wrapped.with_structured_output(Person).with_fallbacks([fallback])
    assert again.invoke("hi") == Person(name="Ada")


@pytest.mark.parametrize("adapter", ["middleware", "model"])
@pytest.mark.parametrize("method", ["invoke", "ainvoke"])
def test_an_agents_response_format_is_filled(people, adapter, method):
    if adapter == "middleware":
        agent = create_agent(people.users, [], middleware=[people.middleware], response_format=Person)
    else:
        agent = create_agent(people.wrapped, [], response_format=Person)
    question = {"messages": [("user", "who?")]}
    state = agent.invoke(question) if method == "invoke" else asyncio.run(agent.ainvoke(question))
    assert state["structured_response"] == Person(name="Ada")
