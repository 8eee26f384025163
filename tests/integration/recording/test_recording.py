"""`llmops record`, asking a real server."""

import json
import sqlite3

import pytest

from llmops_plugins.records.reading import read_records

KEY = "sk-a-key-that-must-not-be-written-anywhere"
CALL_USD = 20 * 10e-6 + 8 * 100e-6
QUICK = ("--concurrency", "16")


def test_answers_are_recorded_in_the_order_of_the_dataset_and_can_be_replayed(server, folder, record):
    folder.write_dataset(30)
    code, out, err = record("questions.jsonl", "--models", "small,large", "--json", *QUICK)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["complete"]
    assert result["calls"] == {"small": 30, "large": 30}
    assert result["spent_usd"] == pytest.approx(60 * CALL_USD)
    rows = folder.rows()
    assert [row["id"] for row in rows] == [f"q{number}" for number in range(30)]
    small = rows[3]["responses"]["small"]
    assert small.pop("latency_seconds") > 0
    assert small == {
        "text": "The answer is 4.",
        "score": 1.0,
        "scored_by": "answer",
        "input_tokens": 20,
        "output_tokens": 8,
        "cost_usd": pytest.approx(CALL_USD),
    }
    records = read_records(folder.out)
    assert records.models == ["small", "large"]
    assert records.rows[3].responses["large"].cost_usd == pytest.approx(CALL_USD)
    assert not folder.journal.exists()


def test_what_passes_is_tried_again(server, folder, record):
    folder.write_dataset(3)
    server.failures = {("small", "0 + 1"): [429, 503], ("small", "2 + 1"): [500]}
    code, _, err = record("questions.jsonl", "--models", "small")
    assert (code, err) == (0, "")
    assert server.asked["small", "0 + 1"] == 3
    assert server.asked["small", "2 + 1"] == 2
    assert len(folder.rows()) == 3


def test_a_failed_answer_is_told_and_the_next_run_asks_for_it_only(server, folder, record):
    folder.write_dataset(4)
    server.failures = {("small", "1 + 1"): [400]}
    code, out, err = record("questions.jsonl", "--models", "small,large", "--concurrency", "1")
    assert (code, err) == (1, "")
    assert "small: 1 of 4 answers are missing, the first because: " in out
    (told,) = (line for line in out.splitlines() if "Error code: 400" in line)
    assert "refused" in told  # the provider's words, which older openai packages show as a dict
    assert KEY not in out
    assert set(folder.rows()[1]["responses"]) == {"large"}
    before = server.asked.total()
    assert record("questions.jsonl", "--models", "small,large")[0] == 0
    assert server.asked.total() == before + 1
    assert set(folder.rows()[1]["responses"]) == {"small", "large"}


def test_a_model_that_nobody_may_ask_is_not_asked_a_thousand_times_and_no_key_is_told(server, folder, record):
    folder.write_dataset(200)
    server.broken_models = {"small"}
    code, out, err = record("questions.jsonl", "--models", "small,large", *QUICK)
    assert code == 1
    assert "small: 200 of 200 answers are missing" in out
    assert sum(count for (model, _), count in server.asked.items() if model == "small") <= 16
    assert KEY not in out + err + folder.texts()


def test_a_torn_line_never_counted(server, folder, record):
    folder.write_dataset(5)
    server.failures = {("small", "4 + 1"): [400]}
    assert record("questions.jsonl", "--models", "small")[0] == 1
    folder.out.unlink()
    whole = folder.journal.read_bytes()
    folder.journal.write_bytes(whole[:-3])
    before = server.asked.total()
    assert record("questions.jsonl", "--models", "small")[0] == 0
    assert server.asked.total() == before + 2
    assert len(folder.rows()) == 5


@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_no_more_calls_at_once_than_allowed(server, folder, concurrency, record):
    folder.write_dataset(20)
    server.delay = 0.1
    assert record("questions.jsonl", "--models", "small,large", "--concurrency", concurrency)[0] == 0
    assert server.most_in_flight == concurrency


def test_no_more_requests_a_minute_than_allowed_retries_included(server, folder, record):
    folder.write_dataset(6)
    server.failures = {("small", "3 + 1"): [429, 429]}
    assert record("questions.jsonl", "--models", "small", "--requests-per-minute", "300")[0] == 0
    assert len(server.times) == 8
    # The first request waits for a connection, and any may come late; without retries it would be 0.8 s.
    assert server.times[-1] - server.times[1] >= 6 * 0.2 - 0.2


def test_a_cap_is_never_gone_over_and_a_higher_one_goes_on(server, folder, record):
    folder.write_dataset(40)
    server.output_tokens = 900
    call_usd = 20 * 10e-6 + 900 * 100e-6
    cap = 10.5 * call_usd
    arguments = ("questions.jsonl", "--models", "small,large", "--json", *QUICK)
    code, out, err = record(*arguments, "--max-cost", cap)
    result = json.loads(out)
    assert (code, err) == (3, "")
    assert result["stopped_by_cap"]
    assert not result["complete"]
    assert server.answered.total() == 10
    assert result["spent_usd"] == pytest.approx(10 * call_usd)
    (told,) = (note for note in result["notes"] if "a higher one to go on" in note)
    assert told.startswith("Incomplete: stopped by --max-cost with $")
    again = json.loads(record(*arguments, "--max-cost", cap)[1])
    assert again["stopped_by_cap"]
    assert server.answered.total() == 10
    code, out, _ = record(*arguments, "--max-cost", 100)
    assert code == 0
    assert json.loads(out)["complete"]
    assert server.answered.total() == 80


def test_a_question_that_is_there_twice_is_asked_billed_and_counted_once(server, folder, record):
    rows = [{"id": name, "prompt": "2 + 2", "gold": "4"} for name in ("first", "second")]
    rows.append({"id": "other", "prompt": "2 + 3", "gold": "5"})
    (folder.path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, _ = record("questions.jsonl", "--models", "small", "--json")
    result = json.loads(out)
    assert (code, result["questions"], result["calls"]) == (0, 2, {"small": 2})
    assert result["models"]["small"]["answers"] == 2
    assert result["models"]["small"]["cost_usd"] == result["spent_usd"] == pytest.approx(2 * CALL_USD)
    assert "1 questions repeat another one, and count once." in result["notes"]
    assert [row["id"] for row in folder.rows()] == ["first", "other"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smal", "it names no provider, write for example 'openai:smal'"),
        ("opnai:smal", "LangChain knows no provider 'opnai', write for example 'openai:smal'"),
    ],
)
def test_a_name_without_a_provider_is_refused_in_one_sentence_with_the_fix(
    server, folder, record, name, said
):
    folder.write_dataset(2)
    code, out, err = record("questions.jsonl", "--models", name)
    assert (code, out) == (2, "")
    assert err == f"llmops: models: {name!r} cannot be built: {said}\n"


def test_a_cap_needs_prices(server, folder, record):
    folder.write_dataset(2)
    registry = folder.path / "models.yaml"
    registry.write_text(registry.read_text().replace(", input: 10, output: 100", ""))
    code, out, err = record("questions.jsonl", "--models", "small", "--max-cost", "1")
    assert (code, out) == (2, "")
    assert "'small' has no price" in err
    assert server.asked.total() == 0
    assert record("questions.jsonl", "--models", "small")[0] == 0
    assert folder.rows()[0]["responses"]["small"]["cost_usd"] is None


def test_a_model_added_later_is_the_only_one_asked(server, folder, record):
    folder.write_dataset(5)
    record("questions.jsonl", "--models", "small")
    before = server.asked.copy()
    assert record("questions.jsonl", "--models", "large")[0] == 0
    assert {model for model, _ in server.asked - before} == {"large"}
    assert read_records(folder.out).models == ["small", "large"]


def test_a_changed_prompt_is_asked_anew_and_no_paid_answer_is_thrown_away(server, folder, record):
    rows = folder.write_dataset(3)
    record("questions.jsonl", "--models", "small")
    rows[1] |= {"prompt": "10 + 10", "gold": "20"}
    (folder.path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = server.asked.copy()
    code, out, _ = record("questions.jsonl", "--models", "small")
    assert code == 0
    assert dict(server.asked - before) == {("small", "10 + 10"): 1}
    assert [row["prompt"] for row in folder.rows()] == ["0 + 1", "10 + 10", "2 + 1", "1 + 1"]
    assert "1 records of other prompts stay at the end" in out


def test_a_judge_grades_counts_against_the_cap_and_is_paid_once(server, folder, record):
    folder.write_dataset(6)
    arguments = ("questions.jsonl", "--models", "small", "--score", "judge:judge", "--json")
    server.failures = {("small", "5 + 1"): [400]}
    result = json.loads(record(*arguments)[1])
    assert result["calls"] == {"small": 6, "judge": 5}
    assert result["spent_usd"] == pytest.approx(10 * CALL_USD)
    assert {row["responses"]["small"]["score"] for row in folder.rows()} == {0.7}
    folder.out.unlink()
    result = json.loads(record(*arguments)[1])
    assert result["calls"] == {"small": 1, "judge": 1}
    assert result["complete"]
    capped = ("--score", "judge:judge", "--max-cost", "0.001")
    rescored = json.loads(record("questions.jsonl", "--rescore", *capped, "--json")[1])
    assert rescored["stopped_by_cap"]


def test_rescoring_asks_no_model(server, folder, record):
    folder.write_dataset(4)
    record("questions.jsonl", "--models", "small,large")
    before = server.asked.total()
    code, _, err = record("questions.jsonl", "--models", "small", "--score", "exact")
    assert code == 2
    assert "was scored by 'answer', not 'exact'" in err
    assert record("--rescore", "--score", "exact")[0] == 0
    assert server.asked.total() == before
    assert {row["responses"]["large"]["score"] for row in folder.rows()} == {0.0}
    assert record("--rescore", "--score", r"regex:answer is \d")[0] == 0
    assert {row["responses"]["large"]["score"] for row in folder.rows()} == {1.0}


def test_a_dry_run_asks_nobody_and_needs_no_key(server, folder, record):
    folder.write_dataset(10)
    code, out, err = record("questions.jsonl", "--models", "small,large", "--dry-run", "--json")
    assert (code, err) == (0, "")
    estimate = json.loads(out)
    assert [one["calls"] for one in estimate["models"]] == [10, 10]
    assert estimate["cost_usd"] == pytest.approx(20 * 1000 * 100e-6, rel=0.1)
    assert server.asked.total() == 0
    assert not folder.out.exists()
    record("questions.jsonl", "--models", "small", "--limit", "5")
    estimate = json.loads(record("questions.jsonl", "--models", "small", "--dry-run", "--json")[1])
    assert estimate["cost_usd"] == pytest.approx(5 * CALL_USD, rel=0.01)


def test_stored_traffic_is_recorded_and_only_other_models_are_asked(server, folder, record):
    from langchain_core.messages import AIMessage
    from langchain_openai import ChatOpenAI

    from llmops_plugins import CostLedger, ModelRegistry

    model = ChatOpenAI(model="large", base_url=server.base_url, api_key=KEY)
    registry = ModelRegistry.from_yaml(folder.path / "models.yaml")
    database = folder.path / "ledger.db"
    ledger = CostLedger(f"sqlite:///{database}", registry=registry, content="full")
    for prompt in ("1 + 1", "2 + 2", "1 + 1"):
        messages = [("system", "Add."), ("user", prompt)]
        model.invoke(messages, config={"callbacks": [ledger]})
    tools = model.bind_tools([{"name": "look_up", "description": "Look up.", "parameters": {}}])
    tools.invoke("3 + 3", config={"callbacks": [ledger]})
    model.invoke(["4 + 4", AIMessage("8"), "5 + 5"], config={"callbacks": [ledger]})
    ledger.close()
    before = server.asked.copy()
    arguments = ("--from-ledger", "ledger.db", "--models", "small", "--reference", "large", "--json")
    code, out, err = record(*arguments)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert set(server.asked - before) == {("small", "1 + 1"), ("small", "2 + 2"), ("small", "5 + 5")}
    assert "1 used tools" in result["notes"][0]
    assert result["models"]["small"]["score"] == 1.0
    rows = {row["prompt"]: row for row in folder.rows()}
    assert rows["2 + 2"]["messages"][0] == {"role": "system", "content": "Add."}
    assert rows["2 + 2"]["responses"]["large"]["cost_usd"] == pytest.approx(CALL_USD)
    assert rows["2 + 2"]["responses"]["large"]["scored_by"] == "answer against large"


def test_a_ledger_without_content_says_how_to_have_it(folder, record):
    from llmops_plugins import CostLedger
    from llmops_plugins.testing import ScriptedChatModel

    ledger = CostLedger(f"sqlite:///{folder.path}/ledger.db")
    ScriptedChatModel(replies=["hello"]).invoke("hi", config={"callbacks": [ledger]})
    ledger.close()
    code, _, err = record("--from-ledger", "ledger.db", "--models", "small")
    assert code == 2
    assert "1 answers and the text of none" in err
    assert "content='full'" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--models", "small"), "dataset: is missing"),
        (("questions.jsonl",), "models: are missing"),
        (("questions.jsonl", "--models", "small,small"), "models: names one twice"),
        (("questions.jsonl", "--models", "small,"), "models: holds an empty name"),
        (("questions.jsonl", "--models", "nobody:model"), "models: 'nobody:model' cannot be built"),
        (("questions.jsonl", "--models", "small", "--score", "right"), "score: 'right' is no scorer"),
        (("questions.jsonl", "--models", "small", "--score", "regex:("), "is no regular expression"),
        (("questions.jsonl", "--models", "small", "--score", "nowhere:f"), "nowhere cannot be imported"),
        (("questions.jsonl", "--models", "small", "--score", "similarity"), "embeddings: are needed"),
        (("questions.jsonl", "--models", "small", "--reference", "large"), "reference: 'large' is not among"),
        (("questions.jsonl", "--models", "small", "--max-cost", "0"), "max_cost: must be above 0"),
        (("questions.jsonl", "--models", "small", "--timeout", "0"), "timeout_seconds: must be above 0"),
        (("questions.jsonl", "--models", "small", "--out", "records.csv"), "out: records.csv must be"),
        (("questions.jsonl", "--models", "small", "--out", "no/where.jsonl"), "out: no/where.jsonl cannot"),
        (("nowhere.jsonl", "--models", "small"), "dataset: nowhere.jsonl cannot be read"),
        (("--rescore",), "out: there are no records at"),
        (("questions.jsonl", "--rescore", "--models", "small"), "rescore: asks no model"),
        (("--from-ledger", "nowhere.db", "--models", "small"), "db: there is no database"),
    ],
)
def test_a_bad_setting_is_one_sentence_before_anything_is_paid(server, folder, arguments, said, record):
    folder.write_dataset(2)
    code, out, err = record(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert server.asked.total() == 0
    assert not folder.journal.exists()


def test_the_ledger_is_only_read(folder, record):
    database = folder.path / "empty.db"
    sqlite3.connect(database).close()
    code, _, err = record("--from-ledger", "empty.db", "--models", "small")
    assert (code, "holds no ledger" in err) == (2, True)
