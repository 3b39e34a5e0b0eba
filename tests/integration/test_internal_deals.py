"""Two books of the bank deal with each other: two legs, two owners, nothing left between them."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from service.control.use_cases import VerifyTrade, verify_trade
from service.kernel.errors import KeptApart
from service.settings import DEMO_LEI
from service.trades.internal import AcceptInternal, accept_internal
from tests.bank import World
from tests.deals import TERMS, act, asked_to_cancel, by_force, counted, refusals, returned, rows, verified
from tests.desks import a_mandate, refusal
from tests.parties import a_portfolio, an_instruction
from tests.settling import Deal, act_as, done, drain, fix, on_business_date

OFFER: dict[str, Any] = {name: value for name, value in TERMS.items() if name != "counterparty"} | {
    "other_portfolio": "FX-USD",
    "purpose": "hedge",
}
DEPOSIT: dict[str, Any] = {
    "type": "mm_deposit",
    "currency": "EUR",
    "principal": "1000000.00",
    "rate_percent": "2.00",
    "day_count": "ACT/360",
    "trade_date": "2026-10-27",
    "start_date": "2026-10-29",
    "end_date": "2027-01-29",
    "portfolio": "FX-EUR",
    "executed_at": "2026-10-27T07:55:00Z",
    "side_agreements": "none",
    "other_portfolio": "FX-USD",
    "purpose": "funding",
}
ACCEPTOR = "second-desk-trader"


async def two_books(world: World) -> None:
    """Bring two desks' books into force, with yesterday's fixing; no outside party is needed."""
    await a_portfolio(world)
    await a_portfolio(world, "FX-USD", "Second FX desk")
    await fix(world, "2026-10-26", {"USD": "1.1652", "GBP": "0.8741"})


async def offer(world: World, by: str = "trader", **changes: Any) -> httpx.Response:
    """Offer an internal deal with these changes of the right terms."""
    return await act(world, by, "/api/internal-deals", **OFFER | changes)


async def offered(world: World, **terms: Any) -> dict[str, Any]:
    """Return the answer about an offer."""
    return done(await act(world, "trader", "/api/internal-deals", **OFFER | terms))


async def accept(world: World, leg: dict[str, Any], by: str = ACCEPTOR, **body: Any) -> httpx.Response:
    """Accept an offer at the version it was made."""
    return await act(world, by, f"/api/internal-deals/{leg['id']}/acceptance", **{"version": 1} | body)


async def test_TRD_03_an_internal_deal_is_two_legs_that_leave_nothing_between_two_owners(
    bank_world: World,
) -> None:
    await two_books(bank_world)
    first = await offered(bank_world)
    assert (first["marks"], first["purpose"], first["offered_to"]["name"]) == (
        ["internal"],
        "hedge",
        "FX-USD",
    )
    assert first["checks"]["limit"]["result"] == "exempt"
    assert first["checks"]["market"]["result"] == "ok"
    (item,) = (await (await bank_world.as_(ACCEPTOR)).get("/api/work")).json()["items"]
    assert (item["kind"], item["reason"]) == ("accept_internal", "FX-USD")
    second = done(await accept(bank_world, first))

    assert (second["mirrors"], second["purpose"], second["marks"]) == (first["id"], "hedge", ["internal"])
    assert second["wording"].startswith("You sell 1,000,000.00 EUR to Demo Bank")
    risk = await rows(
        bank_world, "SELECT currency, sum(amount) AS open FROM position_movement GROUP BY currency"
    )
    assert {row.currency: row.open for row in risk} == {"EUR": 0, "USD": 0}
    taken = await rows(
        bank_world,
        "SELECT scope, why, sum(eur_amount) AS eur FROM limit_reservation GROUP BY 1, 2 ORDER BY 1",
    )
    assert [(row.scope, row.why) for row in taken] == [("counterparty", "exempt"), ("portfolio", "reserved")]
    assert (taken[0].eur, taken[1].eur > 1_900_000) == (0, True), "both books count it, no counterparty owes"
    assert (
        await rows(
            bank_world, "SELECT id FROM work_item WHERE kind = 'accept_internal' AND closed_at IS NULL"
        )
        == []
    )
    for who in ("trader", ACCEPTOR, "verifier"):
        (seen,) = (await (await bank_world.as_(who)).get("/api/internal-deals")).json()["items"]
        assert (seen["id"], seen["other_leg"]) == (first["id"], second["id"])
        assert seen["ours_to_accept"] == (who == ACCEPTOR)


async def test_TRD_03_an_internal_loan_is_the_mirror_of_a_deposit_and_confirmed_and_settled_like_any_deal(
    bank_world: World,
) -> None:
    await two_books(bank_world)
    placed = await offered(bank_world)
    for leg in ("EUR", "USD"):
        await an_instruction(bank_world, DEMO_LEI, leg)
    taken = done(await accept(bank_world, placed))
    deposit = done(await act(bank_world, "trader", "/api/internal-deals", **DEPOSIT))
    loan = done(await accept(bank_world, deposit))
    assert (deposit["type"], loan["type"]) == ("mm_deposit", "mm_loan")
    flows = await rows(
        bank_world,
        "SELECT value_date, sum(amount) AS open, count(*) AS n FROM position_movement "
        f"WHERE trade_id IN ('{deposit['id']}', '{loan['id']}') GROUP BY 1",
    )
    assert [(row.open, row.n) for row in flows] == [(0, 2), (0, 2)]

    one, other = Deal(bank_world, placed["id"]), Deal(bank_world, taken["id"])
    await verified(bank_world, placed)
    await _matched(bank_world, one)
    assert (await one.settle("USD", "preparation", "settler")).status_code == 200
    early = await one.settle("USD", "release", "releaser")
    assert refusal(early) == (409, "one_legged", "TRD-03"), "no money moves for one leg alone"
    await verified(bank_world, taken)
    await _matched(bank_world, other)
    for deal in (one, other):
        for currency in ("EUR", "USD"):
            if (await deal.legs())[currency]["state"] == "projected":
                done(await deal.settle(currency, "preparation", "settler"))
            done(await deal.settle(currency, "release", "releaser"))
    await on_business_date(bank_world, "2026-10-29")
    for deal in (one, other):
        for currency in ("EUR", "USD"):
            done(await deal.settle(currency, "completion", "other-settler"))
    await drain(bank_world)
    left = await rows(
        bank_world,
        "SELECT l.account, l.currency FROM journal_line l GROUP BY 1, 2 HAVING sum(l.amount) <> 0",
    )
    assert [tuple(row) for row in left] == [], "the bank's books show nothing of a deal with itself"


async def _matched(world: World, deal: Deal) -> None:
    await drain(world)
    done(await deal.confirm("dispatch"))
    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours))
    assert done(await deal.confirm("match"))["state"] == "matched"
    await drain(world)


async def test_TRD_03_no_leg_alone_to_nobody_or_to_an_invented_party(bank_world: World) -> None:
    await two_books(bank_world)
    unknown = await offer(bank_world, other_portfolio="FX-GONE")
    assert (refusal(unknown)[:2], unknown.json()["field"]) == ((422, "unknown_portfolio"), "other_portfolio")
    assert refusal(await offer(bank_world, other_portfolio="FX-EUR")) == (422, "same_book", "TRD-03")
    assert refusal(await offer(bank_world, portfolio="FX-USD"))[:2] == (403, "foreign_portfolio")
    assert (await offer(bank_world, counterparty="our internal desk")).json()["field"] == "counterparty"
    assert (await offer(bank_world, purpose="as discussed")).status_code == 400
    capture = await act(bank_world, "trader", "/api/trades", **TERMS | {"counterparty": DEMO_LEI})
    assert refusal(capture) == (422, "own_bank", "TRD-03")
    free_text = await act(bank_world, "trader", "/api/trades", **TERMS | {"counterparty": "internal"})
    assert refusal(free_text)[:2] == (422, "unknown_counterparty")
    assert refusal(await offer(bank_world, location="other")) == (403, "no_mandate", "TRD-06")
    assert await counted(bank_world, "trade") == 0

    alone = await offered(bank_world)
    one_leg = await act(bank_world, "verifier", f"/api/trades/{alone['id']}/verification", version=1)
    assert refusal(one_leg) == (409, "one_legged", "TRD-03")
    assert refusal(await accept(bank_world, alone, "other-trader"))[:2] == (404, "not_found")
    assert refusal(await accept(bank_world, alone, version=2))[:2] == (409, "stale_version")
    assert refusal(await accept(bank_world, alone, location="home_office")) == (403, "no_mandate", "TRD-06")
    await a_mandate(bank_world, trader=ACCEPTOR)
    second = done(await accept(bank_world, alone, location="home_office"))
    assert second["marks"] == ["internal", "off_premises"]
    assert refusal(await accept(bank_world, alone)) == (409, "already_accepted", "TRD-03")
    assert refusal(await accept(bank_world, second))[:2] == (404, "not_found")
    await by_force(bank_world, f"UPDATE trade_version SET base_amount = 7 WHERE trade_id = '{second['id']}'")
    crooked = await act(bank_world, "verifier", f"/api/trades/{alone['id']}/verification", version=1)
    assert refusal(crooked) == (409, "one_legged", "TRD-03"), "the legs must mirror each other"


async def test_D_05_TRD_03_both_legs_by_one_person_are_denied_through_any_account(bank_world: World) -> None:
    await two_books(bank_world)
    await a_portfolio(bank_world, "FX-GBP")
    leg = await offered(bank_world, other_portfolio="FX-GBP")  # another book of the same desk
    assert refusal(await accept(bank_world, leg, "trader")) == (403, "kept_apart", "D-05")
    assert (await refusals(bank_world))[-1].act == "internal.accept"
    assert refusal(await accept(bank_world, leg))[:2] == (404, "not_found")
    mine = done(
        await act(bank_world, "mover-trading", "/api/internal-deals", **OFFER | {"other_portfolio": "FX-GBP"})
    )
    command = AcceptInternal(trade_id=UUID(mine["id"]), version=1)
    with pytest.raises(KeptApart, match="two owners"):
        await act_as(bank_world, "mover-trading", {"trader"}, accept_internal, command)
    second = done(await accept(bank_world, leg, "mover-trading"))

    for half in (leg, second):  # whoever had a hand in one leg had it in both
        verify = VerifyTrade(trade_id=UUID(half["id"]), version=1)
        with pytest.raises(KeptApart, match="does not agree its terms"):
            await act_as(bank_world, "mover-control", {"verifier"}, verify_trade, verify)
    assert (await verified(bank_world, leg))["state"] == "verified"
    assert (await verified(bank_world, second))["state"] == "verified"


async def test_TRD_03_a_leg_is_not_changed_alone_and_does_not_outlive_the_other(bank_world: World) -> None:
    await two_books(bank_world)
    first = await offered(bank_world)
    second = done(await accept(bank_world, first))
    changed = TERMS | {"counterparty": DEMO_LEI, "version": 1, "reason": "a better rate", "rate": "1.1651"}
    amended = await act(bank_world, "trader", f"/api/trades/{first['id']}/amendments", **changed)
    assert refusal(amended) == (409, "internal_leg", "TRD-03")
    await returned(bank_world, first)
    del changed["reason"]
    corrected = await act(bank_world, "trader", f"/api/trades/{first['id']}/resubmission", **changed)
    assert refusal(corrected) == (409, "internal_leg", "TRD-03")

    request = await asked_to_cancel(bank_world, first)
    approval = f"/api/requests/{request['id']}/approval"
    done(await act(bank_world, "other-verifier", approval, version=1, reason="to be dealt anew"))
    left = await act(bank_world, "verifier", f"/api/trades/{second['id']}/verification", version=1)
    assert refusal(left) == (409, "one_legged", "TRD-03")
    request = await asked_to_cancel(bank_world, second, ACCEPTOR)
    approval = f"/api/requests/{request['id']}/approval"
    done(await act(bank_world, "other-verifier", approval, version=1, reason="with its other leg"))

    withdrawn = await offered(bank_world)
    await asked_to_cancel(bank_world, withdrawn)
    assert refusal(await accept(bank_world, withdrawn)) == (409, "not_on_offer", "TRD-03")
    sent_back = await offered(bank_world)
    await returned(bank_world, sent_back)
    assert refusal(await accept(bank_world, sent_back)) == (409, "not_on_offer", "TRD-03")
