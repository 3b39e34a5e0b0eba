"""Alembic's entry point: runs on the connection it is handed, as the owner that nobody logs in as."""

from alembic import context

from service.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
