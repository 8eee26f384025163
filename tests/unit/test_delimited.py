"""Untrusted text between tags that it cannot close."""

import re

from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.delimited import delimited


@given(texts=st.dictionaries(st.sampled_from(["note", "answer"]), st.text(), min_size=1))
def test_each_text_stands_whole_between_its_own_tags(texts):
    rendered = delimited(texts)
    (code,) = set(re.findall(r"^<(?:note|answer)-([0-9a-f]{16})>$", rendered, re.MULTILINE)) or {""}
    for name, text in texts.items():
        assert f"<{name}-{code}>\n{text}\n</{name}-{code}>" in rendered
        assert code not in text


def test_a_text_that_knows_an_earlier_code_cannot_close_the_next():
    first = delimited({"note": "hello"})
    second = delimited({"note": first})
    inner = re.search(r"<note-([0-9a-f]{16})>", first)[1]
    outer = re.match(r"<note-([0-9a-f]{16})>", second)[1]
    assert inner != outer
    assert second.count(outer) == 2


def test_equal_material_makes_equal_prompts():
    assert delimited({"note": "hello"}) == delimited({"note": "hello"})
