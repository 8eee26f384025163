import gzip
import json

import pytest

from llmops_plugins.backtest.dataset import read_dataset
from llmops_plugins.errors import ConfigurationError, RecordError


@pytest.fixture
def write(tmp_path):
    def written(*rows, name="questions.jsonl"):
        path = tmp_path / name
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        data = "\n".join(lines).encode("utf-8", "surrogatepass")
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return written


def test_a_prompt_with_all_that_may_stand_beside_it(write):
    (question,) = read_dataset(write({"id": 7, "prompt": "6 * 7?", "gold": 42, "task": "sums", "other": []}))
    assert question.question_id == "7"
    assert question.messages == (("user", "6 * 7?"),)
    assert (question.gold, question.task) == ("42", "sums")


def test_a_conversation_is_asked_whole_and_known_by_all_of_it(write):
    def talk(first):
        texts = [("system", "Be brief."), ("human", first), ("ai", "Yes?"), ("user", "Go on.")]
        return {"messages": [{"role": role, "content": text} for role, text in texts]}

    one, other, plain = read_dataset(write(talk("Hi"), talk("Hello"), {"prompt": "Go on."}))
    assert one.prompt == other.prompt == plain.prompt == "Go on."
    assert [role for role, _ in one.messages] == ["system", "user", "assistant", "user"]
    assert len({one.fingerprint, other.fingerprint, plain.fingerprint}) == 3


@pytest.mark.parametrize("name", ["questions.jsonl.gz", "questions.jsonl"])
def test_any_text_can_be_asked(write, name):
    questions = read_dataset(write({"prompt": "\ud800 \u2028 é"}, "", {"prompt": "b"}, name=name))
    assert questions[0].prompt == "\ud800 \u2028 é"
    assert questions[0].fingerprint != questions[1].fingerprint
    assert questions[1].question_id == "3"


def test_csv_has_the_names_as_columns(write):
    rows = ["\ufeffid,prompt,gold,messages", '1,"a,\nb",42,', '2,,,"[{""role"":""user"",""content"":""c""}]"']
    one, other = read_dataset(write(*rows, name="questions.csv"))
    assert (one.prompt, one.gold) == ("a,\nb", "42")
    assert (other.prompt, other.gold) == ("c", None)


def test_a_limit_reads_no_further(write):
    assert len(read_dataset(write({"prompt": "a"}, {"prompt": "b"}, "{"), limit=2)) == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a JSON object"),
        ({}, "prompt must be a text"),
        ({"prompt": " "}, "prompt must be a text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role must be"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content must be"),
        ({"messages": [{"role": "ai", "content": "x"}]}, "messages must end with"),
        ({"messages": "x"}, "messages must be JSON"),
        ({"messages": {}}, "messages must be a list"),
        ({"prompt": "a", "gold": ["b"]}, "gold must be a text or a number"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_field(write, row, said):
    with pytest.raises(RecordError, match=r"questions\.jsonl, line 2: ") as error:
        read_dataset(write({"prompt": "a"}, row))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "rows"), [("q.csv", ["text", "a"]), ("q.jsonl", []), ("q.txt", ["a"]), ("q.csv", [])]
)
def test_a_file_without_questions_is_refused(write, name, rows):
    with pytest.raises(ConfigurationError, match="dataset: "):
        read_dataset(write(*rows, name=name))


def test_a_bad_csv_row_is_named(write):
    with pytest.raises(RecordError, match="line 3: has more fields"):
        read_dataset(write("prompt,gold", "a,b", "a,b,c", name="q.csv"))


@pytest.mark.parametrize("rows", [1, 3000])  # text is decoded in blocks of 8,192 bytes
def test_bytes_that_are_no_utf8_are_named_by_their_line(tmp_path, rows):
    path = tmp_path / "q.csv"
    path.write_bytes(b"prompt,gold\n" + b"a,b\n" * rows + b"\xffa,b\n" + b"a,b\n" * rows)
    with pytest.raises(RecordError, match=rf"line {rows + 2}: is not UTF-8"):
        read_dataset(path)


def test_csv_that_cannot_be_parsed_is_named_by_its_line(write):
    with pytest.raises(RecordError, match="line 4: is not CSV"):
        read_dataset(write("prompt,gold", "a,b", "", '"a"b,c', "d,e", name="q.csv"))
