"""Plans that hypothesis draws, and what must become of them."""

from dataclasses import dataclass

from hypothesis import strategies as st

from llmops_plugins.planning.execution.execution import Assignment
from tests.unit.planning.stubs import assigned

KINDS = ("search", "search", "translate")
"""Tools repeat in plans: one of two kinds is drawn twice as often."""


@dataclass
class GeneratedPlan:
    assignments: list[Assignment]

    @property
    def by_id(self):
        return {one.task.id: one for one in self.assignments}

    @property
    def dependencies(self):
        return {one.task.id: one.task.dependencies for one in self.assignments}

    def level(self, task_id):
        return 1 + max((self.level(one) for one in self.dependencies[task_id]), default=0)


@st.composite
def plans(
    draw, policies=("skip_dependants",), experts=("works", "works", "fails"), most=12, side_effects=True
):
    """Draw a plan in layers of some width, whose tasks need some of those before; the last may come first."""
    layers = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    assignments = []
    for layer, width in enumerate(layers):
        before = [one.task.id for one in assignments]
        for position in range(width):
            if len(assignments) >= most:
                break
            after = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
            referred = [one for one in after if draw(st.booleans())]
            assignments.append(
                assigned(
                    f"t{layer}_{position}",
                    *[one for one in after if one not in referred],
                    kind=draw(st.sampled_from(KINDS)),
                    arguments={one: {"ref": one} for one in referred},
                    expert=draw(st.sampled_from(experts)),
                    side_effects=side_effects and draw(st.integers(0, 3)) == 0,
                    on_failure=draw(st.sampled_from(policies)),
                    default="default",
                )
            )
    return GeneratedPlan(draw(st.permutations(assignments)) if draw(st.booleans()) else assignments)


def expected_statuses(plan, fails):
    """Say how each task must end, from the graph alone; no policy may fail the whole plan."""
    expected = {}

    def status(task_id):
        if task_id not in expected:
            before = [status(one) for one in plan.dependencies[task_id]]
            if {"failed", "skipped"} & set(before):
                expected[task_id] = "skipped"
            elif task_id not in fails:
                expected[task_id] = "succeeded"
            else:
                policy = plan.by_id[task_id].task.on_failure
                expected[task_id] = "defaulted" if policy == "default" else "failed"
        return expected[task_id]

    for task_id in plan.by_id:
        status(task_id)
    return expected
