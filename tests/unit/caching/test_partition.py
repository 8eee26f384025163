"""Requests that differ in anything that may change an answer never share one; all others do."""

from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents.middleware.types import ModelResponse
from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import StructuredTool
from pydantic import create_model

from llmops_plugins.caching.identity import CannotNameError
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.partition import PartitionRule
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.caching.fakes import (
    IN_OTHER_WORDS,
    QUESTION,
    SameForAll,
    indexed,
    request,
    scripted,
    semantic,
)


class Model(ScriptedChatModel):
    temperature: float = 0.0


def a_tool(name, description, argument):
    schema = create_model("Arguments", **{argument: (str, ...)})
    return StructuredTool.from_function(
        lambda **arguments: "", name=name, description=description, args_schema=schema
    )


def formats():
    answer, other = create_model("Answer", city=(str, ...)), create_model("Answer", country=(str, ...))
    strategies = [
        ToolStrategy(answer),
        ToolStrategy(other),
        ToolStrategy(answer, tool_message_content="Done"),
    ]
    return [
        None,
        *strategies,
        ProviderStrategy(answer),
        ProviderStrategy(answer, strict=True),
        AutoStrategy(answer),
    ]


FIELDS = {
    "tenant": ["ada", "bob", ""],
    "corpus_version": ["1", "2"],
    "keys": [{}, {"language": "de"}, {"language": "en"}, {"language": None}],
    "model_name": ["small", "large"],
    "temperature": [0.0, 1.0],
    "model_settings": [{}, {"stop": ["a"]}, {"stop": "a"}],
    "system": [None, "", "Be brief.", "Be brief"],
    "leading_system": [None, "Be kind."],
    "tools": [
        [],
        [("a", "b", "c")],
        [("x", "b", "c")],
        [("a", "x", "c")],
        [("a", "b", "x")],
        [("a", "b", "c"), ("x", "b", "c")],
        [("x", "b", "c"), ("a", "b", "c")],
    ],
    "tool_choice": [None, "auto", "any"],
    "response_format": formats(),
}
PARTS = st.fixed_dictionaries({name: st.integers(0, len(values) - 1) for name, values in FIELDS.items()})


def chosen(parts):
    return {name: FIELDS[name][index] for name, index in parts.items()}


def asked(parts, question):
    values = chosen(parts)
    leading = [SystemMessage(values["leading_system"])] if values["leading_system"] else []
    return request(
        messages=[*leading, HumanMessage(question)],
        model=Model(replies=["x"], model_name=values["model_name"], temperature=values["temperature"]),
        model_settings=values["model_settings"],
        system_message=None if values["system"] is None else SystemMessage(values["system"]),
        tools=[a_tool(*one) for one in values["tools"]],
        tool_choice=values["tool_choice"],
        response_format=values["response_format"],
        state={name: values[name] for name in ("tenant", "corpus_version", "keys")},
    )


def replies_of(strategy):
    if strategy is None:
        return ModelResponse(result=[AIMessage("Berlin.")])
    field = next(iter(strategy.schema.model_fields))
    return ModelResponse(
        result=[AIMessage(f'{{"{field}": "Berlin"}}')],
        structured_response=strategy.schema(**{field: "Berlin"}),
    )


def middleware():
    tier = semantic(SameForAll(), threshold=0.01)
    return CacheMiddleware(
        indexed(tier),
        semantic=tier,
        tenant=lambda request: request.state["tenant"],
        corpus_version=lambda request: request.state["corpus_version"],
        keys=lambda request: request.state["keys"],
    )


def is_shared(first, second, question):
    """Whether the answer to the first request is also given to the second, asked in these words."""
    cache, calls = middleware(), []

    def answer(request):
        calls.append(request)
        return replies_of(request.response_format)

    cache.wrap_model_call(asked(first, QUESTION), answer)
    cache.wrap_model_call(asked(second, question), answer)
    return len(calls) == 1


@given(PARTS, PARTS, st.sampled_from([QUESTION, IN_OTHER_WORDS]))
@settings(max_examples=60)
def test_answers_are_shared_exactly_by_requests_that_are_equal_in_all(first, second, question):
    assert is_shared(first, second, question) == (first == second)


@given(PARTS, st.data(), st.sampled_from([QUESTION, IN_OTHER_WORDS]))
@settings(max_examples=150)
def test_one_difference_is_enough_to_share_nothing_and_none_to_share(parts, data, question):
    name = data.draw(st.sampled_from(sorted(FIELDS)))
    other = data.draw(st.integers(0, len(FIELDS[name]) - 1))
    assert is_shared(parts, {**parts, name: other}, question) == (parts[name] == other)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("others", [0, -1], ids=["beside the first values", "beside the last values"])
def test_every_two_values_of_every_field_are_apart(name, others):
    plain = dict.fromkeys(FIELDS, others)
    rule = middleware().cache.partition
    identities = {
        rule(asked({**plain, name: index}, QUESTION)).identity for index in range(len(FIELDS[name]))
    }
    assert len(identities) == len(FIELDS[name])


def test_a_partition_knows_whose_it_is_and_where_it_lies():
    partition = PartitionRule(tenant="ada", corpus_version="7")(request())
    assert (partition.tenant, partition.corpus_version) == ("ada", "7")
    assert partition.namespace == ("llmops_cache", ANY)


@pytest.mark.parametrize(
    "rule",
    [
        PartitionRule(tenant=lambda request: None),
        PartitionRule(corpus_version=lambda request: 7),
        PartitionRule(keys=lambda request: ["de"]),
        PartitionRule(keys=lambda request: {"connection": object()}),
    ],
)
def test_what_cannot_be_told_is_not_guessed(rule):
    with pytest.raises(CannotNameError):
        rule(request(model=scripted("a")))


def test_a_response_format_is_the_same_however_often_it_is_written():
    untitled = {"type": "object", "properties": {"city": {"type": "string"}}}
    one, other = create_model("One", city=(str, ...)), create_model("Other", country=(str, ...))
    for build in (
        lambda: ToolStrategy(untitled),
        lambda: AutoStrategy(one),
        lambda: ToolStrategy(one | other),
    ):
        first, again = (PartitionRule()(request(response_format=build())) for _ in range(2))
        assert first == again
