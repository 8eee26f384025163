import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.backtest.journal import Answer, Journal, read_journal
from llmops_plugins.errors import ConfigurationError, RecordError

ANSWERS = st.builds(
    Answer,
    fingerprint=st.text(max_size=5),
    model=st.text(max_size=5),
    kind=st.sampled_from(["answer", "judge"]),
    text=st.none() | st.text(st.characters(), max_size=20),
    input_tokens=st.none() | st.integers(0, 10**9),
    cost_usd=st.none() | st.floats(0, 1e6),
    charged_usd=st.floats(0, 1e6),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.jsonl.partial.jsonl"


def answer(number, **columns):
    return Answer(fingerprint=f"f{number}", model="small", text=f"text {number}", **columns)


def written(path, answers):
    path.unlink(missing_ok=True)
    journal = Journal(path)
    for one in answers:
        journal.append(one)
    whole = path.read_bytes()
    journal.close(finished=False)
    return whole


@given(answers=st.lists(ANSWERS, max_size=4), data=st.data())
def test_a_journal_torn_at_any_byte_is_a_prefix_and_can_be_gone_on_with(tmp_path_factory, answers, data):
    path = tmp_path_factory.mktemp("journal") / "journal"
    whole = written(path, answers)
    cut = data.draw(st.integers(0, len(whole)))
    kept, _ = read_journal("journal", whole[:cut])
    assert kept == answers[: len(kept)]
    assert len(kept) == whole[:cut].count(b"\n")
    path.write_bytes(whole[:cut])
    journal = Journal(path)
    journal.append(answer(1))
    journal.close(finished=False)
    assert read_journal("journal", path.read_bytes())[0] == [*kept, answer(1)]


def test_a_long_torn_line_leaves_nothing_behind_a_short_one(path):
    whole = written(path, [answer(1), Answer(fingerprint="f2", model="m", text="long" * 1000)])
    path.write_bytes(whole[:-1])
    journal = Journal(path)
    journal.append(answer(3))
    journal.close(finished=False)
    assert read_journal("journal", path.read_bytes())[0] == [answer(1), answer(3)]
    assert path.read_bytes().endswith(b"\n")


def test_what_was_charged_is_summed_and_the_later_answer_counts(path):
    lost = Answer(fingerprint="f1", model="small", text=None, charged_usd=0.5)
    again = Answer(fingerprint="f1", model="small", text="better", charged_usd=0.25)
    written(path, [answer(1, charged_usd=1.0), lost, again])
    journal = Journal(path)
    assert journal.charged_usd == 1.75
    assert journal.answers["f1", "small"].text == "better"
    journal.close(finished=True)
    assert not path.exists()


def test_nothing_is_left_where_nothing_was_written(path):
    Journal(path).close(finished=False)
    assert not path.exists()


def test_a_second_writer_is_refused_until_the_first_is_done(path):
    first = Journal(path)
    first.append(answer(1))
    with pytest.raises(ConfigurationError, match="out: another process is recording"):
        Journal(path)
    first.close(finished=False)
    second = Journal(path)
    assert list(second.answers) == [("f1", "small")]
    second.close(finished=False)


def test_only_its_owner_may_read_it(path):
    Journal(path).append(answer(1))
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"text": "a"}', b'{"fingerprint":"a","model":"b","text":1}'])
def test_a_line_in_the_middle_that_is_no_answer_is_told_and_not_thrown_away(path, line):
    path.write_bytes(line + b"\n" + line)
    with pytest.raises(RecordError, match="line 1: "):
        Journal(path)
    assert path.read_bytes() == line + b"\n" + line
