"""The command as a process: pipes, terminals and interrupts, which only a real one has."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from llmops_plugins.storage.database import CALLS, create_tables, open_engine

LLMOPS = str(Path(sys.executable).parent / "llmops")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals and signals of Unix")


@pytest.fixture
def ledger(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/llmops.db")
    create_tables(engine)
    with engine.begin() as connection:
        connection.execute(insert(CALLS), [call(number) for number in range(4000)])
    engine.dispose()
    return tmp_path


def call(number):
    return {
        "call_id": str(uuid.uuid4()),
        "run_id": str(uuid.uuid4()),
        "trace_id": f"trace-{number}",
        "started_at": datetime.now(UTC),
        "node": f"node-{number}",
        "kind": "answer",
        "hidden": number % 2 == 0,
        "rejected": False,
        "attempt": 1,
        "model": "large",
        "status": "ok",
        "usage_source": "reported",
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_usd": 0.25,
        "resent_tokens": 0,
        "user_metadata": {},
    }


def environment(**extra):
    return {**os.environ, "TERM": "xterm-256color", **extra}


def test_a_reader_that_has_seen_enough_is_no_error(ledger):
    command = f"set -o pipefail; {LLMOPS} report | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ledger, env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:3] == ["node", "kind", "calls"]


def in_a_terminal(arguments, folder, columns, **extra):
    """Run the command in a pseudo-terminal of so many columns; return what it shows."""
    leader, follower = pty.openpty()
    subprocess.run(["stty", "cols", str(columns), "rows", "50"], stdin=follower, check=True)
    process = subprocess.Popen(
        [LLMOPS, *arguments],
        cwd=folder,
        env=environment(**extra),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # Linux's way of saying that the other side has closed
        pass
    os.close(leader)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_of_80_columns_is_kept_to_and_coloured(ledger):
    shown = in_a_terminal(["report", "--by", "model,kind"], ledger, 80)
    assert "\x1b[" in shown
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in shown


def test_no_color_means_none(ledger):
    shown = in_a_terminal(["report", "--by", "model"], ledger, 80, NO_COLOR="1")
    assert "\x1b" not in shown
    assert "model" in shown


def test_a_file_holds_no_colour_codes_even_of_the_demo(tmp_path):
    command = [LLMOPS, "demo", "--limit", "4"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "simulated" in done.stdout.splitlines()[0]
    assert list(tmp_path.iterdir()) == []


def test_an_encoding_that_lacks_a_character_is_no_error(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/llmops.db")
    create_tables(engine)
    with engine.begin() as connection:
        connection.execute(insert(CALLS), call(1) | {"node": "müller"})
    engine.dispose()
    done = subprocess.run(
        [LLMOPS, "report"], cwd=tmp_path, env=environment(PYTHONIOENCODING="ascii"), capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"m\xfcller" in done.stdout


def test_ctrl_c_ends_it_at_once_and_quietly(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "from langchain_core.runnables import RunnableLambda\n"
        "def wait(value):\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(60)\n"
        "graph = RunnableLambda(wait)\n"
    )
    process = subprocess.Popen(
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        args=[LLMOPS, "doctor", "slow:graph"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "waiting\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
    assert time.monotonic() - started < 10


def test_help_lists_every_command():
    done = subprocess.run([LLMOPS], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    for name in ("report", "replay", "doctor", "demo"):
        assert re.search(rf"\b{name}\b", done.stdout)
