"""Write the first release's table and guard statements from the models: for use before that release only."""

from pathlib import Path

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.schema import CreateIndex, CreateTable

from service.migrations.guards import guard_statements
from service.tables import METADATA

SQL = Path(__file__).parent / "sql"


def table_statements() -> list[str]:
    """Return CREATE TABLE and CREATE INDEX of every table, parents first."""
    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    found = []
    for table in METADATA.sorted_tables:
        found.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        found.extend(
            str(CreateIndex(index).compile(dialect=dialect)).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        )
    return found


if __name__ == "__main__":
    (SQL / "tables.sql").write_text("".join(f"{one};\n\n" for one in table_statements()), encoding="utf-8")
    (SQL / "guards.sql").write_text("".join(f"{one};\n\n" for one in guard_statements()), encoding="utf-8")
