import json

import pytest

from llmops_plugins.backtest.replay import replay
from llmops_plugins.errors import ConfigurationError, RecordError, UnknownModelError
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


def test_tiers_are_chosen_on_other_rows(write_records, rows):
    result = replay(write_records(rows[:3]), fit=write_records(rows[:3] + rows[4:], "fit.jsonl"))
    assert result.cascade.tiers == [["small", "medium"], ["large"]]
    unfit = replay(write_records(rows), fit=write_records([rows[3]] * 3, "unfit.jsonl"))
    assert unfit.cascade is None
    assert any("best single model" in note for note in unfit.notes)


def test_without_tiers_or_fit_only_singles_are_counted(write_records, rows):
    result = replay(write_records(rows))
    assert result.cascade is None
    assert any("--tiers" in note for note in result.notes)


def test_tiers_and_fit_together_are_refused(write_records, rows):
    path = write_records(rows)
    with pytest.raises(ConfigurationError, match=r"^fit: "):
        replay(path, tiers=TIERS, fit=path)


def test_a_fit_that_cannot_choose_is_refused(write_records, rows, answer):
    path = write_records(rows)
    silent = {name: answer(None, 1.0) for name in ("small", "large")}
    with pytest.raises(ConfigurationError, match=r"^fit: .*no texts"):
        replay(path, fit=write_records([silent], "silent.jsonl"))
    unpriced = {name: answer("1", 1.0, None) for name in ("small", "large")}
    with pytest.raises(ConfigurationError, match=r"^fit: .*price"):
        replay(path, fit=write_records([unpriced], "unpriced.jsonl"))
    others = [{f"other {name}": response for name, response in row.items()} for row in rows[:3] + rows[4:]]
    with pytest.raises(UnknownModelError, match=r"^fit: chose other large, other medium, other small"):
        replay(path, fit=write_records(others, "others.jsonl"))


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
