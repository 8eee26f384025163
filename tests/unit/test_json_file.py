"""A saved model is whole or the one before, and what cannot be used is refused in one sentence."""

import json
import os
import stat
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.json_file import read_json_file, write_json_file


class Rule(BaseModel):
    """A made-up model."""

    model_config = ConfigDict(extra="forbid")
    format: Literal[2] = 2
    name: str
    share: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _is_named(self):
        if not self.name:
            raise ValueError("name is empty")
        return self


RULE = Rule(name="Grüße 🙂", share=1 / 3)


def read(path):
    return read_json_file(path, Rule, field="rule", name="rule", remedy="fit it anew")


def test_what_is_written_is_what_is_read(tmp_path):
    for path in (tmp_path / "rule.json", str(tmp_path / "other.json")):
        write_json_file(path, RULE)
        assert read(path) == RULE


def test_the_file_is_for_people(tmp_path):
    path = tmp_path / "rule.json"
    write_json_file(path, RULE)
    text = path.read_text(encoding="utf-8")
    assert "Grüße 🙂" in text
    assert text.splitlines()[1].startswith('  "format": 2')
    assert text.endswith("}\n")


def test_what_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "rule.json"
    write_json_file(path, RULE)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match=r"^rule: .*rule.json cannot be written \(No space left"):
        write_json_file(path, Rule(name="new"), field="rule")
    assert read(path) == RULE
    assert os.listdir(tmp_path) == ["rule.json"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^path: .*rule.json cannot be written \(No such file"):
        write_json_file(tmp_path / "no" / "rule.json", RULE)


def test_a_file_keeps_its_permissions_and_a_link_its_target(tmp_path):
    path, link = tmp_path / "rule.json", tmp_path / "link.json"
    path.touch()
    path.chmod(0o640)
    link.symlink_to(path)
    write_json_file(link, RULE)
    assert link.is_symlink()
    assert read(path) == RULE
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_is_as_readable_as_any_other(tmp_path):
    write_json_file(tmp_path / "rule.json", RULE)
    (tmp_path / "any").touch()
    assert (tmp_path / "rule.json").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is no rule: the file: "),
        (b"{}", "is no rule: name: Field required"),
        (b'{"name": "a", "share": 2}', "is no rule: share: Input should be less than or equal to 1"),
        (b'{"name": ""}', "is no rule: the file: name is empty"),
        (b'{"name": "a", "luck": 1}', "is no rule: luck: Extra inputs are not permitted"),
        (json.dumps({"format": 3, "names": []}).encode(), "is a rule of format 3, which is not 2"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence_with_the_fix(tmp_path, content, problem):
    path = tmp_path / "rule.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        read(path)
    message = str(refused.value)
    assert message.startswith(f"rule: {path} {problem}")
    assert message.endswith("; fit it anew")
    assert "\n" not in message


@pytest.mark.parametrize("name", ["none.json", "."])
def test_what_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(ConfigurationError, match=r"^rule: .* cannot be read \(.+\), name the file"):
        read(tmp_path / name)
