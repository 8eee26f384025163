"""What was learned as fine-tuning data: deduplicated, without personal data, split by hash, with a card."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.demonstration import (
    Demonstration,
    Evidence,
    Provenance,
    content_id,
)
from llmops_plugins.hierarchy.demonstrations.finetune import export_finetune

SOLVED = Provenance(
    assistant="large",
    model="large-1",
    model_version="",
    evidence=Evidence(kind="execution", source="sandbox"),
    solved_at=datetime(2026, 3, 1, tzinfo=UTC),
)


def demonstration(question, solution="print(1)", *, shared=True, **fields):
    return Demonstration(
        demonstration_id=content_id("acme", question, solution),
        question=question,
        solution=solution,
        tenant="acme",
        user="",
        provenance=SOLVED,
        shared=shared,
        expires_at=2e9,
        **fields,
    )


def rows(path):
    with path.open(newline="\n") as lines:
        return [json.loads(line) for line in lines]


def questions(path):
    return {row["messages"][-2]["content"] for row in rows(path)}


def test_openai_gets_a_training_and_a_validation_file_of_chats(tmp_path):
    done = export_finetune([demonstration(f"request {n}") for n in range(200)], tmp_path)
    train, validation = questions(tmp_path / "train.jsonl"), questions(tmp_path / "validation.jsonl")
    assert train.isdisjoint(validation)
    assert (len(train), len(validation)) == (done.train, done.held_out)
    assert 8 <= done.held_out <= 35
    assert rows(tmp_path / "train.jsonl")[0]["messages"][1] == {
        "role": "assistant",
        "content": "```python\nprint(1)\n```",
    }


def test_hugging_face_gets_a_folder_whose_card_names_its_splits(tmp_path):
    export_finetune([demonstration("a"), demonstration("b")], tmp_path, format="hf", system="Be brief.")
    card = (tmp_path / "README.md").read_text()
    splits = yaml.safe_load(card.split("---")[1])["configs"][0]["data_files"]
    assert {split["split"]: (tmp_path / split["path"]).is_file() for split in splits} == {
        "train": True,
        "test": True,
    }
    chats = [*rows(tmp_path / "data/train.jsonl"), *rows(tmp_path / "data/test.jsonl")]
    assert all(chat["messages"][0] == {"role": "system", "content": "Be brief."} for chat in chats)


def test_of_several_solutions_the_one_that_helped_most_is_kept(tmp_path):
    poor = demonstration("How warm is it?", "print('poor')", tried=9, helped=1)
    good = demonstration("how  warm is it?", "print('good')", tried=9, helped=9)
    fresh = demonstration("How warm is it? ", "print('fresh')")
    done = export_finetune([poor, good, fresh], tmp_path, held_out_share=0)
    assert [row["messages"][-1]["content"] for row in rows(tmp_path / "train.jsonl")] == [
        "```python\nprint('good')\n```"
    ]
    assert done.duplicates == 2


def test_personal_data_and_keys_are_replaced(tmp_path):
    key = "sk-" + "a1b2c3d4" * 4
    one = demonstration("Write to ann@example.org", f"key = '{key}'\nprint('ann@example.org')")
    export_finetune([one], tmp_path, held_out_share=0)
    for path in tmp_path.rglob("*"):
        assert "ann@" not in path.read_text()
        assert key not in path.read_text()


def test_numbers_of_code_stay_and_those_of_prose_are_replaced(tmp_path):
    code = demonstration("a", "print(4111_1111_1111_1111, '+1 202 555 0143'.split())")
    prose = demonstration("b", "Call +1 202 555 0143, please.")
    digits = demonstration("c", "4111111111111111")
    export_finetune([code, prose, digits], tmp_path, held_out_share=0)
    said = [row["messages"][-1]["content"] for row in rows(tmp_path / "train.jsonl")]
    kept = "```python\nprint(4111_1111_1111_1111, '[phone]'.split())\n```"
    assert said == [kept, "Call [phone], please.", "[card]"]
    assert "in prose, and of code in its texts and comments" in (tmp_path / "README.md").read_text()


def test_keys_with_a_name_go_from_questions_too(tmp_path):
    export_finetune([demonstration("Use api_key: q8w7e6r5t4")], tmp_path, held_out_share=0)
    assert questions(tmp_path / "train.jsonl") == {"Use api_key: [secret]"}


@pytest.mark.parametrize("format", ["openai", "hf"])
def test_an_earlier_export_is_replaced(tmp_path, format):
    export_finetune([demonstration("a")], tmp_path, held_out_share=0, format=format)
    assert export_finetune([demonstration("b")], tmp_path, held_out_share=0, format=format).train == 1
    (train,) = tmp_path.rglob("train.jsonl")
    assert questions(train) == {"b"}


@pytest.mark.parametrize("formats", [("openai", "hf"), ("hf", "openai")])
def test_an_earlier_export_in_another_format_is_replaced_too(tmp_path, formats):
    export_finetune([demonstration("revoked since")], tmp_path, held_out_share=0, format=formats[0])
    export_finetune([demonstration("b")], tmp_path, held_out_share=0, format=formats[1])
    assert {path.name for path in tmp_path.rglob("*.jsonl")} < {
        "train.jsonl",
        "validation.jsonl",
        "test.jsonl",
    }
    assert "revoked since" not in "".join(path.read_text() for path in tmp_path.rglob("*.*"))


def test_beside_an_export_a_file_of_the_other_format_that_none_wrote_stays(tmp_path):
    export_finetune([demonstration("a")], tmp_path, format="openai")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"holds data/train.jsonl that no export wrote"):
        export_finetune([demonstration("a")], tmp_path, format="hf")
    export_finetune([demonstration("b")], tmp_path, format="openai")
    assert (tmp_path / "data" / "train.jsonl").read_text() == "mine"


@pytest.mark.parametrize("name", ["README.md", "train.jsonl", "validation.jsonl"])
def test_what_no_export_wrote_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigurationError, match=rf"folder: .* holds {name} that no export wrote"):
        export_finetune([demonstration("a")], tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_what_has_expired_stays_out_and_is_counted(tmp_path):
    old, new = replace(demonstration("old"), expires_at=1e9), demonstration("new")
    assert export_finetune([old, new], tmp_path, held_out_share=0, now=1.5e9).expired == 1
    assert questions(tmp_path / "train.jsonl") == {"new"}
    assert "1 that have expired" in (tmp_path / "README.md").read_text()
    with pytest.raises(ConfigurationError, match="1 have expired"):
        export_finetune([old], tmp_path)


def test_several_tenants_do_not_go_into_one_model(tmp_path):
    ours, theirs = demonstration("ours"), replace(demonstration("theirs"), tenant="rival")
    with pytest.raises(ConfigurationError, match="tenant: is missing: they are of 2 tenants"):
        export_finetune([ours, theirs], tmp_path)
    export_finetune([ours, theirs], tmp_path, held_out_share=0, tenant="rival")
    assert questions(tmp_path / "train.jsonl") == {"theirs"}


def test_what_one_user_had_solved_stays_out_unless_asked_for(tmp_path):
    own, shared = demonstration("mine", shared=False), demonstration("ours")
    assert export_finetune([own, shared], tmp_path, held_out_share=0).private == 1
    assert questions(tmp_path / "train.jsonl") == {"ours"}
    export_finetune([own, shared], tmp_path, held_out_share=0, include_private=True)
    assert questions(tmp_path / "train.jsonl") == {"mine", "ours"}


def test_the_card_says_where_the_data_is_from(tmp_path):
    export_finetune([demonstration("a"), demonstration("b")], tmp_path)
    card = (tmp_path / "README.md").read_text()
    for said in ("| large-1 | 2 |", "| execution | 2 |", "2026-03-01"):
        assert said in card


@given(st.sets(st.text(min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=30))
def test_a_question_stays_on_its_side_whatever_is_added(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("export")
    one = demonstration(sorted(texts)[0])
    export_finetune([one], folder)
    alone = questions(folder / "train.jsonl")
    export_finetune([one, *(demonstration(text) for text in texts)], folder)
    together = questions(folder / "train.jsonl")
    assert alone <= together


@pytest.mark.parametrize(
    ("settings", "field"), [({"format": "csv"}, "format"), ({"held_out_share": 1.0}, "held_out_share")]
)
def test_wrong_settings_are_refused_by_name(tmp_path, settings, field):
    with pytest.raises(ConfigurationError, match=field):
        export_finetune([demonstration("a")], tmp_path, **settings)


def test_nothing_to_export_says_why(tmp_path):
    with pytest.raises(ConfigurationError, match="1 are private to one user"):
        export_finetune([replace(demonstration("a"), shared=False)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="folder"):
        export_finetune([demonstration("a")], tmp_path / "file")
