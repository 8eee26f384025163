"""A real PostgreSQL with pgvector, without a service, where its packages are installed."""

import importlib.util
import uuid

import pytest

NEEDED = ("pgserver", "psycopg", "langgraph.store.postgres")


def missing():
    try:
        return [name for name in NEEDED if importlib.util.find_spec(name) is None]
    except ModuleNotFoundError as error:
        return [error.name]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    if missing():
        pytest.skip(f"run `make test-postgres`: {', '.join(missing())} is not installed")
    import pgserver

    started = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield started
    started.cleanup()


@pytest.fixture
def database(server):
    """The address of a database of the test's own."""
    name = f"cache_{uuid.uuid4().hex}"
    server.psql(f"CREATE DATABASE {name};")
    return server.get_uri(database=name)
