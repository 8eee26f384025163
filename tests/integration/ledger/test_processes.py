"""What a process leaves behind when it is killed, ends, or forks."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

PROGRAM = """
import os, sys
from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.testing import ScriptedChatModel
ledger = CostLedger("sqlite:///" + sys.argv[1])
model = ScriptedChatModel(replies=["hello"])
def call(times):
    for _ in range(times):
        model.invoke("hi", config={"callbacks": [ledger]})
"""


def run(path, body):
    program = PROGRAM + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(path)], capture_output=True, text=True, timeout=60
    )


def count(path):
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute("SELECT count(*) FROM llmops_calls").fetchone()[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def test_what_was_flushed_survives_kill_9(path):
    body = "call(20)\nassert ledger.flush()\ncall(5)\nos.kill(os.getpid(), 9)"
    assert run(path, body).returncode == -signal.SIGKILL
    assert 20 <= count(path) <= 25


def test_exit_flushes(path):
    result = run(path, "call(20)")
    assert (result.returncode, result.stderr) == (0, "")
    assert count(path) == 20


def test_so_does_an_exit_by_an_error(path):
    assert run(path, "call(20)\nraise SystemExit(3)").returncode == 3
    assert count(path) == 20


def test_a_ledger_that_saw_nothing_makes_no_file(path):
    assert run(path, "").returncode == 0
    assert not path.exists()


def test_a_ledger_that_nobody_holds_any_more_is_flushed(path):
    assert run(path, "call(3)\ndel ledger\nimport gc, time; gc.collect(); time.sleep(1)").returncode == 0
    assert count(path) == 3


def test_processes_that_start_together_make_the_tables_once(path):
    body = "import time; time.sleep(max(0, float(sys.argv[2]) - time.time()))\ncall(5)\nassert ledger.flush()"
    start = str(time.time() + 4)
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM + body, str(path), start]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=300)[1] for process in processes] == [""] * 3
    assert count(path) == 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
class TestFork:
    def test_the_child_writes_its_own_rows_and_none_of_its_parents(self, path):
        body = """
        call(10)
        child = os.fork()
        if child == 0:
            call(7)
            assert ledger.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        call(3)
        """
        result = run(path, body)
        assert (result.returncode, result.stderr) == (0, "")
        assert count(path) == 20

    def test_a_fork_in_the_middle_of_a_call_leaves_the_call_to_the_parent(self, path):
        body = """
        def fork(messages):
            child = os.fork()
            if child == 0:
                call(2)
                ledger.close()
                os._exit(0)
            os.waitpid(child, 0)
            return "hello"
        ScriptedChatModel(replies=[fork]).invoke("hi", config={"callbacks": [ledger]})
        """
        result = run(path, body)
        assert (result.returncode, result.stderr) == (0, "")
        assert count(path) == 3
