"""The schedule against an oracle that knows nothing of it: what each outcome must be, from the graph."""

from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.planning.execution.schedule import Schedule, ScheduledTask
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from tests.unit.planning.generated import expected_statuses, plans


def failing(plan):
    return {one.task.id for one in plan.assignments if one.expert == "fails"}


@given(plans(policies=("skip_dependants", "default")), st.randoms(use_true_random=False), st.booleans())
def test_outcomes_are_what_the_graph_says_in_whatever_order_things_happen(plan, random, streamed):
    schedule, running, pending = Schedule(), [], list(plan.assignments)
    fails = failing(plan)
    while pending or not schedule.finished:
        joins = pending and (not streamed or random.random() < 0.5 or not running)
        if joins:
            one = pending.pop(0)
            schedule.add(
                ScheduledTask(
                    id=one.task.id,
                    dependencies=one.task.dependencies,
                    on_failure=one.task.on_failure,
                    default=one.task.default,
                    side_effects=one.side_effects,
                )
            )
            if not pending:
                schedule.close()
        while (task_id := schedule.next_ready()) is not None:
            schedule.started(task_id)
            running.append(task_id)
            assert all(schedule.outcomes[one].usable for one in plan.dependencies[task_id])
            assert sum(plan.by_id[one].side_effects for one in running) <= 1
        if running and not (joins and pending):
            task_id = running.pop(random.randrange(len(running)))
            status = "failed" if task_id in fails else "succeeded"
            schedule.ended(task_id, TaskOutcome(status=status))
    got = {task_id: outcome.status for task_id, outcome in schedule.outcomes.items()}
    assert got == expected_statuses(plan, fails)


@given(plans(policies=("fail_plan", "skip_dependants", "default")), st.randoms(use_true_random=False))
def test_nothing_starts_after_the_plan_has_failed(plan, random):
    schedule, running, failed_by = Schedule(), [], None
    for one in plan.assignments:
        schedule.add(
            ScheduledTask(id=one.task.id, dependencies=one.task.dependencies, on_failure=one.task.on_failure)
        )
    schedule.close()
    while not schedule.finished:
        while (task_id := schedule.next_ready()) is not None:
            assert failed_by is None
            schedule.started(task_id)
            running.append(task_id)
        task_id = running.pop(random.randrange(len(running)))
        fails = task_id in failing(plan)
        schedule.ended(task_id, TaskOutcome(status="failed" if fails else "succeeded"))
        if fails and plan.by_id[task_id].task.on_failure == "fail_plan":
            failed_by = failed_by or task_id
    assert set(schedule.outcomes) == set(plan.by_id)
    for outcome in schedule.outcomes.values():
        if outcome.status == "skipped":
            assert schedule.outcomes[outcome.because_of].status == "failed"
