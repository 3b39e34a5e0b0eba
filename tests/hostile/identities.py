"""True identifiers for generated requests: what is asked about exists, and the version seen is the one it has."""

from typing import Any

from schemathesis.generation.case import Case
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.tables import METADATA
from tests.bank import World

TABLES = {
    "absences": "absence",
    "accounts": "account",
    "agreements": "agreement",
    "alerts": "work_item",
    "alleged-deals": "alleged_deal",
    "benchmarks": "benchmark",
    "call-backs": "call_back",
    "cases": "case_file",
    "confirmations": "confirmation",
    "conflicts": "person",
    "dead-ends": "work_item",
    "decisions": "audit_entry",
    "delegations": "delegation",
    "desk-reports": "desk_report",
    "desk-rules": "desk_rule",
    "documents": "document",
    "drafts": "policy_draft",
    "grants": "role_grant",
    "inbound": "inbound_message",
    "internal-deals": "trade",
    "limits": "trading_limit",
    "market-limits": "trading_limit",
    "payment-statuses": "payment_status",
    "payments": "payment",
    "persons": "person",
    "proposals": "proposal",
    "requests": "change_request",
    "sessions": "session",
    "settlement-rules": "settlement_rule",
    "settlements": "settlement",
    "substitutes": "substitute_verification",
    "trades": "trade",
    "transfers": "transfer",
    "transmissions": "transmission",
    "work": "work_item",
}
"""Which table the objects of a path lie in, by the word before the identifier."""
NOBODY = " WHERE id IN (SELECT id FROM public.person WHERE name = 'a newcomer')"
OWN = {
    "person": NOBODY,
    "account": NOBODY.replace("id IN", "person_id IN"),
    "session": " WHERE false",
    "role_grant": " WHERE state <> 'executed'",
}
"""Of persons and rights only those that no caller of the run stands on: a right may be ended in earnest."""
MOST = 20


class Identities:
    """What the bank holds, by table; looked up when first asked for, and again after a while."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.known: dict[str, list[tuple[str, int]]] = {}
        self.asked = 0

    async def put_into(self, case: Case) -> None:
        """Replace the identifiers in a request's path by true ones, and the version seen by the present one."""
        table = table_of(case.path)
        if table is None:
            return
        found = await self.of(table)
        if not found:
            return
        self.asked += 1
        identifier, rev = found[self.asked % len(found)]
        name = case.path.partition("{")[2].partition("}")[0]
        case.path_parameters = {**case.path_parameters, name: identifier}
        if isinstance(case.body, dict) and "version" in case.body:
            case.body = {**case.body, "version": rev}

    async def of(self, table: str) -> list[tuple[str, int]]:
        """Return identifiers of a table with their revisions, the newest first."""
        if self.asked % 100 == 0:
            self.known.clear()
        if table not in self.known:
            rev = "rev" if "rev" in METADATA.tables[table].columns else "1"
            query = f"SELECT id, {rev} AS rev FROM public.{table}{OWN.get(table, '')} ORDER BY id DESC LIMIT {MOST}"
            self.known[table] = [(str(row.id), row.rev) for row in await self.rows(query)]
        return self.known[table]

    async def rows(self, query: str) -> list[Any]:
        """Ask the database as its administrator."""
        engine = create_async_engine(self.world.bank.admin_url, poolclass=NullPool)
        async with engine.connect() as connection:
            found = (await connection.execute(text(query))).all()
        await engine.dispose()
        return list(found)


def table_of(path: str) -> str | None:
    """Return the table of the object that a path names; None if it names none by an identifier."""
    if path.startswith("/api/organisation/proposals/{"):
        return "organisation_proposal"
    before, _, _ = path.partition("/{")
    return TABLES.get(before.rpartition("/")[2]) if "{" in path else None
