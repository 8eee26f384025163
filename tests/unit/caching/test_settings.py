"""A setting that would keep a cache from ever caching is refused when it is built, by name."""

import functools

import pytest

from llmops_plugins.caching.freshness import Freshness
from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS
from llmops_plugins.caching.guards.numbers import NumbersAndUnits
from llmops_plugins.caching.llm_cache import SemanticLLMCache
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.tool_middleware import ToolCacheMiddleware
from llmops_plugins.errors import ConfigurationError
from tests.unit.caching.fakes import semantic


async def later(*_):
    return "x"


async def one_by_one(*_):
    yield "x"


class Later:
    name = "later"

    async def __call__(self, *_):
        return "x"


ASYNCHRONOUS = [later, one_by_one, functools.partial(later, 1), Later()]
FUNCTIONS = ("tenant", "corpus_version", "keys", "tags")


def refused(build, settings, field):
    with pytest.raises(ConfigurationError) as raised:
        build(**settings)
    assert raised.value.field == field
    return raised.value.problem


def tool_cache(**settings):
    return ToolCacheMiddleware(":memory:", tools=["search"], **settings)


def cache(**settings):
    return CacheMiddleware(":memory:", **settings)


def llm_cache(**settings):
    return SemanticLLMCache(":memory:", **settings)


@pytest.mark.parametrize("function", ASYNCHRONOUS, ids=["function", "generator", "partial", "object"])
@pytest.mark.parametrize(
    ("build", "field"),
    [*((cache, field) for field in (*FUNCTIONS, "admit")), *((tool_cache, field) for field in FUNCTIONS)],
)
def test_functions_that_would_have_to_be_awaited_are_refused(build, field, function):
    assert "asynchronous" in refused(build, {field: function}, field)


@pytest.mark.parametrize("build", [cache, tool_cache])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("keys", {"language": "de"}),
        ("keys", "language"),
        ("tenant", None),
        ("tenant", 7),
        ("corpus_version", 2.5),
        ("tags", 7),
        ("tags", ["a", 7]),
    ],
)
def test_what_is_neither_a_value_nor_a_function_is_refused(build, field, value):
    refused(build, {field: value}, field)


@pytest.mark.parametrize(
    ("build", "field", "value"),
    [
        (cache, "admit", True),
        (cache, "freshness", 5),
        (cache, "freshness", 0),
        (cache, "freshness", {"stable": 5}),
        (cache, "cacheable_tools", [len]),
        (cache, "cacheable_tools", 7),
        (cache, "cacheable_tools", "weather"),
        (llm_cache, "cacheable_tools", [len]),
        (llm_cache, "tags", [7]),
        (llm_cache, "minutes", 5),
        (tool_cache, "tools", [len]),
    ],
)
def test_values_of_another_type_are_refused(build, field, value):
    if field == "tools":
        build = functools.partial(ToolCacheMiddleware, ":memory:")
    refused(build, {field: value}, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recheck_share", 2),
        ("recheck_share", -0.1),
        ("recheck_share", True),
        ("recheck_share", float("nan")),
        ("rechecks_an_hour", -1),
        ("rechecks_an_hour", 1.5),
        ("rechecks_an_hour", True),
        ("guards", "numbers"),
        ("guards", NumbersAndUnits()),
        ("guards", ["numbers"]),
        ("guards", [NumbersAndUnits]),
        ("guards", [lambda question, stored: None]),
        ("guards", [Later()]),
    ],
)
def test_a_semantic_tier_refuses_what_it_could_not_use(field, value):
    refused(semantic, {field: value}, field)


@pytest.mark.parametrize(("field", "value"), [("minutes", 5), ("minutes", None), ("classify", 5)])
def test_freshness_needs_minutes_by_class(field, value):
    refused(Freshness, {field: value}, f"freshness.{field}")


def test_what_is_right_is_accepted_and_read_once():
    built = CacheMiddleware(
        ":memory:",
        tenant=lambda request: "ann",
        corpus_version="2",
        keys=functools.partial(dict),
        cacheable_tools=iter(["weather"]),
        freshness=Freshness(minutes={"stable": 5, "volatile": 0}),
        tags=(name for name in ["a", "b"]),
        admit=lambda request, message: True,
        semantic=semantic(recheck_share=1, rechecks_an_hour=0, guards=list(DEFAULT_GUARDS)),
    )
    assert built.cache.admission.cacheable_tools == {"weather"}
    assert built.cache.tags == ("a", "b")
    assert built.cache.semantic.guards == DEFAULT_GUARDS
