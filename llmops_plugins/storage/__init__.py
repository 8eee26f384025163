"""Where tables live: one SQLAlchemy schema for SQLite and, beyond one machine, PostgreSQL."""
