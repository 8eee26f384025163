"""A process that is killed in the middle of a plan, and another one that resumes it."""

import json
import multiprocessing
import signal
from collections import Counter

import pytest

from tests.unit.planning.crashing_program import main

if "forkserver" not in multiprocessing.get_all_start_methods():
    pytest.skip("kills itself as Unix programs can", allow_module_level=True)

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([main.__module__])  # what it imports takes longer than all else
both = pytest.mark.parametrize("way", ["sync", "async"])
ALL = {"a", "b", "slow", "c", "d", "send", "e", "post", "f"}


class Program:
    """Runs the program again and again in one folder, as after each crash."""

    def __init__(self, folder, way):
        self.folder, self.way = folder, way

    def run(self, crash="never", answer=None):
        """Return what it wrote last, or None where it was killed."""
        process = PROCESSES.Process(target=main, args=(self.folder, self.way, crash, answer))
        process.start()
        process.join(60)
        if process.exitcode == -signal.SIGKILL:
            return None
        assert process.exitcode == 0
        return json.loads((self.folder / "output").read_text())

    @property
    def begun(self):
        return Counter((self.folder / "log").read_text().split())


@both
def test_a_killed_plan_resumes_without_redoing_what_had_ended(tmp_path, way):
    program = Program(tmp_path, way)
    assert program.run(crash="post:before") is None
    before = program.begun
    assert program.run()["interrupts"][0]["task"] == "post"
    output = program.run(answer="run again")
    assert set(output["statuses"][0].values()) == {"succeeded"}
    assert set(program.begun) == ALL
    running_when_killed = {"slow"} & set(before)
    again = {task_id for task_id, times in program.begun.items() if times > 1}
    assert again <= running_when_killed


@both
def test_killed_again_and_again_it_still_gets_to_the_end(tmp_path, way):
    program = Program(tmp_path, way)
    for crash in ("c:late", "e:before", "f:after"):
        assert program.run(crash=crash) is None
    output = program.run()
    assert set(output["statuses"][0].values()) == {"succeeded"}
    assert program.begun["send"] == program.begun["post"] == 1
    assert program.begun["a"] == program.begun["d"] == 1


@both
@pytest.mark.parametrize("moment", ["before", "after", "late"])
def test_an_effect_happens_at_most_once_and_people_decide_what_becomes_of_its_task(tmp_path, way, moment):
    program = Program(tmp_path, way)
    assert program.run(crash=f"send:{moment}") is None
    happened = program.begun["send"]
    assert happened == (moment != "before")
    asked = program.run()["interrupts"]
    assert [one["task"] for one in asked] == ["send"]
    assert asked[0]["options"] == ["treat as done", "run again", "fail"]
    output = program.run(answer={"decision": "treat as done", "result": "sent by hand"})
    assert output["statuses"][0]["send"] == "succeeded"
    assert program.begun["send"] == happened
    assert program.begun["post"] == 1


def test_one_that_is_run_again_and_killed_again_is_asked_about_again(tmp_path):
    program = Program(tmp_path, "sync")
    assert program.run(crash="send:after") is None
    assert program.run()["interrupts"]
    assert program.run(crash="send:after", answer="run again") is None
    assert program.begun["send"] == 2
    asked = program.run()
    assert [one["task"] for one in asked["interrupts"]] == ["send"]
    while asked["interrupts"]:
        asked = program.run(answer="fail")
    assert program.begun["send"] == 2
    assert asked["statuses"][0]["send"] == "failed"


def test_a_decision_that_is_none_is_asked_for_again_by_whatever_process_comes_next(tmp_path):
    program = Program(tmp_path, "sync")
    assert program.run(crash="send:before") is None
    assert program.run()["interrupts"]
    (asked,) = program.run(answer="whatever")["interrupts"]
    assert "cannot be read" in asked["problem"]
    assert program.run(answer="run again")["statuses"][0]["send"] == "succeeded"
    assert program.begun["send"] == 1
