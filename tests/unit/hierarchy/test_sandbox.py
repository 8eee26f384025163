"""The sandbox runs what is harmless, alike for threads and event loops, and keeps runs apart."""

import asyncio
import os
import signal
import threading
import time

import pytest
from langgraph.errors import GraphInterrupt

from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed (extra sandbox)")

LIMITS = SandboxLimits(seconds=2, output_characters=500, calls=5)
IMPORTS = ("json", "re", "math", "datetime", "collections")
HARMLESS = [
    ("print(1 + 1)", "2\n"),
    ("import json\nprint(json.dumps({'b': 1, 'a': [2]}, sort_keys=True))", '{"a": [2], "b": 1}\n'),
    ("import re\nprint(re.findall(r'\\d+', 'a1b22'))", "['1', '22']\n"),
    ("import math\nprint(round(math.sqrt(2), 3))", "1.414\n"),
    ("from datetime import date\nprint(date(2024, 2, 28).isoformat())", "2024-02-28\n"),
    ("from collections import Counter\nprint(Counter('aab').most_common(1))", "[('a', 2)]\n"),
    ("print(sum(n * n for n in range(10) if n % 2))", "165\n"),
    ("class Point:\n    def __init__(self, x): self.x = x\nprint(Point(3).x)", "3\n"),
    ("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)", "division by zero\n"),
    ("print(distance('Oslo', 'Rome'))", "2007\n"),
    ("print(distance(to='Rome', start='Oslo') // 2)", "1003\n"),
    ("print(forecast('Oslo')['high'])", "3\n"),
    ("for f in [distance]: print(f('Oslo', 'Rome'))", "2007\n"),
    ("# nothing to do", ""),
    ("", ""),
    ("print('ä', '日本')", "ä 日本\n"),
]
WRONG = [
    ("print(1\n", "SyntaxError: '(' was never closed (line 1)"),
    ("x = 1\nprint(y)", "NameError: name 'y' is not defined (line 2)"),
    (
        "import os",
        "ImportError: 'os' cannot be imported (line 1), only collections, datetime, json, math, re can",
    ),
    ("distance('Oslo')", "TypeError: distance: missing a required argument: 'to' (line 1)"),
    ("distance('Oslo', 7)", "TypeError: distance: to: Input should be a valid string (line 1)"),
    ("distance('Oslo', 'Mars')", "RuntimeError: distance failed: KeyError (line 1)"),
    ("nobody(1)", "NameError: name 'nobody' is not defined (line 1)"),
    ("eval('1')", "eval is not available (line 1): write the code itself"),
    ("while True: print('x')", "stopped: printed more than 500 characters, print less"),
    ("while True: distance('Oslo', 'Rome')", "stopped: more than 5 calls of functions in one run"),
]


def distance(start: str, to: str) -> int:
    """Kilometres between two cities."""
    return {("Oslo", "Rome"): 2007}[start, to]


async def forecast(city: str) -> dict[str, float]:
    """Tomorrow's weather."""
    await asyncio.sleep(0)
    return {"high": 3}


@pytest.fixture(scope="module")
def sandbox():
    with SandboxExecutor([distance, forecast], limits=LIMITS, imports=IMPORTS) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("code", "printed"), HARMLESS)
async def test_harmless_code_prints_what_it_should_sync_and_async(sandbox, code, printed):
    for done in (await asyncio.to_thread(sandbox.run, code), await sandbox.arun(code)):
        assert (done.ok, done.output, done.error) == (True, printed, None)
        assert 0 <= done.seconds < LIMITS.seconds


@pytest.mark.parametrize(("code", "error"), WRONG)
async def test_what_goes_wrong_is_told_in_one_message_sync_and_async(sandbox, code, error):
    for done in (await asyncio.to_thread(sandbox.run, code), await sandbox.arun(code)):
        assert not done.ok
        assert done.error.startswith(error)


def test_what_was_printed_before_an_error_is_kept(sandbox):
    done = sandbox.run("print('so far')\n1 / 0")
    assert (done.ok, done.output) == (False, "so far\n")
    assert done.error == "ZeroDivisionError: division by zero (line 2)"


def test_too_much_output_is_cut_to_the_limit(sandbox):
    assert len(sandbox.run("print('x' * 501)").output) == 500
    assert sandbox.run("print('x' * 499)").ok


def test_nothing_of_a_run_is_left_for_the_next(sandbox):
    assert sandbox.run("import math\nmath.pi2 = kept = 1").output == ""
    assert sandbox.run("print(kept)").error == "NameError: name 'kept' is not defined (line 1)"
    assert not sandbox.run("import math\nprint(math.pi2)").ok


def test_threads_share_an_executor(sandbox):
    wrong = []

    def work(number):
        for one in range(5):
            done = sandbox.run(f"x = {number}\nprint(x * {one}, distance('Oslo', 'Rome'))")
            if done.output != f"{number * one} 2007\n":
                wrong.append(done)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


async def test_the_event_loop_goes_on_while_code_runs(sandbox):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    done = await asyncio.gather(*(sandbox.arun("while True: pass") for _ in range(2)))
    ticking.cancel()
    assert [one.ok for one in done] == [False, False]
    assert ticks > 20


async def test_an_async_function_runs_on_the_callers_loop_and_may_use_its_threads():
    seen = []

    async def where() -> str:
        seen.append(asyncio.get_running_loop())
        return await asyncio.to_thread(str, "here")

    with SandboxExecutor([where], limits=LIMITS) as sandbox:
        assert (await sandbox.arun("print(where())")).output == "here\n"
    assert seen == [asyncio.get_running_loop()]


async def test_a_cancelled_run_ends_its_worker_and_its_call():
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with SandboxExecutor([wait], limits=SandboxLimits(seconds=30)) as sandbox:
        for code in ("while True: pass", "wait()"):
            running = asyncio.create_task(sandbox.arun(code))
            await asyncio.sleep(1.0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        await asyncio.wait_for(ended.wait(), 5)
        assert (await sandbox.arun("print(1)")).ok


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="finds the worker in /proc")
def test_a_worker_that_is_killed_is_an_error_and_the_next_run_works():
    with SandboxExecutor(limits=SandboxLimits(seconds=20)) as sandbox:
        before = children()
        results = []
        thread = threading.Thread(target=lambda: results.append(sandbox.run("while True: pass")))
        thread.start()
        while not (workers := children() - before) and thread.is_alive():
            time.sleep(0.01)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        thread.join(10)
        assert results[0].error == "the sandbox's process ended unexpectedly: try again"
        assert sandbox.run("print(1)").output == "1\n"


def children():
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                parent = file.read().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if parent == str(os.getpid()):
            found.add(int(pid))
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_after_a_run_is_told_so_instead_of_hanging(sandbox):
    assert sandbox.run("1").ok
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            sandbox.run("1")
        except ConfigurationError as error:
            status = 0 if "forked" in str(error) else 2
        finally:
            sandbox.close()
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert sandbox.run("print(1)").ok


def test_a_hanging_function_ends_the_run_at_its_limit_and_is_left_behind():
    def hang() -> None:
        time.sleep(1)

    with SandboxExecutor([hang], limits=SandboxLimits(seconds=0.2)) as sandbox:
        done = sandbox.run("try: hang()\nexcept BaseException: print('caught')")
        assert (done.ok, done.output) == (False, "")
        assert done.error == "stopped after 0.2 seconds: do less, or in fewer steps"
        assert done.seconds < 0.9


@pytest.mark.parametrize("veto", [BudgetExceeded("spent"), GraphInterrupt(())])
async def test_interrupts_and_vetoes_of_a_function_are_not_swallowed(veto):
    def ask() -> str:
        raise veto

    with SandboxExecutor([ask], limits=LIMITS) as sandbox:
        with pytest.raises(type(veto)):
            await sandbox.arun("try: ask()\nexcept BaseException: pass")
        with pytest.raises(type(veto)):
            sandbox.run("ask()")
        assert sandbox.run("print(1)").ok


def test_what_is_no_plain_data_reaches_a_function_as_text_at_most():
    seen = []

    def store(values: list) -> None:
        seen.extend(values)

    with SandboxExecutor([store], limits=LIMITS, imports=("json",)) as sandbox:
        sandbox.run("import json\nstore([store, json, 1, (2, {'a': None}), {3}, 1.5, True])")
        for code in ("store([print])", "class A: pass\nstore([A()])", "store([1j])", "store([b'\\xff'])"):
            assert sandbox.run(code).error.startswith("ValueError: store: the arguments are refused")
    assert all(type(one) in (str, int, list, float, bool) for one in seen)


def test_a_closed_executor_starts_anew():
    sandbox = SandboxExecutor(limits=LIMITS)
    sandbox.close()
    assert sandbox.run("print(1)").ok
    sandbox.close()
    assert sandbox.run("print(1)").ok
    sandbox.close()


def test_a_secret_is_filled_in_for_its_function_alone(caplog):
    sent = []

    def call(path: str, *, key: str) -> dict[str, str]:
        sent.append(key)
        return {"asked": path, "with": key}

    functions = [HostFunction(function=call, secrets=("API_KEY",))]
    secrets = {"API_KEY": "kq93-zz81-mm40"}
    with SandboxExecutor(functions, limits=LIMITS, secrets=secrets) as sandbox:
        done = sandbox.run("print(call('/v1', key='Bearer {{API_KEY}}'))")
        assert sent == ["Bearer kq93-zz81-mm40"]
        assert done.output == "{'asked': '/v1', 'with': 'Bearer {{API_KEY}}'}\n"
        assert "kq93" not in f"{sandbox!r} {sandbox.description} {caplog.text}"
