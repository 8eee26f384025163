"""What may start when: the schedule is told what happens, so nothing has to run to test its rules."""

import pytest

from llmops_plugins.planning.execution.schedule import Schedule, ScheduledTask
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from tests.timing import least_seconds

DONE = TaskOutcome(status="succeeded", result=1)
FAILED = TaskOutcome(status="failed", error="broken")


def task(id, *dependencies, **settings):
    return ScheduledTask(id=id, dependencies=dependencies, **settings)


def schedule_of(*tasks, close=True, known=()):
    schedule = Schedule(known)
    for one in tasks:
        schedule.add(one)
    if close:
        schedule.close()
    return schedule


def start_all(schedule):
    """Start everything that is ready; return the ids in order."""
    begun = []
    while (task_id := schedule.next_ready()) is not None:
        schedule.started(task_id)
        begun.append(task_id)
    return begun


def status_of(schedule):
    return {task_id: outcome.status for task_id, outcome in schedule.outcomes.items()}


def test_a_task_is_ready_when_its_last_dependency_has_ended():
    schedule = schedule_of(task("a"), task("b"), task("c", "a", "b"))
    assert start_all(schedule) == ["a", "b"]
    assert schedule.ended("a", DONE) == ["a"]
    assert start_all(schedule) == []
    schedule.ended("b", DONE)
    assert start_all(schedule) == ["c"]
    assert not schedule.finished
    schedule.ended("c", DONE)
    assert schedule.finished


def test_a_failed_task_never_releases_its_dependants_however_far_away():
    schedule = schedule_of(task("a"), task("b", "a"), task("c", "b"), task("other"))
    assert start_all(schedule) == ["a", "other"]
    assert schedule.ended("a", FAILED) == ["a", "b", "c"]
    assert schedule.outcomes["c"].because_of == "a"
    assert start_all(schedule) == []
    schedule.ended("other", DONE)
    assert status_of(schedule) == {"a": "failed", "b": "skipped", "c": "skipped", "other": "succeeded"}


def test_a_default_stands_in_for_a_failed_task():
    schedule = schedule_of(task("a", on_failure="default", default=7), task("b", "a"))
    start_all(schedule)
    schedule.ended("a", FAILED)
    assert schedule.outcomes["a"].status == "defaulted"
    assert (schedule.outcomes["a"].result, schedule.outcomes["a"].error) == (7, "broken")
    assert start_all(schedule) == ["b"]


def test_after_a_task_that_fails_the_plan_nothing_starts_and_what_runs_may_end():
    schedule = schedule_of(task("a", on_failure="fail_plan"), task("b"), task("c", "b"), close=False)
    assert start_all(schedule) == ["a", "b"]
    schedule.ended("a", FAILED)
    assert schedule.add(task("late")) == ["late"]
    assert not schedule.finished
    schedule.ended("b", DONE)
    assert start_all(schedule) == []
    assert schedule.finished
    assert status_of(schedule) == {"a": "failed", "b": "succeeded", "c": "skipped", "late": "skipped"}
    assert schedule.outcomes["c"].because_of == "a"


def test_tasks_that_join_a_running_plan_start_as_soon_as_they_can():
    schedule = schedule_of(task("a"), close=False)
    assert start_all(schedule) == ["a"]
    schedule.ended("a", DONE)
    assert not schedule.finished
    schedule.add(task("b", "a"))
    assert start_all(schedule) == ["b"]
    schedule.add(task("c", "d"))
    schedule.add(task("d"))
    assert start_all(schedule) == ["d"]
    schedule.ended("d", DONE)
    assert start_all(schedule) == ["c"]


def test_a_task_that_joins_after_what_it_needs_has_failed_is_skipped():
    schedule = schedule_of(task("a"), task("b", "a"), close=False)
    start_all(schedule)
    schedule.ended("a", FAILED)
    assert schedule.add(task("c", "b")) == ["c"]
    assert schedule.outcomes["c"].because_of == "a"


def test_one_that_is_skipped_as_it_joins_takes_those_along_that_waited_for_it():
    schedule = schedule_of(task("a"), task("c", "b"), task("d", "c"), close=False)
    start_all(schedule)
    schedule.ended("a", FAILED)
    assert schedule.add(task("b", "other", "a")) == ["b", "c", "d"]
    assert schedule.outcomes["d"].because_of == "a"


def test_a_reference_to_a_task_that_never_comes_fails_and_is_named():
    schedule = schedule_of(task("a", "ghost"), task("b", "a"), close=False)
    assert start_all(schedule) == []
    assert schedule.close() == ["a", "b"]
    assert schedule.outcomes["a"].error == "reference 'ghost': the plan has no such task"
    assert schedule.finished


def test_tasks_that_wait_for_each_other_fail_instead_of_waiting_for_ever():
    schedule = schedule_of(task("a", "b"), task("b", "a"), task("c", "a"), task("d", "d"), task("e"))
    start_all(schedule)
    schedule.ended("e", DONE)
    assert schedule.finished
    failed = [one for one, status in status_of(schedule).items() if status == "failed"]
    assert len(failed) == 2
    assert "d" in failed
    assert "cycle" in schedule.outcomes["d"].error


def test_results_from_before_can_be_depended_on():
    schedule = schedule_of(task("b", "a"), known=["a"])
    assert start_all(schedule) == ["b"]
    with pytest.raises(ValueError, match="task a: there is one already"):
        schedule_of(task("a"), known=["a"])


def test_tasks_with_side_effects_run_one_at_a_time_in_the_plans_order():
    schedule = schedule_of(
        task("slow"),
        task("first", "slow", side_effects=True),
        task("second", side_effects=True),
        task("third", side_effects=True),
    )
    assert start_all(schedule) == ["slow"]
    schedule.ended("slow", DONE)
    for one in ("first", "second", "third"):
        assert start_all(schedule) == [one]
        schedule.ended(one, FAILED)
    assert schedule.finished


def test_one_with_side_effects_that_is_skipped_lets_the_next_run():
    schedule = schedule_of(task("a"), task("b", "a", side_effects=True), task("c", side_effects=True))
    start_all(schedule)
    schedule.ended("a", FAILED)
    assert start_all(schedule) == ["c"]


def test_one_with_side_effects_goes_first_if_an_earlier_one_needs_it():
    schedule = schedule_of(
        task("first", "between", side_effects=True),
        task("unrelated", side_effects=True),
        task("between", "needed"),
        task("needed", side_effects=True),
    )
    order = []
    while not schedule.finished:
        for one in start_all(schedule):
            order.append(one)
            schedule.ended(one, DONE)
    assert order == ["needed", "between", "first", "unrelated"]


def test_cancelling_ends_everything_that_has_not_ended():
    schedule = schedule_of(task("a"), task("b", "a"), task("c"), close=False)
    start_all(schedule)
    schedule.ended("c", DONE)
    assert schedule.cancel("enough") == ["a", "b"]
    assert schedule.finished
    assert schedule.running == frozenset()
    assert schedule.outcomes["b"].error == "enough"


def test_what_cannot_have_happened_is_refused():
    schedule = schedule_of(task("a"), close=False)
    with pytest.raises(ValueError, match="task a: there is one already"):
        schedule.add(task("a"))
    with pytest.raises(ValueError, match="task a: it is not running"):
        schedule.ended("a", DONE)
    with pytest.raises(ValueError, match="task b: it is not the next"):
        schedule.started("b")
    schedule.close()
    with pytest.raises(ValueError, match="task b: the plan is closed"):
        schedule.add(task("b"))


@pytest.mark.parametrize("shape", ["chain", "fan", "lane"])
def test_a_plan_takes_time_in_proportion_to_its_size(shape):
    def of(size):
        after = {"chain": lambda i: [f"t{i - 1}"] if i else [], "fan": lambda i: ["t0"] if i else []}
        return [
            task(f"t{i}", *after.get(shape, lambda i: [])(i), side_effects=shape == "lane")
            for i in range(size)
        ]

    def run(tasks):
        schedule = schedule_of(*tasks)
        while not schedule.finished:
            for one in start_all(schedule):
                schedule.ended(one, DONE)

    small, large = of(1_000), of(8_000)
    one_small = least_seconds(lambda: run(small), enough=0, attempts=3)
    assert least_seconds(lambda: run(large), 8 * 4 * one_small) < 8 * 4 * one_small


@pytest.mark.parametrize("on_failure", ["skip_dependants", "default"])
def test_one_with_side_effects_that_may_still_be_running_lets_no_other_one_start(on_failure):
    schedule = schedule_of(
        task("a", side_effects=True, on_failure=on_failure),
        task("b", side_effects=True),
        task("after_b", "b"),
        task("other"),
        close=False,
    )
    assert start_all(schedule) == ["a", "other"]
    running = TaskOutcome(status="failed", error="late", still_running=True)
    assert schedule.ended("a", running) == ["a", "b", "after_b"]
    assert schedule.add(task("later", side_effects=True)) == ["later"]
    schedule.ended("other", DONE)
    schedule.close()
    assert schedule.finished
    assert {schedule.outcomes[one].status for one in ("b", "after_b", "later")} == {"skipped"}
