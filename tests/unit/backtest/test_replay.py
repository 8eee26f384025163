import json

import pytest

from llmops_plugins.backtest.calibrating import CalibrationSettings
from llmops_plugins.backtest.replay import replay
from llmops_plugins.bounds import mean_upper
from llmops_plugins.errors import BoundNotMetError, ConfigurationError, RecordError, UnknownModelError
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price

TIERS = "small+medium,large"


@pytest.fixture
def rows(answer):
    """Six questions: the cheap models agree on the first four, wrongly on the fourth."""

    def one(small, medium, right):
        return {
            "small": answer(f"The answer is {small}.", float(small == right), 0.01),
            "medium": answer(f"#### {medium}", float(medium == right), 0.02),
            "large": answer(f"It is {right}.", 1.0, 1.0),
        }

    return [one(1, 1, 1), one(2, 2, 2), one(3, 3, 3), one(4, 4, 5), one(6, 7, 7), one(8, 9, 10)]


def test_every_figure_of_a_replay(write_records, rows):
    result = replay(write_records(rows), tiers=TIERS)
    assert result.questions == 6
    assert result.best_single == "large"
    assert result.singles["small"].accuracy == pytest.approx(3 / 6)
    assert result.singles["medium"].accuracy == pytest.approx(4 / 6)
    assert result.singles["large"].cost_usd == pytest.approx(6.0)
    cascade = result.cascade
    assert cascade.accuracy == pytest.approx(5 / 6)
    assert cascade.cost_usd == pytest.approx(6 * 0.03 + 2 * 1.0)
    assert cascade.cost_ratio == pytest.approx(2.18 / 6)
    assert cascade.calls == {"small": 6, "medium": 6, "large": 2}
    assert cascade.answered_by == {"small": 4, "large": 2}


def test_the_json_has_the_promised_names(write_records, rows):
    data = json.loads(json.dumps(replay(write_records(rows), tiers=TIERS).to_dict()))
    assert set(data["singles"]["large"]) >= {"accuracy", "cost_usd"}
    assert data["best_single"] == "large"
    assert set(data["cascade"]) >= {"accuracy", "cost_usd", "cost_ratio", "calls"}


def test_gold_and_scores_are_masked_until_an_answer_is_given(write_records, rows):
    # Weights of powers of two, so that the sum of scores says exactly which rows each tier answered.
    def scored(cheap, large):
        weighted = []
        for number, row in enumerate(rows):
            scores = {"small": cheap(number), "medium": cheap(number), "large": large(number)}
            responses = {name: row[name] | {"score": scores[name]} for name in row}
            gold = str(len(rows) - number)
            weighted.append({"prompt": f"What is {number}?", "gold": gold, "responses": responses})
        return replay(write_records(weighted), tiers=TIERS)

    def weight(number):
        return 2.0 ** -(number + 1)

    def nothing(number):
        return 0.0

    by_cheap, by_large = scored(weight, nothing), scored(nothing, weight)
    assert by_cheap.cascade.accuracy * 6 == pytest.approx(sum(map(weight, range(4))), abs=1e-12)
    assert by_large.cascade.accuracy * 6 == pytest.approx(weight(4) + weight(5), abs=1e-12)
    for name in ("calls", "answered_by", "cost_usd", "tiers"):
        assert getattr(by_cheap.cascade, name) == getattr(by_large.cascade, name)


def test_a_prompt_that_repeats_keeps_its_own_answers(write_records, rows):
    repeated = [{"prompt": "What?", "responses": row} for row in rows]
    result, apart = replay(write_records(repeated), tiers=TIERS), replay(write_records(rows), tiers=TIERS)
    assert result.cascade.answered_by == apart.cascade.answered_by
    assert result.cascade.accuracy == apart.cascade.accuracy
    assert result.cascade.cost_usd == pytest.approx(apart.cascade.cost_usd)


def test_without_tiers_or_fit_only_singles_are_counted(write_records, rows):
    result = replay(write_records(rows))
    assert result.cascade is None
    assert any("--tiers" in note for note in result.notes)


def test_tiers_and_fit_together_are_refused(write_records, rows):
    path = write_records(rows)
    with pytest.raises(ConfigurationError, match=r"^fit: "):
        replay(path, tiers=TIERS, fit=path)


@pytest.mark.parametrize(
    ("lack", "said"),
    [
        ({"text": None}, r"responses\.small\.text is null"),
        ({"output_tokens": None}, r"responses\.small needs input_tokens and output_tokens"),
        (None, r"responses\.small is missing"),
    ],
)
def test_a_row_that_lacks_what_a_tier_needs_is_named_or_left_out(write_records, rows, lack, said):
    incomplete = {name: response for name, response in rows[1].items() if name != "small" or lack is not None}
    if lack is not None:
        incomplete["small"] = incomplete["small"] | lack
    path = write_records([rows[0], incomplete, *rows[2:]])
    with pytest.raises(RecordError, match=f"line 2: {said}"):
        replay(path, tiers=TIERS)
    result = replay(path, tiers=TIERS, skip_bad=True)
    assert result.questions == 5
    assert any("1 rows were skipped" in note for note in result.notes)
    without_medium = {name: response for name, response in rows[0].items() if name != "medium"}
    with pytest.raises(ConfigurationError, match=f"^tiers: no row .*line 1: {said}"):
        replay(write_records([incomplete, without_medium]), tiers=TIERS, skip_bad=True)


def test_what_a_tier_does_not_need_may_be_missing(write_records, rows, answer):
    rows = [row | {"mute": answer(None, 1.0, input_tokens=None)} for row in rows[:-1]] + [rows[-1]]
    result = replay(write_records(rows), tiers=TIERS)
    assert result.cascade.calls["small"] == 6
    assert result.best_single == "large"
    assert any("mute answered 5 of 6 questions" in note for note in result.notes)


def test_an_unknown_price_makes_the_cost_unknown_and_says_so(write_records, answer):
    rows = [{name: answer("1", 1.0, None) for name in ("small", "medium", "large")}] * 2
    result = replay(write_records(rows), tiers=TIERS)
    assert result.cascade.cost_usd is None
    assert result.cascade.cost_ratio is None
    assert any(note.startswith("No price") and "small" in note for note in result.notes)
    registry = ModelRegistry(
        [
            ModelSpec(name=name, prices=(Price(input=1.0, output=2.0),))
            for name in ("small", "medium", "large")
        ]
    )
    priced = replay(write_records(rows), tiers=TIERS, registry=registry)
    assert priced.cascade.cost_usd == pytest.approx(2 * 2 * 20e-6)


def test_progress_is_told_for_every_question(write_records, rows):
    told = []
    replay(write_records(rows), tiers=TIERS, progress=lambda done, of: told.append((done, of)))
    assert told == [(number, 6) for number in range(1, 7)]


def test_what_is_calibrated_on_some_records_is_replayed_on_others(write_records, arithmetic):
    fit = write_records(arithmetic(300), "fit.jsonl")
    result = replay(write_records(arithmetic(100, seed=1)), fit=fit)
    assert result.policy.is_cascade
    assert result.cascade.tiers == [
        *(list(stage.ask) for stage in result.policy.stages),
        [result.policy.last],
    ]
    assert result.cascade.cost_ratio < 0.5
    assert sum(result.cascade.answered_by.values()) == 100
    assert result.risk_upper > result.risk >= 0
    assert result.max_risk is None
    assert result.halves is None
    data = json.loads(json.dumps(result.to_dict()))
    assert data["policy"] == json.loads(result.policy.model_dump_json())


def test_the_risk_is_the_score_lost_where_any_is(write_records, rows):
    result = replay(write_records(rows), tiers=TIERS)
    assert result.risk == pytest.approx(1 / 6)  # the fourth, on which the cheap models agree wrongly
    assert result.risk_upper == pytest.approx(mean_upper([0, 0, 0, 1, 0, 0], 0.9))
    surer = replay(write_records(rows), tiers=TIERS, calibration=CalibrationSettings(confidence=0.99))
    assert surer.risk_upper > result.risk_upper


def test_a_saved_policy_is_replayed_like_the_one_it_was(write_records, arithmetic, tmp_path):
    records, fit = write_records(arithmetic(80, seed=1)), write_records(arithmetic(300), "fit.jsonl")
    settings = CalibrationSettings(max_risk=0.05, confidence=0.8)
    fitted = replay(records, fit=fit, calibration=settings)
    fitted.policy.save(tmp_path / "policy.json")
    loaded = replay(records, policy=tmp_path / "policy.json")
    for name in ("policy", "risk", "risk_upper", "max_risk"):
        assert getattr(loaded, name) == getattr(fitted, name)
    assert loaded.cascade.calls == fitted.cascade.calls
    flattered = replay(fit, policy=fitted.policy)
    assert any("these very records" in note for note in flattered.notes)


def test_a_policy_without_stages_is_the_best_single_model_and_says_so(write_records, arithmetic):
    # Cheap models that are as dear as the good one save nothing.
    fit = write_records(arithmetic(200, prices=(1.0, 1.0, 1.0)), "fit.jsonl")
    result = replay(write_records(arithmetic(50, seed=1, prices=(1.0, 1.0, 1.0))), fit=fit)
    assert not result.policy.is_cascade
    assert result.cascade.tiers == [["large"]]
    assert result.cascade.calls == {"large": 50}
    assert result.cascade.accuracy == result.singles["large"].accuracy
    assert (result.cascade.cost_ratio, result.risk) == (pytest.approx(1.0), 0.0)
    assert any("large is best used alone" in note for note in result.notes)


def test_halves_of_the_records_need_no_others(write_records, arithmetic):
    path = write_records(arithmetic(200))
    result = replay(path, halves=2)
    assert result.cascade is None
    assert (result.risk, result.risk_upper) == (None, None)
    assert result.halves.count == 2
    assert result.policy.measured_on.rows == 200
    assert replay(path, halves=2, fit=path) == result
    other = replay(write_records(arithmetic(100, seed=1), "other.jsonl"), halves=2, fit=path)
    assert other.cascade is not None
    assert other.halves.questions == 50
    assert other.policy.measured_on.rows == 200


def test_halves_without_a_policy_of_all_records_say_why(write_records, arithmetic):
    result = replay(write_records(arithmetic(100)), halves=2, calibration=CalibrationSettings(max_risk=0.001))
    assert result.policy is None
    assert result.halves.refused == 2
    assert any(note.startswith("All records together give no policy: max_risk") for note in result.notes)


def test_a_model_that_the_halves_leave_out_is_named(write_records, arithmetic, answer):
    rows = arithmetic(100)
    rows[0]["responses"]["rare"] = answer("1", 1.0)
    assert any("rare is left out" in note for note in replay(write_records(rows), halves=2).notes)


def test_a_bound_that_cannot_be_shown_is_refused(write_records, arithmetic):
    records, fit = write_records(arithmetic(20)), write_records(arithmetic(100, seed=1), "fit.jsonl")
    with pytest.raises(BoundNotMetError, match=r"^max_risk: 0\.001 cannot be shown"):
        replay(records, fit=fit, calibration=CalibrationSettings(max_risk=0.001))


REFUSED = {
    "policy and tiers": ({"policy": "p.json", "tiers": TIERS}, "policy: and tiers exclude each other"),
    "graph and fit": ({"graph": "app:build", "fit": "f.jsonl"}, "graph: and fit exclude each other"),
    "halves and tiers": ({"halves": 2, "tiers": TIERS}, "halves: .*leave out tiers"),
    "a score for no graph": ({"score": "exact"}, "score: "),
    "a risk of nothing": ({"calibration": CalibrationSettings(max_risk=0.1)}, "max_risk: .*--fit"),
    "a cost of nothing": ({"tiers": TIERS, "calibration": CalibrationSettings(max_cost=0.1)}, "max_cost: "),
    "no confidence": ({"tiers": TIERS, "calibration": CalibrationSettings(confidence=1.0)}, "confidence: "),
    "halves of few": ({"halves": 2}, "halves: .*cannot be calibrated on"),
    "a policy that is none": ({"policy": "records.jsonl"}, "policy: records.jsonl is"),
}


@pytest.mark.parametrize(("settings", "said"), REFUSED.values(), ids=REFUSED)
def test_settings_that_exclude_or_lack_each_other_are_refused(
    write_records, rows, tmp_path, monkeypatch, settings, said
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=f"^{said}"):
        replay(write_records(rows), **settings)


def test_a_fit_that_cannot_be_used_is_refused_by_its_name(write_records, rows, arithmetic, answer):
    path = write_records(arithmetic(60))
    with pytest.raises(ConfigurationError, match=r"^fit: must be other records"):
        replay(path, fit=path)
    with pytest.raises(ConfigurationError, match=r"^fit: .*few\.jsonl cannot be calibrated on: there are 6"):
        replay(path, fit=write_records(rows, "few.jsonl"))
    unpriced = {name: answer("1", 1.0, None) for name in ("small", "large")}
    with pytest.raises(ConfigurationError, match=r"^fit: .*no known price"):
        replay(path, fit=write_records([unpriced] * 50, "unpriced.jsonl"))
    strange = [
        {
            "prompt": row["prompt"],
            "responses": {f"other {name}": row["responses"][name] for name in row["responses"]},
        }
        for row in arithmetic(300)
    ]
    with pytest.raises(UnknownModelError, match=r"^fit: asks other large, .*other small"):
        replay(path, fit=write_records(strange, "strange.jsonl"))
