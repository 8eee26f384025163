"""What a setting is refused for is said in one sentence, whatever was given."""

import math
import threading

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.setting_checks import (
    MOST_SECONDS,
    check_checkpointer,
    check_count,
    check_flag,
    check_number,
    check_seconds,
)

TOO_LONG_TO_WRITE = 10**5_000


def refused(check, *given, **settings):
    with pytest.raises(ConfigurationError) as error:
        check("field", *given, **settings)
    assert error.value.field == "field"
    return error.value.problem


@pytest.mark.parametrize("seconds", [1e-9, 1, 2.5, MOST_SECONDS])
def test_a_time_that_can_be_waited_for_is_taken(seconds):
    check_seconds("timeout", seconds)


@pytest.mark.parametrize(
    "seconds", [0, -1, math.nan, math.inf, MOST_SECONDS + 1, 1e10, 10**400, "1", True, None]
)
def test_a_time_that_nothing_can_wait_for_is_refused_with_the_longest(seconds):
    assert refused(check_seconds, seconds).startswith("must be seconds above 0 and at most 2592000, got ")


def test_no_lock_raises_at_the_longest_time():
    assert MOST_SECONDS <= threading.TIMEOUT_MAX
    assert MOST_SECONDS < 2**32 / 1000  # what a lock takes on Windows


@pytest.mark.parametrize(
    ("check", "settings"),
    [
        (check_seconds, {}),
        (check_flag, {}),
        (check_count, {"most": 3}),
        (check_number, {"least": 0, "below": 1, "wanted": "a share"}),
    ],
)
def test_a_number_too_long_to_be_written_is_refused_as_well(check, settings):
    assert refused(check, TOO_LONG_TO_WRITE, **settings).endswith(", got one of 16610 bits")


@pytest.mark.parametrize("value", [InMemorySaver(), True, False, None])
def test_what_langgraph_takes_for_a_checkpointer_is_taken(value):
    check_checkpointer("checkpointer", value)


@pytest.mark.parametrize("value", ["memory", 7, InMemorySaver])
def test_what_is_no_checkpointer_is_refused(value):
    problem = refused(check_checkpointer, value)
    assert problem.startswith(
        "must be a LangGraph checkpointer, such as InMemorySaver(), a bool or None, got"
    )
