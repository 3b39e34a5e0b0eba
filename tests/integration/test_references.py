"""References come late, and to nobody in trading early: deals are checked again, and trading has no hand in it."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from tests.bank import World
from tests.checks import OFF, at_four, deposit, desk, justify, last_check, off_market, verify, waiting
from tests.conformity import a_reference_rate, agreed, justified
from tests.deals import (
    FIXING,
    capture,
    captured,
    rows,
    verified,
)
from tests.intruders import intruder_of
from tests.parties import LEI
from tests.settling import Deal, fix, refused

# When the day's reference comes --------------------------------------------------------------------


async def test_a_later_reference_turns_a_verified_deal_into_an_alert_that_must_be_justified(
    bank_world: World,
) -> None:
    await desk(bank_world)
    trade = await captured(bank_world)
    await verified(bank_world, trade)

    await fix(bank_world, "2026-10-27", FIXING | {"USD": "1.1900"})

    check = await last_check(bank_world, trade)
    assert (check["state"], check["seq"], check["deviation_bp"], check["reference_day"]) == (
        "alert",
        2,
        "-210.1",
        "2026-10-27",
    )
    assert await waiting(bank_world, "risk-controller") == [("justify", trade["id"])]
    assert await waiting(bank_world, "board-back") == [("take_notice", trade["id"])]
    state = (await (await bank_world.as_("verifier")).get(f"/api/trades/{trade['id']}")).json()
    assert (state["state"], state["check"]["state"]) == ("verified", "alert")
    (told,) = await rows(
        bank_world,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data'->'rechecked' AS data FROM audit_entry "
        "WHERE act = 'fixing.import' ORDER BY recorded_at DESC LIMIT 1",
    )
    assert told.data == {"deals": 1, "turned_alert": 1}

    assert (await justify(bank_world, trade)).status_code == 201
    assert await waiting(bank_world, "risk-controller") == []


async def test_a_later_reference_ends_an_alert_that_was_none(bank_world: World) -> None:
    await desk(bank_world)
    trade, gone = await off_market(bank_world), await off_market(bank_world)
    await Deal(bank_world, gone["id"]).cancel()
    assert len(await waiting(bank_world, "risk-controller")) == 2

    await fix(bank_world, "2026-10-27", FIXING | {"USD": "1.1840"})

    assert (await last_check(bank_world, trade))["state"] == "ok"
    assert await waiting(bank_world, "risk-controller") == []
    assert (await verify(bank_world, trade)).status_code == 200
    assert (await last_check(bank_world, gone))["seq"] == 1


@pytest.mark.parametrize(("later", "state"), [("1.1660", "justified"), ("1.1400", "alert")])
async def test_a_justification_carries_a_later_check_that_found_no_more(
    bank_world: World, later: str, state: str
) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)
    assert (await justify(bank_world, trade)).status_code == 201

    await fix(bank_world, "2026-10-27", FIXING | {"USD": later})  # 163 bp, 395 bp

    assert (await last_check(bank_world, trade))["state"] == state
    assert await waiting(bank_world, "risk-controller") == (
        [] if state == "justified" else [("justify", trade["id"])]
    )
    assert (await verify(bank_world, trade)).status_code == (200 if state == "justified" else 409)


async def test_a_reference_rate_approved_later_is_held_against_deposits_of_its_day(bank_world: World) -> None:
    await desk(bank_world)
    await agreed(bank_world, LEI)
    fair, off = (await deposit(bank_world)).json(), (await deposit(bank_world, "2.60")).json()
    francs = (await deposit(bank_world, currency="CHF")).json()
    await justified(bank_world, off["id"])

    await a_reference_rate(bank_world, "EUR", "2026-10-27", "2.05")

    states = {one["id"]: (await last_check(bank_world, one))["state"] for one in (fair, off, francs)}
    assert states == {fair["id"]: "ok", off["id"]: "alert", francs["id"]: "no_reference"}
    waits = {("justify", off["id"]), ("justify", francs["id"])}
    assert set(await waiting(bank_world, "risk-controller")) == waits
    await a_reference_rate(bank_world, "EUR", "2026-10-27", "2.55")  # the first one was mistyped
    assert (await last_check(bank_world, off))["state"] == "ok"
    assert (await last_check(bank_world, fair))["deviation_bp"] == "-55.0"


# An attacker in the front office -------------------------------------------------------------------

CHECK = "SELECT * FROM public.market_check(CAST(:deals AS jsonb))"


async def test_SET_20_trading_puts_no_quote_of_its_own_in_the_place_of_a_reference(bank_world: World) -> None:
    await desk(bank_world)
    intruder = await intruder_of(bank_world, Office.FRONT_OFFICE)
    for statement in (
        "INSERT INTO fixing_set (id, rev, day) VALUES (gen_random_uuid(), 1, '2026-10-27')",
        "COPY fixing_set FROM STDIN",
        'UPDATE fixing_set SET rates = \'{"USD": "1.1850"}\'',
        "INSERT INTO benchmark (id, rev, benchmark) VALUES (gen_random_uuid(), 1, 'tolerance')",
        "UPDATE benchmark SET tolerance_bp = 999",
        "SELECT FROM benchmark",
        "INSERT INTO market_check (id) VALUES (gen_random_uuid())",
        "SELECT deviation_bp FROM market_check",
        "INSERT INTO justification (id) VALUES (gen_random_uuid())",
        "SELECT public.market_recheck('2026-10-27', null, gen_random_uuid())",
    ):
        assert await intruder.outcome_of(statement) == "42501", statement
    handed_in = await capture(bank_world, rate=OFF, reference="1.1850")
    assert refused(handed_in)[:2] == (400, "malformed")


async def test_SET_20_trading_sees_no_reference_before_everybody_does(bank_world: World) -> None:
    await desk(bank_world)
    await fix(bank_world, "2026-10-27", FIXING | {"USD": "1.1700"})
    trader, controller = await bank_world.as_("trader"), await bank_world.as_("risk-controller")
    intruder = await intruder_of(bank_world, Office.FRONT_OFFICE)
    looks = (
        "SELECT day::text FROM fixing_set",
        "WITH peek AS MATERIALIZED (SELECT * FROM fixing_set) SELECT day::text FROM peek",
        "EXECUTE peek",
    )

    async def seen() -> set[str]:
        days = set()
        async with intruder.open() as connection:
            await connection.exec_driver_sql("PREPARE peek AS SELECT day::text FROM fixing_set")
            for look in looks:
                days |= {str(day) for (day,) in await connection.exec_driver_sql(look)}
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            copied: list[bytes] = []
            await raw.copy_from_query("SELECT day FROM fixing_set", output=lambda data: gather(copied, data))
            await connection.exec_driver_sql("DEALLOCATE peek")
        return days | set(b"".join(copied).decode().split())

    assert (await controller.get("/api/fixings", day="2026-10-27")).status_code == 200
    assert (await trader.get("/api/fixings", day="2026-10-27")).status_code == 404
    assert await seen() == {"2026-10-26"}
    told = (await captured(bank_world))["checks"]["market"]
    assert (told["result"], "reference" in told, "deviation_bp" in told) == ("ok", False, False)
    (entry,) = await rows(
        bank_world,
        "SELECT told->'check' AS found, told->'beside' AS beside FROM audit_entry "
        "CROSS JOIN LATERAL (SELECT convert_from(bytes, 'UTF8')::jsonb->'data' AS told) x WHERE act = 'trade.capture'",
    )
    assert (entry.found["state"], entry.found["why"], entry.beside) == ("ok", "within", None)
    assert not entry.found.keys() & {
        "reference",
        "deviation_bp",
    }  # trading's process was told no figure either
    await at_four(bank_world)
    assert (await trader.get("/api/fixings", day="2026-10-27")).status_code == 200
    assert await seen() == {"2026-10-26", "2026-10-27"}
    assert (await captured(bank_world))["checks"]["market"]["reference"] == "1.17000000"


async def gather(copied: list[bytes], data: bytes) -> None:
    copied.append(data)


async def test_no_deal_is_left_on_the_older_reference_when_the_new_one_comes_meanwhile(
    bank_world: World,
) -> None:
    await desk(bank_world)
    await asyncio.gather(
        *(captured(bank_world) for _ in range(6)),
        fix(bank_world, "2026-10-27", FIXING | {"USD": "1.1700"}),
        *(captured(bank_world, "other-trader") for _ in range(6)),
    )

    last = (await (await bank_world.as_("auditor")).get("/api/checks")).json()["items"]
    assert [check["reference_day"] for check in last] == ["2026-10-27"] * 12


async def test_SET_20_trading_cannot_have_a_price_checked_again_or_for_nothing(bank_world: World) -> None:
    await desk(bank_world)
    trade = await captured(bank_world)
    intruder = await intruder_of(bank_world, Office.FRONT_OFFICE)
    (own,) = await intruder.run(
        "SELECT entry_id FROM trade_version WHERE trade_id = :trade", trade=UUID(trade["id"])
    )

    for facts, said in (
        ({"trade": trade["id"], "version": 1, "entry": str(own.entry_id)}, "was checked when it was entered"),
        (
            {"trade": trade["id"], "version": 1, "entry": str(intruder.old_entry)},
            "is checked when it is entered",
        ),
        ({"trade": trade["id"], "version": 2, "entry": str(intruder.old_entry)}, "query returned no rows"),
        ({"trade": str(uuid4()), "version": 1, "entry": str(intruder.old_entry)}, "query returned no rows"),
    ):
        with pytest.raises(DBAPIError, match=said):
            await intruder.run(CHECK, deals=json.dumps([{"n": 0, **facts}]))
    assert (await last_check(bank_world, trade))["seq"] == 1
    for office in set(Office) - {Office.FRONT_OFFICE, Office.LOG}:
        async with bank_world.bank.offices[office].connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text(CHECK), {"deals": "[]"})
