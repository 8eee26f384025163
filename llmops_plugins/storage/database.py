"""The tables and the engine that opens them.

Importing this module imports SQLAlchemy (0.15 s), so callers import it where they use it.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeDecorator

from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError

__all__ = [
    "CALLS",
    "DECISIONS",
    "LOSSES",
    "SCHEMA_VERSION",
    "create_tables",
    "open_engine",
    "require_tables",
    "unavailable",
]

SCHEMA_VERSION = 1
"""Raised with every change to the tables, so that an older program refuses a newer database by name."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out, on databases that keep no time zone as well."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC without a zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        return None if value is None else value.replace(tzinfo=UTC)


METADATA = MetaData()

SCHEMA = Table("llmops_schema", METADATA, Column("version", Integer, primary_key=True))

CALLS = Table(
    "llmops_calls",
    METADATA,
    Column("call_id", String(36), primary_key=True),
    Column("run_id", String(36), nullable=False),  # the user may give two runs one id
    Column("parent_id", String(36)),
    Column("trace_id", String(36), nullable=False),
    Column("thread_id", String(255)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("graph_path", String(1000)),
    Column("node", String(255)),
    Column("step", Integer),
    Column("tool", String(255)),
    Column("kind", String(20), nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("rejected", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("provider", String(100)),
    Column("model", String(255)),
    Column("status", String(20), nullable=False),
    Column("error", String(255)),
    Column("latency_seconds", Float),
    Column("first_token_seconds", Float),
    Column("usage_source", String(20), nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cache_read_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("input_audio_tokens", Integer),
    Column("output_audio_tokens", Integer),
    Column("cost_usd", Float),
    Column("cost_parts", JSON),
    Column("price_source", String(20)),
    Column("unpriced_reason", String(255)),
    Column("resent_tokens", Integer),
    Column("input_breakdown", JSON),
    Column("user_metadata", JSON),
    Column("message_id", String(255)),
    Column("prompt", Text),
    Column("answer", Text),
    Index("llmops_calls_trace", "trace_id"),
    Index("llmops_calls_started", "started_at"),
    Index("llmops_calls_thread", "thread_id"),
    # Holds only calls with content, so that expiring it need not read the others.
    Index("llmops_calls_content", "started_at", sqlite_where=text("prompt IS NOT NULL")),
)

DECISIONS = Table(
    "llmops_decisions",
    METADATA,
    Column("decision_id", String(36), primary_key=True),
    Column("run_id", String(36)),
    Column("trace_id", String(36)),
    Column("thread_id", String(255)),
    Column("at", UtcDateTime, nullable=False),
    Column("graph_path", String(1000)),
    Column("node", String(255)),
    Column("capability", String(100), nullable=False),
    Column("outcome", String(100), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("spent_usd", Float),
    Column("saved_usd", Float),
    Column("saved_basis", String(20)),
    Column("saved_source", String(500)),
    Column("avoided_model", String(255)),
    Column("details", JSON),
    Column("user_metadata", JSON),
    Index("llmops_decisions_trace", "trace_id"),
    Index("llmops_decisions_at", "at"),
)

LOSSES = Table(
    "llmops_losses",
    METADATA,
    Column("loss_id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("reason", String(500), nullable=False),
)


def open_engine(url: str) -> Engine:
    """Return an engine for ``url`` without connecting yet.

    Args:
        url: An SQLAlchemy URL; this release opens SQLite only.

    Raises:
        ConfigurationError: If the URL is malformed or of another database.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
            raise ConfigurationError("url", f"must begin with sqlite:///, got {parsed.drivername}")
        # Memory belongs to its connection: one for all threads, which take turns so that nobody's rollback
        # undoes another's transaction.
        in_memory = parsed.database in (None, "", ":memory:")
        pool: dict[str, Any] = (
            {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0} if in_memory else {}
        )
        connect = {"check_same_thread": False}
        # An error's parameters are rows, and rows may hold what must not reach a log.
        engine = create_engine(
            parsed, json_serializer=_to_json, hide_parameters=True, connect_args=connect, **pool
        )
    except (ArgumentError, NoSuchModuleError):
        raise ConfigurationError(
            "url", "is not a database URL, write for example sqlite:///llmops.db"
        ) from None
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _to_json(value: Any) -> str:
    """Write any value as JSON that SQL functions can read: what is not JSON as text, NaN as null."""
    try:
        return json.dumps(value, default=str, allow_nan=False)
    except ValueError:
        lenient = json.dumps(value, default=str, skipkeys=True)
        return json.dumps(json.loads(lenient, parse_constant=lambda _: None))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Readers and writers of other processes wait for each other instead of failing at once.
    cursor.execute("PRAGMA busy_timeout=5000")
    # In WAL mode NORMAL survives a killed process; only a power cut can lose the last commits.
    cursor.execute("PRAGMA synchronous=NORMAL")
    # Expired prompts and answers are overwritten, not only unlinked.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def create_tables(engine: Engine) -> None:
    """Create the tables that are missing and check the schema's version.

    Raises:
        DatabaseUnavailableError: If the database cannot be written, or a newer version of this made it.
    """
    try:
        version = _create_missing(engine)
    except SQLAlchemyError as error:
        raise unavailable(engine, "written", error) from error
    if version is not None and version > SCHEMA_VERSION:
        raise DatabaseUnavailableError(
            f"url: {engine.url.render_as_string()} was made by a newer llmops-plugins (schema {version}), "
            "upgrade this one"
        )


def _create_missing(engine: Engine, attempts: int = 5) -> int | None:
    try:
        return _create(engine)
    except (OperationalError, IntegrityError) as error:
        if attempts == 1 or not _already_there(error):
            raise
    return _create_missing(engine, attempts - 1)


def _create(engine: Engine) -> int | None:
    with engine.connect() as connection, contextlib.suppress(OperationalError):
        # Only what is to be a ledger is switched, and not while another process holds it.
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        version = connection.scalar(select(SCHEMA.c.version))
        if version is None:
            connection.execute(insert(SCHEMA).values(version=SCHEMA_VERSION))
    return version


def _already_there(error: DBAPIError) -> bool:
    """Tell whether another process made the tables in the same moment."""
    return isinstance(error, IntegrityError) or "already exists" in str(error.orig)


def require_tables(engine: Engine) -> None:
    """Check that the database exists and holds a ledger, without creating anything.

    Raises:
        DatabaseUnavailableError: If it does not.
    """
    shown = engine.url.render_as_string()
    database = engine.url.database
    plain_file = database and database != ":memory:" and not database.startswith("file:")
    if plain_file and not Path(str(database)).is_file():
        raise DatabaseUnavailableError(f"url: there is no database at {shown}, check the path")
    try:
        found = inspect(engine).has_table(CALLS.name)
    except SQLAlchemyError as error:
        raise unavailable(engine, "read", error) from error
    if not found:
        raise DatabaseUnavailableError(f"url: {shown} holds no ledger, name the database a CostLedger wrote")


def unavailable(engine: Engine, verb: str, error: SQLAlchemyError) -> DatabaseUnavailableError:
    """Say in one sentence, without a password, which database could not be read or written and why."""
    cause = str(getattr(error, "orig", None) or type(error).__name__)
    shown = engine.url.render_as_string()
    return DatabaseUnavailableError(
        f"url: {shown} cannot be {verb} ({cause}), check the path and its permissions"
    )
