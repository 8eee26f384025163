"""What the tests of demonstrations share: embeddings that need no model, stores, and solved requests."""

import hashlib
import re

from langchain_core.embeddings import Embeddings
from langgraph.store.memory import InMemoryStore

from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore

DIMENSIONS = 64
QUESTION = "How high is the tide in Dover today?"
LIKE_IT = "How high is the tide in Calais today?"
SOLUTION = 'print(tide("Dover"))'
TESTED = Evidence(kind="execution", source="sandbox", statement="It ran and printed something.")


class WordEmbeddings(Embeddings):
    """Texts that share words are near each other."""

    def __init__(self):
        self.texts = []

    def embed_documents(self, texts):
        self.texts.extend(texts)
        return [self._vector(text) for text in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]

    @staticmethod
    def _vector(text):
        vector = [0.01] * DIMENSIONS
        for word in re.findall(r"\w+", text.lower()):
            vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSIONS] += 1.0
        return vector


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now

    def pass_days(self, days):
        self.now += days * 86_400


def memory():
    index = {"dims": DIMENSIONS, "embed": WordEmbeddings(), "fields": ["question"]}
    return InMemoryStore(index=index)


def new_store(store=None, **settings):
    return DemonstrationStore(store or memory(), **{"tenant": "acme", **settings})


def details(user="ann", **changes):
    by_whom = {"assistant": "large", "model": "large-1", "evidence": TESTED, "cost_usd": 0.02}
    return {"user": user, **by_whom, **changes}


def solve(store, user="ann", question=QUESTION, solution=SOLUTION, **changes):
    """Add a solved request; return its id."""
    addition = store.add(question, solution, **details(user, **changes))
    assert addition.demonstration is not None
    return addition.demonstration.demonstration_id


def share(store, question=QUESTION, solution=SOLUTION, users=("ann", "ben", "cem")):
    """Let as many users solve the same as it takes to share it; return its id."""
    return [solve(store, user, question, solution) for user in users][-1]


def recalled(store, user, question=LIKE_IT, **settings):
    """Return the ids of what a user is shown."""
    return [one.demonstration_id for one in store.recall(question, user=user, **settings)]


def everything_in(store):
    """Return all that a LangGraph store in memory holds, as one text."""
    return repr([(namespace, items) for namespace, items in store._data.items()])
