import json

import pytest

NAMES = ("a-small-model-with-quite-a-long-name-2024-07-18", "[bold]medium[/bold]/b", "large")


@pytest.fixture
def records(tmp_path):
    def answer(text, score, cost_usd):
        return {"text": text, "score": score, "cost_usd": cost_usd, "input_tokens": 9, "output_tokens": 3}

    path = tmp_path / "records.jsonl"
    with path.open("w") as file:
        for number in range(4):
            said = ("1", "1" if number else "2", "1")
            responses = {
                name: answer(text, float(text == "1") if name != NAMES[0] or number > 1 else 0.0, cost)
                for name, text, cost in zip(NAMES, said, (0.01, 0.02, 1.0), strict=True)
            }
            file.write(json.dumps({"prompt": f"{number}?", "responses": responses}) + "\n")
    return path


TIERS = f"{NAMES[0]}+{NAMES[1]},{NAMES[2]}"


def test_json_has_the_promised_shape_and_nothing_else_is_printed(llmops, records):
    done = llmops("replay", records, "--tiers", TIERS, "--json")
    assert (done.code, done.err) == (0, "")
    assert set(done.json["singles"]) == set(NAMES)
    assert done.json["best_single"] == "large"
    assert done.json["cascade"]["calls"] == {NAMES[0]: 4, NAMES[1]: 4, "large": 1}
    assert done.json["cascade"]["cost_ratio"] == pytest.approx((4 * 0.03 + 1) / 4)


@pytest.mark.parametrize("columns", [None, "80", "60"])
def test_model_names_are_printed_whole_and_as_they_are(llmops, records, monkeypatch, columns):
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    out = llmops("replay", records, "--tiers", TIERS).out
    assert "…" not in out
    for name in NAMES:
        assert (
            name in "".join(line[: int(columns or 200) - 41].strip() for line in out.splitlines())
            or name in out
        )
    assert "[bold]medium[/bold]/b: 4 calls, 0 answers" in out.replace("\n", " ").replace("  ", " ")
    assert "(best single)" in out


def test_prices_beside_the_records_are_used_unless_others_are_named(llmops, records, tmp_path):
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    for line in lines:
        for response in line["responses"].values():
            del response["cost_usd"]
    records.write_text("".join(json.dumps(line) + "\n" for line in lines))
    unpriced = llmops("replay", records)
    assert "unknown" in unpriced.out
    assert "No price or no usage is known for" in unpriced.out
    (tmp_path / "models.yaml").write_text("models: {large: {input: 1000000, output: 0}}")
    assert llmops("replay", records, "--json").json["singles"]["large"]["cost_usd"] == 36.0
    (tmp_path / "mine.yaml").write_text("models: {large: {input: 0, output: 1000000}}")
    mine = llmops("replay", records, "--models", tmp_path / "mine.yaml", "--json").json
    assert mine["singles"]["large"]["cost_usd"] == 12.0


def test_bad_rows_can_be_skipped_and_are_told(llmops, records):
    records.write_text("{\n" + records.read_text())
    assert "line 1" in llmops("replay", records).err
    done = llmops("replay", records, "--skip-bad")
    assert done.code == 0
    assert "4 questions" in done.out
    assert "1 rows were skipped, the first: " in done.out
