"""Published deals entered in a bank that is open on their trade date, through the interface, beside the real fixings."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from service.kernel import embedded
from service.kernel.calendar import is_business_day, spot_date
from service.market.ecb import demo_archive
from service.market.importing import fixings_of
from service.settings import DEMO_LEI, Settings
from tests.acceptance.published import read_fpml, read_mt300, swift_amount, swift_date
from tests.bank import World
from tests.confirming import collected, drop_file
from tests.conformity import agreed, justified
from tests.conftest import a_copy, make_template
from tests.deals import by_force
from tests.parties import LEI, a_counterparty, a_portfolio
from tests.settling import Deal, done, drain, on_business_date, refused


@asynccontextmanager
async def opened_on(
    server: embedded.Server, place: Path, day: date, entity_lei: str = DEMO_LEI
) -> AsyncIterator[World]:
    """Open a bank on a day of the past with a book and the fixings of that day and of the one before it."""
    settings = Settings(data=place / "founded", entity_lei=entity_lei)
    template = await make_template(settings, server.url(), day, f"opened_{day:%Y%m%d}")
    async with a_copy(template, place / "bank") as world:
        await a_portfolio(world)
        await bring_in(world, last_fixing_before(day), day)
        yield world


async def bring_in(world: World, *days: date) -> None:
    """Have risk control bring in the ECB's rates of these days."""
    for day in days:
        fixings = msgspec.to_builtins(fixings_of(demo_archive(), day))
        held = await (await world.as_("risk-controller")).post("/api/fixings", fixings)
        assert held.status_code == 201, held.text


def last_fixing_before(day: date) -> date:
    """Return the last day before on which the ECB fixed its rates."""
    before = day - timedelta(days=1)
    return before if is_business_day(before, "EUR") else last_fixing_before(before)


async def off_market_bp(world: World, terms: dict[str, Any]) -> tuple[str, int]:
    """Enter a deal; return its id and how many whole basis points it stands from the reference of its own day."""
    entered = await (await world.as_("trader")).post("/api/trades", terms)
    assert entered.status_code == 201, entered.text
    trade = entered.json()["id"]
    verified = await (await world.as_("verifier")).post(f"/api/trades/{trade}/verification", {"version": 1})
    (check,) = (await (await world.as_("compliance")).get("/api/checks", trade=trade)).json()["items"]
    assert check["reference_day"] == terms["trade_date"]
    if check["check"] != "ok":
        assert refused(verified) == (409, "off_market", "TRD-04")
    return trade, round(Decimal(check["deviation_bp"]))


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
    async with opened_on(server, tmp_path, leg.trade_date, leis[0]) as world:
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
        trade, off_bp = await off_market_bp(world, terms)
        assert off_bp == 422
        await justified(world, trade)
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
        await confirmed_by(world, trade, folder / "fpml/fx-ex01-fx-spot.xml", leis[1])


async def confirmed_by(world: World, trade: str, file: Path, sender: str) -> None:
    """Have the published file drop into the bank's inbox: it confirms the deal to the last field."""
    ours = Deal(world, trade)
    done(await ours.confirm("dispatch"))
    drop_file(world, file, sender)
    (message,) = await collected(world)
    assert (message["state"], message["finding"]) == ("linked", None)
    agreed_now = await ours.confirmation()
    assert (agreed_now["state"], agreed_now["breaks"]) == ("matched", [])


async def test_the_value_date_of_the_mt300_is_accepted_across_the_us_holiday(
    server: embedded.Server, tmp_path: Path, folder: Path
) -> None:
    said = read_mt300(folder / "swift/MT300.txt")
    day, value_date = swift_date(said["30T"]), swift_date(said["30V"])
    base, amount = swift_amount(said["32B"])
    quote, _ = swift_amount(said["33B"])
    async with opened_on(server, tmp_path, day) as world:
        await by_force(world, f"UPDATE public.counterparty SET bic = '{said['87A']}' WHERE own")
        await a_counterparty(world, bic=said["82A"])
        rate = said["36"].replace(",", ".")
        sells = {"side": "sell", "base": base, "quote": quote, "base_amount": str(amount), "rate": rate}
        terms = deal(LEI, day, value_date, **sells)
        trade, off_bp = await off_market_bp(world, terms)
        assert off_bp == -283
        shown = (await (await world.as_("trader")).get(f"/api/trades/{trade}")).json()
        assert shown["terms"]["value_date"] == "2014-09-02"
        await drain(world)
        await confirmed_by(world, trade, folder / "swift/MT300.txt", LEI)

    assert value_date == date(2014, 9, 2)


async def test_published_deals_stand_as_far_off_the_market_as_is_known_of_them(
    server: embedded.Server, tmp_path: Path, folder: Path
) -> None:
    leg, leis = read_fpml(folder / "fpml/fx-ex05-fx-fwd-w-ssi.xml", "fxSingleLeg")
    (base, bought), (quote, _) = leg.receives, leg.pays
    assert leg.spot_rate is not None
    forward = deal(
        leis[1],
        leg.trade_date,
        leg.value_date,
        type="fx_forward",
        base=base,
        quote=quote,
        base_amount=str(bought),
        rate=str(leg.rate),
        spot_rate=str(leg.spot_rate),
        forward_points=str(leg.rate - leg.spot_rate),
    )
    async with opened_on(server, tmp_path, leg.trade_date) as world:
        await a_counterparty(world, leis[1])
        await agreed(world, leis[1])
        assert (await off_market_bp(world, forward))[1] == 383  # its spot part; points have no reference

        found = {}
        for day, pair, side, rate in strata_rows(folder / "strata/fxtrades.csv"):
            if day.isoformat() > await business_date(world):
                await on_business_date(world, day.isoformat())
                await bring_in(world, last_fixing_before(day), day)
            base, quote = pair.split("/")
            terms = deal(
                leis[1],
                day,
                spot_date(base, quote, day),
                side=side,
                base=base,
                quote=quote,
                base_amount="100000.00",
                rate=rate,
            )
            found[pair, rate] = (await off_market_bp(world, terms))[1]
        assert found == {
            ("USD/INR", "67.4"): -59,
            ("USD/CAD", "1.31"): -127,
            ("USD/CAD", "1.32"): -51,
            ("EUR/CZK", "25.62"): -518,
        }


def strata_rows(path: Path) -> list[tuple[date, str, str, str]]:
    """Return day, pair, side and (near) rate of each row that states a rate, oldest first."""
    found = []
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Convention"] and row["FX Rate"] and row["Payment Date"]:
                day = date(*map(int, reversed(row["Trade Date"].split("/"))))
                found.append((day, row["Convention"], row["Buy Sell"].lower(), row["FX Rate"]))
    return sorted(found)


async def business_date(world: World) -> str:
    """Return where the bank's desk time stands."""
    return str((await (await world.as_("closer")).get("/api/business-date")).json()["business_date"])
