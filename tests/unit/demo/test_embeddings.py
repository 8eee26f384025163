import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.demo.embeddings import DIMENSIONS, SimulatedEmbeddings
from llmops_plugins.verification.similarity import cosine

EMBEDDINGS = SimulatedEmbeddings()


def similarity(one, other):
    return cosine(*EMBEDDINGS.embed_documents([one, other]))


def test_wording_hardly_matters_and_the_subject_does():
    question = "Do gift cards expire?"
    assert similarity(question, "hello, do your gift card expire") > 0.9
    assert similarity(question, "Who pays for the label?") < 0.3


def test_one_number_is_as_good_as_another_as_to_a_real_model():
    assert similarity("Where is order A1049?", "Where is order A1057?") == pytest.approx(1.0)


@given(st.text(max_size=50))
def test_any_text_has_a_vector_and_always_the_same(text):
    (vector,) = EMBEDDINGS.embed_documents([text])
    assert len(vector) == DIMENSIONS
    assert any(vector)
    assert EMBEDDINGS.embed_query(text) == vector
