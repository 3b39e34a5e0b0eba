"""Open the bank: every table, function and guard of the first release.

The statements are frozen text; later releases add migrations and never edit these.
"""

from importlib.resources import files

from alembic import op

from service.migrations.schema import STEPS

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create tables, functions, guards, in this order."""
    sql = files("service.migrations") / "sql"
    connection = op.get_bind()
    for name in dict(STEPS)[revision]:
        for statement in statements((sql / name).read_text(encoding="utf-8")):
            connection.exec_driver_sql(statement)


def statements(script: str) -> list[str]:
    """Split a script at semicolons that end a line outside a ``$$`` body."""
    found: list[str] = []
    current: list[str] = []
    inside = False
    for line in script.splitlines():
        if not current and (not line.strip() or line.startswith("--")):
            continue
        current.append(line)
        inside ^= line.count("$$") % 2 == 1
        if not inside and line.rstrip().endswith(";"):
            found.append("\n".join(current).rstrip().removesuffix(";"))
            current = []
    assert not current, "a statement does not end"
    return found
