"""What is learned from how tasks ended, kept in any store, a tenant's apart from another's."""

import asyncio

import pytest
from langgraph.store.memory import InMemoryStore

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import arun, run
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.task_outcome import TaskOutcome
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes, call_outcomes
from llmops_plugins.planning.experts.standing import WINDOW, Outcome, Standing, standing
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.planning.expert_stubs import translate

DAY = 86_400.0


class Clock:
    now = 1_000 * DAY

    def __call__(self):
        return self.now


def outcome(succeeded=True, expert="it", at=1_000 * DAY, **settings):
    return Outcome(**{"expert": expert, "kind": "translate", "succeeded": succeeded, "at": at, **settings})


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    if request.param == "memory":
        yield InMemoryStore()
        return
    opened = LocalStore(tmp_path / "store.db")
    yield opened
    opened.close()


@pytest.fixture(params=["sync", "async"])
def drive(request):
    return run if request.param == "sync" else lambda flow: asyncio.run(arun(flow))


def test_outcomes_are_read_again_by_whoever_opens_the_store(store, drive):
    written = [outcome(cost_usd=0.25, seconds=2.0), outcome(False, cost_usd=0.75)]
    drive(ExpertOutcomes(store, clock=Clock()).record_flow("acme", [*written, outcome(expert="other")]))
    drive(ExpertOutcomes(store, clock=Clock()).record_flow("acme", [outcome()]))
    read = drive(ExpertOutcomes(store, clock=Clock()).standings_flow("acme", ["translate", "draw"]))
    assert read == {
        ("it", "translate"): Standing(successes=2, trials=3, cost_usd=0.5, seconds=2.0),
        ("other", "translate"): Standing(successes=1, trials=1),
    }


def test_a_tenants_outcomes_are_not_anothers(store):
    outcomes = ExpertOutcomes(store, clock=Clock())
    run(outcomes.record_flow("a.b@acme.test", [outcome()]))
    assert run(outcomes.standings_flow("other", ["translate"])) == {}
    assert ("it", "translate") in run(outcomes.standings_flow("a.b@acme.test", ["translate"]))


def test_only_the_latest_outcomes_count():
    outcomes = ExpertOutcomes(clock=Clock())
    run(outcomes.record_flow("acme", [outcome(False) for _ in range(3 * WINDOW)]))
    run(outcomes.record_flow("acme", [outcome() for _ in range(WINDOW)]))
    (fares,) = run(outcomes.standings_flow("acme", ["translate"])).values()
    assert (fares.successes, fares.trials) == (WINDOW, WINDOW)


def test_an_expert_that_failed_long_ago_is_as_good_as_new():
    clock = Clock()
    outcomes = ExpertOutcomes(lifetime_days=2, clock=clock)
    run(outcomes.record_flow("acme", [outcome(False) for _ in range(9)]))
    clock.now += 3 * DAY
    assert run(outcomes.standings_flow("acme", ["translate"])) == {}


def test_what_anybody_else_wrote_into_the_store_is_passed_over():
    store = InMemoryStore()
    outcomes = ExpertOutcomes(store, clock=Clock())
    run(outcomes.record_flow("acme", [outcome()]))
    (item,) = store.search(())
    for value in (
        {},
        {"expert": "x", "kind": "y", "outcomes": [[1], "z", [None, True, 1, 1], [1, True, "x", None]]},
        {"expert": 3},
    ):
        store.put(item.namespace, "junk", value)
        assert list(run(outcomes.standings_flow("acme", ["translate"]))) == [("it", "translate")]


def test_limits_hold_the_share_and_an_untried_expert_is_given_credit():
    assert Standing().lower == pytest.approx(0.2**0.25)
    assert Standing().upper == 1.0
    bad, good = Standing(successes=0, trials=20), Standing(successes=20, trials=20)
    assert 0 < bad.lower < bad.upper < 0.35 < 0.9 < good.lower
    assert standing([]) == Standing()


@pytest.mark.parametrize(
    ("task_outcome", "expected"),
    [
        ({"status": "succeeded", "expert": "first", "attempts": 1}, [("first", True)]),
        ({"status": "succeeded", "expert": "first", "attempts": 2}, [("first", False), ("first", True)]),
        ({"status": "failed", "expert": "first", "attempts": 2}, [("first", False), ("first", False)]),
        (
            {"status": "succeeded", "expert": "second", "attempts": 3},
            [("first", False), ("first", False), ("second", True)],
        ),
        ({"status": "defaulted", "expert": "first", "attempts": 1}, [("first", False)]),
        ({"status": "cancelled", "expert": "first", "attempts": 1}, []),
        ({"status": "skipped"}, []),
        ({"status": "failed"}, []),
    ],
)
def test_every_attempt_at_a_task_is_an_outcome(task_outcome, expected):
    assignment = Assignment(task=translate(), expert="first", fallback="second")
    found = call_outcomes(assignment, TaskOutcome(**task_outcome), at=1.0, costs={"first": 1.0})
    assert [(one.expert, one.succeeded) for one in found] == expected
    assert sum(one.cost_usd for one in found if one.cost_usd is not None) == (1.0 if expected else 0)


def test_a_lifetime_that_makes_no_sense_is_refused():
    with pytest.raises(ConfigurationError, match="lifetime_days"):
        ExpertOutcomes(lifetime_days=0)
