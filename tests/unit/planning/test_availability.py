"""An expert that cannot be reached is told from one that was asked the wrong thing."""

from types import SimpleNamespace

import httpx
import pytest

from llmops_plugins.planning.execution.abandonable import Stop
from llmops_plugins.planning.execution.attempts import Attempts, TaskCall, make_attempts
from llmops_plugins.planning.execution.availability import is_unavailable


class ProviderError(Exception):
    def __init__(self, **fields):
        super().__init__("refused")
        vars(self).update(fields)


def answered(status):
    request = httpx.Request("GET", "https://example.org")
    return httpx.HTTPStatusError("status", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError(),
        OSError("no route"),
        httpx.ConnectTimeout("slow"),
        answered(503),
        ProviderError(status_code=429),
        ProviderError(code=500),
        ProviderError(response=SimpleNamespace(status_code=502)),
    ],
)
def test_timeouts_connections_and_busy_servers_are_unavailable(error):
    assert is_unavailable(error)


@pytest.mark.parametrize(
    "error",
    [KeyError("a"), ValueError(), answered(404), ProviderError(status_code=400), ProviderError(code="x")],
)
def test_what_was_asked_wrongly_is_not(error):
    assert not is_unavailable(error)


def test_an_outcome_names_who_could_not_be_reached_once_each():
    def ask(call):
        if call.expert == "down":
            raise ConnectionError("down")
        return 3

    outcome = make_attempts(
        TaskCall(task_id="t1", kind="weather", arguments={}, expert="down"),
        ask,
        fallback="up",
        policy=Attempts(retries=2, backoff_s=0),
        once=False,
        stop=Stop(),
    )
    assert (outcome.status, outcome.expert, list(outcome.unavailable)) == ("succeeded", "up", ["down"])
