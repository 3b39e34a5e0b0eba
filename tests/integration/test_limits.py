"""What deals take of limits and give back, seen deal by deal and held against the log."""

import pytest

from tests.bank import World
from tests.conformity import agreed
from tests.deals import TERMS, act, by_force, capture, captured, returned
from tests.keeping import findings
from tests.limits import (
    LIMITS,
    a_limit,
    a_market_limit,
    got,
    refused_by,
    shown,
    used,
)
from tests.parties import LEI, OTHER_LEI, a_counterparty, a_portfolio
from tests.settling import done, fix, matched, on_business_date, post

SELL = {"side": "sell"}


@pytest.fixture
async def bank(ready_bank: World) -> World:
    """Give a bank with a counterparty, a book and yesterday's fixing; both limits have plenty of room."""
    return ready_bank


# What is used ---------------------------------------------------------------------------------------


async def test_everybody_concerned_sees_limit_use_and_headroom_deal_by_deal(bank: World) -> None:
    limit = await a_limit(bank, LEI, "5000000.00")
    await a_portfolio(bank, "FX-USD", "Second FX desk")
    bought, sold = await captured(bank), await captured(bank, **SELL)
    foreign = await captured(bank, "second-desk-trader", portfolio="FX-USD")
    assert bought["checks"]["limit"] == {
        "result": "ok",
        "limit_eur": "5000000.00",
        "reserved_eur": "1000000.00",
        "used_eur": "1000000.00",
        "headroom_eur": "4000000.00",
    }
    assert sold["checks"]["limit"]["reserved_eur"] == "999828.36"  # USD 1,165,000 at 1.1652

    for reader in (
        "trader",
        "head-of-trading",
        "verifier",
        "risk-controller",
        "credit-officer",
        "board-back",
    ):
        (found,) = (await got(bank, reader, LIMITS, owner=limit["owner"], state="in_force", limit=1))["items"]
        assert (found["id"], found["counts_now"]) == (limit["id"], True)
        assert (found["used_eur"], found["headroom_eur"]) == ("2999828.36", "2000171.64")
    use = await got(bank, "credit-officer", f"{LIMITS}/{limit['id']}/use")
    assert [(one["trade"], one["deal_number"], one["currency"], one["amount"]) for one in use["items"]] == [
        (bought["id"], 1, "EUR", "1000000.00"),
        (sold["id"], 2, "USD", "1165000.00"),
        (foreign["id"], 1, "EUR", "1000000.00"),
    ]
    assert {one["fixing_day"] for one in use["items"]} == {"2026-10-26"}
    assert use["used_eur"] == "2999828.36"
    assert [one["amount_eur"] for one in use["items"]] == ["1000000.00", "999828.36", "1000000.00"]

    seen = (await got(bank, "trader", f"{LIMITS}/{limit['id']}/use"))["items"][2]
    assert (seen["trade"], seen["deal_number"], seen["portfolio"]) == (None, None, None)
    assert seen["amount_eur"] == "1000000.00"
    first = await got(bank, "trader", f"{LIMITS}/{limit['id']}/use", limit=2)
    rest = await got(bank, "trader", f"{LIMITS}/{limit['id']}/use", limit=2, cursor=first["next"])
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    assert (await (await bank.as_("steward")).get(LIMITS)).status_code == 403
    assert (await (await bank.as_("trader")).get(f"{LIMITS}/{bought['id']}")).status_code == 404


async def test_room_comes_back_when_the_last_leg_settles_or_a_cancellation_is_approved(bank: World) -> None:
    limit = await a_limit(bank, LEI, "3000000.00")
    deal = await matched(bank)
    gone = await captured(bank)
    request = done(
        await act(
            bank, "trader", f"/api/trades/{gone['id']}/cancellations", version=1, reason="entered twice"
        )
    )
    assert await used(bank, limit) == "2000000.00"
    done(await act(bank, "verifier", f"/api/requests/{request['id']}/approval", version=1, reason="agreed"))
    assert await used(bank, limit) == "1000000.00"

    for currency in ("EUR", "USD"):
        done(await deal.settle(currency, "preparation", "settler"))
        done(await deal.settle(currency, "release", "releaser"))
    await on_business_date(bank, "2026-10-29")
    done(await deal.settle("EUR", "completion", "other-settler"))
    assert await used(bank, limit) == "1000000.00"
    done(await deal.settle("USD", "completion", "other-settler"))
    assert await used(bank, limit) == "0.00"
    assert (await got(bank, "trader", f"{LIMITS}/{limit['id']}/use"))["items"] == []


async def test_a_correction_moves_the_room_from_the_old_terms_to_the_new(bank: World) -> None:
    limit, other = await a_limit(bank, LEI, "2500000.00"), await a_counterparty(bank, OTHER_LEI, "Second")
    of_other = await a_limit(bank, other, "1500000.00")
    deal = await captured(bank, base_amount="2000000.00")
    await returned(bank, deal)
    path, version = f"/api/trades/{deal['id']}/resubmission", 1
    too_large = await act(bank, "trader", path, **TERMS | {"base_amount": "3000000.00", "version": version})
    assert (too_large.status_code, too_large.json()["code"]) == (409, "limit_exceeded")
    assert "EUR 0.00 of it are used" in too_large.json()["detail"]
    elsewhere = TERMS | {"base_amount": "2000000.00", "counterparty": OTHER_LEI, "version": version}
    assert (await act(bank, "trader", path, **elsewhere)).status_code == 409
    assert (await used(bank, limit), await used(bank, of_other)) == ("2000000.00", "0")

    moved = TERMS | {"base_amount": "1200000.00", "counterparty": OTHER_LEI, "version": version}
    done(await act(bank, "trader", path, **moved))
    assert (await used(bank, limit), await used(bank, of_other)) == ("0.00", "1200000.00")


async def test_a_correction_that_takes_no_more_is_possible_in_an_excess(bank: World) -> None:
    deal = await captured(bank, **SELL)  # USD 1,165,000
    await returned(bank, deal)
    low = await a_limit(bank, LEI, "500000.00")
    await on_business_date(bank, "2026-10-28")
    await fix(bank, "2026-10-27", {"USD": "1.1600"})  # the same dollars are worth more euros now
    path = f"/api/trades/{deal['id']}/resubmission"
    grown = await act(bank, "trader", path, **TERMS | SELL | {"rate": "1.1651", "version": 1})
    assert (grown.status_code, grown.json()["code"]) == (409, "limit_exceeded")
    same = TERMS | SELL | {"value_date": "2026-10-29", "executed_at": "2026-10-27T07:40:00Z", "version": 1}
    done(await act(bank, "trader", path, **same))
    assert await used(bank, low) == "1004310.34"

    await returned(bank, deal | {"version": 2})
    smaller = TERMS | SELL | {"base_amount": "700000.00", "version": 2}
    done(await act(bank, "trader", path, **smaller))
    assert await used(bank, low) == "703017.24"
    assert refused_by([(await capture(bank, base_amount="1.00")).json()]) == {
        (409, "limit_exceeded", "RC-03")
    }


async def test_deals_are_worth_what_the_last_fixing_says_and_none_without_one(bank: World) -> None:
    yen = {"base": "EUR", "quote": "JPY", "rate": "177.20", "side": "sell"}
    unknown = await capture(bank, **yen)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "no_exchange_rate")
    assert (await capture(bank, **yen | {"side": "buy"})).status_code == 201  # only the bought side counts

    await fix(bank, "2026-10-27", {"USD": "2.0000"})  # of today: nobody in trading may know it before 16:00
    early = await captured(bank, **SELL)
    assert early["checks"]["limit"]["reserved_eur"] == "999828.36"
    seen = (await got(bank, "closer", "/api/business-date"))["version"]
    clock = {"business_date": "2026-10-27", "desk_clock": "16:00", "version": seen}
    done(await post(bank, "closer", "/api/business-date", clock))
    late = await captured(bank, **SELL)
    assert late["checks"]["limit"]["reserved_eur"] == "582500.00"


async def test_a_placement_takes_principal_and_interest_and_a_loan_nothing_of_the_counterparty(
    bank: World,
) -> None:
    await agreed(bank, LEI)
    limit, book = await a_limit(bank, LEI, "1000000.00"), await a_market_limit(bank, "FX-EUR")
    common = {name: TERMS[name] for name in ("trade_date", "counterparty", "portfolio", "executed_at")}
    lent = common | {
        "side_agreements": "none",
        "currency": "USD",
        "principal": "1000000.00",
        "rate_percent": "3.6",
        "day_count": "ACT/360",
        "start_date": "2026-10-29",
        "end_date": "2027-01-27",  # 90 days: USD 9,000.00
    }
    placed = done(await post(bank, "trader", "/api/trades", lent | {"type": "mm_deposit"}))
    assert placed["checks"]["limit"]["reserved_eur"] == "865945.76"  # USD 1,009,000 at 1.1652
    taken = done(await post(bank, "trader", "/api/trades", lent | {"type": "mm_loan"}))
    assert taken["checks"]["limit"]["reserved_eur"] in ("0", "0.00")
    assert await used(bank, limit) == "865945.76"
    assert await used(bank, book) == "1724167.52"  # and USD 1,000,000 gross
    second = await post(bank, "trader", "/api/trades", lent | {"type": "mm_deposit"})
    assert refused_by([second.json()]) == {(409, "limit_exceeded", "RC-03")}
    assert "EUR 865945.76 of it are used" in second.json()["detail"]


async def test_of_two_limits_in_force_the_one_set_last_counts(bank: World) -> None:
    wide, tight = await a_limit(bank, LEI, "9000000.00"), await a_limit(bank, LEI, "1500000.00")
    later = await a_limit(bank, LEI, "7000000.00", valid_from="2026-10-28")
    await captured(bank)
    (outcome,) = refused_by([(await capture(bank)).json()])
    assert outcome == (409, "limit_exceeded", "RC-03")
    assert [(await shown(bank, one))["counts_now"] for one in (wide, tight, later)] == [False, True, False]

    await on_business_date(bank, "2026-10-28")
    await captured(bank)
    assert [(await shown(bank, one))["counts_now"] for one in (wide, tight, later)] == [False, False, True]


# The books ------------------------------------------------------------------------------------------


async def test_the_comparison_with_the_log_names_limits_that_do_not_hold_what_deals_take(bank: World) -> None:
    deal = await captured(bank)
    await a_counterparty(bank, OTHER_LEI, "Second")
    assert await findings(bank) == []
    reservation = f"public.limit_reservation WHERE trade_id = '{deal['id']}' AND scope = 'counterparty'"
    held, use = "the limits do not hold what its terms take of them", "is not what the deals hold of it"
    for statement, expected in (
        ("UPDATE public.limit_use SET used_eur = 0 WHERE scope = 'portfolio'", {use}),
        (f"DELETE FROM {reservation}", {held, use}),
        (f"UPDATE {reservation.replace(' WHERE', ' SET eur_amount = 1, amount = 1 WHERE')}", {held, use}),
        (f"UPDATE {reservation.replace(' WHERE', ' SET eur_amount = 1 WHERE')}", {"not worth", use}),
        (f"UPDATE {reservation.replace(' WHERE', f' SET currency = {chr(39)}USD{chr(39)} WHERE')}", {held}),
    ):
        found = await told_after(bank, statement)
        assert all(any(part in one for one in found) for part in expected), (statement, found)


async def told_after(world: World, statement: str) -> list[str]:
    """Return what the comparison tells once somebody changed the database past its guards; then undo that."""
    tables = ("limit_use", "limit_reservation")
    await by_force(world, *(f"CREATE TABLE kept_{name} AS TABLE public.{name}" for name in tables), statement)
    found = [one.sentence for one in await findings(world)]
    for name in tables:
        await by_force(world, f"DELETE FROM public.{name}", f"INSERT INTO public.{name} TABLE kept_{name}")
        await by_force(world, f"DROP TABLE kept_{name}")
    return found
