"""Bad input gets one line that names the field, exit code 2, and nothing half-written."""

import json

import pytest

ANSWER = {"text": "1", "score": 1.0, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.1}


@pytest.fixture
def files(tmp_path, write_ledger):
    """What the bad input below refers to; everything else must not be there afterwards either."""
    good = {"prompt": "1?", "responses": dict.fromkeys(("small", "medium", "large"), ANSWER)}
    no_score = {"prompt": "1?", "responses": {"small": {"text": "1"}}}
    contents = {
        "records.jsonl": json.dumps(good),
        "few.jsonl": json.dumps(good),
        "many.jsonl": "".join(json.dumps(good | {"prompt": f"{number}?"}) + "\n" for number in range(100)),
        "no_score.jsonl": json.dumps(no_score),
        "malformed.jsonl": json.dumps(good) + "\n{",
        "empty.jsonl": "",
        "negative.yaml": "models: {small: {input: -1, output: 1}}",
        "twice.yaml": "models:\n  small: {input: 1, output: 1}\n  small: {input: 2, output: 2}\n",
        "broken.yaml": "models: [",
        "not_a_ledger.db": "plain text",
        "app.py": "graph = 1\nbuilder = type('B', (), {'compile': 1})()\n"
        "def make(): raise LookupError('first line\\nsecond line')\n"
        "def needs(a): ...\n"
        "from langchain_core.runnables import RunnableLambda\n"
        "def fail(value): raise LookupError('no such customer')\n"
        "failing = RunnableLambda(fail)\n",
        "broken.py": "import nothing_of_this_name",
        "exits.py": "raise SystemExit(3)",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    write_ledger(name="ledger.db")
    return tmp_path


BAD_INPUT = {
    "nope": "nope",
    "--nope": "nope",
    "report --nope": "--nope",
    "report extra": "extra",
    "report": "llmops.db",
    "report --db": "--db",
    "report --db sqlite:///missing.db": "missing.db",
    "report --db sqlite:///no/such/folder/x.db": "folder",
    "report --db sqlite:///not_a_ledger.db": "not_a_ledger.db",
    "report --db postgresql://me:secret@localhost/x": "postgresql",
    "report --db nonsense": "database URL",
    "report --db mysql+nothing://x": "sqlite",
    "report --db sqlite:///ledger.db --by ": "by: ",
    "report --db sqlite:///ledger.db --by node,node": "by: ",
    "report --db sqlite:///ledger.db --by node,,kind": "by: ",
    "report --db sqlite:///ledger.db --since yesterday": "since: ",
    "report --db sqlite:///ledger.db --since 99999999999999d": "since: ",
    "report --db sqlite:///ledger.db --since 2026-13-01": "since: ",
    "report --db sqlite:///ledger.db --trace abc": "trace: ",
    "report --db sqlite:///ledger.db --trace abc --json": "trace: ",
    "replay": "records",
    "replay missing.jsonl": "records: missing.jsonl",
    "replay .": "records: ",
    "replay empty.jsonl": "records: ",
    "replay no_score.jsonl": "line 1: responses.small.score",
    "replay malformed.jsonl": "line 2: ",
    "replay malformed.jsonl --json": "line 2: ",
    "replay records.jsonl --models missing.yaml": "missing.yaml",
    "replay records.jsonl --models negative.yaml": "models.small.input",
    "replay records.jsonl --models twice.yaml": "models.small",
    "replay records.jsonl --models broken.yaml": "broken.yaml",
    "replay records.jsonl --tiers ": "tiers: ",
    "replay records.jsonl --tiers small": "tiers: ",
    "replay records.jsonl --tiers small,large": "tiers: ",
    "replay records.jsonl --tiers small+medium,": "tiers: ",
    "replay records.jsonl --tiers small+tiny,large": "tiers: 'tiny'",
    "replay records.jsonl --tiers small+medium,large --fit records.jsonl": "fit: ",
    "replay records.jsonl --fit missing.jsonl": "missing.jsonl",
    "replay records.jsonl --fit records.jsonl": "fit: must be other records",
    "replay records.jsonl --fit few.jsonl": "fit: few.jsonl cannot be calibrated on",
    "replay records.jsonl --fit many.jsonl --max-cost 0.1": "max_cost: 0.1 is below the cheapest cascade's",
    "replay records.jsonl --fit many.jsonl --max-risk 2": "max_risk: ",
    "replay records.jsonl --fit many.jsonl --max-risk 0.1 --max-cost 0.1": "max_cost: ",
    "replay records.jsonl --max-risk 0.1": "max_risk: ",
    "replay records.jsonl --policy missing.json": "policy: missing.json",
    "replay records.jsonl --policy records.jsonl": "policy: records.jsonl",
    "replay records.jsonl --policy-out policy.json": "policy_out: ",
    "replay many.jsonl --halves 1": "--halves",
    "replay many.jsonl --halves 2 --tiers small+medium,large": "halves: ",
    "replay records.jsonl --halves 2": "halves: ",
    "replay many.jsonl --halves 2 --policy-out no/policy.json": "policy_out: no/policy.json cannot",
    "replay records.jsonl --graph app": "graph: must be module:function",
    "replay records.jsonl --graph missing_module:build": "graph: missing_module cannot be imported",
    "replay records.jsonl --graph exits:build": "graph: exits cannot be imported",
    "replay records.jsonl --graph app:failing": "def build(models): small = models",
    "replay records.jsonl --graph app:make": "graph: app:make failed when called",
    "replay records.jsonl --graph app:needs --tiers small+medium,large": "graph: and tiers exclude",
    "replay records.jsonl --score exact": "score: ",
    "replay records.jsonl --graph app:needs --score nonsense": "score: ",
    "replay records.jsonl --plot plot.pdf": "plot: ",
    "replay records.jsonl --plot no/plot.png": "plot: ",
    "doctor": "llmops.db",
    "doctor app": "graph: must be module:attribute",
    "doctor app:": "graph: must be module:attribute",
    "doctor :graph": "graph: must be module:attribute",
    "doctor ./app.py:graph": "graph: ",
    "doctor missing_module:graph": "graph: missing_module cannot be imported",
    "doctor broken:graph": "graph: broken cannot be imported",
    "doctor exits:graph": "graph: exits cannot be imported",
    "doctor app:missing": "graph: app has no attribute 'missing'",
    "doctor app:graph": "graph: app:graph is a int",
    "doctor app:builder": "call its compile()",
    "doctor app:make": "LookupError: first line second line",
    "doctor app:needs": "graph: app:needs failed when called",
    "doctor app:failing": "graph: failed when run once (LookupError: no such customer)",
    "doctor app:failing --input {": "input: ",
    "doctor app:failing --models negative.yaml": "models.small.input",
    "doctor app:failing --trace abc": "trace: ",
    "doctor --models negative.yaml": "models: ",
    "doctor --db sqlite:///ledger.db": "trace: ",
    "doctor --db sqlite:///ledger.db --trace abc": "trace: ",
    "doctor --db nonsense": "database URL",
    "demo --limit 0": "--limit",
    "demo --limit many": "--limit",
    "demo --models negative.yaml": "model: ",
    "demo --cheap-model small": "model: ",
    "demo --model nobody:knows-this": "model: ",
    "demo --model openai:gpt-4o": "model: ",
    "demo --model x --base-url localhost:8000": "base-url: ",
    "demo --base-url ftp://localhost": "base-url: ",
    "demo --model openai:gpt-4o --models twice.yaml": "models.small",
    "demo --model openai:gpt-4o --models missing.yaml": "missing.yaml",
}


@pytest.mark.parametrize(("command", "said"), BAD_INPUT.items(), ids=BAD_INPUT)
def test_bad_input(llmops, files, monkeypatch, command, said):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    before = snapshot(files)
    done = llmops(*command.split(" "))
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("llmops: ")
    assert done.err.count("\n") == 1
    assert said.lower() in done.err.lower()
    assert "secret" not in done.err
    assert snapshot(files) == before


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.is_file()}
