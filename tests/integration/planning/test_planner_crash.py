"""A planner's process is killed while a mail is sent; another one asks, goes on, and does nothing twice."""

import json
import multiprocessing
import signal
from collections import Counter

import pytest

from tests.integration.planning.planner_program import main

if "forkserver" not in multiprocessing.get_all_start_methods():
    pytest.skip("kills itself as Unix programs can", allow_module_level=True)

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([main.__module__])


def run(folder, *, crash=False, answer=None):
    """Run the program once; return its exit code and what it put out."""
    (folder / "output").unlink(missing_ok=True)
    process = PROCESSES.Process(target=main, args=(str(folder), crash, answer))
    process.start()
    process.join(60)
    output = folder / "output"
    return process.exitcode, json.loads(output.read_text()) if output.exists() else None


@pytest.mark.parametrize(("answer", "mails"), [("treat as done", 1), ("run again", 2)])
def test_a_mail_that_may_have_been_sent_is_not_sent_again_unasked(tmp_path, answer, mails):
    assert run(tmp_path, crash=True) == (-signal.SIGKILL, None)
    code, output = run(tmp_path)
    assert code == 0
    (asked,) = output["interrupts"]
    assert (asked["task"], asked["arguments"]) == ("t2", {"text": "It has 3 degrees."})
    code, output = run(tmp_path, answer=answer)
    assert (code, output["said"]) == (0, "It was sent [t2].")
    log = Counter((tmp_path / "log").read_text().splitlines())
    assert log == {"planned": 1, "Oslo": 1, "It has 3 degrees.": mails, "Rome": 1}
