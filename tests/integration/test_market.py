"""Reference rates come in from outside trading; desk time only moves forward."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from policies.vocabulary import Office
from service.market import queries
from service.market.importing import NotFixed, fixings_of, import_day
from service.market.use_cases import FixingKnown
from service.people.directory import service_actor
from tests.bank import World

DAY = "2026-10-26"  # the day before the bank opens
RATES = {"USD": "1.1652", "GBP": "0.8741", "JPY": "178.04"}
FIXINGS: dict[str, Any] = {
    "day": DAY,
    "source": "ECB reference rates",
    "source_sha256": "ab" * 32,
    "rates": RATES,
}
ARCHIVE = b"Date,USD,JPY,SIT,\n2026-10-27,1.1700,178.00,N/A,\n2026-10-26,1.1652,178.04,N/A,\n"


async def test_trading_reads_the_rates_that_risk_control_brought_in(bank_world: World) -> None:
    taken = await (await bank_world.as_("risk-controller")).post("/api/fixings", FIXINGS)
    assert taken.status_code == 201
    assert (taken.json()["currencies"], taken.json()["version"]) == (3, 1)

    trader = await bank_world.as_("trader")
    found = (await trader.get("/api/fixings", day=DAY)).json()
    assert (found["rates"], found["source_sha256"]) == (RATES, "ab" * 32)
    assert (await trader.get("/api/fixings", day="2026-10-23")).status_code == 404

    async with AsyncSession(bank_world.bank.offices[Office.FRONT_OFFICE]) as session:
        assert (await queries.rates_on(session, date(2026, 10, 26)))["USD"] == Decimal("1.1652")
        assert await queries.rates_on(session, date(2026, 10, 27)) == {}
        last = await queries.last_rates(session, date(2026, 10, 31))
        assert last is not None
        assert last[0] == date(2026, 10, 26)
        assert await queries.last_rates(session, date(2026, 10, 25)) is None


async def test_S_09_trading_supplies_no_reference_for_its_own_prices(bank_world: World) -> None:
    for account in ("trader", "head-of-trading", "verifier", "accountant", "compliance"):
        refused = await (await bank_world.as_(account)).post("/api/fixings", FIXINGS)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"day": "2026-10-25"}, "not_a_business_day", "day"),  # a Sunday
        ({"day": "2026-05-01"}, "not_a_business_day", "day"),  # T2 is closed
        ({"day": "2026-10-28"}, "fixing_of_the_future", "day"),
        ({"rates": {"USD": "0"}}, "unusable_fixing", "rates.USD"),
        ({"rates": {"USD": "-1.1"}}, "unusable_fixing", "rates.USD"),
        ({"rates": {"USD": "1e3"}}, "unusable_fixing", "rates.USD"),
        ({"rates": {"USD": "1.1652", "EUR": "1"}}, "unusable_fixing", "rates.EUR"),
        ({"rates": {"USX": "1.1652"}}, "unusable_fixing", "rates.USX"),
    ],
)
async def test_an_unusable_fixing_is_refused_whole(
    bank_world: World, change: dict[str, Any], code: str, field: str
) -> None:
    controller = await bank_world.as_("risk-controller")

    refused = await controller.post("/api/fixings", {**FIXINGS, **change})

    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, code, field)
    assert (await controller.get("/api/fixings", day=DAY)).status_code == 404


@pytest.mark.parametrize(
    "change", [{"rates": {}}, {"source_sha256": "AB"}, {"rates": {"USD": 1.1}}, {"by": "me"}]
)
async def test_a_fixing_of_the_wrong_shape_is_malformed(bank_world: World, change: dict[str, Any]) -> None:
    refused = await (await bank_world.as_("risk-controller")).post("/api/fixings", {**FIXINGS, **change})

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")


async def test_a_fixing_is_taken_once_and_never_changed(bank_world: World) -> None:
    controller, other = await bank_world.as_("risk-controller"), await bank_world.as_("other-risk-controller")
    assert (await controller.post("/api/fixings", FIXINGS)).status_code == 201

    same = await other.post("/api/fixings", {**FIXINGS, "source_sha256": "cd" * 32})
    different = await other.post("/api/fixings", {**FIXINGS, "rates": {**RATES, "USD": "1.1653"}})

    assert (same.status_code, same.json()["code"]) == (409, "fixing_known")
    assert (different.status_code, different.json()["code"]) == (409, "already_exists")
    assert (await other.get("/api/fixings", day=DAY)).json()["rates"] == RATES


async def test_a_day_of_the_archive_of_the_ecb_is_brought_in_by_the_service_account(
    bank_world: World,
) -> None:
    gate, later = bank_world.bank.gate, ARCHIVE + b"2026-10-23,1.1600,178.10,N/A,\n"
    service = await service_actor(bank_world.bank.offices, Office.RISK_CONTROL)

    done = await import_day(gate, service, ARCHIVE, date(2026, 10, 26))

    assert (done.status, done.answer["currencies"]) == (201, 2)
    with pytest.raises(FixingKnown):
        await import_day(gate, service, later, date(2026, 10, 26))
    with pytest.raises(NotFixed):
        fixings_of(ARCHIVE, date(2026, 10, 28))


async def moved(world: World, day: str, clock: str, version: int, by: str = "closer") -> Any:
    body = {"business_date": day, "desk_clock": clock, "version": version}
    return await (await world.as_(by)).post("/api/business-date", body)


async def test_the_closer_moves_desk_time_forward(bank_world: World) -> None:
    trader = await bank_world.as_("trader")
    opening = (await trader.get("/api/business-date")).json()
    assert opening == {"business_date": "2026-10-27", "desk_clock": "09:00", "version": 1}

    assert (await moved(bank_world, "2026-10-27", "18:30", 1)).json()["version"] == 2
    next_day = await moved(bank_world, "2026-10-28", "09:00", 2)
    assert (next_day.status_code, next_day.json()["business_date"]) == (200, "2026-10-28")
    assert (await trader.get("/api/business-date")).json()["version"] == 3


@pytest.mark.parametrize(
    ("day", "clock", "code", "field"),
    [
        ("2026-10-26", "18:00", "not_forward", "business_date"),
        ("2026-10-27", "08:59", "not_forward", "desk_clock"),
        ("2026-10-27", "09:00", "not_forward", "desk_clock"),
        ("2026-10-31", "09:00", "not_a_business_day", "business_date"),
        ("2026-12-25", "09:00", "not_a_business_day", "business_date"),
        ("2150-01-05", "09:00", "not_a_business_day", "business_date"),
    ],
)
async def test_desk_time_never_moves_backwards_nor_to_a_closed_day(
    bank_world: World, day: str, clock: str, code: str, field: str
) -> None:
    refused = await moved(bank_world, day, clock, 1)

    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, code, field)


async def test_desk_time_is_moved_by_the_closer_who_saw_where_it_stands(bank_world: World) -> None:
    for account in ("trader", "accountant", "verifier", "rights-admin"):
        assert (await moved(bank_world, "2026-10-28", "09:00", 1, by=account)).status_code == 403
    assert (await moved(bank_world, "2026-10-28", "09:00", 9)).json()["code"] == "stale_version"
    assert (await moved(bank_world, "2026-10-28", "24:00", 1)).status_code == 400
    assert (await moved(bank_world, "2026-10-28", "09:00", 1)).status_code == 200


async def test_a_bank_that_follows_the_system_clock_has_no_date_to_set(bank_world: World) -> None:
    admin = create_async_engine(bank_world.bank.admin_url)
    async with admin.begin() as connection:  # as if the bank had been founded without a desk time
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("DELETE FROM public.desk_time"))
    await admin.dispose()

    shown = (await (await bank_world.as_("trader")).get("/api/business-date")).json()
    refused = await moved(bank_world, "2026-10-28", "09:00", 0)

    assert shown["version"] == 0
    assert (refused.status_code, refused.json()["code"]) == (409, "clock_is_real")
    insert = (
        "INSERT INTO public.desk_time (id, rev, business_date) VALUES (gen_random_uuid(), 1, '2026-10-28')"
    )
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with bank_world.bank.offices[Office.ACCOUNTING].begin() as connection:
            await connection.execute(text(insert))
