"""What a plan is thought to cost and take, what is not known of that, and how it is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.standing import Standing
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.planning.plan_cost import estimate_plan
from llmops_plugins.planning.plan_drawing import draw_plan

ANYTHING = {"type": "object", "properties": {}}


def expert(name, cost_usd=None, latency_seconds=None):
    return Expert(
        name=name, kinds=[name], arguments=ANYTHING, cost_usd=cost_usd, latency_seconds=latency_seconds
    )


def assigned(*tasks, **settings):
    return [
        Assignment(task=Task(id=task_id, kind=name, after=list(after)), expert=name, **settings)
        for task_id, name, *after in tasks
    ]


EXPERTS = [expert("quick", 0.5, 1.0), expert("slow", 0.25, 10.0), expert("unknown")]


def test_costs_add_up_and_times_follow_the_critical_path():
    plan = assigned(("t1", "quick"), ("t2", "slow"), ("t3", "quick", "t1", "t2"), ("t4", "quick", "t1"))
    estimate = estimate_plan(plan, EXPERTS)
    assert estimate.cost_usd == pytest.approx(1.75)
    assert estimate.seconds == pytest.approx(11.0)
    assert estimate.critical_path == ("t2", "t3")


def test_what_is_unknown_is_not_taken_for_nothing():
    estimate = estimate_plan(assigned(("t1", "quick"), ("t2", "unknown", "t1")), EXPERTS)
    assert estimate.cost_usd is None
    assert estimate.known_cost_usd == pytest.approx(0.5)
    assert estimate.unknown_costs == ("t2",)
    assert estimate.seconds is None
    assert estimate.critical_path == ("t1", "t2")


def test_what_was_measured_counts_before_the_card():
    standings = {("quick", "quick"): Standing(successes=3, trials=4, cost_usd=0.1, seconds=None)}
    estimate = estimate_plan(assigned(("t1", "quick")), EXPERTS, standings)
    assert (estimate.cost_usd, estimate.seconds) == (0.1, 1.0)


def test_an_empty_plan_costs_nothing():
    estimate = estimate_plan([], EXPERTS)
    assert (estimate.cost_usd, estimate.seconds, estimate.critical_path) == (0, 0, ())
    assert estimate.to_dict()["tasks"] == []


def test_a_plan_is_drawn_with_its_experts_and_dependencies():
    text = draw_plan(assigned(("t1", "quick"), ("t2", "slow", "t1")))
    assert text.splitlines() == [
        "flowchart TD",
        '    n0["t1: quick<br/>quick"]',
        '    n1["t2: slow<br/>slow"]',
        "    n0 --> n1",
    ]
    assert '[["' in draw_plan(assigned(("t1", "quick"), side_effects=True))


@given(st.text(min_size=1, max_size=80))
def test_no_name_ends_its_label(name):
    task = Task(id="t1", kind=name)
    _, line = draw_plan([Assignment(task=task, expert=name)]).split("\n")
    label = line.removeprefix('    n0["').removesuffix('"]')
    assert not set(label.replace("<br/>", "")) & set('"<>[]{}`\n|&')
