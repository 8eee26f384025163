from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import pytest
from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from llmops_plugins import MatchesSchema
from llmops_plugins.errors import ConfigurationError


class Card(BaseModel):
    """One way to pay."""

    kind: Literal["card"]
    number: str


class Cash(BaseModel):
    """Another."""

    kind: Literal["cash"]


class Order(BaseModel):
    """What a shop is asked to send."""

    model_config = ConfigDict(strict=True)

    total: float = Field(alias="sum")
    day: date
    payment: Annotated[Card | Cash, Field(discriminator="kind")] | None = None
    note: str | None = None

    @field_validator("note")
    @classmethod
    def is_polite(cls, note: str | None) -> str | None:
        if note == "interrupt":
            raise GraphInterrupt(())
        if note:
            raise ValueError(f"{note} is not polite")
        return note


GOOD = '{"sum": 12.5, "day": "2026-01-31"}'
SCHEMA = {"type": "object", "required": ["sum"], "properties": {"sum": {"type": "number"}}}


def fenced(text, language="json"):
    return f"Here you are:\n```{language}\n{text}\n```\nAnything else?"


@pytest.mark.parametrize("schema", [Order, SCHEMA])
@pytest.mark.parametrize("text", [GOOD, f"\n {GOOD}\n", fenced(GOOD), fenced(GOOD, language="")])
def test_text_that_fits_is_accepted_bare_or_fenced(judge, schema, text):
    verdict = judge(MatchesSchema(schema), text)
    assert (verdict.outcome, verdict.reason) == ("accept", "the structured output fits its schema")


@pytest.mark.parametrize("schema", [Order, SCHEMA])
@pytest.mark.parametrize(
    "text", ["", "I cannot say.", f"Sure: {GOOD}", GOOD[:-1], fenced(GOOD) + fenced(GOOD), "[" * 100_000]
)
def test_text_that_is_no_json_is_rejected(judge, schema, text):
    verdict = judge(MatchesSchema(schema), text)
    assert (verdict.outcome, verdict.reason) == ("reject", "the reply is not JSON")


def test_fences_inside_a_string_are_part_of_it(judge):
    text = '{"sum": 1, "note": "```\\nx\\n```"}'
    assert judge(MatchesSchema(SCHEMA), text).accepted
    assert judge(MatchesSchema(SCHEMA), fenced(text)).accepted


@pytest.mark.parametrize(
    ("schema", "text", "reason"),
    [
        (SCHEMA, '{"sum": "12"}', "sum is not of type number"),
        (SCHEMA, "{}", "sum is required"),
        (Order, '{"sum": "12", "day": "2026-01-31"}', "sum: Input should be a valid number"),
        (Order, '{"day": "2026-01-31"}', "sum: Field required"),
        (Order, "[]", "*: Input should be an object"),
    ],
)
def test_what_does_not_fit_is_located(judge, schema, text, reason):
    verdict = judge(MatchesSchema(schema), text)
    assert (verdict.outcome, verdict.reason) == ("reject", reason)


class Anything(BaseModel):
    """Takes fields of any name, if they are numbers."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (Order, '{"sum": 1, "day": "2026-01-31", "note": "SECRET"}'),
        (Order, '{"sum": 1, "day": "SECRET"}'),
        (Order, '{"sum": 1, "day": "2026-01-31", "payment": {"kind": "SECRET"}}'),
        (RootModel[dict[str, int]], '{"SECRET": "x"}'),
        (Anything, '{"SECRET": "x"}'),
        ({"additionalProperties": {"type": "integer"}}, '{"SECRET": "x"}'),
        ({"enum": ["a"]}, '"SECRET"'),
        (SCHEMA, "SECRET"),
    ],
)
def test_reasons_never_quote_the_reply(judge, schema, text):
    verdict = judge(MatchesSchema(schema), text)
    assert verdict.outcome == "reject"
    assert "SECRET" not in verdict.reason


def response(structured, message=None):
    return ModelResponse(result=[message or AIMessage("done")], structured_response=structured)


@pytest.mark.parametrize(
    "structured",
    [
        Order.model_validate_json(GOOD),
        {"sum": 12.5, "day": date(2026, 1, 31)},
    ],
)
@pytest.mark.parametrize("schema", [Order, SCHEMA])
def test_a_structured_response_goes_before_the_text(decide, schema, structured):
    assert decide(MatchesSchema(schema), response(structured)).accepted


def test_a_structured_response_of_another_form_is_rejected(decide):
    verdict = decide(MatchesSchema(Order), response(Cash(kind="cash")))
    assert (verdict.outcome, verdict.reason) == ("reject", "sum: Field required")
    assert decide(MatchesSchema(SCHEMA), response(object())).reason == "the structured response is not JSON"


def test_a_reply_that_calls_tools_is_for_another_verifier(decide):
    message = AIMessage("", tool_calls=[{"name": "Order", "args": {}, "id": "1"}])
    assert decide(MatchesSchema(SCHEMA), message).outcome == "abstain"
    assert decide(MatchesSchema(SCHEMA), response({"sum": 1}, message)).accepted


def test_a_reply_without_a_message_is_rejected(decide):
    assert decide(MatchesSchema(SCHEMA), ModelResponse(result=[])).outcome == "reject"


def test_an_interrupt_in_a_validator_passes_through(judge):
    with pytest.raises(GraphInterrupt):
        judge(MatchesSchema(Order), '{"sum": 1, "day": "2026-01-31", "note": "interrupt"}')


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "zz"}, "schema: type must be one of array, boolean, .*, string, got 'zz'"),
        ({"type": ["string", "int"]}, "schema: type must be one of .*, got 'int'"),
        ({"type": None}, "schema: type must be one of .*, got None"),
        ({"properties": {"total": {"type": "float"}}}, "schema: type at total must be .*, got 'float'"),
        ({"items": {"anyOf": [{}, {"type": "str"}]}}, r"schema: type at items.anyOf\[1\] must be .*'str'"),
        ({"$defs": {"Sum": {"type": "sum"}}}, "schema: type at Sum must be .*, got 'sum'"),
    ],
)
def test_a_type_that_there_is_not_is_refused_when_built(schema, problem):
    with pytest.raises(ConfigurationError, match=problem):
        MatchesSchema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["object", "null"], "properties": {"type": {"enum": ["zz"]}}},
        {"const": {"type": "zz"}},
        {"items": False},
        {},
    ],
)
def test_a_member_called_type_is_no_type(schema):
    assert MatchesSchema(schema).schema == schema


@pytest.mark.parametrize("schema", [None, "Order", dict, Order.model_validate_json(GOOD)])
def test_what_is_no_schema_is_refused(schema):
    with pytest.raises(ConfigurationError, match="schema: must be a pydantic model class or a JSON schema"):
        MatchesSchema(schema)
