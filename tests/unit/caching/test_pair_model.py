"""A model of pairs counts agreement for a pair and never against it, and is read back as it was written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from llmops_plugins.caching import pair_model
from llmops_plugins.caching.neighbourhood import NEIGHBOURHOOD
from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.pair_features import FEATURES
from llmops_plugins.caching.pair_model import PairModel, fit_pair_model
from tests.unit.caching.fakes import WordEmbeddings
from tests.unit.caching.simulated import worded_pairs

DIRECTIONS = np.array(list(FEATURES.values()))
AGREE, DIFFER = (0.2, 0.5, 1.0, 0.9, 1.1, 0.3), (0.0, 0.8, 0.0, 0.3, 0.0, 0.0)
PAIRS = worded_pairs(240)
PERVERSE = [LabelledPair(a=pair.a, b=pair.b, same=not pair.same) for pair in PAIRS]


def vectors(texts):
    rows = np.array(WordEmbeddings().embed_documents(texts))
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def fitted(pairs, one=None, other=None):
    one = vectors([pair.a for pair in pairs]) if one is None else one
    other = vectors([pair.b for pair in pairs]) if other is None else other
    return fit_pair_model(pairs, one, other)


def fitted_as_many(pairs, *rows):
    """Fit as if so few pairs were enough for networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_model, "NETWORKS_FROM", 200)
        return fitted(pairs, *rows)


def log_odds(model, pairs):
    one, other = [pair.a for pair in pairs], [pair.b for pair in pairs]
    return model.log_odds(one, other, vectors(one), vectors(other), pair_model.neighbourhoods(pairs))


def share_in_order(model, pairs):
    """How often a pair that is the same is likelier than one that is not."""
    found, same = log_odds(model, pairs), np.array([pair.same for pair in pairs])
    return np.mean(found[same][:, None] > found[~same])


@pytest.fixture(scope="module")
def model():
    return fitted(PAIRS)


@pytest.fixture(scope="module")
def perverse():
    return fitted(PERVERSE)


@pytest.fixture(scope="module")
def networked():
    return fitted_as_many(PAIRS)


def test_it_tells_new_pairs_apart(model):
    assert model.networks is model.products is None
    assert share_in_order(model, worded_pairs(400, seed=1)) > 0.9


@pytest.mark.parametrize("name", ["model", "perverse"])
def test_every_weight_has_its_natural_sign(name, request):
    weights = np.array(request.getfixturevalue(name).linear.weights)
    assert (weights * DIRECTIONS >= 0).all()
    assert (weights[DIRECTIONS == 0] == 0).all()


WORDS = "how do i not cancel my invoice twice 7 b zeppelin"
TEXTS = st.lists(st.sampled_from(WORDS.split()), min_size=1)


@pytest.mark.parametrize("name", ["model", "perverse"])
@settings(max_examples=50)
@given(data=st.data())
def test_a_question_is_likelier_itself_than_another(name, request, data):
    one, other = (" ".join(data.draw(TEXTS)) for _ in range(2))
    itself, another = (LabelledPair(a=one, b=text, same=True) for text in (one, other))
    found = log_odds(request.getfixturevalue(name), [itself, another])
    assert found[0] >= found[1] - 1e-9


def test_pairs_labelled_perversely_do_not_teach_that_agreement_is_worse(perverse):
    assert share_in_order(perverse, PAIRS) >= share_in_order(perverse, PERVERSE) - 1e-9


def test_a_pair_is_as_likely_the_other_way_round(model):
    turned = [LabelledPair(a=pair.b, b=pair.a, same=pair.same) for pair in PAIRS]
    np.testing.assert_allclose(log_odds(model, PAIRS), log_odds(model, turned), atol=1e-9)


def test_pairs_of_one_kind_give_a_finite_model():
    same = [pair for pair in PAIRS if pair.same][:20]
    assert np.isfinite(log_odds(fitted(same), PAIRS)).all()


# --- many pairs ----------------------------------------------------------------------------------


def test_of_many_pairs_networks_learn_too_and_the_same_every_time(networked):
    assert networked.networks is not None
    assert share_in_order(networked, worded_pairs(400, seed=1)) > 0.9
    assert fitted_as_many(PAIRS).model_dump_json() == networked.model_dump_json()


@pytest.mark.parametrize("name", ["model", "networked"])
def test_it_is_read_back_as_it_was(name, request):
    model = request.getfixturevalue(name)
    again = PairModel.model_validate_json(model.model_dump_json())
    assert (again.networks is None) == (model.networks is None)
    np.testing.assert_array_equal(log_odds(again, PAIRS), log_odds(model, PAIRS))


def test_networks_bear_vectors_that_never_vary():
    rows = np.full((len(PAIRS), 4), 0.5)
    model = fitted_as_many(PAIRS, rows, rows)
    one, other = [pair.a for pair in PAIRS], [pair.b for pair in PAIRS]
    assert np.isfinite(model.log_odds(one, other, rows, rows)).all()


# --- the answers around --------------------------------------------------------------------------


def with_neighbourhood(pairs):
    random = np.random.default_rng(0)
    around = {True: np.array(AGREE), False: np.array(DIFFER)}
    noisy = [around[pair.same] + random.normal(scale=0.1, size=len(NEIGHBOURHOOD)) for pair in pairs]
    return [
        LabelledPair(a=pair.a, b=pair.b, same=pair.same, neighbourhood=tuple(of))
        for pair, of in zip(pairs, noisy, strict=True)
    ]


def beside(around):
    return [LabelledPair(a="How do I pay?", b="Can I pay?", same=True, neighbourhood=around)]


def test_where_it_is_known_of_all_pairs_what_answers_around_say_counts():
    model = fitted_as_many(with_neighbourhood(PAIRS))
    assert model.neighbourhood
    assert model.networks is None  # what they learn of it does not carry over
    directions = np.array([*DIRECTIONS, *NEIGHBOURHOOD.values()])
    assert (np.array(model.linear.weights) * directions >= 0).all()
    assert log_odds(model, beside(AGREE))[0] > log_odds(model, beside(DIFFER))[0] + 1


def test_where_it_is_not_known_of_all_it_does_not():
    model = fitted([*with_neighbourhood(PAIRS[:-1]), PAIRS[-1]])
    assert not model.neighbourhood
    assert log_odds(model, beside(AGREE)) == log_odds(model, beside(DIFFER))


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoiled",
    [
        {"weights": (1.0,)},
        {
            "weights": (1.0,) * (len(FEATURES) - 1),
            "scale": {"mean": (0.0,), "deviation": (1.0,), "farthest": 4},
        },
        {"intercept": float("nan")},
    ],
    ids=["too few weights", "for other features", "not finite"],
)
def test_weights_that_do_not_fit_the_features_are_refused(model, spoiled):
    told = model.model_dump()
    told["linear"] |= spoiled
    with pytest.raises(ValidationError):
        PairModel.model_validate(told)


@pytest.mark.parametrize(
    "spoiled", [{"dimensions": 63}, {"directions": 1}, {"axes": [1.0]}, {"scales": ()}], ids=str
)
def test_networks_that_do_not_fit_are_refused(networked, spoiled):
    told = networked.model_dump()
    PairModel.model_validate(told)
    told["networks"] |= spoiled
    with pytest.raises(ValidationError, match="networks must fit"):
        PairModel.model_validate(told)
