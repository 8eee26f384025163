"""A feature that fails open says so in the log: once for each cause, with what to do, and without keys."""

import logging

import pytest

from llmops_plugins.failures import warn_once


def test_each_cause_is_said_once(warnings_logged):
    for where in ("the cache", "the guard"):
        for error in (OSError("disk full"), OSError("disk full again"), KeyError("x")):
            warn_once(where, error, "check the disk")
    assert [("the cache" in one, "OSError" in one) for one in warnings_logged()] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_it_says_what_failed_why_and_what_to_do(warnings_logged):
    warn_once("the cache's store", OSError("disk full"), "check the disk")
    (warning,) = warnings_logged()
    assert warning.startswith("the cache's store failed")
    assert "OSError: disk full" in warning
    assert "check the disk" in warning


@pytest.mark.parametrize(
    "text",
    [
        "refused sk-abcdefghijklmnopqrst",
        "header Authorization: Bearer abcdefghijklmnopqrst",
        "INSERT failed\n[parameters: ('sk-abcdefghijklmnopqrst', 'abcdefghijklmnopqrst')]",
    ],
)
def test_neither_keys_nor_what_follows_the_first_line_is_logged(warnings_logged, text):
    warn_once("the cache", ValueError(text), "mend it")
    (warning,) = warnings_logged()
    assert "abcdefghijklmnopqrst" not in warning
    assert "\n" not in warning


def test_a_long_text_is_cut_and_none_is_left_out(warnings_logged):
    warn_once("the cache", ValueError("x" * 100_000), "mend it")
    warn_once("the cache", TimeoutError(), "mend it")
    long, empty = warnings_logged()
    assert len(long) < 1_000
    assert "TimeoutError" in empty


def test_so_many_causes_are_said_and_no_more(warnings_logged):
    for number in range(1_000):
        warn_once(f"place {number}", OSError("disk full"), "mend it")
    assert len(warnings_logged()) == 100


def test_what_cannot_be_logged_fails_nobody(warnings_logged):
    class Unspeakable(Exception):  # noqa: N818 - as a user may name it
        def __str__(self):
            raise RuntimeError("no words")

    def refuses(record):
        raise RuntimeError("cannot hear")

    warn_once("the cache", Unspeakable(), "mend it")
    logger = logging.getLogger("llmops_plugins.failures")
    logger.addFilter(refuses)
    try:
        warn_once("the cache", OSError("disk full"), "mend it")
    finally:
        logger.removeFilter(refuses)
    assert warnings_logged() == []
