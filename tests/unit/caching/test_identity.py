"""Two values have one name exactly when they are equal; what has no lasting name is refused."""

import dataclasses
import enum
import gc
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents.middleware import AgentMiddleware
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr, create_model

from llmops_plugins.caching.identity import CannotNameError, digest, model_identity
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware
from tests.unit.caching.fakes import Cached, scripted


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


class Parameters(BaseModel):
    x: int


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.5, 1.0]),
    st.sampled_from(["", "1", "red", "enum", "secret", "set", "items", "bytes", "00", "\ud800"]),
    st.sampled_from([b"\0", Colour.RED, SecretStr("a"), Point(1), Parameters(x=1), frozenset([1]), Point]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "enum", "secret", "set", "1"]) | st.just(1), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def typed(value):
    """What Python itself calls different, where True == 1 == 1.0 and a str enum is its text."""
    if isinstance(value, dict):
        return "dict", frozenset((typed(key), typed(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(typed(item) for item in value)
    return type(value).__name__, repr(value)


@given(VALUES, VALUES)
def test_values_share_a_name_exactly_when_they_are_equal(one, other):
    assert (digest(one) == digest(other)) == (typed(one) == typed(other))


@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=2), st.randoms())
def test_the_order_of_a_mapping_does_not_count(value, random):
    keys = random.sample(list(value), len(value))
    assert digest(value) == digest({key: value[key] for key in keys})


def test_a_connection_has_no_name():
    with pytest.raises(CannotNameError, match="Connection has no name"):
        digest({"database": sqlite3.connect(":memory:")})


def test_a_class_is_another_when_its_fields_are():
    one, other = create_model("Answer", city=(str, ...)), create_model("Answer", country=(str, ...))
    assert one.__qualname__ == other.__qualname__
    assert digest(one) != digest(other)
    assert digest(one) == digest(create_model("Answer", city=(str, ...)))


def test_a_tool_is_what_a_model_is_told_of_it():
    def weather(city: str) -> str:
        """Tell the weather."""

    def described(city: str) -> str:
        """Tell the weather of a city."""

    def takes_more(city: str, day: str) -> str:
        """Tell the weather."""

    tools = [weather, described, takes_more]
    described.__name__ = takes_more.__name__ = "weather"
    assert len({digest(tool(one)) for one in tools}) == 3
    assert digest(tool(weather)) == digest(tool(weather))


# --- models --------------------------------------------------------------------------------------


def chat(**settings):
    return ChatOpenAI(**{"model": "gpt-4o", "api_key": "sk-" + "a" * 20, "temperature": 0, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "gpt-4o-mini"},
        {"temperature": 0.1},
        {"seed": 1},
        {"max_tokens": 5},
        {"base_url": "http://localhost/v1"},
        {"model_kwargs": {"logit_bias": {"1": 2}}},
    ],
    ids=str,
)
def test_a_model_with_another_parameter_is_another(settings):
    assert digest(model_identity(chat())) != digest(model_identity(chat(**settings)))


def test_who_pays_for_a_model_does_not_make_it_another():
    assert digest(model_identity(chat())) == digest(model_identity(chat(api_key="sk-" + "b" * 20)))


class OwnModel(ScriptedChatModel):
    """One that tells LangChain nothing of its parameters, as many written by hand do not."""

    temperature: float = 0.0


def test_a_model_that_does_not_say_what_identifies_it_is_known_by_its_fields():
    cold, warm = OwnModel(replies=["a"]), OwnModel(replies=["a"], temperature=1.0)
    assert digest(model_identity(cold)) == digest(model_identity(OwnModel(replies=["a"])))
    assert digest(model_identity(cold)) != digest(model_identity(warm))
    middleware = Cached().middleware
    wrapped = [with_middleware(model, middleware) for model in (cold, warm)]
    assert digest(model_identity(wrapped[0])) != digest(model_identity(wrapped[1]))


class Deployed(ScriptedChatModel):
    """One that names its parameters, and not where it runs."""

    endpoint: str = "north"

    @property
    def _identifying_params(self):
        return {"model": self.model_name}


def test_where_a_model_runs_counts_even_where_it_does_not_say_so():
    north, south = Deployed(replies=["a"]), Deployed(replies=["a"], endpoint="south")
    assert digest(model_identity(north)) != digest(model_identity(south))


def test_callbacks_tags_and_metadata_are_no_parameters():
    tagged = OwnModel(replies=["a"], tags=["nightly"], metadata={"team": "red"})
    assert digest(model_identity(tagged)) == digest(model_identity(OwnModel(replies=["a"])))


def test_a_binding_is_the_model_and_its_settings():
    model = scripted("a")
    assert digest(model_identity(model.bind(stop=["a"]))) != digest(model_identity(model.bind(stop=["b"])))
    with pytest.raises(CannotNameError, match="is no chat model"):
        model_identity(model.with_retry())


# --- models in middleware ------------------------------------------------------------------------


@dataclasses.dataclass
class Polite(AgentMiddleware):
    """Equal to another with the same word, and so without a hash."""

    word: str

    def wrap_model_call(self, request, handler):
        return handler(request)


Frozen = dataclasses.make_dataclass("Frozen", [("word", str)], bases=(AgentMiddleware,), frozen=True)


@pytest.mark.parametrize("kind", [Polite, Frozen])
def test_a_model_in_middleware_shares_a_name_with_itself_only(kind):
    first, second = kind("please"), kind("please")
    assert first == second  # though what they do to answers cannot be read from outside
    model = OwnModel(replies=["a"])
    wrapped = with_middleware(model, first)
    assert digest(model_identity(wrapped)) == digest(model_identity(wrapped))
    assert digest(model_identity(wrapped)) == digest(model_identity(with_middleware(model, first)))
    others = [model, with_middleware(model, second), with_middleware(model, first, second)]
    others.append(with_middleware(model, second, first))
    assert len({digest(model_identity(one)) for one in [wrapped, *others]}) == 5


def test_middleware_that_is_gone_leaves_its_name_to_nobody():
    model, names = OwnModel(replies=["a"]), set()
    for _ in range(50):  # in whose place in memory the next one is often put
        names.add(digest(model_identity(with_middleware(model, Polite("please")))))
        gc.collect(0)
    assert len(names) == 50


def test_middleware_that_cannot_be_told_from_others_is_no_name():
    class Slotted:
        __slots__ = ()
        name = "slotted"

    wrapped = with_middleware(OwnModel(replies=["a"])).model_copy(update={"middleware": (Slotted(),)})
    with pytest.raises(CannotNameError, match="a Slotted cannot be told from others"):
        model_identity(wrapped)
