"""The log shows that it is alive, and how much noise nobody signed in for."""

import json

from tests.bank import World
from tests.deals import rows


async def told(world: World, act: str) -> list[dict[str, object]]:
    found = await rows(world, "SELECT bytes FROM audit_entry WHERE act = :act ORDER BY recorded_at", act=act)
    return [json.loads(row.bytes)["data"] for row in found]


async def test_every_minute_has_its_heartbeat(bank_world: World) -> None:
    await bank_world.bank.pulse.once()
    await bank_world.bank.pulse.once()

    assert await told(bank_world, "log.heartbeat") == [{}, {}]


async def test_requests_nobody_signed_in_for_are_one_number_a_minute_and_source(bank_world: World) -> None:
    async with bank_world.anonymous({"Authorization": "Bearer tw.front_office.nobody"}) as client:
        for _ in range(3):
            assert (await client.get("/api/powers")).status_code == 401
        unknown = {"account": "nobody", "password": "some long password"}
        assert (await client.post("/api/sessions", json=unknown)).status_code == 401
    await bank_world.bank.pulse.once()
    await bank_world.bank.pulse.once()

    assert await told(bank_world, "session.noise") == [{"requests": 4, "source": "127.0.0.1"}]


async def test_a_known_accounts_failure_is_an_entry_and_no_noise(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        await client.post("/api/sessions", json={"account": "trader", "password": "not the password"})
    await bank_world.bank.pulse.once()

    assert await told(bank_world, "session.noise") == []
    assert [data["code"] for data in await told(bank_world, "session.open")] == ["wrong_password"]
