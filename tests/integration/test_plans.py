"""Pages read no more of a full bank than they show, and exports hold no more of it than a few rows at a time.

The bank has a thousand deals; each statement of each page is explained with what it really read.
"""

import json
import re
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from audit.reconcile import RowsWriter
from policies.vocabulary import Action, Office
from service.compliance.all_rows import write_all
from service.demo.access import actor_named
from service.ui.navigation import places_for
from tests.bank import World
from tests.bench.filling import filling, lives
from tests.conftest import Template, a_copy
from tests.visiting import signed_in

DEALS = 1_000
ROWS_READ_MAX = 450
"""By one step of a plan, of a table that grows with the deals: fewer than half of the deals."""
ACCOUNTS = ("trader", "verifier", "confirmer", "settler", "accountant", "head-of-risk", "compliance")
GROWING = frozenset(
    {
        "audit_effect", "audit_entry", "audit_index", "confirmation", "deal_number", "document", "document_checklist",
        "idempotency_key", "journal", "journal_line", "limit_reservation", "market_check", "payment",
        "position_movement", "settlement", "trade", "trade_control", "trade_version", "transmission", "work_item",
    }
)  # fmt: skip
SUMS = {
    "/health": "it counts what is open in every office",
    "/dashboard": "its figures count whole lists",
}
"""Pages that count what is open: they read all of it, from an index alone where they can."""
READS = re.compile(r"\s*(SELECT|WITH)\b")
WRITES = "act_recorded"
"""Some reading is an entry itself; that is not repeated."""
BY_KEY = "(id = ANY ("
"""The rows of a page, looked up by their primary key: in a bank this small, reading all of them costs no more."""
IN_MEMORY = "SET LOCAL random_page_cost = 1.1"
"""What it costs to fetch a page of a table that is in memory, as all of this bank is: at the cost on a spinning disk
it is a matter of chance whether a few dozen rows are found by an index or by reading two thousand."""
PEAK_MB_MAX = 12


@pytest.fixture(scope="module")
async def full(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give a bank with thousands of deals in it."""
    async with a_copy(template, tmp_path_factory.mktemp("full") / "bank") as here:
        filler = await filling(here.bank.admin_url, await lives(here))
        await filler.up_to(DEALS)
        await filler.connection.close()
        yield here


@contextmanager
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements of everything inside, with what they were given."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_more: Any) -> None:
        said.append((statement, given))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def read_by(plan: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Give each step of a plan that reads a growing table, with the rows that it read there."""
    if plan.get("Relation Name") in GROWING and not plan.get("Filter", "").startswith(BY_KEY):
        dropped = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        read = (plan["Actual Rows"] + dropped) * plan["Actual Loops"]
        yield plan["Node Type"], plan["Relation Name"], round(read)
    for part in plan.get("Plans", []):
        yield from read_by(part)


async def too_much(world: World, office: Office, statement: str, given: Any) -> list[tuple[str, str, int]]:
    """Return the steps of a statement that read more than a page needs."""
    async with world.bank.offices[office].connect() as connection:
        await connection.exec_driver_sql(IN_MEMORY)
        explained = "EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) " + statement
        plan = (await connection.exec_driver_sql(explained, given)).scalar_one()
        await connection.rollback()
    told = json.loads(plan) if isinstance(plan, str) else plan
    return [step for step in read_by(told[0]["Plan"]) if step[2] > ROWS_READ_MAX]


async def test_no_page_reads_a_table_that_grows_from_end_to_end(full: World) -> None:
    found: dict[tuple[str, str], set[tuple[str, str, int]]] = {}
    known: set[tuple[Office, str]] = set()
    for account in ACCOUNTS:
        office = (await actor_named(full.bank, account)).office
        told = (await (await full.as_(account)).get("/api/powers")).json()
        visitor = await signed_in(full, account)
        for place in places_for(frozenset(Action(one) for one in (*told["acts"], *told["reads"]))):
            with heard() as said:
                assert (await visitor.client.get(place.path)).status_code == 200
            for statement, given in said:
                if (office, statement) in known or WRITES in statement or not READS.match(statement):
                    continue
                known.add((office, statement))
                for step in await too_much(full, office, statement, given):
                    found.setdefault((account, place.path), set()).add(step)
        await visitor.client.aclose()
    assert {place: steps for place, steps in found.items() if place[1] not in SUMS} == {}


async def test_an_export_of_all_rows_holds_few_of_them_at_a_time(full: World, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        with (tmp_path / "rows.body").open("w+b") as body:
            writer = RowsWriter(body)
            await write_all(full.bank.offices[Office.COMPLIANCE], writer)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert writer.count > 5 * DEALS
    assert peak < PEAK_MB_MAX * 1_000_000, peak
