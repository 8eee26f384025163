"""Text from outside fits a column of any database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.accounting.column_text import short


@given(st.text(st.characters(), max_size=20), st.integers(0, 20))
def test_it_has_nothing_that_a_database_refuses_and_is_never_longer(text, limit):
    fitting = short(text, limit)
    assert "\0" not in fitting
    assert len(fitting) <= limit
    fitting.encode()


@pytest.mark.parametrize("text", ["victim\0", "\0victim", "vic\0tim"])
def test_two_ids_do_not_become_one(text):
    assert short(text, 255) != "victim"
