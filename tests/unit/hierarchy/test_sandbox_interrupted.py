"""Ctrl-C while code runs: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed (extra sandbox)")
pytestmark = pytest.mark.skipif(not os.path.isdir("/proc"), reason="finds the worker in /proc")

PROGRAM = """
import signal, sys, time
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.execution import ExecutionSucceeded
from tests.unit.hierarchy.test_sandbox import children

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it

def begun() -> None:
    "Say that the code has begun."
    print("begun", flush=True)

def hang() -> None:
    "Hang."
    begun()
    time.sleep(25)

CODE = {"loop": "begun()\\nwhile True: pass", "function": "hang()"}[sys.argv[2]]
sandbox = SandboxExecutor([begun, hang], limits=SandboxLimits(seconds=30))

def ask(code):
    model = ScriptedChatModel(replies=[f"```python\\n{code}\\n```"])
    assistants = [Assistant(name="a", runnable=model)]
    graph = create_hierarchy(assistants, success=ExecutionSucceeded(), executor=sandbox)
    return graph.invoke({"messages": ["?"]})

try:
    {"run": sandbox.run, "hierarchy": ask}[sys.argv[1]](CODE)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    patience = time.monotonic() + 10
    while children() and time.monotonic() < patience:
        time.sleep(0.01)
    print(len(children()), sandbox.run("print(6 * 7)").output.strip(), flush=True)
"""


def started(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("code", ["loop", "function"])
@pytest.mark.parametrize("way", ["run", "hierarchy"])
def test_it_is_raised_at_once_the_worker_is_gone_and_the_next_run_has_a_new_one(way, code):
    process = started(way, code)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    assert time.monotonic() - sent < 2.0  # of 30 seconds; some milliseconds where nothing else runs
    assert process.stdout.readline() == "0 42\n"
    assert process.wait(10) == 0


def test_a_process_that_ends_by_it_leaves_no_worker_behind():
    program = PROGRAM.partition("except KeyboardInterrupt")[0] + "finally: pass"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, "run", "loop"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    workers = [pid for pid in os.listdir("/proc") if pid.isdigit() and parent_of(pid) == process.pid]
    assert workers
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT
    assert not [pid for pid in workers if parent_of(pid) is not None]


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, parent = file.read().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)
