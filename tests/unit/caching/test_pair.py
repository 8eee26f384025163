"""Labelled pairs are read from JSON Lines; what is no pair is refused with its file and line."""

import gzip

import pytest

from llmops_plugins.caching.pair import LabelledPair, read_pairs
from llmops_plugins.errors import ConfigurationError, RecordError

LINES = """{"a": "Is it open?", "b": "Is it open now?", "same": 1, "kind": "x"}

{"a": "A", "b": "B", "same": 0}
"""
PAIRS = [
    LabelledPair(a="Is it open?", b="Is it open now?", same=True),
    LabelledPair(a="A", b="B", same=False),
]


def test_one_object_a_line_is_one_pair(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(LINES, encoding="utf-8")
    assert read_pairs(path) == read_pairs(str(path)) == PAIRS


def test_a_file_that_ends_in_gz_is_decompressed(tmp_path):
    path = tmp_path / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    assert read_pairs(path) == PAIRS


def test_labels_may_be_true_and_false(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"a": "A", "b": "B", "same": true}', encoding="utf-8")
    assert read_pairs(path) == [LabelledPair(a="A", b="B", same=True)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not JSON"),
        ("[1]", "must be an object"),
        ('{"a": "A", "same": 1}', "b must be a question"),
        ('{"a": " ", "b": "B", "same": 1}', "a must be a question"),
        ('{"a": 5, "b": "B", "same": 1}', "a must be a question"),
        ('{"a": "A", "b": "B"}', "same must be 0 or 1, got None"),
        ('{"a": "A", "b": "B", "same": 0.5}', "same must be 0 or 1"),
        ('{"a": "A", "b": "B", "same": "1"}', "same must be 0 or 1"),
        ('{"a": "A", "b": "B", "same": [1]}', "same must be 0 or 1"),
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path, line, problem):
    path = tmp_path / "pairs.jsonl"
    path.write_text(f'{{"a": "A", "b": "B", "same": 1}}\n{line}\n', encoding="utf-8")
    with pytest.raises(RecordError, match=f"pairs.jsonl, line 2: {problem}"):
        read_pairs(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b"\n\n"),
        ("latin.jsonl", b"\xff\xfe"),
        ("torn.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)[:-9]),
        ("plain.jsonl.gz", LINES.encode()),
        ("missing.jsonl", None),
    ],
)
def test_a_file_that_holds_none_is_refused(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"^pairs: .*{name}"):
        read_pairs(tmp_path / name)
