"""The semantic cache over a GPTCache, in an agent."""

import numpy as np
import pytest
from langchain.agents import create_agent

from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.testing import ScriptedChatModel

ASKED, AGAIN = "what are your opening hours please", "please what are your opening hours"


@pytest.fixture
def build(embeddings):
    """An agent over a store, for one tenant; its model answers with the tenant's name and a number."""

    def build(store, tenant):
        model = ScriptedChatModel(replies=[f"{tenant} {number}" for number in range(5)])
        semantic = SemanticTier(embeddings=embeddings, threshold=0.9, recheck_share=0.0)
        return create_agent(
            model, [], middleware=[CacheMiddleware(store=store, semantic=semantic, tenant=tenant)]
        )

    return build


def ask(agent, question):
    return agent.invoke({"messages": [question]})["messages"][-1].text


def test_the_same_question_in_other_words_is_answered_after_a_restart_too(open_store, build):
    agent = build(open_store(), "ada")
    assert [ask(agent, ASKED), ask(agent, ASKED), ask(agent, AGAIN)] == ["ada 0"] * 3
    assert ask(build(open_store(), "ada"), AGAIN) == "ada 0"


def test_no_tenant_is_given_anothers_answer(store, build):
    assert ask(build(store, "ada"), ASKED) == "ada 0"
    assert ask(build(store, "bob"), ASKED) == "bob 0"
    assert ask(build(store, "bob"), AGAIN) == "bob 0"


def test_a_guard_refuses_what_gptcache_alone_would_serve(store, build):
    agent = build(store, "ada")
    assert ask(agent, "what does the ticket for 2 adults from here to the old town cost") == "ada 0"
    assert ask(agent, "what does the ticket for 3 adults from here to the old town cost") == "ada 1"


def test_what_gptcache_knew_is_served_to_the_agent_that_adopts_it(store, build):
    from llmops_integrations.gptcache import Adoption, GPTCacheBackend

    vector = np.asarray(store.cache.embedding_func(ASKED))
    store.cache.data_manager.save(ASKED, "Nine to five.", vector)
    assert ask(build(store, "ada"), "hello") == "ada 0"
    (namespace,) = store.list_namespaces(prefix=("llmops_cache",))
    adopting = GPTCacheBackend(store.cache, adopt=Adoption(namespace=namespace, tenant="ada"))
    assert ask(build(adopting, "ada"), AGAIN) == "Nine to five."
    assert ask(build(adopting, "bob"), AGAIN) == "bob 0"
