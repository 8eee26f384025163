"""A request is looked up exactly, and then its question by its meaning, nearest first."""

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage

from llmops_plugins.caching.guards.guard import Guard
from llmops_plugins.caching.lookup import look_up
from llmops_plugins.caching.place import find_place
from llmops_plugins.caching.similarity_rule import Match
from llmops_plugins.flow import run
from tests.unit.caching.fakes import (
    IN_OTHER_WORDS,
    QUESTION,
    UNLIKE,
    Cached,
    Clock,
    SameForAll,
    WordEmbeddings,
    indexed,
    request,
    semantic,
    set_clock,
)


def looked(cached, question=QUESTION, **settings):
    asked = request(question, **settings)
    cache = cached.middleware.cache
    return run(look_up(asked, find_place(asked, cache.partition), cache))


def test_the_same_question_is_found_exactly_and_needs_no_embedding():
    embeddings = WordEmbeddings()
    cached = Cached(semantic=semantic(embeddings))
    cached()
    embedded = len(embeddings.texts)
    found = looked(cached).found
    assert (found.tier, found.candidate) == ("exact", None)
    assert len(embeddings.texts) == embedded


def test_the_same_question_in_other_words_is_found_by_its_meaning():
    cached = Cached(semantic=semantic())
    cached()
    found = looked(cached, IN_OTHER_WORDS).found
    assert found.tier == "semantic"
    assert found.candidate.entry.question == QUESTION
    assert looked(cached, UNLIKE).found is None


def test_without_a_semantic_tier_only_the_very_same_is_found():
    cached = Cached()
    cached()
    assert looked(cached, IN_OTHER_WORDS).found is None


def test_a_guard_stands_between_similar_and_same():
    class Refuses(Guard):
        name = "never"

        def __call__(self, question, stored):
            return f"{question} is not {stored}"

    cached = Cached(semantic=semantic(SameForAll(), guards=(Refuses(),)))
    cached()
    looking = looked(cached, IN_OTHER_WORDS)
    assert looking.found is None
    assert looking.nearest.refused_by == "never"
    cached(IN_OTHER_WORDS)
    assert cached.calls == 2


def test_what_a_guard_refuses_does_not_hide_the_next_candidate():
    class NotTheFirst(Guard):
        name = "first"

        def __call__(self, question, stored):
            return "the first" if stored == "one two three" else None

    cached = Cached("first", "second", semantic=semantic(SameForAll(), guards=(NotTheFirst(),)))
    cached("one two three")
    cached("four five six")
    assert cached.calls == 2  # the second question was asked: the first may not be served
    assert looked(cached, "seven").found.entry.message.text == "second"


class Nothing(Embeddings):
    """Embeds everything as a vector without direction."""

    def embed_documents(self, texts):
        return [[0.0, 0.0] for _ in texts]

    def embed_query(self, text):
        return [0.0, 0.0]


def test_a_vector_without_direction_is_near_nothing():
    cached = Cached("one", "two", semantic=semantic(Nothing(), threshold=0.01))
    assert [cached("Which?"), cached("What?")] == ["one", "two"]


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_nothing_is_served_below_the_threshold_whatever_the_numbers_are(similarity, probability):
    tier = semantic(threshold=0.9)
    cached = Cached()
    cached()
    entry = looked(cached).found.entry
    match = Match(cosine=similarity, probability=probability)
    candidate = tier.candidate("k", entry, match, IN_OTHER_WORDS)
    assert (candidate.refused_by is None) == (similarity >= 0.9)


def test_what_has_expired_is_not_found_in_any_way():
    clock = Clock()
    tier = semantic()
    cached = Cached(store=indexed(tier), semantic=tier)
    set_clock(cached.middleware, clock)
    cached()
    clock.now += 8 * 24 * 3600
    assert looked(cached).found is None
    assert looked(cached, IN_OTHER_WORDS).found is None


def test_the_middle_of_a_run_is_not_looked_up_by_its_meaning():
    embeddings = WordEmbeddings()
    cached = Cached(semantic=semantic(embeddings))
    cached()
    embedded = len(embeddings.texts)
    step = AIMessage("", tool_calls=[{"name": "a", "args": {}, "id": "1"}])
    assert looked(cached, messages=[HumanMessage(IN_OTHER_WORDS), step]).found is None
    assert len(embeddings.texts) == embedded


def test_an_answer_that_calls_tools_is_never_found_by_its_meaning():
    calling = AIMessage("", tool_calls=[{"name": "a", "args": {}, "id": "1"}])
    cached = Cached(calling, semantic=semantic(SameForAll()), cacheable_tools=["a"])
    cached()
    assert looked(cached).found.tier == "exact"
    assert looked(cached, IN_OTHER_WORDS).found is None


def test_whatever_fails_is_named_and_the_exact_tier_goes_on():
    class Fails(WordEmbeddings):
        down = False

        def embed_documents(self, texts):
            if self.down:
                raise ConnectionError("down")
            return super().embed_documents(texts)

    embeddings = Fails()
    cached = Cached(semantic=semantic(embeddings))
    cached()
    embeddings.down = True
    assert looked(cached).found.tier == "exact"
    assert looked(cached, UNLIKE).error == "ConnectionError"
