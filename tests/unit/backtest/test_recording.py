"""What a recording asks, keeps and refuses; how it fares with a real server is in tests/integration."""

import asyncio
import gzip
import json

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.backtest.asking import AskingLimits
from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.journal import Answer
from llmops_plugins.backtest.recording import Recording
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.records.reading import read_records
from llmops_plugins.testing import ScriptedChatModel

PRICED = ModelRegistry(
    ModelSpec(name=name, prices=(Price(input=1_000_000, output=0),)) for name in ("small", "large", "judge")
)


def question(prompt, gold="42", **columns):
    return Question(question_id=prompt, prompt=prompt, messages=(("user", prompt),), gold=gold, **columns)


def saying(*replies, **settings):
    return ScriptedChatModel(replies=replies or ["42"], **settings)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "records.jsonl"


def rows_of(out):
    return [json.loads(line) for line in out.read_text().splitlines()]


def journal_of(out):
    return out.with_name(out.name + ".partial.jsonl")


def test_what_is_asked_is_what_the_dataset_says(out):
    model = saying()
    messages = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Yes?"), ("user", "6 * 7?"))
    asked = Question(question_id="q", prompt="6 * 7?", messages=messages, gold="42", task="sums")
    Recording([asked], models={"small": model}, out=out).run()
    assert [(one.type, one.text) for one in model.calls[0]] == [
        ("system", "Be brief."),
        ("human", "Hi"),
        ("ai", "Yes?"),
        ("human", "6 * 7?"),
    ]
    (row,) = rows_of(out)
    assert (row["id"], row["prompt"], row["gold"], row["task"]) == ("q", "6 * 7?", "42", "sums")
    again = saying()
    Recording([asked], models={"small": again}, out=out).run()
    assert again.calls == []


def test_equal_prompts_are_asked_once_and_scored_by_their_own_gold(out):
    model = saying()
    Recording([question("a", "42"), question("b"), question("a", "43")], models={"m": model}, out=out).run()
    assert len(model.calls) == 2
    assert [row["responses"]["m"]["score"] for row in rows_of(out)] == [1.0, 1.0, 0.0]


def test_an_answer_that_questions_share_is_paid_for_once(out):
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    model = saying(AIMessage("42", usage_metadata=usage))
    questions = [question("a", "42"), question("a", "43")]
    result = Recording(questions, models={"small": model}, out=out, registry=PRICED).run()
    assert result.models["small"].answers == 2
    assert result.models["small"].cost_usd == result.spent_usd == 1.0


def test_a_repeated_question_counts_once_and_takes_the_gold_that_is_known(out):
    model = saying()
    questions = [question("a", None), question("b"), question("a", "42"), question("b", "41")]
    result = Recording(questions, models={"m": model}, out=out).run()
    assert len(model.calls) == 2
    assert result.questions == 3
    assert result.notes == ["1 questions repeat another one, and count once."]
    assert [(row["prompt"], row["gold"]) for row in rows_of(out)] == [("a", "42"), ("b", "42"), ("b", "41")]


def test_a_changed_gold_is_scored_anew_without_asking(out):
    Recording([question("a", "42")], models={"m": saying()}, out=out).run()
    Recording([question("a", "41")], models={"m": saying(ValueError("asked"))}, out=out).run()
    assert rows_of(out)[0]["responses"]["m"]["score"] == 0.0


def test_records_are_written_as_they_are_named(tmp_path):
    out = tmp_path / "records.jsonl.gz"
    Recording([question("\ud800 é")], models={"m": saying("é 42")}, out=out).run()
    assert "é 42".encode() in gzip.decompress(out.read_bytes())
    assert read_records(out).rows[0].prompt == "\ud800 é"


def test_nothing_is_written_where_nothing_was_answered(out):
    result = Recording([question("a")], models={"m": saying(ValueError("no"))}, out=out).run()
    assert (result.failed, result.complete, result.models["m"].failure) == (1, False, "ValueError: no")
    assert not out.exists()
    assert not journal_of(out).exists()


def test_a_secret_in_an_error_is_hidden(out):
    error = ValueError("bad key sk-abcdefghijklmnopqrstuv")
    result = Recording([question("a")], models={"m": saying(error)}, out=out).run()
    assert result.models["m"].failure == "ValueError: bad key [secret]"


def test_a_call_that_takes_too_long_is_tried_again_and_counts_against_the_cap(out):
    limits = AskingLimits(timeout_seconds=0.01, attempts=2, first_wait_seconds=0.0)
    recording = Recording(
        [question("a")],
        models={"small": saying(delay=5)},
        out=out,
        registry=PRICED,
        max_cost=100,
        limits=limits,
    )
    result = recording.run()
    assert result.calls == {"small": 2}
    assert result.spent_usd > 0
    assert json.loads(journal_of(out).read_text().splitlines()[0])["text"] is None


def test_a_reference_stands_in_for_gold_where_there_is_none(out):
    models = {"small": saying("The answer is 7."), "large": saying("42")}
    recording = Recording(
        [question("a", None), question("b", "7")], models=models, out=out, reference="large"
    )
    recording.run()
    scores = [{name: one["score"] for name, one in row["responses"].items()} for row in rows_of(out)]
    assert scores == [{"small": 0.0, "large": 1.0}, {"small": 1.0, "large": 0.0}]
    assert "gold" not in rows_of(out)[0]


def test_without_the_references_answer_the_others_wait_unscored_and_unlost(out):
    reference = saying(ValueError("no"), "42")
    first = Recording(
        [question("a", None)], models={"small": saying(), "large": reference}, out=out, reference="large"
    ).run()
    assert not first.complete
    assert "large has not answered it" in first.models["small"].failure
    small = saying()
    second = Recording(
        [question("a", None)], models={"small": small, "large": reference}, out=out, reference="large"
    ).run()
    assert second.complete
    assert small.calls == []


def test_answers_known_from_elsewhere_are_not_asked_for_again(out):
    known = Answer(fingerprint=question("a").fingerprint, model="gpt-4o-2024-08-06", text="42", cost_usd=0.5)
    models = {"openai:gpt-4o-mini": saying(), "gpt-4o": saying(ValueError(), model_name="gpt-4o")}
    result = Recording([question("a")], models=models, out=out, known=[known]).run()
    assert result.calls == {"openai:gpt-4o-mini": 1}
    assert rows_of(out)[0]["responses"]["gpt-4o"]["cost_usd"] == 0.5


def test_answers_of_an_interrupted_run_are_kept_though_their_model_is_no_longer_named(out):
    failing = Recording(
        [question("a"), question("b")], models={"m": saying("42", ValueError()), "n": saying()}, out=out
    )
    assert not failing.run().complete
    out.unlink()
    assert (
        Recording([question("a"), question("b")], models={"n": saying(ValueError())}, out=out).run().complete
    )
    assert [set(row["responses"]) for row in rows_of(out)] == [{"m", "n"}, {"n"}]


def test_paid_answers_to_other_prompts_stay_in_the_journal(out):
    Recording([question("a"), question("b")], models={"m": saying("42", ValueError())}, out=out).run()
    out.unlink()
    Recording([question("c")], models={"m": saying()}, out=out).run()
    assert journal_of(out).exists()
    again = saying()
    Recording([question("a"), question("c")], models={"m": again}, out=out).run()
    assert again.calls == []


def test_a_cancelled_run_keeps_what_it_has(out):
    async def main():
        recording = Recording(
            [question("a"), question("b")],
            models={"m": saying(delay=0.05)},
            out=out,
            limits=AskingLimits(concurrency=1),
        )
        task = asyncio.create_task(recording.arun())
        while not journal_of(out).exists() or not journal_of(out).read_text():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not out.exists()
    model = saying()
    assert Recording([question("a"), question("b")], models={"m": model}, out=out).run().complete
    assert len(model.calls) == 1


def test_an_unreadable_grade_leaves_the_answer_unscored_and_is_asked_for_again(out, monkeypatch):
    judge = saying("Hard to say.", "Grade: 9", model_name="judge")
    monkeypatch.setattr("llmops_plugins.backtest.asked_model.build_chat_model", lambda *_: judge)
    settings = {"out": out, "score": "judge:judge"}
    first = Recording([question("a")], models={"m": saying()}, **settings).run()
    assert (first.failed, first.complete) == (1, False)
    second = Recording([question("a")], models={"m": saying(ValueError())}, **settings).run()
    assert (second.complete, second.calls) == (True, {"judge": 1})
    assert rows_of(out)[0]["responses"]["m"]["score"] == 0.9


def test_a_rescoring_that_fails_leaves_the_file_as_it_was(out, tmp_path, monkeypatch):
    Recording([question("a"), question("b")], models={"m": saying()}, out=out).run()
    before = out.read_bytes()
    (tmp_path / "half.py").write_text(
        "def score(prompt, gold, text):\n    return 1 if prompt == 'a' else None\n"
    )
    monkeypatch.chdir(tmp_path)
    result = Recording(None, models=[], out=out, score="half:score", rescore=True).run()
    assert (result.failed, result.complete) == (1, False)
    assert out.read_bytes() == before


SCORES_NO_SECRETS = """
def score(prompt, gold, text):
    if gold == "?":
        raise LookupError("bad key sk-abcdefghijklmnopqrstuv" + "x" * 1000)
    return 1.0
"""


@pytest.fixture
def scorer(tmp_path, monkeypatch):
    (tmp_path / "scores.py").write_text(SCORES_NO_SECRETS)
    monkeypatch.chdir(tmp_path)
    return "scores.py:score"


def test_an_answer_that_can_no_longer_be_scored_is_not_thrown_away(out, scorer):
    questions = [question("a"), question("b")]
    Recording(questions, models={"m": saying("one", "two")}, out=out, score=scorer).run()
    before = out.read_bytes()
    changed = [question("a", "?"), question("b")]
    models = {"m": saying(ValueError("asked")), "n": saying("three", "four")}
    result = Recording(changed, models=models, out=out, score=scorer).run()
    assert (result.complete, result.failed) == (False, 2)
    assert "The file is left as it was, since 1 of its answers could not be scored." in result.notes
    assert out.read_bytes() == before
    nobody = {"m": saying(ValueError("asked")), "n": saying(ValueError("asked"))}
    assert Recording(questions, models=nobody, out=out, score=scorer).run().complete
    assert [set(row["responses"]) for row in rows_of(out)] == [{"m", "n"}, {"m", "n"}]
    assert not journal_of(out).exists()


def test_an_answer_that_a_judge_is_refused_for_is_not_thrown_away(out, monkeypatch):
    judge = saying("Grade: 9", model_name="judge")
    monkeypatch.setattr("llmops_plugins.backtest.asked_model.build_chat_model", lambda *_: judge)
    settings = {"out": out, "score": "judge:judge", "registry": PRICED}
    Recording([question("a"), question("b")], models={"m": saying("one", "two")}, **settings).run()
    before = out.read_bytes()
    changed = [question("a", "41"), question("b")]
    assert Recording(changed, models=[], max_cost=1e-9, **settings).run().stopped_by_cap
    assert out.read_bytes() == before


def test_a_scorers_error_is_kept_without_its_secrets_or_at_length(out, scorer):
    result = Recording([question("a", "?")], models={"m": saying()}, out=out, score=scorer).run()
    failure = result.models["m"].failure
    assert failure.startswith("question a cannot be scored: LookupError: bad key [secret]")
    assert len(failure) < 400


def test_a_recording_runs_where_a_loop_is_running_already(out):
    async def cell():
        return Recording([question("a")], models={"m": saying()}, out=out).run()

    assert asyncio.run(cell()).complete


def test_progress_ends_with_all_of_it(out):
    told = []
    Recording([question("a"), question("b")], models={"m": saying()}, out=out).run(
        lambda done, of: told.append((done, of))
    )
    assert told[-1] == (4, 4)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"score": "nothing"}, "score: "),
        ({"reference": "other"}, "reference: 'other' is not among the models"),
        (
            {"questions": [question("a", None)]},
            "score: 'answer' compares with gold, which question",
        ),
        ({"max_cost": -1}, "max_cost: must be above 0"),
        ({"max_cost": float("nan")}, "max_cost: must be above 0"),
        ({"rescore": True}, "rescore: asks no model"),
        ({"out": "/nowhere/records.jsonl"}, "out: /nowhere/records.jsonl cannot"),
    ],
)
def test_bad_settings_are_refused_when_built(out, settings, said):
    questions = settings.pop("questions", [question("a")])
    with pytest.raises(ConfigurationError) as error:
        Recording(questions, models={"m": saying()}, **{"out": out, **settings})
    assert str(error.value).startswith(said)


def test_scores_of_two_kinds_never_mix(out):
    Recording([question("a")], models={"m": saying()}, out=out).run()
    with pytest.raises(ConfigurationError, match="was scored by 'answer', not 'exact'"):
        Recording([question("a")], models={"n": saying()}, out=out, score="exact")
    row = rows_of(out)[0]
    del row["responses"]["m"]["scored_by"]
    out.write_text(json.dumps(row) + "\n")
    with pytest.raises(ConfigurationError, match="nobody says what"):
        Recording([question("a")], models={"n": saying()}, out=out)
    assert Recording(None, models=[], out=out, rescore=True).run().complete


def test_records_of_other_prompts_must_have_scores_of_the_same_kind_too(out):
    Recording([question("a"), question("b")], models={"m": saying()}, out=out).run()
    with pytest.raises(ConfigurationError, match="records of other prompts with scores of another kind"):
        Recording([question("a")], models=[], out=out, score="exact", rescore=True)
    assert Recording(None, models=[], out=out, score="exact", rescore=True).run().complete
    assert Recording([question("a")], models={"n": saying()}, out=out, score="exact").run().complete
    assert [set(row["responses"]) for row in rows_of(out)] == [{"m", "n"}, {"m"}]
