"""Published deals entered in a bank that is open on their trade date, through the interface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from service.kernel import embedded
from service.market.ecb import demo_archive
from service.market.importing import fixings_of
from service.settings import Settings
from tests.acceptance.published import read_fpml, read_mt300, swift_amount, swift_date
from tests.bank import World
from tests.conftest import a_copy, make_template
from tests.parties import LEI, a_counterparty, a_portfolio
from tests.settling import drain


@asynccontextmanager
async def opened_on(server: embedded.Server, place: Path, day: date) -> AsyncIterator[World]:
    """Open a bank on a day of the past with that day's fixing, a counterparty and a book."""
    settings = Settings(data=place / "founded")
    template = await make_template(settings, server.url(), day, f"opened_{day:%Y%m%d}")
    async with a_copy(template, place / "bank") as world:
        await a_portfolio(world)
        fixings = msgspec.to_builtins(fixings_of(demo_archive(), day))
        held = await (await world.as_("risk-controller")).post("/api/fixings", fixings)
        assert held.status_code == 201, held.text
        yield world


def deal(counterparty: str, day: date, value_date: date, **terms: str) -> dict[str, Any]:
    return {
        "type": "fx_spot",
        "side": "buy",
        "trade_date": day.isoformat(),
        "value_date": value_date.isoformat(),
        "counterparty": counterparty,
        "portfolio": "FX-EUR",
        "executed_at": f"{day.isoformat()}T06:30:00Z",
        "side_agreements": "none",
        **terms,
    }


async def test_the_fpml_spot_deal_is_booked_with_its_known_euro_worth(
    server: embedded.Server, tmp_path: Path, folder: Path
) -> None:
    leg, leis = read_fpml(folder / "fpml/fx-ex01-fx-spot.xml", "fxSingleLeg")
    (base, bought), (quote, sold) = leg.receives, leg.pays
    async with opened_on(server, tmp_path, leg.trade_date) as world:
        await a_counterparty(world, leis[1])
        terms = deal(
            leis[1],
            leg.trade_date,
            leg.value_date,
            base=base,
            quote=quote,
            base_amount=str(bought),
            rate=str(leg.rate),
        )
        entered = await (await world.as_("trader")).post("/api/trades", terms)
        assert entered.status_code == 201, entered.text
        assert entered.json()["checks"]["value_date"]["spot_date"] == "2001-10-25"
        trade = entered.json()["id"]

        verified = await (await world.as_("verifier")).post(
            f"/api/trades/{trade}/verification", {"version": 1}
        )
        assert verified.status_code == 200, verified.text
        await drain(world)

        journals = (await (await world.as_("accountant")).get("/api/journals", trade=trade)).json()["items"]
        worth = {line["account"]: Decimal(line["eur_amount"]) for line in journals[0]["lines"]}
        amounts = {line["account"]: Decimal(line["amount"]) for line in journals[0]["lines"]}
        assert (amounts["9010"], amounts["9020"]) == (bought, -sold)
        assert (worth["9010"], worth["9020"]) == (Decimal("15979546.18"), Decimal("-16653538.88"))
        assert worth["9010"] + worth["9020"] == Decimal("-673992.70")


async def test_the_value_date_of_the_mt300_is_accepted_across_the_us_holiday(
    server: embedded.Server, tmp_path: Path, folder: Path
) -> None:
    said = read_mt300(folder / "swift/MT300.txt")
    day, value_date = swift_date(said["30T"]), swift_date(said["30V"])
    base, amount = swift_amount(said["32B"])
    quote, _ = swift_amount(said["33B"])
    async with opened_on(server, tmp_path, day) as world:
        await a_counterparty(world)
        rate = said["36"].replace(",", ".")
        terms = deal(LEI, day, value_date, base=base, quote=quote, base_amount=str(amount), rate=rate)
        entered = await (await world.as_("trader")).post("/api/trades", terms)

    assert entered.status_code == 201, entered.text
    assert value_date == date(2014, 9, 2)
