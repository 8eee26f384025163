import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import FakeListLLM
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.freshness import Freshness
from llmops_plugins.caching.llm_cache import LLM_CACHE_TAG, SemanticLLMCache
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.storage.local_store import LocalStore
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

SIZE = 256
QUESTION = "What is the capital of Germany?"
REWORDED = "What is Germany's capital?"


class BagOfWords(Embeddings):
    """Hashes words into places of a vector; ``broken`` makes it fail."""

    broken = False

    def embed_query(self, text):
        if self.broken:
            raise ConnectionError("no embeddings today")
        vector = [0.0] * SIZE
        for word in re.findall(r"\w\w+", text.casefold()):
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % SIZE] += 1.0
        return vector

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


class BrokenStore(InMemoryStore):
    def batch(self, ops):
        raise OSError("disk full")

    async def abatch(self, ops):
        raise OSError("disk full")


def tier(**settings):
    return SemanticTier(**{"embeddings": BagOfWords(), "threshold": 0.7, **settings})


def semantic_cache(semantic=None, **settings):
    semantic = semantic or tier()
    index = {"dims": SIZE, "embed": semantic.embeddings, "fields": ["question"]}
    return SemanticLLMCache(InMemoryStore(index=index), semantic=semantic, **settings)


def model_with(cache, *replies, **settings):
    return ScriptedChatModel(
        replies=list(replies or ["one", "two", "three", "four"]), cache=cache, **settings
    )


def texts(model, *prompts):
    return [model.invoke(prompt).text for prompt in prompts]


@pytest.fixture(params=["LocalStore", "InMemoryStore"])
def cache(request):
    return SemanticLLMCache(LocalStore(":memory:") if request.param == "LocalStore" else InMemoryStore())


def test_the_same_prompt_is_answered_once(cache):
    model = model_with(cache)
    assert texts(model, QUESTION, QUESTION, "another") == ["one", "one", "two"]
    assert len(model.calls) == 2


async def test_in_an_event_loop_too(cache):
    model = model_with(cache)
    assert [(await model.ainvoke(QUESTION)).text for _ in range(2)] == ["one", "one"]
    await cache.aclear()
    assert (await model.ainvoke(QUESTION)).text == "two"


def test_a_text_is_looked_up_exactly_since_instructions_are_part_of_it():
    cache = semantic_cache()
    model = FakeListLLM(responses=["one", "two", "three"], cache=cache)
    assert [model.invoke(prompt) for prompt in (QUESTION, QUESTION, REWORDED, "another thing")] == [
        "one",
        "one",
        "two",
        "three",
    ]


def test_a_hit_has_a_fresh_id_is_free_and_keeps_the_usage_it_spared(cache):
    model = model_with(cache)
    first, second, third = (model.invoke(QUESTION) for _ in range(3))
    assert len({first.id, second.id, third.id}) == 3
    assert second.usage_metadata == {**first.usage_metadata, "total_cost": 0}
    assert third.usage_metadata == second.usage_metadata
    assert second.response_metadata["llmops_cache"] == "exact"
    assert second.response_metadata["model_name"] == "scripted"
    assert second.additional_kwargs == {}


partitions = st.fixed_dictionaries(
    {
        "tenant": st.sampled_from(["", "a"]),
        "corpus_version": st.sampled_from(["", "a"]),
        "model_name": st.sampled_from(["x", "y"]),
        "system": st.sampled_from(["", "a", "b"]),
        "temperature": st.sampled_from([0, 1]),
    }
)


@given(st.lists(partitions, min_size=2, max_size=5), st.sampled_from([QUESTION, REWORDED]))
def test_answers_never_cross_tenant_model_settings_system_prompt_or_corpus(seen, question):
    semantic = tier(threshold=0.1, guards=())
    store = InMemoryStore(index={"dims": SIZE, "embed": semantic.embeddings, "fields": ["question"]})
    for partition in seen:
        cache = SemanticLLMCache(
            store,
            semantic=semantic,
            tenant=partition["tenant"],
            corpus_version=partition["corpus_version"],
        )
        text = repr(sorted(partition.items()))
        model = model_with(cache, text, model_name=partition["model_name"])
        prompt = [SystemMessage(partition["system"]), HumanMessage(question)]
        assert model.bind(temperature=partition["temperature"]).invoke(prompt).text == text


def test_the_middleware_on_the_same_store_shares_nothing_with_it():
    store = InMemoryStore()
    model_with(SemanticLLMCache(store), "one").invoke(QUESTION)
    plain = ScriptedChatModel(replies=["two"])
    assert with_middleware(plain, CacheMiddleware(store)).invoke(QUESTION).text == "two"


def test_the_same_question_in_other_words_is_answered_once():
    model = model_with(semantic_cache())
    assert texts(model, QUESTION, REWORDED) == ["one", "one"]


def test_guards_refuse_what_is_only_similar():
    model = model_with(semantic_cache(tier(threshold=0.5)))
    assert texts(model, "Where is my order 1234?", "Where is my order 1235?") == ["one", "two"]


def test_without_a_calibrated_rule_nothing_is_served_by_meaning():
    model = model_with(semantic_cache(tier(threshold=None)))
    assert texts(model, QUESTION, REWORDED) == ["one", "two"]


def test_a_breached_tier_serves_nothing_by_meaning():
    semantic = tier()
    cache = semantic_cache(semantic)
    namespace, key = semantic.breach_place
    cache.cache.store.put(namespace, key, {"at": 0.0}, index=False)
    assert texts(model_with(cache), QUESTION, REWORDED, QUESTION) == ["one", "two", "one"]


def test_later_turns_are_looked_up_exactly_only():
    cache = semantic_cache(tier(threshold=0.1, guards=()))
    model = model_with(cache)
    turns = [HumanMessage("Hello"), AIMessage("Hi")]
    assert texts(model, [*turns, HumanMessage(QUESTION)], [*turns, HumanMessage(REWORDED)]) == ["one", "two"]
    assert texts(model, [*turns, HumanMessage(QUESTION)]) == ["one"]
    assert texts(model, QUESTION) == ["three"]  # nor is a later turn's answer one to a first question


def test_a_text_too_long_to_be_a_question_is_looked_up_exactly_only():
    document = "the team met partners about a new plan for growth and many people liked it " * 10
    model = model_with(semantic_cache(tier(threshold=0.1, guards=())))
    ends = ["Summarise the text.", "Translate the text."]
    assert texts(model, document + ends[0], document + ends[1], document + ends[0]) == ["one", "two", "one"]


def test_ids_of_tool_calls_do_not_matter_but_what_was_called_does(cache):
    model = model_with(cache)

    def turns(call_id, number):
        call = {"name": "add", "args": {"number": number}, "id": call_id}
        return [
            HumanMessage("add"),
            AIMessage("", tool_calls=[call], id=call_id),
            ToolMessage("3", tool_call_id=call_id),
        ]

    assert texts(model, turns("1", 1), turns("2", 1), turns("1", 2)) == ["one", "one", "two"]


def test_images_and_empty_questions_pass_by(cache, decisions):
    model = model_with(cache)
    image = [{"type": "text", "text": "this?"}, {"type": "image", "base64": "AAAA", "mime_type": "image/png"}]
    for prompt in ([HumanMessage(image)], " ", [SystemMessage("alone")]):
        assert len(set(texts(model, prompt, prompt))) == 2
    assert {one["outcome"] for one in decisions} == {"passed_by"}


def test_what_has_no_name_passes_by(cache, decisions):
    class Handle:
        pass

    prompt = dumps([HumanMessage([{"type": "text", "text": "x", "handle": Handle()}])])
    generation = [ChatGeneration(message=AIMessage("one"))]
    for asked, llm_string in (
        (prompt, "model"),
        (dumps([HumanMessage(QUESTION)]), f"[('model', 'x'), ('tools', [{Handle()!r}])]"),
        (dumps([HumanMessage(QUESTION)]), "[('_type', 'any-chat'), ('stop', None)]"),
    ):
        cache.update(asked, llm_string, generation)
        assert cache.lookup(asked, llm_string) is None
    assert {one["outcome"] for one in decisions} == {"passed_by"}


def test_a_prompt_that_only_looks_like_messages_is_a_text(cache):
    for text in ("[]", "[1]", '{"lc": 1}', '[{"lc": 1, "type": "constructor", "kwargs": {}}]', "null"):
        cache.update(text, "model", [Generation(text=f"answer to {text}")])
    for text in ("[]", "[1]", '{"lc": 1}', '[{"lc": 1, "type": "constructor", "kwargs": {}}]', "null"):
        assert cache.lookup(text, "model") == [Generation(text=f"answer to {text}")]


@tool
def delete_account(name: str) -> str:
    """Delete an account."""
    return "gone"


class Answer(BaseModel):
    """An answer."""

    city: str


def test_replies_that_call_tools_are_stored_only_where_these_are_declared():
    call = {"type": "tool_call", "name": "delete_account", "args": {"name": "a"}, "id": "1"}
    asking = AIMessage("", tool_calls=[call])
    for declared, calls in (([], 2), (["delete_account"], 1)):
        cache = semantic_cache(cacheable_tools=declared)
        model = model_with(cache, asking)
        first, second = (model.bind_tools([delete_account]).invoke(QUESTION) for _ in range(2))
        assert (len(model.calls), first.tool_calls[0]["args"]) == (calls, second.tool_calls[0]["args"])
        assert calls == 2 or second.tool_calls[0]["id"] != "1"
        model.bind_tools([delete_account]).invoke(REWORDED)
        assert len(model.calls) == calls + 1  # by meaning never


def test_structured_output_is_replayed_where_its_schema_is_declared():
    call = {"type": "tool_call", "name": "Answer", "args": {"city": "Berlin"}, "id": "1"}
    cache = SemanticLLMCache(InMemoryStore(), cacheable_tools=["Answer"])
    model = model_with(cache, AIMessage("", tool_calls=[call]))
    structured = model.with_structured_output(Answer)
    assert [structured.invoke(QUESTION) for _ in range(2)] == [Answer(city="Berlin")] * 2
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "the key is sk-abcdefghijklmnop1234",
        AIMessage("cut o", response_metadata={"finish_reason": "length"}),
        AIMessage("no", additional_kwargs={"refusal": "no"}),
    ],
)
def test_replies_that_may_not_be_kept_are_not(cache, reply, decisions):
    model = model_with(cache, reply)
    texts(model, QUESTION, QUESTION)
    assert len(model.calls) == 2
    assert [one["outcome"] for one in decisions] == ["miss", "not_stored"] * 2


def test_a_text_generation_that_was_cut_off_is_not_kept(cache):
    cache.update("p", "model", [Generation(text="cut o", generation_info={"finish_reason": "length"})])
    assert cache.lookup("p", "model") is None


def test_several_generations_come_back_in_order_each_with_its_calls():
    cache = SemanticLLMCache(InMemoryStore(), cacheable_tools=["f"])
    calls = [{"name": "f", "args": {"n": n}, "id": str(n), "type": "tool_call"} for n in range(2)]
    stored = [
        ChatGeneration(message=AIMessage("", tool_calls=[call]), generation_info={"n": 1}) for call in calls
    ]
    cache.update(dumps([HumanMessage("x")]), "model", stored)
    found = cache.lookup(dumps([HumanMessage("x")]), "model")
    assert type(found) is list
    assert [one.message.tool_calls[0]["args"] for one in found] == [{"n": 0}, {"n": 1}]
    assert [one.generation_info for one in found] == [{"n": 1}, {"n": 1}]


def test_what_a_caller_does_to_a_reply_does_not_reach_the_store():
    cache = SemanticLLMCache(InMemoryStore())
    blocks = [{"type": "text", "text": "one"}]
    model = model_with(cache, AIMessage(blocks))
    model.invoke(QUESTION)
    model.invoke(QUESTION).content[0]["text"] = "changed"
    assert model.invoke(QUESTION).text == "one"


def test_answers_about_what_soon_changes_are_kept_for_minutes(clock):
    cache = SemanticLLMCache(InMemoryStore(), minutes={"stable": None, "volatile": 1})
    object.__setattr__(cache.cache, "clock", clock)
    model = model_with(cache)
    both = (QUESTION, "What is the weather today?")
    assert texts(model, *both) == ["one", "two"]
    clock.now += 61
    assert texts(model, *both) == ["one", "three"]


def test_a_class_with_no_minutes_is_not_kept(decisions):
    model = model_with(SemanticLLMCache(InMemoryStore(), minutes={"stable": 0, "volatile": 0}))
    assert texts(model, QUESTION, QUESTION) == ["one", "two"]
    assert decisions[1]["reason"] == "answers of its class are not kept"


def test_above_the_bound_the_oldest_go(clock):
    cache = SemanticLLMCache(InMemoryStore(), max_entries=10)
    object.__setattr__(cache.cache, "clock", clock)
    for number in range(30):
        clock.now = number
        cache.update(f"prompt {number}", "model", [Generation(text="x")])
        assert BACKGROUND.drain(10)
    assert len(cache.cache.store.search(("llmops_cache",), limit=100)) <= 11
    assert cache.lookup("prompt 29", "model") == [Generation(text="x")]


def test_clear_leaves_other_tenants_and_other_caches_alone():
    store = InMemoryStore()
    ours, theirs = SemanticLLMCache(store, tenant="a"), SemanticLLMCache(store, tenant="b")
    agents = with_middleware(ScriptedChatModel(replies=["one", "two"]), CacheMiddleware(store, tenant="a"))
    for cache in (ours, theirs):
        cache.update("p", "model", [Generation(text="x")])
    agents.invoke(QUESTION)
    ours.clear()
    assert (ours.lookup("p", "model"), theirs.lookup("p", "model")) == (None, [Generation(text="x")])
    assert agents.invoke(QUESTION).text == "one"
    with pytest.raises(ConfigurationError, match="clear: takes no arguments"):
        ours.clear(llm_string="model")


def test_what_lies_in_the_store_can_be_counted_and_invalidated():
    store = InMemoryStore()
    cache = SemanticLLMCache(store, tenant="a", corpus_version="7", tags=["docs"])
    model_with(cache, model_name="gpt-x").invoke(QUESTION)
    (item,) = store.search(("llmops_cache",))
    known = {name: item.value[name] for name in ("tenant", "corpus_version", "tags", "model")}
    assert known == {"tenant": "a", "corpus_version": "7", "tags": ["docs", LLM_CACHE_TAG], "model": "gpt-x"}
    json.dumps(item.value, allow_nan=False)


def test_nothing_that_is_stored_is_executed_or_imported():
    store = InMemoryStore()
    cache = SemanticLLMCache(store)
    cache.update("p", "model", [Generation(text="x")])
    (item,) = store.search(("llmops_cache",))
    evil = {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "true"}}
    store.put(item.namespace, item.key, {**item.value, "reply": [evil]})
    assert cache.lookup("p", "model") is None
    store.put(
        item.namespace, item.key, {**item.value, "reply": [{"type": "ai", "data": {"content": [evil]}}]}
    )
    assert cache.lookup("p", "model") is None  # not marked as a generation


def test_a_store_that_fails_leaves_the_call_as_it_is(decisions):
    cache = SemanticLLMCache(BrokenStore())
    assert texts(model_with(cache), QUESTION, QUESTION) == ["one", "two"]
    assert cache.failures == 4
    assert [one["reason"] for one in decisions][:2] == [
        "OSError inside the cache's look-up",
        "OSError inside the cache's store",
    ]


async def test_and_in_an_event_loop():
    cache = SemanticLLMCache(BrokenStore())
    model = model_with(cache)
    assert [(await model.ainvoke(QUESTION)).text for _ in range(2)] == ["one", "two"]
    assert cache.failures == 4


def test_embeddings_that_fail_leave_the_call_as_it_is():
    embeddings = BagOfWords()
    cache = semantic_cache(tier(embeddings=embeddings))
    model = model_with(cache)
    embeddings.broken = True
    assert texts(model, QUESTION, QUESTION) == ["one", "two"]
    assert cache.failures == 4


def test_a_veto_is_not_swallowed():
    class Vetoing(InMemoryStore):
        def batch(self, ops):
            raise BudgetExceeded("too much")

    with pytest.raises(BudgetExceeded):
        model_with(SemanticLLMCache(Vetoing())).invoke(QUESTION)


def test_decisions_reach_whoever_listens_to_the_run(cache, listener):
    model = model_with(cache)
    chain = RunnableLambda(lambda question: model.invoke(question).text)
    for _ in range(2):
        chain.invoke(QUESTION, {"callbacks": [listener]})
    assert listener.outcomes == ["miss", "exact_hit"]
    hit = listener.decisions[1]
    assert (hit["capability"], hit["avoided"]) == ("llm_cache", None)
    assert "Germany" not in str(listener.decisions)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"semantic": 0.9}, "semantic"),
        ({"semantic": tier(rewrite=ScriptedChatModel(replies=["x"]))}, "semantic"),
        ({"semantic": tier(), "store": InMemoryStore()}, "store"),
        ({"store": 7}, "store"),
        ({"tenant": None}, "tenant"),
        ({"corpus_version": 7}, "corpus_version"),
        ({"cacheable_tools": "search"}, "cacheable_tools"),
        ({"tags": "a"}, "tags"),
        ({"minutes": {"stable": 1}}, "minutes"),
        ({"minutes": {"stable": -1, "volatile": 1}}, "freshness.minutes['stable']"),
        ({"max_entries": 0}, "max_entries"),
    ],
)
def test_wrong_settings_are_named_when_it_is_built(settings, field):
    with pytest.raises(ConfigurationError) as raised:
        SemanticLLMCache(**{"store": ":memory:", **settings})
    assert raised.value.field == field


def test_by_default_answers_are_fresh_as_long_as_the_middlewares():
    assert SemanticLLMCache(":memory:").cache.freshness == Freshness()


@pytest.fixture
def decisions(monkeypatch):
    """The decisions that drivers dispatch; a model alone has no run that would carry them to a listener."""
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
