"""What `llmops demonstrations` and `llmops export` print and change."""

import json

import pytest

from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from tests.unit.caching.fakes import WordEmbeddings

WARM = "How warm is it in Oslo?"


@pytest.fixture
def store(tmp_path):
    """A file of two tenants: one demonstration that is shared, and one of a single user's."""
    for tenant, users in (("acme", ("ann", "ben")), ("globex", ("cleo",))):
        opened = DemonstrationStore(
            tmp_path / "llmops_demonstrations.db",
            tenant=tenant,
            embeddings=WordEmbeddings(),
            confirmations=1,
        )
        for user in users:
            opened.add(
                WARM if tenant == "acme" else "What does [red] mean?",
                "print(weather('Oslo'))",
                user=user,
                assistant="large",
                model="large-1",
                evidence=Evidence(kind="execution", source="sandbox", statement="it printed 7"),
                cost_usd=0.0125,
            )
        opened.close()


def ids(llmops):
    return {one["tenant"]: one["demonstration_id"] for one in llmops("demonstrations", "list", "--json").json}


def test_all_are_listed_for_a_reader(llmops, store):
    done = llmops("demonstrations", "list")
    assert (done.code, done.err) == (0, "")
    assert WARM in done.out
    assert "all users (1 confirmed)" in done.out
    assert "What does [red] mean?" in done.out
    assert len(done.out.splitlines()) == 3


def test_one_tenant_is_listed_alone(llmops, store):
    (one,) = llmops("demonstrations", "list", "--tenant", "globex", "--json").json
    assert one["tenant"] == "globex"
    assert not one["shared"]


def test_one_is_shown_whole_by_how_its_id_begins(llmops, store):
    done = llmops("demonstrations", "show", ids(llmops)["acme"][:8])
    assert done.code == 0
    for said in ("large, large-1", "execution, sandbox: it printed 7", "$0.012500", "print(weather('Oslo'))"):
        assert said in done.out


def test_what_is_revoked_is_gone(llmops, store):
    done = llmops("demonstrations", "revoke", ids(llmops)["acme"], "--reason", "it was wrong")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("revoked ")
    assert ids(llmops).keys() == {"globex"}


def test_what_is_exported_can_be_imported(llmops, store, tmp_path):
    done = llmops("demonstrations", "export", "--out", "all.jsonl", "--json")
    assert done.json == {"written": 2, "out": "all.jsonl"}
    other = DemonstrationStore(tmp_path / "other.db", tenant="acme", embeddings=WordEmbeddings())
    llmops("demonstrations", "export", "--out", "acme.jsonl", "--tenant", "acme")
    assert other.import_file(tmp_path / "acme.jsonl", user="dan") == 1
    assert [one.question for one in other.list(user="dan")] == [WARM]


def test_who_the_users_are_is_exported_only_when_asked_for(llmops, store, tmp_path):
    llmops("demonstrations", "export", "--out", "all.jsonl")
    llmops("demonstrations", "export", "--out", "whole.jsonl", "--with-users")
    assert "confirmed_by" not in (tmp_path / "all.jsonl").read_text()
    assert "confirmed_by" in (tmp_path / "whole.jsonl").read_text()


def test_fine_tuning_data_is_written(llmops, store, tmp_path):
    done = llmops("export", "finetune", "--out", "data", "--held-out", "0", "--tenant", "acme")
    assert done.code == 0
    assert "1 chats to train on and 0 held out" in done.out
    assert "0 private, 0 expired" in done.out
    (line,) = (tmp_path / "data" / "train.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"][0]["content"] == WARM


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("demonstrations", "list", "--store", "missing.db"), "there is no file missing.db"),
        (("demonstrations", "show", "xyz"), "none begins with 'xyz'"),
        (("demonstrations", "show", ""), "2 begin with ''"),
        (("demonstrations", "export", "--out", "no/folder.jsonl"), "no/folder.jsonl"),
        (("export", "finetune", "--out", "data"), "they are of 2 tenants, name one of them (--tenant)"),
        (("export", "finetune", "--out", "data", "--format", "csv"), "format: must be one of openai, hf"),
        (("export", "finetune", "--out", "data", "--tenant", "nobody"), "hold nothing to export"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(llmops, store, command, problem):
    done = llmops(*command)
    assert done.code == 2
    assert problem in done.err
    assert len(done.err.splitlines()) == 1
