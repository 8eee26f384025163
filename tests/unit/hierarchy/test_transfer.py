"""Demonstrations out of one store and into another, as a file."""

import json

import pytest

from llmops_plugins.errors import ConfigurationError, RecordError
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from tests.unit.hierarchy.solved import QUESTION, SOLUTION, Clock, memory, new_store, recalled, share, solve


@pytest.fixture
def exported(tmp_path):
    """Return the file of a store that shares one demonstration and has one of a user's own."""
    store = new_store()
    key = share(store)
    store.record_outcome([key], helped=True, user="dora")
    solve(store, "ann", "Which tides are spring tides?", "print(springs())")
    path = tmp_path / "exported.jsonl"
    assert store.export(path) == 2
    return path


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_is_written_can_be_read_back_as_it_was(tmp_path):
    store = new_store()
    share(store)
    solve(store, "ann", "Which tides are spring tides?", "print(springs())")
    store.export(tmp_path / "whole.jsonl", with_users=True)
    for row in rows(tmp_path / "whole.jsonl"):
        assert row["user"] or row["confirmed_by"]
        assert Demonstration.from_dict(row).to_dict() == row


def test_who_the_users_are_stays_out_of_a_file_unless_asked_for(exported):
    for row in rows(exported):
        assert row.keys().isdisjoint({"user", "confirmed_by"})
        assert Demonstration.from_dict(row).to_dict() == {**row, "user": "", "confirmed_by": []}


def test_a_file_without_users_still_says_how_many_confirmed(exported):
    store = new_store(memory())
    store.import_file(exported, user="eve", trusted=True)
    (shared,) = store.list(user="zoe")
    assert (shared.confirmations, shared.confirmed_by) == (2, ())


@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_file_says_of_where_it_is_from_is_scrubbed_and_cut(exported, trusted):
    written = rows(exported)
    statement = f"key sk-{'a1' * 10} " + "x" * 9_000
    for row in written:
        row["provenance"] |= {
            "assistant": "ann@example.org",
            "model": "m" * 5_000,
            "model_version": "\0",
            "evidence": {"kind": "human", "source": "x@example.org", "statement": statement},
        }
    path = exported.with_name("ann@example.org.jsonl")
    path.write_text("".join(f"{json.dumps(row)}\n" for row in written))
    store = new_store(memory())
    assert store.import_file(path, user="eve", trusted=trusted) == 2
    for one in store.list():
        said = one.provenance
        assert (said.assistant, len(said.model), said.model_version) == ("[email]", 200, "")
        assert said.evidence.source == said.imported_from == "[email]"
        assert said.evidence.statement.startswith("key [secret] xxx")
        assert len(said.evidence.statement) == 500


def test_what_is_imported_is_the_users_own_and_counts_for_nothing(exported):
    store = new_store(memory(), tenant="other")
    assert store.import_file(exported, user="eve") == 2
    assert len(recalled(store, "eve", QUESTION)) == 2
    assert recalled(store, "zoe", QUESTION) == []
    for one in store.list():
        assert (one.shared, one.tried, one.confirmed_by) == (False, 0, ())
        assert one.provenance.imported_from == "exported.jsonl"
        assert one.provenance.assistant == "large"


def test_from_a_trusted_file_what_was_shared_is_shared(exported):
    store = new_store(memory(), tenant="other")
    assert store.import_file(exported, user="eve", trusted=True) == 2
    (shared,) = store.list(user="zoe")
    assert (shared.solution, shared.helped, shared.tried) == (SOLUTION, 1, 1)
    assert shared.provenance.imported_from == "exported.jsonl"
    assert len(recalled(store, "eve", QUESTION)) == 2


def test_importing_again_changes_nothing(exported):
    store = new_store(memory(), clock=Clock())
    store.import_file(exported, user="eve", trusted=True)
    (shared,) = store.list(user="zoe")
    store.record_outcome([shared.demonstration_id], helped=False, user="dora")
    before = store.list()
    store.import_file(exported, user="eve", trusted=True)
    assert store.list() == before


def test_what_is_solved_here_is_no_longer_said_to_be_imported(exported):
    store = new_store(memory())
    store.import_file(exported, user="eve")
    solve(store, "eve")
    sources = {one.question: one.provenance.imported_from for one in store.list(user="eve")}
    assert sources[QUESTION] is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"question": ""}, "question must not be empty"),
        ({"solution": 7}, "solution must be a text"),
        ({"solution": "print(2)"}, "was changed"),
        ({"helped": 3, "tried": 2}, "helped must be at most tried"),
        ({"helped": -1}, "helped must be a whole number"),
        ({"shared": "yes"}, "shared must be true or false"),
        ({"confirmed_by": "ann"}, "confirmed_by must be a list"),
        ({"confirmations": -1}, "confirmations must be a whole number"),
        ({"user": 7}, "user must be a text"),
        ({"expires_at": None}, "expires_at must be a Unix time"),
        ({"provenance": None}, "provenance must be an object"),
        ({"provenance": {}}, "provenance.evidence"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_kept(exported, change, problem):
    first, second = rows(exported)
    exported.write_text(f"{json.dumps(first)}\n\n{json.dumps({**second, **change})}\n")
    store = new_store(memory())
    with pytest.raises(RecordError, match=problem) as caught:
        store.import_file(exported, user="eve")
    assert (caught.value.source, caught.value.line) == (str(exported), 3)
    assert store.list() == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"evidence": {"kind": "hunch", "source": "ann", "statement": ""}}, "kind"),
        ({"evidence": {"kind": "human", "source": "", "statement": ""}}, "source"),
        ({"solved_at": "yesterday"}, "solved_at"),
        ({"cost_usd": -1}, "cost_usd"),
        ({"model": None}, "model"),
        ({"imported_from": 7}, "imported_from"),
    ],
)
def test_a_wrong_provenance_is_named(exported, change, problem):
    row = rows(exported)[0]
    row["provenance"] |= change
    exported.write_text(json.dumps(row))
    with pytest.raises(RecordError, match=problem):
        new_store().import_file(exported, user="eve")


@pytest.mark.parametrize("line", ["{", "[]", "7", "[" * 100_000])
def test_what_is_no_object_is_refused(tmp_path, line):
    path = tmp_path / "strange.jsonl"
    path.write_text(line)
    with pytest.raises(RecordError, match="line 1"):
        new_store().import_file(path, user="eve")


def test_a_file_that_is_not_there_is_a_wrong_setting(tmp_path):
    with pytest.raises(ConfigurationError, match="path"):
        new_store().import_file(tmp_path / "none.jsonl", user="eve")
