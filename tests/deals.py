"""Deals for tests: the terms of one that is right, and the acts that take it from desk to desk."""

from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests import plain
from tests.bank import World
from tests.parties import a_counterparty, a_portfolio
from tests.rights import granted, moved, person_of, taken

TERMS = plain.TERMS | {"executed_at": "2026-10-27T07:55:00Z"}

FIXING = {"USD": "1.1652", "GBP": "0.8741", "CHF": "0.9280", "JPY": "177.20", "SEK": "10.95", "PLN": "4.24"}
WRITTEN_BY_A_CAPTURE = ("trade", "trade_version", "position_movement", "deal_number", "work_item")


async def a_desk(world: World) -> None:
    """Bring into force what a trader needs: a counterparty and a book with their limits, and yesterday's fixing."""
    await a_counterparty(world)
    await a_portfolio(world)
    await a_fixing(world)


async def a_fixing(world: World, day: str = "2026-10-26") -> None:
    """Bring in the reference rates of a day, close to the right terms."""
    body = {"day": day, "source": "ECB reference rates", "source_sha256": "ab" * 32, "rates": FIXING}
    answer = await (await world.as_("risk-controller")).post("/api/fixings", body)
    assert answer.status_code == 201, answer.text


async def capture(world: World, by: str = "trader", **changes: Any) -> httpx.Response:
    """Enter a deal with these changes of the right terms."""
    return await (await world.as_(by)).post("/api/trades", TERMS | changes)


async def captured(world: World, by: str = "trader", **changes: Any) -> dict[str, Any]:
    """Return the answer about a deal that was entered."""
    answer = await capture(world, by, **changes)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def act(world: World, by: str, path: str, **body: Any) -> httpx.Response:
    """Do something to an object."""
    return await (await world.as_(by)).post(path, body)


async def verified(world: World, trade: dict[str, Any], by: str = "verifier") -> dict[str, Any]:
    """Return the answer about a deal that was verified."""
    answer = await act(world, by, f"/api/trades/{trade['id']}/verification", version=trade["version"])
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def returned(world: World, trade: dict[str, Any], by: str = "verifier") -> dict[str, Any]:
    """Return the answer about a deal that was sent back to its trader."""
    path = f"/api/trades/{trade['id']}/return"
    answer = await act(world, by, path, version=trade["version"], reason="the rate is not on the ticket")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def asked_to_cancel(world: World, trade: dict[str, Any], by: str = "trader") -> dict[str, Any]:
    """Return the answer about a request for cancellation."""
    path = f"/api/trades/{trade['id']}/cancellations"
    answer = await act(world, by, path, version=trade["version"], reason="entered twice")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def rows(world: World, query: str, **facts: Any) -> list[Any]:
    """Return what the database holds, asked by its administrator."""
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = (await connection.execute(text(query), facts)).all()
    await engine.dispose()
    return list(found)


async def counted(world: World, table: str) -> int:
    """Return how many rows a table has."""
    return int((await rows(world, f"SELECT count(*) FROM public.{table}"))[0][0])


async def written(world: World) -> dict[str, int]:
    """Return how many rows there are of everything a capture writes, its entry aside."""
    return {table: await counted(world, table) for table in WRITTEN_BY_A_CAPTURE}


async def refusals(world: World) -> list[Any]:
    """Return the act and the facts of every refusal in the log, oldest first."""
    return await rows(
        world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS data, act FROM audit_entry "
        "WHERE outcome = 'refuse' ORDER BY recorded_at, id",
    )


async def by_force(world: World, *statements: str) -> None:
    """Change the database past all its guards, as only its superuser can; sets scenes no interface offers."""
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await connection.exec_driver_sql(statement)
        await connection.exec_driver_sql("SELECT nextval('public.people_epoch')")  # no trigger said so
    await engine.dispose()


async def moved_to_control(world: World) -> None:
    """Let a person who traded change sides, by the rights administration: trading ends, verifying begins."""
    await change_sides(world, "mover-trading", "Settlement and control", "mover-control", "verifier")


async def cooled_off(world: World) -> None:
    """Let every move of this bank be longer ago than any cooling-off period."""
    await by_force(world, "UPDATE membership SET valid_from = '2020-01-01' WHERE valid_from > '2020-01-01'")


async def moved_to_trading(world: World) -> None:
    """Let the same person change back."""
    await change_sides(world, "mover-control", "FX desk", "mover-trading", "trader")


async def change_sides(world: World, left: str, unit: str, joined: str, role: str) -> None:
    """End what an account may do, move its person, and give another account of theirs a role."""
    person = await person_of(world, left)
    admin = await world.as_("rights-admin")
    query = {"person": person["id"], "state": "executed"}
    for grant in (await admin.get("/api/grants", **query)).json()["items"]:
        assert (await taken(world, "revocation", grant)).status_code == 200
    assert (await moved(world, person, unit)).status_code == 200
    await granted(world, joined, role)
    for account in (left, joined):  # sessions ended with the rights
        if account in world.callers:
            await world.callers.pop(account).client.aclose()
