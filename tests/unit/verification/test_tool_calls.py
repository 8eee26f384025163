from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langchain.tools import ToolRuntime, tool
from langchain_core.messages import AIMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, Tool
from langgraph.errors import GraphInterrupt
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, ConfigDict, Field, field_validator

from llmops_plugins.verification.tool_calls import ValidToolCalls


@tool
def search(query: str, limit: int = 5, order: Literal["new", "old"] = "new") -> str:
    """Search the archive."""
    return ""


@tool
def remember(
    fact: str,
    state: Annotated[dict, InjectedState],
    call_id: Annotated[str, InjectedToolCallId],
    runtime: ToolRuntime,
) -> str:
    """Keep a fact."""
    return ""


class Booking(BaseModel):
    """A booked table."""

    model_config = ConfigDict(extra="forbid")

    guests: int = Field(gt=0)
    name: str

    @field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        if name == "nobody":
            raise ValueError("nobody books")
        if name == "crash":
            raise KeyError("crash")
        return name


@tool(args_schema=Booking)
def book(guests: int, name: str) -> str:
    """Book a table."""
    return ""


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def call(name: str, /, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}"}])


def test_a_reply_without_tool_calls_is_left_to_others(judge):
    verdict = judge(ValidToolCalls(), "The archive is empty.", tools=[search])
    assert (verdict.outcome, verdict.reason) == ("abstain", "made no tool call")


def test_calls_that_fit_are_accepted(judge):
    message = AIMessage(
        "",
        tool_calls=[
            {"name": "search", "args": {"query": "rain", "limit": 3}, "id": "1"},
            {"name": "book", "args": {"guests": 2, "name": "Ada"}, "id": "2"},
        ],
    )
    verdict = judge(ValidToolCalls(), message, tools=[search, book])
    assert (verdict.outcome, verdict.reason) == ("accept", "the arguments fit the schema of search, book")


def test_one_bad_call_among_good_ones_rejects(judge):
    message = AIMessage(
        "",
        tool_calls=[
            {"name": "search", "args": {"query": "rain"}, "id": "1"},
            {"name": "search", "args": {}, "id": "2"},
        ],
    )
    assert judge(ValidToolCalls(), message, tools=[search]).outcome == "reject"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (call("find", query="rain"), "calls a tool that does not exist"),
        (call("search"), "search: argument query: Field required"),
        (
            call("search", query="rain", limit="many"),
            "search: argument limit: Input should be a valid integer",
        ),
        (call("search", query="rain", order="odd"), "search: argument order: Input should be 'new' or 'old'"),
        (call("book", guests=0, name="Ada"), "book: argument guests: Input should be greater than 0"),
        (call("book", guests=2, name="Ada", vip=True), "book: argument *: Extra inputs are not permitted"),
        (call("book", guests=2, name="nobody"), "book: argument name: its validator refuses the value"),
        (call("book", guests=2, name="crash"), "book: argument *: its check raised KeyError"),
    ],
)
def test_a_bad_call_is_rejected_by_tool_and_argument(judge, message, reason):
    verdict = judge(ValidToolCalls(), message, tools=[search, book])
    assert verdict.outcome == "reject"
    assert verdict.reason.startswith(reason)


def test_arguments_that_cannot_be_parsed_are_rejected(judge):
    message = AIMessage(
        "",
        invalid_tool_calls=[
            {"name": "search", "args": '{"query": ', "id": "1", "error": None, "type": "invalid_tool_call"}
        ],
    )
    verdict = judge(ValidToolCalls(), message, tools=[search])
    assert (verdict.outcome, verdict.reason) == (
        "reject",
        "the arguments of a tool call cannot be parsed",
    )


def test_injected_arguments_are_not_asked_of_the_model(judge):
    assert judge(ValidToolCalls(), call("remember", fact="it rains"), tools=[remember]).accepted
    assert judge(ValidToolCalls(), call("remember"), tools=[remember]).reason.startswith(
        "remember: argument fact"
    )


@pytest.mark.parametrize(
    "declaration",
    [
        {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}},
        {"type": "function", "name": "weather", "parameters": SCHEMA},
        {"name": "weather", "description": "", "input_schema": SCHEMA},
        {"title": "weather", "description": "", **SCHEMA},
        StructuredTool(name="weather", description="", args_schema=SCHEMA),
    ],
    ids=["openai", "responses", "anthropic", "json_schema", "mcp"],
)
def test_a_tool_declared_by_json_schema_is_checked_against_it(judge, declaration):
    assert judge(ValidToolCalls(), call("weather", city="Ham"), tools=[declaration]).accepted
    for arguments, problem in [
        ({}, "city is required"),
        ({"city": 3}, "city is not of type string"),
        ({"city": "Ham", "when": "now"}, "* holds what is not allowed"),
    ]:
        verdict = judge(ValidToolCalls(), call("weather", **arguments), tools=[declaration])
        assert (verdict.outcome, verdict.reason) == ("reject", f"weather: argument {problem}")


def test_a_tool_of_one_string_takes_what_the_model_was_shown(judge):
    count = Tool(name="count", func=len, description="Count letters.")
    assert judge(ValidToolCalls(), call("count", __arg1="rain"), tools=[count]).accepted
    assert not judge(ValidToolCalls(), call("count", word="rain"), tools=[count]).accepted


@pytest.mark.parametrize(
    ("declaration", "name"),
    [
        ({"type": "web_search_20250305", "name": "web_search"}, "web_search"),
        ({"type": "web_search"}, "web_search"),
        ({"google_search": {}}, "google_search"),
    ],
)
def test_a_providers_own_tool_has_no_schema_here_and_passes(judge, declaration, name):
    assert judge(ValidToolCalls(), call(name, anything=1), tools=[declaration]).accepted
    assert not judge(ValidToolCalls(), call("other", anything=1), tools=[declaration]).accepted


@pytest.mark.parametrize("strategy", [ToolStrategy, AutoStrategy, lambda schema: schema])
@pytest.mark.parametrize("schema", [Booking, {"title": "Booking", **Booking.model_json_schema()}])
def test_a_structured_output_schema_is_a_tool(judge, strategy, schema):
    response_format = strategy(schema)
    good, bad = call("Booking", guests=2, name="Ada"), call("Booking", guests="two", name="Ada")
    assert judge(ValidToolCalls(), good, response_format=response_format).accepted
    assert judge(ValidToolCalls(), bad, response_format=response_format).reason.startswith(
        "Booking: argument guests"
    )
    assert judge(ValidToolCalls(), call("Other"), response_format=response_format).outcome == "reject"


def test_each_schema_of_a_union_is_a_tool(judge):
    class Refusal(BaseModel):
        """Why not."""

        why: str

    response_format = ToolStrategy(Booking | Refusal)
    assert judge(ValidToolCalls(), call("Refusal", why="full"), response_format=response_format).accepted


def test_a_schema_without_a_title_goes_by_a_made_up_name(judge):
    untitled = AutoStrategy(
        {"type": "object", "required": ["why"], "properties": {"why": {"type": "string"}}}
    )
    assert judge(
        ValidToolCalls(), call("response_format_12ab", why="full"), response_format=untitled
    ).accepted
    assert not judge(ValidToolCalls(), call("response_format_12ab"), response_format=untitled).accepted


def test_native_structured_output_is_no_tool(judge):
    message = call("Booking", guests=2, name="Ada")
    assert not judge(ValidToolCalls(), message, response_format=ProviderStrategy(Booking)).accepted


def test_an_interrupt_in_a_validator_passes_through(judge):
    class Asks(BaseModel):
        """Asks."""

        name: str

        @field_validator("name")
        @classmethod
        def ask(cls, name: str) -> str:
            raise GraphInterrupt(())

    @tool(args_schema=Asks)
    def asks(name: str) -> str:
        """Ask."""
        return ""

    with pytest.raises(GraphInterrupt):
        judge(ValidToolCalls(), call("asks", name="Ada"), tools=[asks])
