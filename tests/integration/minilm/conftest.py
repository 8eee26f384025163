"""The embedded embeddings, where their extra and the published weights are installed."""

import pytest

from llmops_plugins.errors import MissingExtraError
from llmops_plugins.storage.minilm import MiniLMEmbeddings


@pytest.fixture(scope="session")
def minilm():
    try:
        return MiniLMEmbeddings()
    except MissingExtraError as error:
        pytest.skip(f"run `make test-minilm`: {error}")
