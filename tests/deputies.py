"""Deputies for tests: named, approved, acting."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.bank import World


def hours(ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=ahead)).isoformat()  # noqa: TID251


async def named(world: World, giver: str, deputy: str, *roles: str, **changes: Any) -> httpx.Response:
    """Let ``giver`` ask that ``deputy`` takes these duties for a week."""
    body = {"deputy": deputy, "roles": list(roles), "valid_from": hours(-1), "valid_to": hours(168)}
    body |= {"reason": "on leave"} | changes
    return await (await world.as_(giver)).post("/api/delegations", body)


async def taken(
    world: World, step: str, delegation: dict[str, Any], by: str = "rights-owner"
) -> httpx.Response:
    body = {"version": delegation["version"]}
    if step != "approval":
        body["reason"] = "back again"
    return await (await world.as_(by)).post(f"/api/delegations/{delegation['id']}/{step}", body)


async def deputised(world: World, giver: str, deputy: str, *roles: str, **changes: Any) -> dict[str, Any]:
    """Bring a delegation in force."""
    answer = await named(world, giver, deputy, *roles, **changes)
    assert answer.status_code == 201, answer.text
    approved = await taken(world, "approval", answer.json())
    assert approved.status_code == 200, approved.text
    return dict(approved.json())


async def as_administrator(world: World, *statements: str) -> None:
    """Change what no office can change, past every guard: what only the clock would bring about."""
    admin = create_async_engine(world.bank.admin_url)
    async with admin.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await connection.execute(text(statement))
        await connection.exec_driver_sql("SELECT nextval('public.people_epoch')")  # no trigger said so
    await admin.dispose()
