"""The queue of an office with a hundred thousand open items, beside a request that does nothing."""

import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from policies.policy import load
from service import bank as banks
from service.demo import cast
from service.kernel import embedded
from service.settings import Settings
from tests.bank import PASSWORD, Caller, World, world
from tests.conftest import OPENING_DATE
from tests.deals import a_desk, captured

ITEMS, ROUNDS, WARM_UP = 100_000, 60, 10
PAGE = 50
DEALS = """
INSERT INTO public.trade ({columns})
SELECT {values} FROM public.trade t CROSS JOIN generate_series(1, :items) AS n WHERE t.number = 1
"""
EFFECTS = """
INSERT INTO public.audit_effect (kind, id, rev, entry_id, leaf, after, act, person, office, at, trade_id)
SELECT e.kind, CASE e.kind WHEN 'trade' THEN t.id ELSE gen_random_uuid() END, 1, e.entry_id, e.leaf, e.after, e.act,
       e.person, e.office, e.at, t.id
FROM public.audit_effect e JOIN public.trade o ON o.id = e.trade_id AND o.number = 1
CROSS JOIN public.trade t WHERE t.number > 1 AND e.rev = 1
"""
WAITING = """
INSERT INTO public.work_item
  (id, office, home, kind, subject_kind, subject_id, trade_id, version, reason, due_at, opened_at, opened_by, entry_id)
SELECT gen_random_uuid(), w.office, w.home, w.kind, w.subject_kind, t.id, t.id, 1, w.reason,
       w.due_at + t.number * interval '1 second', w.opened_at - (t.number % 20) * interval '1 day', w.opened_by, w.entry_id
FROM public.work_item w CROSS JOIN public.trade t WHERE w.kind = 'verify' AND t.number > 1
"""
ANALYZE = "ANALYZE public.work_item, public.trade, public.audit_effect"


async def measure() -> dict[str, Any]:
    """Return how many times a null request a page of the queue takes: the first, one deep inside, one by age.

    The null request is signed in and answers what the caller may do: it looks up nothing of the business.
    """
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        with embedded.start(data) as server:
            settings, policy = Settings(data=data), load()
            admin, urls = await banks.prepare(settings, server.url(), policy)
            passwords = dict.fromkeys(cast.people(), (PASSWORD, False))
            await banks.found(settings, admin, policy, cast.founding(OPENING_DATE), passwords)
            async with banks.running(settings, admin, urls, policy=policy, keep_log=False) as bank:
                here = world(bank)
                found = await measured(here)
                await here.close()
        embedded.erase(data)
    return found


async def measured(here: World) -> dict[str, Any]:
    """Fill the queue and ask for its pages and for nothing in turn."""
    await a_desk(here)
    await captured(here)
    await fill(here.bank.admin_url)
    caller = await here.as_("verifier")
    deep = await cursor_at(caller, 40)
    asked: dict[str, dict[str, Any]] = {
        "first": {"limit": PAGE},
        "deep": {"limit": PAGE, "cursor": deep},
        "old": {"limit": PAGE, "age": "8+"},
    }
    took: dict[str, list[float]] = {name: [] for name in ("null", *asked)}
    for turn in range(WARM_UP + ROUNDS):
        for name, seconds in took.items():
            path = "/api/powers" if name == "null" else "/api/work"
            began = time.perf_counter()
            answer = await caller.get(path, **asked.get(name, {}))
            spent = time.perf_counter() - began
            assert answer.status_code == 200, answer.text
            if name != "null":
                items = answer.json()["items"]
                assert len(items) == PAGE
                assert all(item["who_can_act"] == ["other-verifier", "verifier"] for item in items)
            if turn >= WARM_UP:
                seconds.append(spent)
    p95 = {name: quantiles(seconds, n=20)[-1] for name, seconds in took.items()}
    return {
        "queue_items": ITEMS,
        "null_request_p95_ms": round(p95["null"] * 1000, 2),
        "queue_page_p95_ms": round(p95["first"] * 1000, 2),
        "queue_page_p95_vs_null": round(p95["first"] / p95["null"], 2),
        **{
            f"queue_page_{name}_p50_vs_null": round(median(took[name]) / median(took["null"]), 2)
            for name in asked
        },
    }


async def cursor_at(caller: Caller, pages: int) -> str:
    """Return the cursor behind so many full pages."""
    cursor = None
    for _ in range(pages):
        query = {"limit": 200} | ({} if cursor is None else {"cursor": cursor})
        cursor = (await caller.get("/api/work", **query)).json()["next"]
    assert cursor is not None
    return str(cursor)


async def fill(admin_url: str) -> None:
    """Give the verifier a hundred thousand deals with their histories to control."""
    engine = create_async_engine(admin_url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        columns, values = await columns_of_a_deal(connection)
        await connection.execute(text(DEALS.format(columns=columns, values=values)), {"items": ITEMS})
        await connection.exec_driver_sql(EFFECTS)
        await connection.exec_driver_sql(WAITING)
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.exec_driver_sql(ANALYZE)
    await engine.dispose()


async def columns_of_a_deal(connection: AsyncConnection) -> tuple[str, str]:
    """Return the columns of a deal and what a copy of it has in each."""
    query = text(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name = 'trade' AND is_generated = 'NEVER' ORDER BY ordinal_position"
    )
    names = list((await connection.execute(query)).scalars())
    own = {"id": "gen_random_uuid()", "number": "t.number + n"}
    return ", ".join(names), ", ".join(own.get(name, f"t.{name}") for name in names)
