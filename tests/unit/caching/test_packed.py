"""Packed numbers come back as they were, and what is none is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from llmops_plugins.caching.packed import PackedFloats


class Holder(BaseModel):
    numbers: PackedFloats


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_numbers_come_back_as_they_were(numbers):
    held = Holder(numbers=np.array(numbers))
    read = Holder.model_validate_json(held.model_dump_json())
    assert read.numbers.dtype == np.float32
    assert read.numbers.tolist() == held.numbers.tolist() == numbers


def test_they_are_flat_and_in_rows():
    assert Holder(numbers=np.array([[1, 2], [3, 4]]).T).numbers.tolist() == [1, 3, 2, 4]


@pytest.mark.parametrize(
    "value",
    ["not base64!", "AAA=", "AADAfw==", None, 5, {"a": 1}, ["a"], [[1], [2, 3]], [float("nan")], True],
)
def test_what_is_no_row_of_finite_numbers_is_refused(value):
    with pytest.raises(ValidationError):
        Holder(numbers=value)
