"""What the tests of the cache share: embeddings that need no model, requests, and the ways to answer them."""

import hashlib
import re

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.testing import ScriptedChatModel

DIMENSIONS = 64
QUESTION = "What is the capital of Germany?"
IN_OTHER_WORDS = "what's the capital of Germany, please?"
UNLIKE = "Who wrote that long poem about ravens?"


class WordEmbeddings(Embeddings):
    """Texts that share words are near each other."""

    model = "words"

    def __init__(self):
        self.texts = []

    def embed_documents(self, texts):
        self.texts.extend(texts)
        return [self._vector(text) for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]

    @staticmethod
    def _vector(text):
        vector = [0.0] * DIMENSIONS
        for word in re.findall(r"\w+", text.lower()):
            vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
        return vector


class SameForAll(Embeddings):
    """Every text means the same."""

    def embed_documents(self, texts):
        return [[1.0] + [0.0] * (DIMENSIONS - 1) for _ in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def scripted(*replies, **settings):
    return ScriptedChatModel(replies=list(replies), **settings)


def semantic(embeddings=None, **settings):
    """A tier with a threshold by hand, no guards and no rechecks, unless told otherwise."""
    settings = {"threshold": 0.6, "guards": (), "recheck_share": 0.0, **settings}
    return SemanticTier(embeddings=embeddings or WordEmbeddings(), **settings)


def indexed(tier):
    """A store of LangGraph's own that searches with a tier's embeddings."""
    return InMemoryStore(index={"dims": DIMENSIONS, "embed": tier.embeddings, "fields": ["question"]})


def request(question=QUESTION, *, messages=None, model=None, state=None, **settings):
    conversation = messages if messages is not None else [HumanMessage(question)]
    return ModelRequest(
        model=model or scripted("unused"),
        messages=conversation,
        state=state or {"messages": conversation},
        runtime=Runtime(),
        **settings,
    )


class Answers:
    """Stands for the rest of the agent: answers in turn, and counts how often it was asked."""

    def __init__(self, *replies):
        self.replies = replies
        self.asked = []

    def __call__(self, asked):
        reply = self.replies[len(self.asked) % len(self.replies)]
        self.asked.append(asked)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, ModelResponse):
            return reply
        message = reply if isinstance(reply, AIMessage) else AIMessage(reply)
        usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
        return ModelResponse(result=[message.model_copy(update={"usage_metadata": usage})])


class Cached:
    """A middleware and what stands behind it."""

    def __init__(self, *replies, store=":memory:", **settings):
        self.answers = Answers(*(replies or ("Berlin.",)))
        self.middleware = CacheMiddleware(store, **settings)

    @property
    def calls(self):
        return len(self.answers.asked)

    def __call__(self, asked=None, **settings):
        """Return the reply's text."""
        return self.response(asked, **settings).result[0].text

    def response(self, asked=None, **settings):
        if not isinstance(asked, ModelRequest):
            asked = request(*([asked] if asked else []), **settings)
        return self.middleware.wrap_model_call(asked, self.answers)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


def set_clock(middleware, clock):
    object.__setattr__(middleware.cache, "clock", clock)
    return middleware
