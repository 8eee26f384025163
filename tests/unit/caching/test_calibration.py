"""A calibrated rule keeps its bound as often as it says, and what cannot be calibrated is refused."""

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from llmops_plugins.caching.calibration import calibrate_cache
from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS
from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.errors import BoundNotMetError, ConfigurationError
from tests.unit.caching.fakes import SameForAll, WordEmbeddings
from tests.unit.caching.simulated import Placed, lowest_served, worded_pairs

RUNS = 40
MOST_BROKEN = 8
"""At confidence 0.9 four are to be expected of 40, and more than eight come once in fifty times."""


# --- the bound -----------------------------------------------------------------------------------


def probably_same(cosine):
    return 1 / (1 + np.exp(-12 * (cosine - 0.5)))


def as_in_traffic(seed, count=400):
    """Pairs at any cosine, the same as often as its probability says."""
    random, placed = np.random.default_rng(seed), Placed()
    cosines = random.random(count)
    labels = random.random(count) < probably_same(cosines)
    drawn = zip(cosines, labels, strict=True)
    return placed, [placed.pair(cosine, same=same) for cosine, same in drawn]


def errors_of(draw, true_error, max_error, **settings):
    """The true error of each run that shows the bound."""
    errors = []
    for seed in range(RUNS):
        embeddings, pairs = draw(seed)
        rule = calibrate_cache(pairs, embeddings=embeddings, guards=(), **settings)
        try:
            tested = rule.threshold(max_error, 0.9)
        except BoundNotMetError:
            continue
        errors.append(true_error(lowest_served(rule, tested)))
    return np.array(errors)


def test_the_true_error_of_what_is_served_is_within_the_bound_as_often_as_it_says():
    def true_error(lowest):
        return np.mean(1 - probably_same(np.linspace(lowest, 1, 2_000)))

    errors = errors_of(as_in_traffic, true_error, 0.1)
    assert len(errors) > RUNS * 0.6
    assert (errors > 0.1).sum() <= MOST_BROKEN
    assert np.median(errors) > 0.03  # and it is not so careful that it serves next to nothing


def same_cosines(random, count):
    return random.beta(6, 2, count)


def different_cosines(random, count):
    return random.beta(2, 4, count)


def half_different(seed, count=400):
    random, placed = np.random.default_rng(seed), Placed()
    drawn = [(cosine, True) for cosine in same_cosines(random, count // 2)]
    drawn += [(cosine, False) for cosine in different_cosines(random, count // 2)]
    return placed, [placed.pair(cosine, same=same) for cosine, same in drawn]


def test_with_a_share_of_its_own_it_is_so_in_traffic_of_that_share():
    share, max_error = 0.1, 0.02
    random, size = np.random.default_rng(99), 200_000
    wrong, right = different_cosines(random, size), same_cosines(random, size)

    def true_error(lowest):
        served_wrong, served_right = share * np.mean(wrong >= lowest), (1 - share) * np.mean(right >= lowest)
        return served_wrong / (served_wrong + served_right)

    errors = errors_of(half_different, true_error, max_error, different_share=share)
    assert len(errors) > RUNS * 0.6
    assert (errors > max_error).sum() <= MOST_BROKEN
    assert np.median(errors) > max_error / 10


def test_a_bound_that_cannot_be_shown_is_refused():
    embeddings, pairs = as_in_traffic(0)
    with pytest.raises(BoundNotMetError, match=r"label more pairs, or leave the semantic tier out$"):
        calibrate_cache(pairs, embeddings=embeddings, guards=()).threshold(0.001, 0.9)


def test_labels_that_have_nothing_to_do_with_the_questions_show_nothing():
    random = np.random.default_rng(0)
    pairs = [LabelledPair(a=p.a, b=p.b, same=bool(random.random() < 0.5)) for p in worded_pairs(400)]
    with pytest.raises(BoundNotMetError):
        calibrate_cache(pairs, embeddings=WordEmbeddings(), guards=()).threshold(0.2, 0.9)


def test_perverse_labels_serve_nothing():
    pairs = [LabelledPair(a=p.a, b=p.b, same=not p.same) for p in worded_pairs(400)]
    with pytest.raises(BoundNotMetError):
        calibrate_cache(pairs, embeddings=WordEmbeddings(), guards=()).threshold(0.2, 0.9)


# --- how ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs():
    return worded_pairs(300)


def test_the_same_pairs_and_seed_give_the_same_rule(pairs):
    rules = [calibrate_cache(pairs, embeddings=WordEmbeddings(), seed=seed) for seed in (0, 0, 1)]
    assert rules[0].model_dump_json() == rules[1].model_dump_json()
    assert rules[0].fingerprint == rules[2].fingerprint
    assert rules[0].thresholds != rules[2].thresholds


def test_other_pairs_have_another_fingerprint(pairs):
    turned = [LabelledPair(a=pairs[0].a, b=pairs[0].b, same=not pairs[0].same), *pairs[1:]]
    prints = {
        calibrate_cache(of, embeddings=WordEmbeddings()).fingerprint for of in (pairs, turned, pairs[1:])
    }
    assert len(prints) == 3


def test_it_says_what_it_was_calibrated_with(pairs):
    rule = calibrate_cache(pairs, embeddings=WordEmbeddings(), different_share=0.2)
    assert rule.embeddings == "WordEmbeddings(words)"
    assert rule.guards == tuple(guard.name for guard in DEFAULT_GUARDS)
    assert (rule.pairs, rule.different_share) == (300, 0.2)


@pytest.mark.parametrize(("fit_share", "held_out"), [(None, 150), (0.25, 225), (0.8, 60)])
def test_the_bound_is_shown_on_pairs_the_model_did_not_see(pairs, fit_share, held_out):
    rule = calibrate_cache(pairs, embeddings=WordEmbeddings(), fit_share=fit_share)
    assert len(rule.calibration.same) == held_out


class Never:
    """Refuses whatever holds a word."""

    def __init__(self, name, word):
        self.name, self.word = name, word

    def __call__(self, question, stored):
        return "it holds the word" if self.word in question + stored else None


def test_what_guards_refuse_is_not_learned_from_and_kept_for_when_they_are_off(pairs):
    guards = [Never("kettles", "kettle"), Never("tickets", "ticket")]
    rule = calibrate_cache(pairs, embeddings=WordEmbeddings(), guards=guards)
    assert not {"kettl", "ticket"} & set(rule.model.word_weights)
    of_all = calibrate_cache(pairs, embeddings=WordEmbeddings(), guards=())
    assert {"kettl", "ticket"} <= set(of_all.model.word_weights)
    served = [rule.threshold(0.9, 0.9, names).served for names in (None, ["kettles"], ["tickets"], [])]
    assert served[0] < min(served[1:3])
    assert max(served[1:3]) < served[3]


def test_each_text_is_embedded_once(pairs):
    embeddings = WordEmbeddings()
    calibrate_cache(pairs, embeddings=embeddings)
    assert len(embeddings.texts) == len(set(embeddings.texts))


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1, -0.1, 1.5, "half", True])
@pytest.mark.parametrize("name", ["confidence", "different_share", "fit_share"])
def test_a_setting_that_is_no_probability_is_refused(pairs, name, value):
    with pytest.raises(ConfigurationError, match=f"^{name}: must be a number between 0 and 1"):
        calibrate_cache(pairs, embeddings=WordEmbeddings(), **{name: value})


@pytest.mark.parametrize("chosen", [[], [True], [False]])
def test_pairs_of_one_kind_are_refused(pairs, chosen):
    few = [pair for pair in pairs if pair.same in chosen]
    with pytest.raises(ConfigurationError, match=r"^pairs: .* give at least 100 that pass, of both kinds"):
        calibrate_cache(few, embeddings=WordEmbeddings())


def test_pairs_that_do_not_pass_the_guards_do_not_make_up_the_number(pairs):
    with pytest.raises(ConfigurationError, match=r"^pairs: 0 of 300 pass the guards"):
        calibrate_cache(pairs, embeddings=WordEmbeddings(), guards=[Never("all", "I")])


@pytest.mark.parametrize("fit_share", [0.001, 0.01, 0.99, 0.999])
def test_a_share_that_leaves_too_few_to_fit_or_to_test_shows_nothing(pairs, fit_share):
    with pytest.raises(ConfigurationError):
        calibrate_cache(pairs, embeddings=WordEmbeddings(), fit_share=fit_share).threshold(0.01, 0.9)


def test_vectors_that_never_vary_are_no_reason_to_fail(pairs):
    rule = calibrate_cache(pairs, embeddings=SameForAll(), guards=())
    assert np.isfinite(rule.thresholds).all()


class Broken(Embeddings):
    def embed_documents(self, texts):
        return [[float("nan"), 1.0] for _ in texts]

    def embed_query(self, text):
        return [float("nan"), 1.0]


def test_vectors_that_are_not_finite_are_refused(pairs):
    with pytest.raises(ConfigurationError, match=r"^embeddings: gave a vector .* not finite"):
        calibrate_cache(pairs, embeddings=Broken())
