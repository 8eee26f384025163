import json
import random

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


@pytest.fixture
def many_records(tmp_path):
    """Two files of sums: cheap models that err seldom and apart, a dear one that does not."""

    def write(name, seed):
        chance = random.Random(seed)

        def answer(right, cost_usd, error):
            wrong = chance.random() < error
            text = f"The answer is {right + chance.randrange(1, 9) if wrong else right}."
            tokens = {"input_tokens": 9, "output_tokens": 3}
            return {"text": text, "score": float(not wrong), "cost_usd": cost_usd, **tokens}

        with (tmp_path / name).open("w") as file:
            for number in range(200):
                right = chance.randrange(100, 999)
                models = {"small": (0.01, 0.1), "medium": (0.02, 0.1), "large": (1.0, 0.02)}
                responses = {model: answer(right, *figures) for model, figures in models.items()}
                file.write(json.dumps({"prompt": f"{seed}.{number}?", "responses": responses}) + "\n")

    write("fit.jsonl", 0)
    write("other.jsonl", 1)
    return tmp_path


def test_a_policy_is_calibrated_saved_and_replayed_again(llmops, many_records):
    arguments = ("--fit", "fit.jsonl", "--max-risk", "0.05", "--policy-out", "policy.json")
    fitted = llmops("replay", "other.jsonl", *arguments, "--json").json
    assert set(fitted) >= {"policy", "max_risk", "risk", "risk_upper", "halves", "cascade", "best_single"}
    assert fitted["max_risk"] == 0.05
    assert fitted["risk"] <= fitted["risk_upper"]
    assert fitted["halves"] is None
    assert fitted["policy"] == json.loads((many_records / "policy.json").read_text())
    again = llmops("replay", "other.jsonl", "--policy", "policy.json", "--json").json
    assert again["cascade"]["calls"] == fitted["cascade"]["calls"]
    assert again["policy"] == fitted["policy"]
    printed = llmops("replay", "other.jsonl", "--policy", "policy.json").out
    assert "  risk: " in printed
    assert "5.0% asked for" in printed


def test_halves_are_told_with_their_interval(llmops, many_records):
    told = llmops("replay", "other.jsonl", "--halves", "3", "--json").json
    halves = told["halves"]
    assert (halves["count"], halves["questions"]) == (3, 100)
    low, high = halves["interval"]
    assert low <= halves["accuracy"] - halves["best_single_accuracy"] <= high
    assert (told["cascade"], told["risk"]) == (None, None)
    same = llmops("replay", "other.jsonl", "--fit", "other.jsonl", "--halves", "3", "--json").json
    assert same == told
    other = llmops("replay", "other.jsonl", "--halves", "3", "--seed", "9", "--json").json
    assert other["halves"] != halves
    out = llmops("replay", "other.jsonl", "--halves", "3", "--max-risk", "0.001").out
    assert "3 random halves: calibrated on one, measured on the other" in out
    assert "within 0.10%" not in out  # that nothing was tried keeps no bound
    assert "best single model alone: 3 halves, 3 of them because" in out


def test_a_graph_of_the_users_is_replayed_under_its_name(llmops, many_records):
    (many_records / "cli_replayed_app.py").write_text(
        "from langchain.agents import create_agent\n\n"
        "def build(models):\n    return create_agent(models['small'], tools=[])\n"
    )
    out = llmops("replay", "other.jsonl", "--graph", "cli_replayed_app:build").out
    assert "\ngraph: cli_replayed_app:build\n  small: 200 calls, 200 answers\n" in out
    data = llmops("replay", "other.jsonl", "--graph", "cli_replayed_app:build", "--json").json
    assert data["graph"] == "cli_replayed_app:build"
    assert data["policy"] is None


def test_a_plot_is_drawn_beside_the_figures(llmops, many_records):
    done = llmops("replay", "other.jsonl", "--halves", "2", "--plot", "plot.html")
    assert (done.code, done.err) == (0, "")
    assert "<svg" in (many_records / "plot.html").read_text()
