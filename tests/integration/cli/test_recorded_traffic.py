"""The replay on recorded traffic, which is no part of the repository; LLMOPS_RECORDS says where it is."""

import json
import os
import sys
from pathlib import Path

import pytest

from llmops_plugins.cli.main import main

RECORDS = Path(os.environ.get("LLMOPS_RECORDS", Path(__file__).parents[4] / "shared" / "data" / "replay"))
FILES = [
    "bfcl",
    "crux",
    "gsm",
    "llmrouter",
    "routellm_gsm8k",
    "routellm_mmlu",
    "routerbench_arc_challenge",
    "routerbench_mbpp",
    "routerbench_winograde",
]
GSM_TIERS = "gemini-1.5-flash+gpt-4o-mini-2024-07-18,claude-3-5-sonnet-20241022"


def path_of(name):
    path = RECORDS / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"there are no records at {path}, set LLMOPS_RECORDS to their folder")
    return path


@pytest.fixture
def replay(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", ["llmops", "replay", str(path_of(name)), *arguments, "--json"])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return run


def test_the_target_on_gsm(replay):
    code, out, _ = replay("gsm", "--tiers", GSM_TIERS)
    assert code == 0
    result = json.loads(out)
    best, cascade = result["singles"][result["best_single"]], result["cascade"]
    assert result["best_single"] == "claude-3-5-sonnet-20241022"
    assert cascade["accuracy"] >= best["accuracy"] - 0.005
    assert cascade["cost_ratio"] <= 0.2
    assert cascade["cost_ratio"] == pytest.approx(cascade["cost_usd"] / best["cost_usd"])
    assert result["questions"] / cascade["seconds"] * 60 >= 1000
    assert cascade["calls"]["gpt-4o-mini-2024-07-18"] == result["questions"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_replayed_or_refused_in_one_sentence(replay, name):
    code, out, err = replay(name, "--fit", str(path_of(name)), "--skip-bad")
    if code == 2:
        assert (out, err.count("\n")) == ("", 1)
        code, out, _ = replay(name)
    assert code == 0
    result = json.loads(out)
    assert 0 < result["singles"][result["best_single"]]["accuracy"] <= 1
