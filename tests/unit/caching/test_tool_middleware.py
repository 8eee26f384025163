import asyncio
import threading
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents.middleware.types import ToolCallRequest
from langchain.tools import InjectedToolCallId, ToolRuntime, tool
from langchain_core.messages import ToolMessage
from langgraph.errors import GraphInterrupt
from langgraph.prebuilt import InjectedState
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching import tool_middleware
from llmops_plugins.caching.tool_result import ToolResult, refusal_of_result, storable_result
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.events import BLOCKED_KEY
from llmops_plugins.storage.local_store import LocalStore


def ToolCacheMiddleware(*arguments, **settings):  # noqa: N802 - the class, for a tool that is given the state
    return tool_middleware.ToolCacheMiddleware(*arguments, **{"keys": lambda request: {}, **settings})


@tool
def search(
    query: str,
    runtime: ToolRuntime,
    state: Annotated[dict, InjectedState],
    tool_call_id: Annotated[str, InjectedToolCallId],
    limit: int = 3,
) -> str:
    """Search the handbook."""
    return query


def calling(arguments=None, *, call_id="1", named=search, context=None, state=None):
    call = {"name": named.name, "args": arguments or {"query": "x"}, "id": call_id, "type": "tool_call"}
    runtime = ToolRuntime(
        state=state, context=context, config={}, stream_writer=None, tool_call_id=call_id, store=None
    )
    return ToolCallRequest(tool_call=call, tool=named, state=state, runtime=runtime)


class Tool:
    """Stands for the tool: writes down the calls that reach it, and says what it is told."""

    def __init__(self, *replies):
        self.replies = replies or ("found",)
        self.calls = []

    def __call__(self, request):
        reply = self.replies[min(len(self.calls), len(self.replies) - 1)]
        self.calls.append(request.tool_call)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, str):
            return ToolMessage(reply, name=request.tool_call["name"], tool_call_id=request.tool_call["id"])
        return reply


class BrokenStore(InMemoryStore):
    def __init__(self, *, reads=True, writes=True):
        super().__init__()
        self.broken = {"GetOp": reads, "PutOp": writes}

    def batch(self, ops):
        ops = list(ops)
        if any(self.broken.get(type(op).__name__) for op in ops):
            raise OSError("disk full")
        return super().batch(ops)


@pytest.fixture(params=["LocalStore", "InMemoryStore"])
def store(request):
    return LocalStore(":memory:") if request.param == "LocalStore" else InMemoryStore()


@pytest.fixture
def cache(store):
    return ToolCacheMiddleware(store, tools=["search"])


def test_the_same_call_is_made_once_and_answered_under_its_own_id(cache):
    made = Tool("found")
    first = cache.wrap_tool_call(calling(call_id="1"), made)
    again = cache.wrap_tool_call(calling(call_id="2"), made)
    assert (len(made.calls), again.content, again.name, again.status) == (1, "found", "search", "success")
    assert (first.tool_call_id, again.tool_call_id) == ("1", "2")
    third = cache.wrap_tool_call(calling(call_id="3"), made)
    assert None is not again.id != third.id


def test_content_blocks_and_a_plain_artifact_come_back_as_they_were(cache):
    content = [{"type": "text", "text": "a"}, {"type": "json", "json": {"b": [1]}}, "c"]
    reply = ToolMessage(content, name="search", tool_call_id="1", artifact={"rows": [1, 2.5, None]})
    made = Tool(reply)
    cache.wrap_tool_call(calling(), made)
    again = cache.wrap_tool_call(calling(), made)
    assert (len(made.calls), again.content, again.artifact) == (1, content, reply.artifact)


def test_who_shares_a_result_can_change_it_without_changing_anothers():
    message = ToolMessage([{"type": "text", "text": "a"}], name="search", tool_call_id="1")
    result = ToolResult(message=message, tool="search", seconds=0.5, created_at=0.0)
    result.replayed("1").content[0]["text"] = "changed"
    assert result.replayed("2").text == "a"


def test_the_order_of_arguments_does_not_matter(cache):
    made = Tool()
    cache.wrap_tool_call(calling({"query": "x", "limit": 1}), made)
    cache.wrap_tool_call(calling({"limit": 1, "query": "x"}), made)
    assert len(made.calls) == 1


arguments = st.dictionaries(
    st.sampled_from(["query", "limit", "more"]),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), st.lists, max_leaves=3),
)


@given(arguments, arguments)
def test_other_arguments_never_share_a_result(one, other):
    cache = ToolCacheMiddleware(InMemoryStore(), tools=["search"])
    made = Tool()
    for args in (one, other):
        request = calling()
        cache.wrap_tool_call(request.override(tool_call={**request.tool_call, "args": args}), made)
    same = one == other and repr(sorted(one.items())) == repr(sorted(other.items()))  # True is no 1
    assert len(made.calls) == (1 if same else 2)


def test_what_is_injected_is_no_argument(cache):
    made = Tool()
    cache.wrap_tool_call(calling(state={"messages": ["a"]}, context=object()), made)
    cache.wrap_tool_call(calling(state={"messages": ["b"]}, context=object(), call_id="9"), made)
    assert len(made.calls) == 1


partitions = st.fixed_dictionaries(
    {"tenant": st.sampled_from("ab"), "corpus": st.sampled_from("ab"), "language": st.sampled_from("ab")}
)


@given(st.lists(partitions, min_size=2, max_size=6))
def test_results_never_cross_a_tenant_a_corpus_or_a_key(contexts):
    cache = ToolCacheMiddleware(
        InMemoryStore(),
        tools=["search"],
        tenant=lambda request: request.runtime.context["tenant"],
        corpus_version=lambda request: request.runtime.context["corpus"],
        keys=lambda request: {"language": request.runtime.context["language"]},
    )
    for context in contexts:
        reply = "/".join(context[name] for name in ("tenant", "corpus", "language"))
        assert cache.wrap_tool_call(calling(context=context), Tool(reply)).content == reply


def test_a_tool_with_another_description_or_schema_is_another_tool(cache):
    def search(query: str) -> str:
        """Search the handbook of 2020."""

    def with_year(query: str, year: int = 2020) -> str:
        """Search the handbook of 2020."""

    made = Tool()
    cache.wrap_tool_call(calling(), made)
    cache.wrap_tool_call(calling(named=tool(search)), made)
    cache.wrap_tool_call(calling(named=tool("search")(with_year)), made)
    assert len(made.calls) == 3


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({"tenant": lambda request: None}, None),
        ({"keys": lambda request: {"connection": object()}}, None),
        ({}, {"query": object()}),
    ],
)
def test_a_call_that_cannot_be_named_passes_by(settings, arguments, decisions):
    cache = ToolCacheMiddleware(InMemoryStore(), tools=["search"], **settings)
    made = Tool()
    for _ in range(2):
        cache.wrap_tool_call(calling(arguments), made)
    assert (len(made.calls), outcomes(decisions)) == (2, ["passed_by", "passed_by"])


def test_other_tools_pass_by_without_a_word(decisions):
    cache = ToolCacheMiddleware(InMemoryStore(), tools=["look_up"])
    made = Tool()
    for _ in range(2):
        cache.wrap_tool_call(calling(), made)
    assert (len(made.calls), decisions) == (2, [])


@pytest.mark.parametrize(
    "reply",
    [
        ToolMessage("no such page", tool_call_id="1", status="error"),
        ToolMessage("  ", tool_call_id="1"),
        ToolMessage([], tool_call_id="1"),
        ToolMessage([{"type": "image", "base64": "AAAA", "mime_type": "image/png"}], tool_call_id="1"),
        ToolMessage("x", tool_call_id="1", artifact=object()),
        ToolMessage("x", tool_call_id="1", artifact={1: "keys that JSON would change"}),
        ToolMessage("x", tool_call_id="1", artifact=float("nan")),
        ToolMessage("the key is sk-abcdefghijklmnop1234", tool_call_id="1"),
        ToolMessage("x", tool_call_id="1", artifact={"authorization": "Bearer abcdefghijklmnop"}),
        ToolMessage("blocked", tool_call_id="1", response_metadata={BLOCKED_KEY: "pii"}),
        Command(update={"messages": []}),
    ],
)
def test_what_is_never_stored(cache, reply, decisions):
    made = Tool(reply)
    for _ in range(2):
        assert cache.wrap_tool_call(calling(), made) is reply
    assert (len(made.calls), outcomes(decisions)) == (2, ["miss", "miss"])


def test_a_result_is_served_for_its_minutes(store, clock):
    cache = ToolCacheMiddleware(store, tools=["search", "other"], minutes={"search": 2, "other": None})
    object.__setattr__(cache.cache, "clock", clock)
    made = Tool()
    for now in (0, 119, 121):
        clock.now = now
        cache.wrap_tool_call(calling(), made)
    assert len(made.calls) == 2


def test_above_the_bound_the_oldest_go(clock):
    store = InMemoryStore()
    cache = ToolCacheMiddleware(store, tools=["search"], max_entries=10)
    object.__setattr__(cache.cache, "clock", clock)
    for number in range(30):
        clock.now = number
        cache.wrap_tool_call(calling({"query": str(number)}), Tool())
        assert BACKGROUND.drain(10)
    kept = {item.value["created_at"] for item in store.search(("llmops_cache",), limit=100)}
    assert len(kept) <= 11
    assert 29 in kept
    assert 0 not in kept


def test_tags_and_tenant_lie_beside_the_result_and_the_arguments_do_not():
    store = InMemoryStore()
    cache = ToolCacheMiddleware(
        store, tools=["search"], tenant="acme", tags=lambda request: ["b", "a", request.tool.name]
    )
    cache.wrap_tool_call(calling({"query": "private words"}), Tool())
    (item,) = store.search(("llmops_cache",))
    assert (item.value["tenant"], item.value["tags"]) == ("acme", ["a", "b", "search"])
    assert "private words" not in str(item)


def test_decisions_say_what_happened_and_nothing_of_what_was_said(cache, decisions):
    for _ in range(2):
        cache.wrap_tool_call(calling({"query": "private words"}), Tool("private result"))
    miss, hit = decisions
    assert [one["outcome"] for one in decisions] == ["miss", "exact_hit"]
    assert {one["capability"] for one in decisions} == {"tool_cache"}
    assert miss["details"].keys() == {"tool", "partition"}
    assert hit["details"].keys() == {"tool", "partition", "age_seconds", "tool_seconds", "reply"}
    assert hit["avoided"] is None
    assert hit["details"]["tool_seconds"] >= 0
    assert "private" not in str(decisions)


def test_a_store_that_fails_leaves_the_call_as_it_is(decisions):
    for broken in (BrokenStore(writes=False), BrokenStore(reads=False), BrokenStore()):
        cache = ToolCacheMiddleware(broken, tools=["search"])
        made = Tool()
        assert [cache.wrap_tool_call(calling(), made).content for _ in range(2)] == ["found", "found"]
        assert len(made.calls) == 2
        assert broken.search(()) == []  # a store that cannot be read is not written to
    assert outcomes(decisions) == ["failed_open"] * 6
    assert {one["reason"] for one in decisions} == {
        "OSError inside the tool cache's look-up",
        "OSError inside the tool cache's store",
    }


def test_a_user_function_that_fails_leaves_the_call_as_it_is(decisions):
    def fails(request):
        raise KeyError("user_id")

    for settings in ({"tenant": fails}, {"keys": fails}, {"tags": fails}):
        made = Tool()
        cache = ToolCacheMiddleware(InMemoryStore(), tools=["search"], **settings)
        assert cache.wrap_tool_call(calling(), made).content == "found"
        assert len(made.calls) == 1
    assert outcomes(decisions) == ["failed_open"] * 3


@pytest.mark.parametrize("value", [{}, {"version": 0}, {"version": 1, "reply": "x"}])
def test_what_cannot_be_read_is_a_miss(value):
    store = InMemoryStore()
    cache = ToolCacheMiddleware(store, tools=["search"])
    made = Tool()
    cache.wrap_tool_call(calling(), made)
    (item,) = store.search(("llmops_cache",))
    store.put(item.namespace, item.key, value)
    cache.wrap_tool_call(calling(), made)
    assert len(made.calls) == 2


@pytest.mark.parametrize("error", [ValueError("tool is down"), GraphInterrupt(), BudgetExceeded("too much")])
def test_what_a_tool_raises_goes_on_and_the_tool_is_called_once(cache, error):
    made = Tool(error, "found")
    with pytest.raises(type(error)):
        cache.wrap_tool_call(calling(), made)
    assert len(made.calls) == 1
    assert cache.wrap_tool_call(calling(), made).content == "found"  # nobody waits for the flight any more


def in_threads(cache, slow, calls):
    replies = []
    threads = [
        threading.Thread(
            target=lambda n=n: replies.append(cache.wrap_tool_call(calling(call_id=str(n)), slow))
        )
        for n in range(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return replies


class SlowTool(Tool):
    """One that waits until it is told to go on."""

    def __init__(self, *replies):
        super().__init__(*replies)
        self.go = threading.Event()
        self.counting = threading.Lock()

    def __call__(self, request):
        with self.counting:
            number = len(self.calls)
            self.calls.append(request.tool_call)
        self.go.wait(10)
        reply = self.replies[min(number, len(self.replies) - 1)]
        if isinstance(reply, BaseException):
            raise reply
        return ToolMessage(reply, name="search", tool_call_id=request.tool_call["id"])


@pytest.mark.parametrize("broken", [False, True])
def test_a_hundred_equal_calls_at_once_are_one(broken):
    cache = ToolCacheMiddleware(BrokenStore() if broken else InMemoryStore(), tools=["search"])
    slow = SlowTool()
    threading.Timer(3, slow.go.set).start()  # a busy machine takes a while to start a hundred threads
    replies = in_threads(cache, slow, 100)
    assert len(slow.calls) == 1
    assert {reply.tool_call_id for reply in replies} == {str(n) for n in range(100)}
    assert {reply.content for reply in replies} == {"found"}


def test_a_leader_that_fails_hands_over(cache):
    slow = SlowTool(ValueError("down"), "found")
    threading.Timer(0.3, slow.go.set).start()
    replies = []

    def one(number):
        try:
            replies.append(cache.wrap_tool_call(calling(call_id=str(number)), slow).content)
        except ValueError:
            replies.append("failed")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(slow.calls), sorted(replies)) == (2, ["failed"] + ["found"] * 9)


async def test_a_cancelled_waiter_cancels_nobody_and_a_cancelled_leader_hands_over(cache):
    calls, go = [], asyncio.Event()

    async def slow(request):
        calls.append(request.tool_call["id"])
        await go.wait()
        return ToolMessage("found", name="search", tool_call_id=request.tool_call["id"])

    tasks = [
        asyncio.create_task(cache.awrap_tool_call(calling(call_id=str(number)), slow)) for number in range(6)
    ]
    await asyncio.sleep(0.1)
    tasks[3].cancel()
    await asyncio.sleep(0.05)
    assert calls == ["0"]
    tasks[0].cancel()
    await asyncio.sleep(0.1)
    assert len(calls) == 2
    go.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one).__name__ for one in done] == [
        "CancelledError" if number in (0, 3) else "ToolMessage" for number in range(6)
    ]
    assert len(calls) == 2


def test_a_waiter_without_patience_makes_the_call_itself(decisions):
    cache = ToolCacheMiddleware(InMemoryStore(), tools=["search"], patience_seconds=0.05)
    slow = SlowTool()
    threading.Timer(0.5, slow.go.set).start()
    assert len(in_threads(cache, slow, 3)) == 3
    assert len(slow.calls) == 3
    assert outcomes(decisions) == ["miss"] * 3


def test_shadow_makes_every_call_and_says_what_would_have_been(decisions):
    cache = ToolCacheMiddleware(InMemoryStore(), tools=["search"], mode="shadow")
    made = Tool("found", "found", "changed")
    for _ in range(3):
        cache.wrap_tool_call(calling(), made)
        assert BACKGROUND.drain(10)
    assert len(made.calls) == 3
    assert [(one["outcome"], one["mode"], one["details"].get("differs")) for one in decisions] == [
        ("miss", "shadow", None),
        ("exact_hit", "shadow", False),
        ("exact_hit", "shadow", True),
    ]


def test_off_passes_by(decisions):
    store = InMemoryStore()
    cache = ToolCacheMiddleware(store, tools=["search"], mode="off")
    made = Tool()
    for _ in range(2):
        cache.wrap_tool_call(calling(), made)
    assert (len(made.calls), decisions, store.search(())) == (2, [], [])


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"tools": "search"}, "tools"),
        ({"tools": []}, "tools"),
        ({"tools": [search]}, "tools"),
        ({"mode": "loud"}, "mode"),
        ({"tags": "a"}, "tags"),
        ({"patience_seconds": 0}, "patience_seconds"),
        ({"max_entries": 0}, "max_entries"),
        ({"minutes": 0}, "minutes['search']"),
        ({"minutes": True}, "minutes['search']"),
        ({"minutes": {}}, "minutes['search']"),
        ({"minutes": {"search": 1, "serach": 1}}, "minutes['serach']"),
        ({"store": 7}, "store"),
    ],
)
def test_wrong_settings_are_named_when_it_is_built(settings, field):
    with pytest.raises(ConfigurationError) as raised:
        ToolCacheMiddleware(**{"store": ":memory:", "tools": ["search"], **settings})
    assert raised.value.field == field


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.text(min_size=1), plain_json)
def test_a_stored_result_is_what_the_tool_said(text, artifact):
    message = ToolMessage(text, name="search", tool_call_id="1", artifact=artifact)
    if refusal_of_result(message) is None:
        stored = ToolResult(message=storable_result(message), tool="search", seconds=0.5, created_at=0.0)
        read = ToolResult.from_value(stored.to_value())
        assert read == stored
        assert read.replayed("2").artifact == artifact


def outcomes(decisions):
    return [one["outcome"] for one in decisions]


@pytest.fixture
def decisions(monkeypatch):
    """The decisions that drivers dispatch; here there is no run that would carry them to a listener."""
    said = []
    monkeypatch.setattr("llmops_plugins.flow.dispatch_decision", lambda one: said.append(one.to_dict()))
    return said


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()
