from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.verification.text_features import FORMAT_NAMES, format_values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is blue.", set()),
        ("It is 7.", {"digits"}),
        ("- blue\n- red", {"list"}),
        ("1. blue\n2) red", {"list", "digits"}),
        ("- blue", set()),
        ("a-b\n*c*\n**d**", set()),
        ('{"answer": "blue"}', {"JSON"}),
        ('```json\n["blue"]\n```', {"JSON", "code block"}),
        ("```\nx = y\n```", {"code block"}),
        ("true", set()),
        ("{blue}", set()),
        ("Which one do you mean?", {"ends with a question"}),
        ('Do you mean "**blue?**" ', {"ends with a question"}),
        ("Which? The blue one.", set()),
        ("[" * 100_000, set()),
    ],
)
def test_the_form_of_a_text_is_seen(text, found):
    values = dict(zip(FORMAT_NAMES, format_values(text), strict=True))
    assert {name for name, value in values.items() if value} == found


@given(st.text())
def test_any_text_has_a_form(text):
    assert set(format_values(text)) <= {0.0, 1.0}
    assert len(format_values(text)) == len(FORMAT_NAMES)
