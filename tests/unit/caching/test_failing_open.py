"""Without a ledger nobody hears a decision, so whatever keeps a cache from working is logged, once."""

import pytest
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching.llm_cache import SemanticLLMCache
from llmops_plugins.caching.tool_middleware import ToolCacheMiddleware
from tests.unit.caching.fakes import Cached, scripted

SECRET = "sk-abcdefghijklmnopqrst"


class BrokenStore(InMemoryStore):
    def __init__(self, operation):
        super().__init__()
        self.operation = operation

    def batch(self, ops):
        ops = list(ops)
        if any(type(op).__name__ == self.operation for op in ops):
            raise OSError(f"disk full, said {SECRET}")
        return super().batch(ops)


def fails(*_):
    raise OSError(f"no such user, said {SECRET}")


def asked_of_an_agent(store, **settings):
    cached = Cached(store=store, **settings)
    return lambda: cached()


def asked_of_a_model(store, **settings):
    model = scripted("Berlin.", cache=SemanticLLMCache(store, **settings))
    return lambda: model.invoke("hi").text


@tool
def capital(country: str) -> str:
    """Return a country's capital."""


def asked_of_a_tool(store, **settings):
    cache = ToolCacheMiddleware(store, tools=["capital"], **settings)
    call = {"name": "capital", "args": {"country": "Germany"}, "id": "1", "type": "tool_call"}
    request = ToolCallRequest(tool_call=call, tool=capital, state={}, runtime=None)
    return lambda: cache.wrap_tool_call(request, lambda _: ToolMessage("Berlin.", tool_call_id="1")).text


@pytest.mark.parametrize("operation", ["GetOp", "PutOp"])
@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (asked_of_an_agent, "the cache's"),
        (asked_of_a_model, "the LLM cache's"),
        (asked_of_a_tool, "the tool cache's"),
    ],
)
def test_a_store_that_fails_is_logged_once_and_without_keys(asked, name, operation, warnings_logged):
    ask = asked(BrokenStore(operation))
    assert [ask() for _ in range(3)] == ["Berlin."] * 3
    (warning,) = warnings_logged()
    assert f"{name} {'look-up' if operation == 'GetOp' else 'store'} failed" in warning
    assert "OSError: disk full, said [secret]" in warning
    assert "check the store" in warning
    assert SECRET not in warning


@pytest.mark.parametrize(
    ("asked", "setting", "named"),
    [
        *((asked_of_an_agent, name, "tenant") for name in ("tenant", "corpus_version", "keys")),
        *((asked_of_an_agent, name, "admit") for name in ("admit", "tags")),
        (asked_of_a_tool, "tenant", "tool_cache"),
        (asked_of_a_tool, "tags", "tags"),
    ],
)
def test_a_users_function_that_fails_is_logged_once_and_without_keys(asked, setting, named, warnings_logged):
    ask = asked(InMemoryStore(), **{setting: fails})
    assert [ask() for _ in range(3)] == ["Berlin."] * 3
    (warning,) = warnings_logged()
    assert named in warning
    assert "OSError: no such user, said [secret]" in warning


def test_a_cache_that_works_says_nothing(warnings_logged):
    for asked in (asked_of_an_agent, asked_of_a_model, asked_of_a_tool):
        ask = asked(InMemoryStore())
        assert [ask() for _ in range(2)] == ["Berlin."] * 2
    assert asked_of_an_agent(InMemoryStore(), tenant=lambda request: None)() == "Berlin."
    assert warnings_logged() == []
