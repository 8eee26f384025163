"""An expert that fails again and again is left alone for a while, and so is one that says it is down."""

import asyncio
import threading
import time

import pytest

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import arun, run
from llmops_plugins.planning.experts.health import ExpertHealth
from tests.unit.planning.expert_stubs import card

ways = pytest.mark.parametrize("drive", [run, lambda flow: asyncio.run(arun(flow))], ids=["sync", "async"])


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def failing(health, times, tenant="acme"):
    for _ in range(times):
        health.record("it", reached=False, tenant=tenant)


def test_a_circuit_opens_after_failures_in_a_row_only(clock):
    health = ExpertHealth(failures=3, clock=clock)
    failing(health, 2)
    health.record("it", reached=True, tenant="acme")
    failing(health, 2)
    assert not health.is_open("it", "acme")
    failing(health, 1)
    assert health.is_open("it", "acme")
    assert not health.is_open("other", "acme")


def test_what_one_tenant_could_not_reach_is_no_matter_of_anothers(clock):
    health = ExpertHealth(failures=1, clock=clock)
    failing(health, 1, tenant="mallory")
    assert health.is_open("it", "mallory")
    assert not health.is_open("it", "acme")


def test_an_open_circuit_closes_after_a_while_and_opens_for_longer_if_that_fails(clock):
    health = ExpertHealth(failures=2, pause_s=10, clock=clock)
    failing(health, 2)
    clock.now += 10
    assert not health.is_open("it", "acme")
    failing(health, 1)
    clock.now += 19
    assert health.is_open("it", "acme")
    clock.now += 1
    assert not health.is_open("it", "acme")
    health.record("it", reached=True, tenant="acme")
    failing(health, 1)
    assert not health.is_open("it", "acme")


def test_a_circuit_never_stays_open_for_ever(clock):
    health = ExpertHealth(failures=1, pause_s=10, clock=clock)
    failing(health, 2_000)
    clock.now += 160
    assert not health.is_open("it", "acme")


@ways
def test_what_an_expert_says_of_itself_counts_for_a_while(drive, clock):
    said, asked = [False, True], []

    def healthy():
        asked.append(1)
        return said[len(asked) - 1]

    health, expert = ExpertHealth(probe_every_s=30, clock=clock), card("it", healthy=healthy)
    drive(health.probe_flow([expert, card("silent")]))
    assert health.problem("it") == "says that it is not healthy"
    clock.now += 29
    drive(health.probe_flow([expert]))
    assert len(asked) == 1
    clock.now += 1
    drive(health.probe_flow([expert]))
    assert health.problem("it") is None


@ways
def test_a_probe_that_fails_or_does_not_answer_is_a_no(drive):
    def broken():
        raise OSError("down")

    health, released = ExpertHealth(probe_timeout_s=2), threading.Event()
    started = time.monotonic()
    experts = [card("broken", healthy=broken), card("hangs", healthy=lambda: released.wait(60))]
    drive(health.probe_flow([*experts, card("well", healthy=lambda: True)]))
    took = time.monotonic() - started
    released.set()
    assert health.problem("broken") is not None
    assert health.problem("hangs") is not None
    assert health.problem("well") is None
    assert took < 30


@ways
def test_a_probe_that_hangs_is_not_made_again_until_it_has_ended(drive, clock):
    release, asked = threading.Event(), []

    def healthy():
        asked.append(1)
        return release.wait(60)

    health = ExpertHealth(probe_timeout_s=0.5, probe_every_s=30, clock=clock)
    expert = card("it", healthy=healthy)
    try:
        for _ in range(20):
            clock.now += 31
            drive(health.probe_flow([expert]))
            assert health.problem("it") is not None
        assert len(asked) == 1
    finally:
        release.set()
    until = time.monotonic() + 10
    while health.problem("it") is not None and time.monotonic() < until:
        clock.now += 31
        drive(health.probe_flow([expert]))
    assert health.problem("it") is None
    assert len(asked) == 2


ENDINGS = [SystemExit(3), GeneratorExit(), asyncio.CancelledError()]


@ways
@pytest.mark.parametrize("error", [*ENDINGS, KeyboardInterrupt()], ids=repr)
def test_a_probe_that_asks_to_exit_is_a_no(drive, error):
    def healthy():
        raise error

    health = ExpertHealth()
    drive(health.probe_flow([card("it", healthy=healthy), card("up", healthy=lambda: True)]))
    assert health.problem("it") is not None
    assert health.problem("up") is None


@ways
@pytest.mark.parametrize("error", ENDINGS, ids=repr)
def test_an_asynchronous_probe_that_asks_to_exit_is_a_no(drive, error):
    async def healthy():
        await asyncio.sleep(0)
        raise error

    health = ExpertHealth()
    drive(health.probe_flow([card("it", healthy=healthy)]))
    assert health.problem("it") is not None


async def test_who_is_cancelled_while_an_expert_is_probed_is_cancelled():
    begun = asyncio.Event()

    async def healthy():
        begun.set()
        await asyncio.Event().wait()

    health = ExpertHealth(probe_timeout_s=30)
    probing = asyncio.create_task(arun(health.probe_flow([card("it", healthy=healthy)])))
    await begun.wait()
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert health.problem("it") is None


@ways
def test_an_asynchronous_probe_is_awaited(drive):
    class Probe:
        async def __call__(self):
            return False

    async def healthy():
        return True

    health = ExpertHealth()
    drive(health.probe_flow([card("down", healthy=Probe()), card("up", healthy=healthy)]))
    assert health.problem("down") is not None
    assert health.problem("up") is None


def test_no_more_than_sixteen_are_asked_at_once():
    asked = []
    experts = [card(f"e{n}", healthy=lambda n=n: not asked.append(n)) for n in range(40)]
    run(ExpertHealth().probe_flow(experts))
    assert sorted(asked) == list(range(16))


@pytest.mark.parametrize("field", ["failures", "pause_s", "probe_every_s", "probe_timeout_s"])
def test_a_number_that_is_not_above_0_is_refused(field):
    with pytest.raises(ConfigurationError, match=field):
        ExpertHealth(**{field: 0})
