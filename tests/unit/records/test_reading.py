import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.errors import ConfigurationError, RecordError
from llmops_plugins.records.reading import read_records

GOOD = {"text": "4", "score": 1.0, "input_tokens": 12, "output_tokens": 1}


def record(response=GOOD, **columns):
    return json.dumps({"prompt": "2 + 2?", "responses": {"small": response}, **columns})


@pytest.mark.parametrize("name", ["records.jsonl", "records.jsonl.gz"])
def test_records_are_read_in_order(write_records, answer, name):
    path = write_records([{"small": answer("4", 1.0)}, {"large": answer(None, 0.5, input_tokens=None)}], name)
    records = read_records(path)
    assert [row.line for row in records.rows] == [1, 2]
    assert records.models == ["small", "large"]
    assert records.rows[0].responses["small"].text == "4"
    assert records.rows[1].responses["large"].input_tokens is None


def test_blank_lines_count_but_hold_nothing(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text(f"\n  \n{record()}\n")
    assert [row.line for row in read_records(path).rows] == [3]


MALFORMED = {
    "not json": "{",
    "not text": b"\xff\xfe\xfa",
    "nested beyond reason": "[" * 100_000,
    "not an object": "[]",
    "no prompt": record(prompt=None),
    "an empty prompt": record(prompt=""),
    "no responses": record(responses=None),
    "responses without models": record(responses={}),
    "a response that is a text": record("4"),
    "no score": record({"text": "4"}),
    "a score that is a text": record({**GOOD, "score": "1"}),
    "a score that is a bool": record({**GOOD, "score": True}),
    "a score above 1": record({**GOOD, "score": 1.5}),
    "a negative score": record({**GOOD, "score": -0.5}),
    "a score that is no number": record({**GOOD, "score": float("nan")}),
    "a text that is a number": record({**GOOD, "text": 4}),
    "half a token": record({**GOOD, "input_tokens": 1.5}),
    "negative tokens": record({**GOOD, "output_tokens": -1}),
    "a negative cost": record({**GOOD, "cost_usd": -1}),
    "an endless cost": record({**GOOD, "cost_usd": float("inf")}),
}


@pytest.mark.parametrize("row", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_row_is_named_by_its_line_or_left_out(tmp_path, row):
    path = tmp_path / "records.jsonl"
    row = row if isinstance(row, bytes) else row.encode()
    path.write_bytes(record().encode() + b"\n" + row + b"\n" + record().encode())
    with pytest.raises(RecordError, match=r"records\.jsonl, line 2: "):
        read_records(path)
    records = read_records(path, skip_bad=True)
    assert [one.line for one in records.rows] == [1, 3]
    assert [error.line for error in records.skipped] == [2]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_whatever_a_row_holds_it_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    path.write_text("\n".join([record(), record(value), json.dumps(value), record(responses=value)]))
    assert read_records(path, skip_bad=True).rows[0].line == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b""),
        ("fake.jsonl.gz", b"plain"),
        ("cut.jsonl.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01"),
    ],
)
def test_a_file_that_holds_no_records_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^records: "):
        read_records(tmp_path / name, skip_bad=True)


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "missing.jsonl", tmp_path):
        with pytest.raises(ConfigurationError, match=r"^records: .* cannot be read"):
            read_records(path)
