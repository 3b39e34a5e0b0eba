"""Write the first release's table and guard statements from the models: for use before that release only."""

from pathlib import Path

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable

from service.migrations.guards import guard_statements
from service.tables import METADATA

SQL = Path(__file__).parent / "sql"


def table_statements() -> list[str]:
    """Return the statements that make every table with its indexes, parents first, then the keys that go in circles."""
    dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
    found = []
    for table in METADATA.sorted_tables:
        found.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        found.extend(
            str(CreateIndex(index).compile(dialect=dialect)).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        )
    found.extend(
        str(AddConstraint(key).compile(dialect=dialect)).strip()
        for table in METADATA.sorted_tables
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
        if key.use_alter
    )
    return found


if __name__ == "__main__":
    (SQL / "tables.sql").write_text("".join(f"{one};\n\n" for one in table_statements()), encoding="utf-8")
    (SQL / "guards.sql").write_text("".join(f"{one};\n\n" for one in guard_statements()), encoding="utf-8")
