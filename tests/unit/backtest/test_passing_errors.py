import httpx
import openai
import pytest

from llmops_plugins.backtest.passing_errors import is_hopeless, may_be_billed, passes, wait_seconds

REQUEST = httpx.Request("POST", "http://localhost")


def status(code, headers=None, body=None):
    response = httpx.Response(code, headers=headers, request=REQUEST)
    return openai.APIStatusError("refused", response=response, body=body)


class BotoError(Exception):
    def __init__(self):
        self.response = {"ResponseMetadata": {"HTTPStatusCode": 503}}


def dropped():
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx.ReadError("reset")
    return error


@pytest.mark.parametrize(
    ("error", "passing", "hopeless", "billed"),
    [
        (status(429), True, False, False),
        (status(429, body={"code": "insufficient_quota"}), False, True, False),
        (status(500), True, False, False),
        (status(529), True, False, False),
        (status(408), True, False, False),
        (status(400), False, False, False),
        (status(401), False, True, False),
        (status(404), False, True, False),
        (BotoError(), True, False, False),
        (TimeoutError(), True, False, True),
        (openai.APITimeoutError(request=REQUEST), True, False, True),
        (openai.APIConnectionError(request=REQUEST), True, False, False),
        (httpx.ConnectError("refused"), True, False, False),
        (dropped(), True, False, True),
        (httpx.ReadTimeout("late"), True, False, True),
        (ValueError("what?"), False, False, False),
        (FileNotFoundError(), False, False, False),
    ],
)
def test_what_passes_what_never_will_and_what_may_have_been_paid(error, passing, hopeless, billed):
    assert (passes(error), is_hopeless(error), may_be_billed(error)) == (passing, hopeless, billed)


def test_the_wait_is_what_the_provider_asks_for_or_ever_longer():
    assert wait_seconds(status(429, {"retry-after": "7"}), 0, 1.0) == 7
    assert wait_seconds(status(429, {"retry-after": "86400"}), 0, 1.0) == 60
    for attempt, longest in ((0, 1), (1, 2), (3, 8), (20, 60)):
        for headers in ({}, {"retry-after": "soon"}, {"retry-after": "nan"}):
            assert longest / 2 <= wait_seconds(status(500, headers), attempt, 1.0) <= longest
