"""A rule serves what was tested: in order, with the guards in use counted, and only as far as is shown."""

import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.bounds import binomial_upper
from llmops_plugins.caching import calibration, pair_model
from llmops_plugins.caching.calibration import calibrate_cache
from llmops_plugins.caching.similarity_rule import CalibrationRows, SimilarityRule
from llmops_plugins.errors import BoundNotMetError, ConfigurationError
from tests.unit.caching.fakes import DIMENSIONS, WordEmbeddings
from tests.unit.caching.simulated import serves, worded_pairs

EMBEDDINGS = WordEmbeddings()
GUARDS = ("numbers", "entities")
NUMBERS, ENTITIES = 1, 2  # as a row says who refuses it
QUESTIONS = [(pair.a, pair.b) for pair in worded_pairs(30, seed=5)]


@pytest.fixture(scope="module")
def rule():
    return calibrate_cache(worded_pairs(300), embeddings=EMBEDDINGS, guards=())


def checked_on(rule, rows, thresholds=(0.0,), **settings):
    """The rule, tested on rows of (how many, log odds, same, refused by)."""
    every = [row for count, *row in rows for _ in range(count)]
    log_odds, same, refused = np.array(every, dtype=np.float64).T
    held_out = CalibrationRows(log_odds=log_odds, same=same, refused=refused)
    settings = {"guards": GUARDS, "thresholds": thresholds, "calibration": held_out, **settings}
    return rule.model_copy(update=settings)


def match(rule, asked, stored, answers=None):
    texts = [asked, *stored]
    return rule.matches(asked, stored, EMBEDDINGS.embed_documents(texts), answers or [""] * len(stored))


def probability(rule, asked, stored):
    return match(rule, asked, [stored])[0].probability


# --- what is tested ------------------------------------------------------------------------------


def test_the_last_threshold_before_the_first_that_fails_is_taken(rule):
    rows = [(300, 3.0, 1, 0), (1, 2.0, 0, 0), (300, 1.0, 1, 0), (90, 0.0, 0, 0), (9_000, -1.0, 1, 0)]
    tested = checked_on(rule, rows, (3.0, 2.0, 1.0, 0.0, -1.0)).threshold(0.02, 0.9)
    assert tested.probability == pytest.approx(1 / (1 + np.exp(-1)))
    assert (tested.served, tested.wrong) == (601, 1)
    assert tested.error_upper == pytest.approx(binomial_upper(1, 601, 0.9))


def test_a_bound_that_is_not_shown_is_refused_in_a_sentence_that_fits_a_cache(rule):
    with pytest.raises(BoundNotMetError) as caught:
        checked_on(rule, [(20, 2.0, 1, 0), (10, -2.0, 0, 0)]).threshold(0.01, 0.9)
    assert str(caught.value) == (
        "max_error: 0.01 cannot be shown on 30 calibration rows, the best that can is 0.11: "
        "raise it, label more pairs, or leave the semantic tier out"
    )


def test_a_rule_that_has_nothing_to_test_shows_nothing(rule):
    with pytest.raises(BoundNotMetError):
        checked_on(rule, [(20, 2.0, 1, 0)], ()).threshold(0.5, 0.9)


@given(data=st.data())
def test_what_is_tested_is_what_would_be_served(rule, data):
    log_odds = data.draw(st.lists(st.integers(-45, 45), min_size=1, max_size=30))
    at = data.draw(st.sampled_from(log_odds))
    tested = checked_on(rule, [(1, one, 1, 0) for one in log_odds], (float(at),)).threshold(0.999, 0.001)
    # A rule whose model says nothing but its intercept serves these log odds.
    of = [rule.model_copy(update={"slope": 0.0, "intercept": float(one)}) for one in log_odds]
    assert sum(serves(tested, match(one, "a", ["b"])[0]) for one in of) == tested.served


# --- guards --------------------------------------------------------------------------------------

GUARDED = [(300, 2.0, 1, 0), (40, 2.0, 0, NUMBERS), (5, 2.0, 0, NUMBERS | ENTITIES), (20, 2.0, 1, ENTITIES)]


@pytest.mark.parametrize(
    ("guards", "served", "wrong"),
    [
        (None, 300, 0),
        (GUARDS, 300, 0),
        (["entities", "numbers", "my own"], 300, 0),
        (["numbers"], 320, 0),
        (["numbers", "my own"], 320, 0),
        (["entities"], 340, 40),
        ([], 365, 45),
    ],
    ids=str,
)
def test_pairs_that_only_a_guard_left_out_refused_count_and_unknown_guards_change_nothing(
    rule, guards, served, wrong
):
    tested = checked_on(rule, GUARDED).threshold(0.5, 0.9, guards)
    assert (tested.served, tested.wrong) == (served, wrong)


def test_without_a_guard_a_bound_may_not_hold_any_more(rule):
    checked_on(rule, GUARDED).threshold(0.01, 0.9)
    with pytest.raises(BoundNotMetError):
        checked_on(rule, GUARDED).threshold(0.01, 0.9, ["entities"])


# --- another share of different questions --------------------------------------------------------

HARD = [(500, 2.0, 1, 0), (100, -2.0, 1, 0), (10, 2.0, 0, 0), (390, -2.0, 0, 0)]


def test_a_share_of_its_own_weighs_the_wrong_ones(rule):
    uppers = [
        checked_on(rule, HARD, different_share=share).threshold(0.999, 0.9).error_upper
        for share in (0.01, 0.05, 0.4)
    ]
    assert uppers == sorted(uppers)
    assert uppers[0] < 0.001  # of the same ones five of six are served, of the others one of forty
    # At the pairs' own share it says what the pairs do, a little more carefully.
    as_drawn = checked_on(rule, HARD).threshold(0.999, 0.9).error_upper
    assert as_drawn <= uppers[2] < 1.5 * as_drawn


def test_pairs_of_one_kind_show_nothing_of_another_share(rule):
    for same in (0, 1):
        with pytest.raises(BoundNotMetError):
            checked_on(rule, [(500, 2.0, same, 0)], different_share=0.1).threshold(0.09, 0.9)


# --- what is served ------------------------------------------------------------------------------


def test_it_tells_questions_apart_and_gives_their_cosine(rule):
    same, other = match(rule, "How do I pay the invoice?", ["Can I pay my invoice?", "Where is the kettle?"])
    assert same.probability > 0.5 > other.probability
    vectors = EMBEDDINGS.embed_documents(["How do I pay the invoice?", "Can I pay my invoice?"])
    expected = np.dot(*vectors) / np.prod(np.linalg.norm(vectors, axis=1))
    assert same.cosine == pytest.approx(expected)


@pytest.mark.parametrize("text", ["How do I pay the invoice?", "zeppelin", "7", "not", "a " * 5_000])
def test_the_very_same_text_is_above_every_threshold(rule, text):
    highest = rule.model_copy(update={"slope": 0.0, "intercept": max(rule.thresholds)})
    assert probability(rule, text, text) >= probability(highest, text, text)


def test_probabilities_are_calibrated(rule):
    pairs = worded_pairs(400, seed=2)
    found = np.array([probability(rule, pair.a, pair.b) for pair in pairs])
    same = np.array([pair.same for pair in pairs])
    assert abs(found.mean() - same.mean()) < 0.1
    assert np.mean((found - same) ** 2) < 0.15


def test_stored_questions_do_not_change_each_others_probability(rule):
    asked, stored = "How do I pay the invoice?", [stored for _, stored in QUESTIONS]
    together = match(rule, asked, stored, answers=["same"] * len(stored))
    alone = [match(rule, asked, [one], answers=["other"])[0] for one in stored]
    for one, other in zip(together, alone, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-9)


def test_the_length_of_vectors_does_not_count(rule):
    asked, stored = QUESTIONS[0]
    vectors = np.array(EMBEDDINGS.embed_documents([asked, stored]))
    (one,) = rule.matches(asked, [stored], vectors.tolist(), [""])
    (other,) = rule.matches(asked, [stored], (vectors * [[3], [0.1]]).tolist(), [""])
    assert one.probability == pytest.approx(other.probability)


def test_a_vector_with_a_number_missing_is_like_none(rule):
    for broken in ([float("nan")] * DIMENSIONS, [1.0] * (DIMENSIONS - 1) + [float("inf")]):
        with np.errstate(invalid="ignore"):
            (found,) = rule.matches("a b", ["a b"], [broken, broken], [""])
        assert found.probability == 0


def test_vectors_of_another_length_are_refused(rule):
    with pytest.raises(
        ConfigurationError, match=rf"^rule: was calibrated on vectors of {DIMENSIONS} numbers"
    ):
        rule.matches("a", ["b"], [[1.0, 0.0]] * 2, [""])


def test_nothing_stored_is_no_match(rule):
    assert match(rule, "a", []) == []


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("networks", [False, True])
def test_a_file_gives_equal_probabilities_and_thresholds(rule, networks, tmp_path, monkeypatch):
    if networks:
        monkeypatch.setattr(pair_model, "NETWORKS_FROM", 100)
        monkeypatch.setattr(calibration, "NETWORKS_FROM", 100)
        rule = calibrate_cache(worded_pairs(300), embeddings=EMBEDDINGS, guards=())
        assert rule.model.networks is not None
    rule.save(tmp_path / "rule.json")
    again = SimilarityRule.load(tmp_path / "rule.json")
    for asked, stored in QUESTIONS:
        assert match(again, asked, [stored]) == match(rule, asked, [stored])
    assert again.threshold(0.4, 0.9) == rule.threshold(0.4, 0.9)
    assert again.name == rule.name


class Trap:
    """Whoever unpickles it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_is_unpickled(tmp_path):
    (tmp_path / "rule.json").write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol=0))
    with pytest.raises(ConfigurationError, match="is not JSON"):
        SimilarityRule.load(tmp_path / "rule.json")
    assert not (tmp_path / "sprung").exists()


def spoil(told, *path, value):
    for name in path[:-1]:
        told = told[name]
    told[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (["format"], 2, "is a similarity rule of format 2, which is not 1"),
        (["guards"], 3, "is no similarity rule: guards"),
        (["slope"], float("nan"), "is no similarity rule: slope"),
        (["model", "linear", "weights"], [1.0], "is no similarity rule: model.linear"),
        (["calibration", "same"], "????", "is no similarity rule: calibration.same"),
        (["calibration", "same"], {"a": 1}, "is no similarity rule: calibration.same"),
        (["calibration", "same"], None, "is no similarity rule: calibration.same"),
        (["calibration", "same"], [1.0], "is no similarity rule: calibration: log_odds, same and refused"),
        (["calibration"], "rows", "is no similarity rule: calibration"),
    ],
    ids=str,
)
def test_a_file_of_another_format_or_that_is_none_is_refused_in_one_sentence(
    rule, tmp_path, path, value, problem
):
    told = json.loads(rule.model_dump_json())
    spoil(told, *path, value=value)
    (tmp_path / "rule.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        SimilarityRule.load(tmp_path / "rule.json")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("rule: ")
    assert str(caught.value).endswith("calibrate it anew with calibrate_cache")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"[1]", b"null", b'"a"', b"[" * 100_000])
def test_garbage_is_refused_too(tmp_path, content):
    (tmp_path / "rule.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^rule: [^\n]*calibrate it anew"):
        SimilarityRule.load(tmp_path / "rule.json")


def test_another_calibration_has_another_name(rule):
    others = [
        rule.model_dump() | changed for changed in ({"slope": 0.1}, {"fingerprint": "f"}, {"guards": GUARDS})
    ]
    names = {SimilarityRule.model_validate(other).name for other in others}
    assert len(names | {rule.name}) == 4
    assert SimilarityRule.model_validate(rule.model_dump()).name == rule.name
