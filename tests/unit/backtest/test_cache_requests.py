import gzip
import json

import pytest

from llmops_plugins.backtest.cache_requests import (
    StreamRequest,
    holds_requests,
    read_requests,
    refuse_same_file,
    shuffled,
)
from llmops_plugins.errors import ConfigurationError, RecordError


@pytest.fixture
def write(tmp_path):
    def write(*rows, name="rows.jsonl"):
        path = tmp_path / name
        data = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


ROWS = ({"intent": "a", "text": " one "}, {"intent": "oos", "domain": None, "text": "two"})
PAIR = {"same": 1, "a": "one", "b": "two"}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_a_stream_is_read(write, name):
    expected = [StreamRequest(text="one", intent="a"), StreamRequest(text="two", intent="oos")]
    assert read_requests(write(*ROWS, "", name=name)) == expected


def test_requests_are_the_same_when_their_intent_is_unless_they_have_none():
    one, other, none = (StreamRequest(text="x", intent=intent) for intent in ("a", "b", "oos"))
    assert one.is_same(one)
    assert not one.is_same(other)
    assert not none.is_same(none)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "must be an object with intent and text"),
        ({"intent": "a"}, "text must be a text, got None"),
        ({"intent": "", "text": "x"}, "intent must be a text"),
        ({"intent": "a", "text": 3}, "text must be a text, got 3"),
    ],
)
def test_a_row_that_is_no_request_is_named(write, row, problem):
    with pytest.raises(RecordError, match=f"line 2: {problem}"):
        read_requests(write(ROWS[0], row))


def test_a_file_that_cannot_be_used_names_the_setting(write, tmp_path):
    with pytest.raises(ConfigurationError, match=r"^fit: .*cannot be read \(No such file"):
        read_requests(tmp_path / "none.jsonl", field="fit")
    with pytest.raises(ConfigurationError, match=r"^stream: .*holds 1 requests"):
        read_requests(write(ROWS[0]))
    broken = write(ROWS[0], name="rows.jsonl.gz")
    broken.write_bytes(broken.read_bytes()[:-12])
    with pytest.raises(ConfigurationError, match=r"^stream: .*cannot be read"):
        read_requests(broken)


def test_the_first_row_tells_requests_from_pairs(write):
    assert holds_requests(write("", ROWS[0], PAIR), field="fit")
    assert not holds_requests(write(PAIR, ROWS[0]), field="fit")
    with pytest.raises(ConfigurationError, match=r"^fit: .*is empty"):
        holds_requests(write(""), field="fit")


def test_the_seed_decides_the_order():
    requests = [StreamRequest(text=str(number), intent="a") for number in range(50)]
    first = shuffled(requests, 1, 20)
    assert first == shuffled(requests, 1, 20) == shuffled(requests, 1)[:20]
    assert first != shuffled(requests, 2, 20)
    assert sorted(request.text for request in shuffled(requests, 2)) == sorted(one.text for one in requests)


def test_a_file_is_not_tested_on_itself(write, tmp_path):
    path = write(*ROWS)
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with pytest.raises(ConfigurationError, match=r"^fit: must be another file"):
        refuse_same_file(link, path)
    refuse_same_file(path, write(*ROWS, name="other.jsonl"))
