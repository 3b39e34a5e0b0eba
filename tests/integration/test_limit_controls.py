"""RC-01 to RC-06: who sets limits, no deal without one, what becomes of an excess; tried by every path there is."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from policies.vocabulary import Action, Office
from service.kernel.errors import Refusal
from service.limits.use_cases import VoteOnLimit, VoteOnMarketLimit, vote_on_limit, vote_on_market_limit
from tests.bank import World
from tests.deals import TERMS, act, by_force, capture, captured, refusals, rows, written
from tests.limits import (
    CREDIT,
    LIMITS,
    MARKET_LIMITS,
    RISK,
    VALID,
    a_limit,
    a_market_limit,
    acted,
    ballot,
    capture_by_every_path,
    excesses,
    got,
    proposed,
    refused_by,
    shown,
    wish,
)
from tests.parties import LEI, OTHER_LEI, a_counterparty, a_portfolio
from tests.rights import requested
from tests.settling import act_as, automatic, done, on_business_date, open_account

SELL = {"side": "sell"}


@pytest.fixture
async def bank(ready_bank: World) -> World:
    """Give a bank with a counterparty, a book and yesterday's fixing; both limits have plenty of room."""
    return ready_bank


async def items_of(world: World, kind: str) -> list[Any]:
    """Return what was asked for by items of a kind, oldest first, each with the entry it came from."""
    return await rows(
        world,
        "SELECT w.subject_id, w.office, w.reason, w.closed_at, e.outcome, e.act FROM public.work_item w "
        "JOIN public.audit_entry e ON e.id = w.entry_id WHERE w.kind = :kind ORDER BY w.opened_at",
        kind=kind,
    )


# RC-01 ----------------------------------------------------------------------------------------------


async def test_RC_01_position_limit_and_risk_control_s_item_come_in_the_deal_s_own_transaction(
    bank: World,
) -> None:
    off = await captured(bank, rate="1.2650")
    found = await rows(
        bank,
        "SELECT DISTINCT t.xmin::text FROM public.trade t UNION "
        "SELECT m.xmin::text FROM public.position_movement m UNION "
        "SELECT r.xmin::text FROM public.limit_reservation r UNION "
        "SELECT w.xmin::text FROM public.work_item w WHERE w.office = 'risk_control' AND w.kind = 'justify'",
    )
    assert len(found) == 1
    positions = (await got(bank, "risk-controller", "/api/positions"))["items"]
    assert [one["amount"] for one in positions] == ["1000000.00", "-1265000.00"]
    queue = (await got(bank, "risk-controller", "/api/work"))["items"]
    assert [(one["kind"], one["trade"]) for one in queue] == [("justify", off["id"])]


async def test_RC_01_no_deal_comes_in_while_risk_control_is_not_fed(bank: World) -> None:
    before = await written(bank)
    for function in ("market_check(jsonb)", "limit_reserve(jsonb)"):
        name = function.partition("(")[0]
        await by_force(bank, f"ALTER FUNCTION public.{function} RENAME TO {name}_gone")
        assert (await capture(bank)).status_code == 500
        await by_force(bank, f"ALTER FUNCTION public.{name}_gone(jsonb) RENAME TO {name}")
    assert await written(bank) == before
    await captured(bank)


# RC-02 ----------------------------------------------------------------------------------------------


async def test_RC_02_trading_proposes_a_limit_and_sets_none(bank: World) -> None:
    limit = await proposed(bank, wish(LEI, "7000000.00"))
    command = {"limit_id": limit["id"], "version": 1, "vote": "approve", "reason": "we need it"}
    for trading in ("head-of-trading", "trader", "risk-controller"):
        assert (await ballot(bank, limit, trading)).status_code == 403
        assert await acted(bank, trading, Action.LIMIT_VOTE, command) == (403, "P:absent")
    second = await open_account(bank, "head-of-trading", Office.CREDIT)
    assert (await requested(bank, second, "credit_officer")).json()["rule"] == "S-04"
    vote = VoteOnLimit(limit_id=UUID(limit["id"]), version=1, vote="approve", reason="as another account")
    with pytest.raises(Refusal, match="D-06"):
        await act_as(bank, second, {"credit_officer"}, vote_on_limit, vote)
    assert (await (await bank.as_("trader")).post(LIMITS, wish(LEI))).status_code == 403
    assert (await shown(bank, limit))["state"] == "proposed"

    first = done(await ballot(bank, limit, "credit-officer"))
    assert (first["state"], (await shown(bank, limit))["counts_now"]) == ("proposed", False)
    done(await ballot(bank, first, "other-credit-officer"))
    now = await shown(bank, limit)
    assert (now["state"], now["counts_now"], now["proposed_by"]) == ("in_force", True, "head-of-trading")
    assert [(one["by"], one["vote"]) for one in now["votes"]] == [(by, "approve") for by in CREDIT]


async def test_D_06_whoever_proposes_a_limit_does_not_vote_on_it(bank: World) -> None:
    limit = await proposed(bank, wish(LEI), "credit-officer")
    own = await ballot(bank, limit, "credit-officer")
    assert (own.status_code, own.json()["rule"]) == (403, "D-06")
    command = {"limit_id": limit["id"], "version": 1, "vote": "approve", "reason": "my own wish"}
    assert await acted(bank, "credit-officer", Action.LIMIT_VOTE, command) == (403, "D-06")
    second = await open_account(bank, "credit-officer", Office.CREDIT)
    vote = VoteOnLimit(limit_id=UUID(limit["id"]), version=1, vote="approve", reason="as another account")
    with pytest.raises(Refusal, match="D-06"):
        await act_as(bank, second, {"credit_officer"}, vote_on_limit, vote)
    first = done(await ballot(bank, limit, "other-credit-officer"))
    assert (first["state"], (await shown(bank, limit))["counts_now"]) == ("proposed", False)


async def test_D_06_RC_02_two_votes_are_two_people_s(bank: World) -> None:
    limit = done(await ballot(bank, await proposed(bank, wish(LEI)), "credit-officer"))
    again = await ballot(bank, limit, "credit-officer")
    assert (again.status_code, again.json()["code"], again.json()["rule"]) == (409, "voted_before", "RC-02")
    command = {"limit_id": limit["id"], "version": 2, "vote": "approve", "reason": "once more"}
    assert await acted(bank, "credit-officer", Action.LIMIT_VOTE, command) == (409, "RC-02")
    second = await open_account(bank, "credit-officer", Office.CREDIT)
    vote = VoteOnLimit(limit_id=UUID(limit["id"]), version=2, vote="approve", reason="as another account")
    with pytest.raises(Refusal, match="another person's") as refused:
        await act_as(bank, second, {"credit_officer"}, vote_on_limit, vote)
    assert refused.value.rule == "RC-02"
    with pytest.raises(Refusal, match=r"no row of policy\.csv"):
        await automatic(bank, Office.CREDIT, vote_on_limit, vote)
    assert (await shown(bank, limit))["state"] == "proposed"


async def test_RC_02_one_vote_against_ends_a_limit(bank: World) -> None:
    before = await a_limit(bank, LEI, "1500000.00")
    limit = done(await ballot(bank, await proposed(bank, wish(LEI)), "credit-officer"))
    limit = done(await ballot(bank, limit, "other-credit-officer", "refuse"))
    assert limit["state"] == "refused"
    late = await ballot(bank, limit, "credit-officer")
    assert (late.status_code, late.json()["code"]) == (409, "not_waiting")
    assert [(await shown(bank, one))["counts_now"] for one in (before, limit)] == [True, False]
    assert [one.closed_at is None for one in await items_of(bank, "vote_limit")][-1] is False


async def test_RC_02_each_office_votes_on_its_own_limits_only(bank: World) -> None:
    limit = await proposed(bank, wish(LEI))
    across = await ballot(bank, limit, "risk-controller", path=MARKET_LIMITS)
    assert (across.status_code, across.json()["code"], across.json()["rule"]) == (409, "other_vote", "RC-02")
    body = {"portfolio": "FX-EUR", "amount_eur": "1.00", "reason": "tight", **VALID}
    book = await proposed(bank, body, "risk-controller", MARKET_LIMITS)
    assert (await ballot(bank, book, "credit-officer")).json()["code"] == "other_vote"
    own = await ballot(bank, book, "risk-controller", path=MARKET_LIMITS)
    assert (own.status_code, own.json()["rule"]) == (403, "D-06")
    second = await open_account(bank, "risk-controller", Office.RISK_CONTROL)
    vote = VoteOnMarketLimit(
        limit_id=UUID(book["id"]), version=1, vote="approve", reason="as another account"
    )
    with pytest.raises(Refusal, match="D-06"):
        await act_as(bank, second, {"risk_controller"}, vote_on_market_limit, vote)
    for nobody in ("trader", "head-of-trading", "credit-officer"):
        assert (await (await bank.as_(nobody)).post(MARKET_LIMITS, body)).status_code == 403


# RC-03 ----------------------------------------------------------------------------------------------


async def test_RC_03_no_deal_without_a_counterparty_s_limit(bank: World) -> None:
    other = await a_counterparty(bank, OTHER_LEI, "Second", limit=False)
    before, terms = await written(bank), TERMS | {"counterparty": OTHER_LEI}
    none = {(409, "no_limit", "RC-03")}
    assert refused_by(await capture_by_every_path(bank, terms)) == none
    await proposed(bank, wish(other))
    assert refused_by(await capture_by_every_path(bank, terms)) == none
    await a_limit(bank, other, valid_from="2026-10-28")
    assert refused_by(await capture_by_every_path(bank, terms)) == none
    await a_limit(bank, other, "0.00")
    assert refused_by([(await capture(bank, **terms)).json()]) == {(409, "limit_exceeded", "RC-03")}
    after = await written(bank)
    assert {name: after[name] - before[name] for name in ("trade", "trade_version", "deal_number")} == {
        "trade": 0,
        "trade_version": 0,
        "deal_number": 0,
    }

    await on_business_date(bank, "2026-10-28")
    await a_limit(bank, other, valid_to="2026-10-28")
    await captured(bank, counterparty=OTHER_LEI)
    await on_business_date(bank, "2026-10-29")
    fallback = await capture(bank, counterparty=OTHER_LEI, value_date="2026-11-02", trade_date="2026-10-29")
    assert fallback.json()["code"] == "limit_exceeded", "the one of zero counts again"


async def test_RC_03_nobody_marks_a_deal_as_exempt(bank: World) -> None:
    for tag in ({"exempt": True}, {"spot_exempt": "true"}, {"limit": "none"}, {"settlement": "dvp"}):
        outcomes = await capture_by_every_path(bank, TERMS | tag)
        assert {one["status"] for one in outcomes} == {400}, outcomes
    forward_as_spot = await capture_by_every_path(bank, TERMS | {"value_date": "2027-01-29"})
    assert {one["status"] for one in forward_as_spot} == {422}
    assert (await rows(bank, "SELECT count(*) FROM public.trade"))[0][0] == 0


# RC-04 ----------------------------------------------------------------------------------------------


async def test_RC_04_a_short_term_limit_ends_within_three_months_and_is_not_renewed(bank: World) -> None:
    other = await a_counterparty(bank, OTHER_LEI, "Second", limit=False)
    short: dict[str, Any] = {"valid_from": "2026-10-27", "short_term": True}
    for last in ("2027-01-27", "2027-10-26"):
        body = wish(other, **short | {"valid_to": last})
        for proposer in ("head-of-trading", "credit-officer", "risk-controller"):
            answer = await (await bank.as_(proposer)).post(LIMITS, body)
            assert (answer.status_code, answer.json()["rule"]) == (422, "RC-04")
        assert await acted(bank, "credit-officer", Action.LIMIT_PROPOSE, body) == (422, "RC-04")

    twin = await proposed(bank, wish(other, **short | {"valid_to": "2027-01-26"}))
    limit = await a_limit(bank, other, "5000000.00", **short | {"valid_to": "2027-01-26"})
    half = done(await ballot(bank, twin, "credit-officer"))
    renewed = await ballot(bank, half, "other-credit-officer")
    assert refused_by([renewed.json()]) == {(409, "short_again", "RC-04")}
    again = await (await bank.as_("credit-officer")).post(
        LIMITS, wish(other, valid_from="2027-01-27", valid_to="2027-04-26", short_term=True)
    )
    assert (again.status_code, again.json()["code"]) == (409, "short_again")

    await captured(bank, counterparty=OTHER_LEI)
    await on_business_date(bank, "2027-01-26")  # day 91
    later = TERMS | {"counterparty": OTHER_LEI, "trade_date": "2027-01-26", "value_date": "2027-01-28"}
    done(await capture(bank, **later))
    await on_business_date(bank, "2027-01-27")  # day 92
    later |= {"trade_date": "2027-01-27", "value_date": "2027-01-29"}
    assert refused_by(await capture_by_every_path(bank, later)) == {(409, "no_limit", "RC-03")}
    (open_without,) = (await excesses(bank))["standing"]
    assert (open_without["owner"], open_without["limit"], open_without["over_eur"]) == (
        other,
        None,
        "2000000.00",
    )
    assert (await shown(bank, limit))["headroom_eur"] is None


# RC-05 ----------------------------------------------------------------------------------------------


async def test_RC_05_every_excess_is_on_the_board_s_list_of_its_day(bank: World) -> None:
    limit = await a_limit(bank, LEI, "1500000.00")
    await captured(bank)
    small = {"base_amount": "600000.00"}
    assert refused_by(await capture_by_every_path(bank, TERMS | small)) == {(409, "limit_exceeded", "RC-03")}
    assert refused_by([(await capture(bank, base_amount="1500000.00")).json()]) == {
        (409, "limit_exceeded", "RC-03")
    }
    listed: list[Any] = []
    for reader in ("board-back", "board-trading", "risk-controller", "credit-officer", "trader", "auditor"):
        listed = (await excesses(bank, reader))["items"]
        assert [(one["what"], one["state"], one["reported"]) for one in listed] == [
            ("deal_refused", "open", True),
            *[("deal_refused", "open", False)] * 3,
        ]
    assert listed[0]["told"] == (
        "The limit of this counterparty is EUR 1500000.00, EUR 1000000.00 of it are used: "
        "there is room for EUR 500000.00, and this deal needs EUR 1500000.00."
    )
    assert (await excesses(bank, day=date(2026, 10, 26)))["items"] == []
    (noticed,) = await items_of(bank, "take_notice")
    assert (noticed.office, str(noticed.subject_id), noticed.outcome) == ("management", limit["id"], "refuse")
    path = f"{LIMITS}/{limit['id']}/notice"
    for nobody in ("trader", "risk-controller", "credit-officer"):
        assert (await act(bank, nobody, path, version=limit["version"])).status_code == 403
    done(await act(bank, "board-back", path, version=limit["version"], note="discussed with trading"))
    assert [one["noticed_at"] is None for one in (await excesses(bank))["items"]] == [False, True, True, True]
    again = await act(bank, "board-trading", path, version=limit["version"])
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_notice")
    facts = [row.data for row in await refusals(bank) if row.data["code"] == "limit_exceeded"]
    assert {one["used_eur"] for one in facts} == {"1000000.00"}
    assert [one["asked_eur"] for one in facts] == ["600000.00"] * 3 + ["1500000.00"]


async def test_RC_05_trading_closes_no_excess_and_risk_control_says_cause_and_measure(bank: World) -> None:
    limit = await a_limit(bank, LEI, "500000.00")
    await capture(bank)
    closing = {"cause": "a new client's first deal", "measure": "limit under review"}
    path = f"{LIMITS}/{limit['id']}/excess"
    for trading in ("trader", "head-of-trading", "credit-officer", "verifier"):
        assert (await act(bank, trading, path, **closing)).status_code == 403
        command = closing | {"limit_id": limit["id"]}
        assert await acted(bank, trading, Action.EXCESS_CLOSE, command) == (403, "P:absent")
    second = await open_account(bank, "trader", Office.RISK_CONTROL)
    assert (await requested(bank, second, "risk_controller")).json()["rule"] == "S-02"

    done(await act(bank, "risk-controller", path, **closing))
    (listed,) = (await excesses(bank))["items"]
    assert (listed["state"], listed["cause"], listed["measure"], listed["closed_by"]) == (
        "closed",
        *closing.values(),
        "risk-controller",
    )
    twice = await act(bank, "head-of-risk", path, **closing)
    assert (twice.status_code, twice.json()["code"]) == (409, "no_excess")
    await capture(bank)
    states = [(one["state"], one["cause"]) for one in (await excesses(bank))["items"]]
    assert states == [("open", None), ("closed", closing["cause"])]
    unknown = await act(bank, "risk-controller", f"{LIMITS}/{limit['owner']}/excess", **closing)
    assert unknown.status_code == 404


async def test_RC_05_a_limit_set_below_what_is_open_stays_on_record_and_stops_new_deals(bank: World) -> None:
    await captured(bank, base_amount="3000000.00")
    low = await a_limit(bank, LEI, "1000000.00")
    (lowered,) = (await excesses(bank))["items"]
    assert (lowered["what"], lowered["reported"], lowered["limit"]) == ("limit_lowered", True, low["id"])
    assert lowered["told"] == "The limit was set EUR 2000000.00 below what is open already."
    (standing,) = (await excesses(bank))["standing"]
    assert (standing["used_eur"], standing["over_eur"]) == ("3000000.00", "2000000.00")
    assert refused_by([(await capture(bank, base_amount="0.01")).json()]) == {
        (409, "limit_exceeded", "RC-03")
    }

    await a_limit(bank, LEI, "9000000.00")
    await captured(bank)
    after = await excesses(bank)
    assert after["standing"] == []
    assert [one["state"] for one in after["items"]] == ["open", "open"]


# RC-06 ----------------------------------------------------------------------------------------------


async def test_RC_06_a_book_without_a_limit_in_force_takes_no_deal(bank: World) -> None:
    book = await a_portfolio(bank, "FX-GBP", limit=False)
    terms, none = TERMS | {"portfolio": "FX-GBP"}, {(409, "no_limit", "RC-06")}
    assert refused_by(await capture_by_every_path(bank, terms)) == none
    await a_market_limit(bank, book, valid_to="2026-10-27")
    await captured(bank, portfolio="FX-GBP")
    await on_business_date(bank, "2026-10-28")
    assert refused_by(await capture_by_every_path(bank, terms)) == none
    wider = {"portfolio": "FX-GBP", "amount_eur": "1.00", "reason": "more", **VALID}
    for trading in ("trader", "head-of-trading"):
        assert (await act(bank, trading, MARKET_LIMITS, **wider)).status_code == 403
        assert await acted(bank, trading, Action.MARKET_LIMIT_PROPOSE, wider) == (403, "P:absent")


async def test_RC_06_a_book_s_limit_is_gross(bank: World) -> None:
    limit = await a_market_limit(bank, "FX-EUR", "1500000.00")
    await captured(bank)
    netted = await capture_by_every_path(bank, TERMS | SELL)
    assert refused_by(netted) == {(409, "limit_exceeded", "RC-06")}
    assert "The limit of this portfolio is EUR 1500000.00" in netted[0]["detail"]
    (listed, *_) = (await excesses(bank))["items"]
    assert (listed["scope"], listed["limit"], listed["owner_name"]) == ("portfolio", limit["id"], "FX-EUR")
    assert [one["by"] for one in (await shown(bank, limit))["votes"]] == [*RISK]


# SET-15 ---------------------------------------------------------------------------------------------


async def test_SET_15_the_back_office_looks_at_the_limits_again_whatever_was_checked_before(
    bank: World,
) -> None:
    unchecked, second, third = [await captured(bank) for _ in range(3)]
    await by_force(bank, f"DELETE FROM public.limit_reservation WHERE trade_id = '{unchecked['id']}'")

    path, seen = f"/api/trades/{unchecked['id']}/verification", {"version": 1}
    assert refused_by([(await act(bank, "verifier", path, **seen)).json()]) == {
        (409, "limit_not_held", "SET-15")
    }
    command = {"trade_id": unchecked["id"], "version": 1}
    acts = [{"action": "trade.verify", "command": command}]
    (outcome,) = (await (await bank.as_("other-verifier")).post("/api/acts", acts)).json()
    assert outcome["problem"]["rule"] == "SET-15"
    told = await items_of(bank, "excess")
    assert {(item.office, item.outcome, item.act) for item in told} == {
        ("risk_control", "refuse", "trade.verify")
    }
    assert len(told) == 2  # the counterparty's limit and the book's, once each

    await by_force(bank, "UPDATE public.work_item SET closed_entry_id = entry_id WHERE kind = 'excess'")
    await by_force(bank, "UPDATE public.trading_limit SET amount_eur = 1 WHERE scope = 'counterparty'")
    for deal in (second, third):
        done(await act(bank, "verifier", f"/api/trades/{deal['id']}/verification", **seen))
    (passed,) = (await items_of(bank, "excess"))[2:]
    assert "are used of EUR 1" in passed.reason
    entries = await rows(
        bank,
        "SELECT convert_from(bytes, 'UTF8')::jsonb -> 'data' -> 'limit_check' AS limits FROM public.audit_entry "
        "WHERE act = 'trade.verify' AND outcome = 'allow'",
    )
    assert [[one["scope"] for one in row.limits] for row in entries] == [["counterparty", "portfolio"]] * 2
