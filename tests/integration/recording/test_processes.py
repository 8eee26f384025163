"""`llmops record` as a process: killed, interrupted, twice at once, and on a full disk."""

import json
import resource
import signal
import time

import pytest

CALL_USD = 20 * 10e-6 + 8 * 100e-6


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_kill_and_go_on_pays_for_no_answer_in_the_journal_twice(server, folder, record):
    folder.write_dataset(60)
    server.delay = 0.02
    for answers in (10, 40):
        process = folder.start("questions.jsonl", "--models", "small,large", "--concurrency", "4")
        wait_for(lambda wanted=answers: server.answered.total() >= wanted)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    server.delay = 0.0
    wait_for(lambda: server.in_flight == 0)
    time.sleep(0.05)
    kept = [json.loads(line) for line in folder.journal.read_bytes().split(b"\n")[:-1]]
    prompts = {row["id"]: row["prompt"] for row in [*folder.write_dataset(60)]}
    assert len(kept) >= 30
    before = server.asked.copy()
    code, out, _ = record("questions.jsonl", "--models", "small,large", "--json")
    assert code == 0
    asked_again = server.asked - before
    assert asked_again.total() == 120 - len(kept)
    assert all(count == 1 for count in asked_again.values())
    # What was answered and not yet written when the process was killed is all that is asked twice.
    assert sum(count > 1 for count in server.asked.values()) <= 2 * 4
    assert [row["prompt"] for row in folder.rows()] == list(prompts.values())
    assert all(len(row["responses"]) == 2 for row in folder.rows())
    assert json.loads(out)["spent_usd"] == pytest.approx(120 * CALL_USD)
    assert not folder.journal.exists()


def test_ctrl_c_keeps_the_answers_and_says_how_to_go_on(server, folder, record):
    folder.write_dataset(50)
    server.delay = 0.05
    process = folder.start(
        "questions.jsonl",
        "--models",
        "small",
        "--concurrency",
        "2",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    wait_for(lambda: server.answered.total() >= 6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("llmops: interrupted; the answers so far are in ")
    assert "run the same command again" in err
    assert err.count("\n") == 1
    kept = len(folder.journal.read_text().splitlines())
    assert kept >= 4
    before = server.asked.total()
    server.delay = 0
    assert record("questions.jsonl", "--models", "small")[0] == 0
    assert server.asked.total() == before + 50 - kept


def test_two_processes_do_not_record_to_one_file(server, folder, record):
    folder.write_dataset(5)
    server.held = True
    first = folder.start("questions.jsonl", "--models", "small")
    wait_for(lambda: server.asked)
    code, out, err = record("questions.jsonl", "--models", "large")
    assert (code, out) == (2, "")
    assert "another process is recording to it" in err
    server.held = False
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert len(folder.rows()) == 5


def test_a_full_disk_ends_it_and_what_was_written_counts(server, folder, record):
    folder.write_dataset(20)
    full = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))}
    process = folder.start("questions.jsonl", "--models", "small", **full)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "records.jsonl.partial.jsonl cannot be written (File too large)" in err
    kept = folder.journal.read_bytes().count(b"\n")
    assert kept > 0
    before = server.asked.total()
    assert record("questions.jsonl", "--models", "small")[0] == 0
    assert server.asked.total() == before + 20 - kept
