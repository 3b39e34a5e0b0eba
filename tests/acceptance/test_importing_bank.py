"""Published deals entered by file and through the interface, in a bank that is open on their day.

One bank for all: its business date moves from one file's day to the next, so the tests stand in that order.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.cli import Exit
from service.importing.reading import read
from service.importing.rows import Defaults
from service.kernel import embedded
from service.market.ecb import demo_archive
from service.market.importing import NotFixed, fixings_of
from tests.acceptance.test_importing_files import CENTRAL, MORNING
from tests.bank import World
from tests.confirming import collected, drop_file
from tests.conformity import a_reference_rate, agreed, justified
from tests.deals import rows
from tests.importing import a_bank, imported
from tests.parties import a_counterparty, a_portfolio
from tests.settling import Deal, done, drain, on_business_date, post

SPOT, FORWARD, DEPOSIT, TABLE = date(2001, 10, 23), date(2001, 11, 19), date(2002, 2, 14), date(2016, 12, 22)
OTHER_LEIS = ("213800QILIUD4ROSUO03", "BFXS5XCH7N0Y05NIXW11")
SAYING: dict[str, Any] = {
    "portfolio": "FX",
    "executed_at": MORNING,
    "we_are": "party1",
    "counterparty": {"CME": CENTRAL},
}


@pytest.fixture(scope="module")
async def bank(
    server: embedded.Server, tmp_path_factory: pytest.TempPathFactory, folder: Path
) -> AsyncIterator[World]:
    """Give a bank open on the first file's day, with the parties of all files and their agreements."""
    async with a_bank(server.url(), tmp_path_factory.mktemp("bank"), SPOT) as world:
        await a_portfolio(world, "FX")
        await a_counterparty(world, CENTRAL, "Central counterparty")
        for number, lei in enumerate(OTHER_LEIS, 2):
            await agreed(world, await a_counterparty(world, lei, f"Counterparty {number}"))
        yield world


async def opened_on(world: World, day: date, *others: date) -> None:
    """Move to the morning of a day, with its reference, the one before it, and those of other days."""
    if day != SPOT:
        await on_business_date(world, day.isoformat())
    for wanted in (*others, *last_fixed(day)):
        fixings = msgspec.to_builtins(fixings_of(demo_archive(), wanted))
        held = await (await world.as_("risk-controller")).post("/api/fixings", fixings)
        assert held.status_code == 201, held.text


def last_fixed(day: date) -> Iterator[date]:
    """Give the last day before that has a reference, and the day itself."""
    before = day - timedelta(days=1)
    while True:
        try:
            fixings_of(demo_archive(), before)
            break
        except NotFixed:
            before -= timedelta(days=1)
    yield from (before, day)


async def entered_both_ways(world: World, file: Path) -> list[dict[str, Any]]:
    """Enter the only deal of a document by import and through the interface; return what the trader sees of both."""
    outcome, (told,) = await imported(world, file, **SAYING)
    assert (outcome.exit, told["result"]) == (Exit.OK, "entered"), told
    (row,) = read(file, Defaults(**SAYING))
    assert row.deal is not None
    trader = await world.as_("trader")
    answer = await trader.post("/api/trades", dict(row.deal))
    assert answer.status_code == 201, answer.text
    assert answer.json()["wording"] == told["deal"]
    return [(await trader.get(f"/api/trades/{trade}")).json() for trade in (told["id"], answer.json()["id"])]


async def check_of(world: World, trade: str) -> dict[str, Any]:
    """Return what risk control sees of a deal beside the market."""
    found = (await (await world.as_("head-of-risk")).get("/api/checks", trade=trade)).json()["items"]
    return dict(found[0])


async def deviation_bp(world: World, trade: str) -> int:
    """Return how far a deal is off the market, in whole basis points."""
    check = await check_of(world, trade)
    assert check["check"] == "alert", check
    return round(Decimal(check["deviation_bp"]))


async def verified(world: World, trade: str) -> None:
    """See that the deal cannot be verified before risk control justified it, and have that done."""
    verifier, path = await world.as_("verifier"), f"/api/trades/{trade}/verification"
    too_early = await verifier.post(path, {"version": 1})
    assert (too_early.status_code, too_early.json()["rule"]) == (409, "TRD-04")
    await justified(world, trade)
    done = await verifier.post(path, {"version": 1})
    assert done.status_code == 200, done.text


async def test_the_spot_deal_of_fpml_is_422_bp_off_and_booked_with_its_known_worth(
    bank: World, folder: Path
) -> None:
    await opened_on(bank, SPOT)
    for deal in await entered_both_ways(bank, folder / "fpml" / "fx-ex01-fx-spot.xml"):
        assert (deal["terms"]["value_date"], deal["terms"]["rate"]) == ("2001-10-25", "1.48")
        assert await deviation_bp(bank, deal["id"]) == 422
        await verified(bank, deal["id"])
        await drain(bank)
        accountant = await bank.as_("accountant")
        (journal,) = (await accountant.get("/api/journals", trade=deal["id"])).json()["items"]
        worth = {line["account"]: Decimal(line["eur_amount"]) for line in journal["lines"]}
        assert (worth["9010"], worth["9020"]) == (Decimal("15979546.18"), Decimal("-16653538.88"))
        assert worth["9010"] + worth["9020"] == Decimal("-673992.70")


async def test_the_forward_of_fpml_is_383_bp_off_in_its_spot_part(bank: World, folder: Path) -> None:
    await opened_on(bank, FORWARD)
    for deal in await entered_both_ways(bank, folder / "fpml" / "fx-ex05-fx-fwd-w-ssi.xml"):
        assert (deal["type"], deal["terms"]["spot_rate"], deal["terms"]["forward_points"]) == (
            "fx_forward", "0.9130", "0.0045",
        )  # fmt: skip
        check = await check_of(bank, deal["id"])
        assert (Decimal(check["dealt"]), Decimal(check["reference"])) == (
            Decimal("0.9130"),
            Decimal("0.8793"),
        )
        assert await deviation_bp(bank, deal["id"]) == 383
        await verified(bank, deal["id"])


async def test_the_term_deposit_of_fpml_earns_its_known_interest(bank: World, folder: Path) -> None:
    await opened_on(bank, DEPOSIT)
    await a_reference_rate(bank, "CHF", "2002-02-13", "3.95")
    for deal in await entered_both_ways(bank, folder / "fpml" / "td-ex01-simple-term-deposit.xml"):
        assert (deal["type"], deal["terms"]["interest"]) == ("mm_deposit", "2777.78")
        check = await check_of(bank, deal["id"])
        assert (check["check"], round(Decimal(check["deviation_bp"]))) == ("ok", 5)
        moved = await rows(
            bank,
            "SELECT amount FROM position_movement WHERE trade_id = CAST(:trade AS uuid) ORDER BY value_date",
            trade=deal["id"],
        )
        assert [str(row.amount) for row in moved] == ["-25000000.00", "25002777.78"]
        done = await (await bank.as_("verifier")).post(
            f"/api/trades/{deal['id']}/verification", {"version": 1}
        )
        assert done.status_code == 200, done.text


async def test_the_term_deposit_of_fpml_agrees_through_the_inbox_interest_included(
    bank: World, folder: Path
) -> None:
    file = folder / "fpml" / "td-ex01-simple-term-deposit.xml"
    found = await rows(bank, "SELECT id FROM trade WHERE type = 'mm_deposit' ORDER BY number LIMIT 1")
    deal = Deal(bank, str(found[0].id))
    bank.bank.gate.entity_lei = "TR24TWEY5RVRQV65HD49"  # the side of the published deposit that lends
    await drain(bank)
    done(await deal.confirm("dispatch"))
    drop_file(bank, file, OTHER_LEIS[1])
    (message,) = [one for one in await collected(bank) if one["name"] == file.name]
    assert (message["state"], message["finding"]) == ("waiting", "ambiguous"), (
        "two deals of ours are the same"
    )
    link = {"version": message["version"], "confirmation": (await deal.confirmation())["id"]}
    link["reason"] = "the counterparty named our reference on the telephone"
    done(await post(bank, "confirmer", f"/api/inbound/{message['id']}/link", link))
    confirmation = await deal.confirmation()
    assert confirmation["state"] == "matched"
    assert (confirmation["ours"]["interest"], message["fields"]["principal"]) == ("2777.78", "25000000.00")


async def test_the_fx_deals_of_strata_are_entered_and_the_rest_refused_each_with_its_reason(
    bank: World, folder: Path
) -> None:
    file = folder / "strata" / "fxtrades.csv"
    await opened_on(bank, TABLE, date(2016, 12, 6))
    unrolled, told = await imported(bank, file, **SAYING)
    assert (unrolled.exit, [row["result"] for row in told]) == (Exit.REFUSED, ["entered", *["refused"] * 6])
    assert (told[1]["code"], told[1]["field"]) == ("value_date_on_holiday", "value_date")
    assert told[1]["reason"] == (
        "EUR cannot be paid on Saturday 2016-12-24: a weekend; 2016-12-27 is the next good day."
    )

    rolled, told = await imported(bank, file, **SAYING, roll="following")
    assert rolled.exit is Exit.REFUSED
    assert [row["result"] for row in told] == ["entered before", "entered", *["refused"] * 5]
    assert [row["reason"].split(";")[0] for row in told[2:]] == [
        "'FxSwap' is an FX swap, two exchanges in one",
        "'Fx Swap' is an FX swap, two exchanges in one",
        "'Bullet' is a single payment",
        "'BulletPayment' is a single payment",
        "'FxVanillaOption' is an FX option",
    ]
    assert told[1]["notes"] == "payment moved from Saturday 2016-12-24 to 2016-12-27"
    await the_checks_are_known(bank, [told[0]["id"], told[1]["id"]])


async def test_the_fx_deals_of_strata_are_entered_through_the_interface(bank: World, folder: Path) -> None:
    file = folder / "strata" / "fxtrades.csv"
    deals = [row.deal for row in read(file, Defaults(**SAYING)) if row.deal is not None]
    trader = await bank.as_("trader")
    rupees, on_saturday = (await trader.post("/api/trades/batch", [dict(deal) for deal in deals])).json()
    assert (rupees["status"], on_saturday["status"]) == (201, 422)
    assert on_saturday["detail"].endswith("2016-12-27 is the next good day.")

    moved = await trader.post("/api/trades", {**deals[1], "value_date": "2016-12-27"})
    assert moved.status_code == 201, moved.text
    await the_checks_are_known(bank, [rupees["id"], moved.json()["id"]])


async def the_checks_are_known(world: World, trades: list[str]) -> None:
    """See that the rupee deal is 59 bp off and within what is tolerated, and the koruna deal 518 bp outside."""
    rupees, korunas = [await check_of(world, trade) for trade in trades]
    assert round(Decimal(rupees["deviation_bp"])) == -59
    assert (rupees["check"], korunas["check"]) == ("ok", "alert")
    assert round(Decimal(korunas["deviation_bp"])) == -518
