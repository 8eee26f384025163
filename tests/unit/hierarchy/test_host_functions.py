"""Calls of host functions: checked before, cleared of secrets after, silent about what went wrong."""

import asyncio
import contextlib
import dataclasses
import datetime
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.sandbox.host_calls import HostCallError, HostCalls, OutOfTimeError
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction, bind, check_functions, signature_of
from llmops_plugins.hierarchy.sandbox.plain_values import NotPlainError, copy_plain
from llmops_plugins.hierarchy.sandbox.secret_values import SecretValues

KEY = "kq93-zz81-mm40"
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class Place(BaseModel):
    name: str
    since: datetime.date = datetime.date(2024, 1, 2)


@dataclasses.dataclass
class Spot:
    name: str


def weather(city: str, days: int = 1, *, unit: Literal["C", "F"] = "C") -> list[float]:
    """Forecast for a city.

    More that is not shown.
    """
    return [3.0] * days


def caller(function, **grants):
    functions = check_functions([HostFunction(function=function, **grants)])
    calls = HostCalls(functions, SecretValues({"KEY": KEY}), 1_000)

    def call(*args, seconds=5.0, **kwargs):
        pending: list[Future[Any]] = []
        return calls.call(function.__name__, args, kwargs, seconds=seconds, loop=None, pending=pending.append)

    return call


def test_the_signature_is_shown_with_the_first_line_of_the_docstring():
    assert signature_of(HostFunction(function=weather)) == (
        "def weather(city: str, days: int = 1, *, unit: Literal['C', 'F'] = 'C') -> list[float]\n"
        "    Forecast for a city."
    )


def test_arguments_are_checked_against_the_type_hints_and_converted():
    def visit(place: Place, on: datetime.date) -> str:
        return f"{place.name} {on:%Y}"

    bound = bind(HostFunction(function=visit), [{"name": "Oslo"}, "2025-03-04"], {})
    assert bound == {"place": Place(name="Oslo"), "on": datetime.date(2025, 3, 4)}


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((), {}, "weather: missing a required argument: 'city'"),
        (("Oslo", "many"), {}, "weather: days: Input should be a valid integer"),
        (("Oslo",), {"unit": "K"}, "weather: unit: Input should be 'C' or 'F'"),
        (("Oslo",), {"place": 1}, "weather: got an unexpected keyword argument 'place'"),
        (([1],), {}, "weather: city: Input should be a valid string"),
    ],
)
def test_a_wrong_call_is_told_without_its_values(args, kwargs, said):
    with pytest.raises(HostCallError) as failed:
        caller(weather)(*args, **kwargs)
    assert (failed.value.kind, failed.value.message[: len(said)]) == ("TypeError", said)


def bare(city):
    return city


def without_return(city: str):
    return city


def starred(*cities: str) -> str:
    return ""


def unresolved(city: "Nowhere") -> str:  # noqa: F821 - it is what is tested
    return ""


def named(name):
    def function() -> int:
        return 1

    function.__name__ = name
    return function


@pytest.mark.parametrize(
    "function", [bare, without_return, starred, unresolved, named("print"), named("for"), named("a b"), 7]
)
def test_a_function_the_model_could_not_call_is_refused(function):
    with pytest.raises(ConfigurationError, match="functions"):
        HostFunction(function=function)


def test_two_functions_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="functions: has two functions named weather, rename one"):
        check_functions([weather, HostFunction(function=weather)])


def test_of_an_exception_the_type_alone_is_told():
    def fail(city: str) -> str:
        raise LookupError(f"no row for {city} in /srv/secret.db")

    with pytest.raises(HostCallError) as failed:
        caller(fail)("Oslo")
    assert failed.value.message == "fail failed: LookupError"
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_a_message_that_may_be_shown_is_cleared_of_secrets_and_cut():
    def fail(key: str) -> str:
        raise ValueError(f"key {key} is not valid, nor sk-proj-abcdefghijklmnop" + "." * 5_000)

    with pytest.raises(HostCallError) as failed:
        caller(fail, secrets=("KEY",), shown_errors=(ValueError,))("{{KEY}}")
    assert failed.value.message.startswith("fail failed: ValueError: key {{KEY}} is not valid, nor [secret].")
    assert len(failed.value.message) == 500


def test_what_comes_back_is_plain_data_without_secrets():
    def look(key: str) -> Any:
        return {key: [Place(name=key), Spot(key), (1, {2}), None, datetime.date(2024, 1, 2)]}

    assert caller(look, secrets=("KEY",))("{{KEY}}") == {
        "{{KEY}}": [
            {"name": "{{KEY}}", "since": "2024-01-02"},
            {"name": "{{KEY}}"},
            [1, [2]],
            None,
            "2024-01-02",
        ]
    }


@pytest.mark.parametrize(
    "value", [object(), print, (n for n in "ab"), b"bytes", 1j, {"a": object()}, "x" * 1_001, 7**5_000, Place]
)
def test_what_is_no_plain_data_is_withheld(value):
    def look() -> Any:
        return value

    with pytest.raises(HostCallError, match="what it returned is withheld"):
        caller(look)()


def test_a_secret_that_comes_back_in_parts_is_withheld():
    def look(key: str) -> list[str]:
        return list(key)

    with pytest.raises(HostCallError, match="it holds a secret in parts"):
        caller(look, secrets=("KEY",))("{{KEY}}")


def test_a_call_that_hangs_is_abandoned_sync_and_async():
    def hang() -> None:
        time.sleep(4)

    async def ahang() -> None:
        await asyncio.sleep(60)

    for function in (hang, ahang):
        started = time.monotonic()
        with pytest.raises((OutOfTimeError, HostCallError)):
            caller(function)(seconds=0.1)
        assert time.monotonic() - started < 3.5


def test_a_function_that_always_hangs_does_not_pile_up_threads():
    def hang() -> None:
        time.sleep(1)

    call = caller(hang)
    for _ in range(32):
        with pytest.raises(OutOfTimeError):
            call(seconds=0.001)
    with pytest.raises(HostCallError, match="too many earlier calls still hang"):
        call()


def test_even_an_exit_is_only_a_failed_call():
    def leave() -> None:
        raise SystemExit(1)

    with pytest.raises(HostCallError, match="leave failed: SystemExit"):
        caller(leave)()


@given(PLAIN)
def test_plain_data_is_copied_as_it_is(value):
    assert copy_plain(value, most=10_000, text=str) == value


@given(PLAIN, st.integers(1, 30))
def test_a_copy_is_never_larger_than_allowed(value, most):
    try:
        copied = copy_plain(value, most=most, text=str)
    except NotPlainError:
        return
    assert len(str(copied)) <= 6 * most + 20


def test_data_in_itself_ends():
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(NotPlainError, match="nested more than 50 deep"):
        copy_plain(loop, most=10_000, text=str)


@pytest.mark.parametrize("times", [1, 30, 70, 100_000])
def test_a_long_message_is_cleared_of_secrets_before_it_is_cut(times):
    def fail(text: str) -> str:
        raise ValueError(text * times)

    for start in range(len(KEY)):
        with pytest.raises(HostCallError) as caught:
            caller(fail, secrets=("KEY",), shown_errors=(ValueError,))("-" * start + "{{KEY}}")
        assert "kq93" not in caught.value.message
        assert len(caught.value.message) <= 500


def test_placeholders_in_the_names_of_arguments_are_not_filled_in():
    def look_up(text: str) -> str:
        return text

    call = caller(look_up, secrets=("KEY",))
    with pytest.raises(HostCallError, match="KEY") as caught:
        call("a", **{"{{KEY}}" * 70: 1})
    assert "kq93" not in caught.value.message
    with pytest.raises(HostCallError, match="refused"):
        call("a", **{"x" * 100_001: 1})


def test_calls_that_begin_at_once_leave_no_more_behind_than_is_allowed():
    begun, ended = [], threading.Event()

    def hang() -> None:
        begun.append(1)
        ended.wait(10)

    calls = HostCalls(check_functions([hang]), SecretValues({}), 1_000)

    def call(_: int) -> None:
        with contextlib.suppress(HostCallError, OutOfTimeError):
            calls.call("hang", (), {}, seconds=0.3, loop=None, pending=lambda future: None)

    with ThreadPoolExecutor(100) as threads:
        list(threads.map(call, range(300)))
    ended.set()
    assert len(begun) == 32
