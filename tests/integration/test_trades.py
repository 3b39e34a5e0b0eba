"""The front office enters deals, under its own name and for its own desk."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.trades.entering import terms_digest
from service.trades.lifecycle import derived
from service.trades.versions import version_of
from tests.bank import World
from tests.deals import (
    TERMS,
    act,
    asked_to_cancel,
    by_force,
    capture,
    captured,
    counted,
    refusals,
    returned,
    rows,
    verified,
    written,
)
from tests.parties import OTHER_LEI, a_counterparty, a_portfolio
from tests.settling import drain
from tests.statements import statements


async def move_clock(world: World, clock: str, date: str = "2026-10-27") -> None:
    closer = await world.as_("closer")
    seen = (await closer.get("/api/business-date")).json()["version"]
    answer = await closer.post(
        "/api/business-date", {"business_date": date, "desk_clock": clock, "version": seen}
    )
    assert answer.status_code == 200, answer.text


async def test_a_deal_gets_its_number_position_item_and_receipt_at_once(desk_bank: World) -> None:
    deal = await captured(desk_bank)

    assert (deal["deal_number"], deal["version"], deal["state"]) == (1, 1, "captured")
    assert deal["marks"] == []
    assert deal["checks"]["value_date"]["spot_date"] == "2026-10-29"
    assert deal["wording"].startswith("You buy 1,000,000.00 EUR from First counterparty")
    assert await written(desk_bank) == {
        "trade": 1,
        "trade_version": 1,
        "position_movement": 2,
        "deal_number": 1,
        "work_item": await counted(desk_bank, "work_item"),
    }
    (item,) = (await (await desk_bank.as_("verifier")).get("/api/work")).json()["items"]
    assert (item["kind"], item["trade"], item["deal_number"]) == ("verify", deal["id"], 1)
    (entry,) = await rows(desk_bank, "SELECT leaf FROM audit_entry WHERE act = 'trade.capture'")
    assert entry.leaf.hex() == deal["receipt"]["leaf"]
    positions = (await (await desk_bank.as_("trader")).get("/api/positions")).json()["items"]
    assert [(one["currency"], one["amount"]) for one in positions] == [
        ("EUR", "1000000.00"),
        ("USD", "-1165000.00"),
    ]


async def test_parties_go_by_their_names_and_by_their_ids(bank_world: World) -> None:
    counterparty, portfolio = await a_counterparty(bank_world), await a_portfolio(bank_world)
    by_id = await captured(bank_world, counterparty=counterparty.upper(), portfolio=portfolio)
    by_name = await captured(bank_world)

    assert (by_id["deal_number"], by_name["deal_number"]) == (1, 2)


async def test_one_key_enters_one_deal_however_often_it_is_sent(desk_bank: World) -> None:
    trader = await desk_bank.as_("trader")
    answers = await asyncio.gather(*(trader.post("/api/trades", TERMS, key="once") for _ in range(64)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert (await counted(desk_bank, "trade"), await counted(desk_bank, "deal_number")) == (1, 1)
    assert (await captured(desk_bank))["deal_number"] == 2

    other = await trader.post("/api/trades", TERMS | {"rate": "1.0851"}, key="once")
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")


async def test_numbers_have_no_gaps_after_refusals_and_faults(desk_bank: World) -> None:
    await a_portfolio(desk_bank, "FX-GBP")
    assert (await captured(desk_bank))["deal_number"] == 1
    assert (await capture(desk_bank, value_date="2026-10-26")).status_code == 422
    await by_force(desk_bank, "ALTER FUNCTION public.key_store(jsonb) RENAME TO key_store_gone")
    assert (await capture(desk_bank)).status_code == 500
    await by_force(desk_bank, "ALTER FUNCTION public.key_store_gone(jsonb) RENAME TO key_store")
    many = await asyncio.gather(*(captured(desk_bank) for _ in range(8)))

    assert sorted(deal["deal_number"] for deal in many) == list(range(2, 10))
    assert (await captured(desk_bank, portfolio="FX-GBP"))["deal_number"] == 1


async def test_TRD_13_no_deal_without_the_back_office_s_item(desk_bank: World) -> None:
    before = await written(desk_bank)
    await by_force(desk_bank, "ALTER FUNCTION public.work_open(jsonb) RENAME TO work_open_gone")
    assert (await capture(desk_bank)).status_code == 500
    assert await written(desk_bank) == before
    assert await rows(desk_bank, "SELECT id FROM audit_entry WHERE act = 'trade.capture'") == []

    await by_force(desk_bank, "ALTER FUNCTION public.work_open_gone(jsonb) RENAME TO work_open")
    assert (await captured(desk_bank))["deal_number"] == 1


async def test_TRD_14_nobody_enters_a_deal_under_another_name_or_for_another_desk(desk_bank: World) -> None:
    await a_portfolio(desk_bank, "FX-USD", "Second FX desk")
    for told in ({"trader": "other-trader"}, {"captured_by": str(uuid4())}, {"trader_id": "x"}):
        answer = await capture(desk_bank, **told)
        assert (answer.status_code, answer.json()["field"]) == (400, next(iter(told)))
    foreign = await capture(desk_bank, portfolio="FX-USD")
    assert (foreign.status_code, foreign.json()["rule"], foreign.json()["field"]) == (
        403,
        "ORG-01",
        "portfolio",
    )
    assert await counted(desk_bank, "trade") == 0

    deal = await captured(desk_bank)
    shown = (await (await desk_bank.as_("trader")).get(f"/api/trades/{deal['id']}")).json()
    assert shown["captured_by"] == "trader"


async def test_TRD_15_number_and_times_cannot_be_changed_even_by_the_office_s_own_login(
    desk_bank: World,
) -> None:
    for told in ("deal_number", "number", "captured_at", "office", "id"):
        answer = await capture(desk_bank, **{told: "1"})
        assert (answer.status_code, answer.json()["field"]) == (400, told)
    await captured(desk_bank)
    for column, value in (
        ("number", "7"),
        ("captured_at", "now()"),
        ("captured_by", "id"),
        ("marks", "'[0]'"),
    ):
        change = f"UPDATE public.trade SET {column} = {value}, rev = rev + 1"
        with pytest.raises(DBAPIError, match="permission denied"):
            async with desk_bank.bank.offices[Office.FRONT_OFFICE].begin() as connection:
                await connection.execute(text(change))
        with pytest.raises(DBAPIError, match="neither changed nor deleted"):
            await rows(desk_bank, f"WITH changed AS ({change} RETURNING 1) SELECT * FROM changed")
    for statement in ("DELETE FROM public.trade", "DELETE FROM public.deal_number"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with desk_bank.bank.offices[Office.FRONT_OFFICE].begin() as connection:
                await connection.execute(text(statement))


async def test_TRD_16_a_deal_after_the_cut_off_is_marked_late(desk_bank: World) -> None:
    await move_clock(desk_bank, "18:00")
    in_time = await captured(desk_bank, executed_at="2026-10-27T16:59:00Z")
    await move_clock(desk_bank, "18:01")
    late = await captured(desk_bank, executed_at="2026-10-27T17:00:30Z")
    backdated = await captured(desk_bank, executed_at="2026-10-27T16:40:00Z")

    assert (in_time["marks"], late["marks"]) == ([], ["late"])
    assert backdated["marks"] == ["executed_late", "late"]
    items = (await (await desk_bank.as_("verifier")).get("/api/work")).json()["items"]
    assert [item["reason"] for item in items] == [None, "late", "executed_late, late"]


async def test_one_refused_deal_of_a_batch_leaves_its_neighbours(desk_bank: World) -> None:
    trader = await desk_bank.as_("trader")
    batch = [TERMS, TERMS | {"quote": "XQQ"}, TERMS | {"rate": 1.1}, TERMS | {"portfolio": "FX-X"}, TERMS]
    answer = await trader.post("/api/trades/batch", batch, key="day-one")
    first, unknown, malformed, nowhere, last = answer.json()

    assert answer.status_code == 200
    assert [one["status"] for one in answer.json()] == [201, 422, 400, 422, 201]
    assert (first["deal_number"], last["deal_number"]) == (1, 2)
    assert (unknown["code"], malformed["field"], nowhere["field"]) == (
        "unknown_currency",
        "rate",
        "portfolio",
    )
    assert first["receipt"]["batch"]["root"] == last["receipt"]["batch"]["root"]
    assert first["receipt"]["leaf"] != last["receipt"]["leaf"]
    assert (await counted(desk_bank, "trade"), len(await refusals(desk_bank))) == (2, 3)

    again = (await trader.post("/api/trades/batch", batch, key="day-one")).json()
    assert [again[0], again[1], again[4]] == [first, unknown, last]
    assert await counted(desk_bank, "trade") == 2
    empty = await trader.post("/api/trades/batch", [])
    too_many = await trader.post("/api/trades/batch", [TERMS] * 129)
    assert (empty.status_code, too_many.status_code) == (400, 400)


async def test_the_number_of_statements_does_not_grow_with_the_batch(desk_bank: World) -> None:
    trader = await desk_bank.as_("trader")
    counts = []
    for size in (2, 60):
        with statements() as sent:
            answer = await trader.post("/api/trades/batch", [TERMS] * size)
        assert {one["status"] for one in answer.json()} == {201}
        counts.append(
            len([one for one in sent if "everybody" not in one])
        )  # who is there is kept for a second
    assert 10 < counts[0] == counts[1]


async def test_a_returned_deal_is_corrected_by_its_own_trader_as_a_new_version(desk_bank: World) -> None:
    deal = await captured(desk_bank, base_amount="10000000.00")
    path, right = f"/api/trades/{deal['id']}/resubmission", TERMS | {"version": 1}
    early = await act(desk_bank, "trader", path, **right)
    assert (early.status_code, early.json()["code"]) == (409, "not_returned")
    await returned(desk_bank, deal)
    trader = await desk_bank.as_("trader")
    (item,) = (await trader.get("/api/work")).json()["items"]
    assert (item["kind"], item["reason"]) == ("correct", "the rate is not on the ticket")

    colleague = await act(desk_bank, "other-trader", path, **right)
    assert (colleague.status_code, colleague.json()["code"], colleague.json()["rule"]) == (
        403,
        "not_your_deal",
        "TRD-14",
    )
    stale = await act(desk_bank, "trader", path, **right | {"version": 2})
    assert (stale.status_code, stale.json()["code"], stale.json()["field"]) == (
        409,
        "stale_version",
        "version",
    )
    wrong = await act(desk_bank, "trader", path, **right | {"value_date": "2026-10-26"})
    assert wrong.status_code == 422

    corrected = await act(desk_bank, "trader", path, **right)
    assert corrected.status_code == 200
    assert (corrected.json()["version"], corrected.json()["state"]) == (2, "captured")
    assert corrected.json()["deal_number"] == deal["deal_number"]
    shown = (await trader.get(f"/api/trades/{deal['id']}")).json()
    assert [one["version"] for one in shown["versions"]] == [1, 2]
    assert shown["versions"][1]["changes"] == {"base_amount": {"old": "10000000.00", "new": "1000000.00"}}
    assert shown["control"]["state"] == "due"
    positions = (await trader.get("/api/positions")).json()["items"]
    assert [one["amount"] for one in positions] == ["1000000.00", "-1165000.00"]
    assert (await trader.get("/api/work")).json()["items"] == []
    assert (await verified(desk_bank, {"id": deal["id"], "version": 2}))["version"] == 2
    (stored,) = await rows(desk_bank, "SELECT rev, version, number FROM trade")
    assert tuple(stored) == (2, 2, 1)


async def test_a_correction_stays_in_its_book(desk_bank: World) -> None:
    await a_portfolio(desk_bank, "FX-GBP")
    deal = await captured(desk_bank)
    await returned(desk_bank, deal)
    moved = TERMS | {"version": 1, "portfolio": "FX-GBP"}
    answer = await act(desk_bank, "trader", f"/api/trades/{deal['id']}/resubmission", **moved)
    assert (answer.status_code, answer.json()["field"]) == (422, "portfolio")


async def test_trading_asks_for_one_cancellation_at_a_time(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    path = f"/api/trades/{deal['id']}/cancellations"
    stale = await act(desk_bank, "trader", path, version=2, reason="entered twice")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    silent = await act(desk_bank, "trader", path, version=1)
    assert (silent.status_code, silent.json()["field"]) == (400, "reason")

    both = await asyncio.gather(
        *(act(desk_bank, who, path, version=1, reason="entered twice") for who in ("trader", "other-trader"))
    )
    assert sorted(answer.status_code for answer in both) == [201, 409]
    assert {answer.json().get("code") for answer in both} == {None, "request_open"}
    shown = (await (await desk_bank.as_("trader")).get(f"/api/trades/{deal['id']}")).json()
    assert [one["state"] for one in shown["requests"]] == ["open"]


async def test_what_waits_for_a_decision_is_not_corrected_meanwhile(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    await returned(desk_bank, deal)
    await asked_to_cancel(desk_bank, deal)
    corrected = TERMS | {"version": 1}
    answer = await act(desk_bank, "trader", f"/api/trades/{deal['id']}/resubmission", **corrected)
    assert (answer.status_code, answer.json()["code"]) == (409, "request_open")


async def test_a_desk_sees_its_own_deals_only(desk_bank: World) -> None:
    await a_portfolio(desk_bank, "FX-USD", "Second FX desk")
    own = await captured(desk_bank)
    other = await captured(desk_bank, "second-desk-trader", portfolio="FX-USD")
    trader, head = await desk_bank.as_("trader"), await desk_bank.as_("head-of-trading")

    for caller in (trader, head):
        seen = (await caller.get("/api/trades")).json()["items"]
        assert [deal["id"] for deal in seen] == [own["id"]]
        for path in (f"/api/trades/{other['id']}", f"/api/trades/{other['id']}/timeline"):
            answer = await caller.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        unknown = await caller.get(f"/api/trades/{uuid4()}")
        assert unknown.json()["detail"] == (await caller.get(f"/api/trades/{other['id']}")).json()["detail"]
        books = {one["portfolio"]["name"] for one in (await caller.get("/api/positions")).json()["items"]}
        assert books == {"FX-EUR"}
        entered = (await caller.get("/api/transactions")).json()["items"]
        assert [one["id"] for one in entered] == [own["id"]]
    asked = await act(
        desk_bank, "trader", f"/api/trades/{other['id']}/cancellations", version=1, reason="mine"
    )
    assert asked.status_code == 404
    for who in ("verifier", "risk-controller", "auditor", "board-back"):
        everything = (await (await desk_bank.as_(who)).get("/api/trades")).json()["items"]
        assert {deal["id"] for deal in everything} == {own["id"], other["id"]}


async def test_lists_are_filtered_and_paged_by_a_stable_cursor(desk_bank: World) -> None:
    await a_counterparty(desk_bank, OTHER_LEI, "Second counterparty")
    trader = await desk_bank.as_("trader")
    deals = [await captured(desk_bank, base_amount=f"{number}000.00") for number in range(1, 6)]
    other = await captured(desk_bank, counterparty=OTHER_LEI, value_date="2026-10-28")
    await returned(desk_bank, deals[0])

    first = (await trader.get("/api/trades", limit=2)).json()
    await captured(desk_bank)
    second = (await trader.get("/api/trades", limit=2, cursor=first["next"])).json()
    assert [deal["id"] for deal in first["items"] + second["items"]] == [
        other["id"],
        *(deal["id"] for deal in deals[:2:-1][:1]),
        *(deal["id"] for deal in deals[3:1:-1]),
    ]
    for query, expected in (
        ({"state": "returned"}, [deals[0]["id"]]),
        ({"counterparty": OTHER_LEI}, [other["id"]]),
        ({"value_date": "2026-10-28"}, [other["id"]]),
        ({"portfolio": "FX-EUR", "trade_date": "2026-10-26"}, []),
    ):
        found = (await trader.get("/api/trades", **query)).json()["items"]
        assert [deal["id"] for deal in found] == expected, query
    entered = (await trader.get("/api/transactions", limit=3)).json()
    rest = (await trader.get("/api/transactions", limit=200, cursor=entered["next"])).json()
    assert len(entered["items"]) + len(rest["items"]) == 7
    for query in (
        {"cursor": "nonsense"},
        {"limit": 0},
        {"limit": 201},
        {"state": "lost"},
        {"portfolio": "\x00"},
    ):
        answer = await trader.get("/api/trades", **query)
        assert (answer.status_code, answer.json()["field"]) == (400, next(iter(query))), query


async def test_the_timeline_shows_every_office_s_act_with_its_place_in_the_log(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    await verified(desk_bank, deal)
    path = f"/api/trades/{deal['id']}/timeline"
    trader = await desk_bank.as_("trader")
    before = (await trader.get(path)).json()
    await desk_bank.bank.keeper.step()
    after = (await trader.get(path)).json()

    assert [(act["act"], act["account"]) for act in after] == [
        ("trade.capture", "trader"),
        ("trade.verify", "verifier"),
    ]
    assert [act["index"] for act in before] == [None, None]
    assert after[0]["index"] < after[1]["index"]
    assert after[0]["leaf"] == deal["receipt"]["leaf"]
    assert after[0]["proof"] == f"/audit/v1/proof/{deal['receipt']['leaf']}"


async def test_the_state_of_a_deal_in_lists_is_the_derived_one(desk_bank: World) -> None:
    deal = await captured(desk_bank)
    trader = await desk_bank.as_("trader")
    insert = "INSERT INTO trade_control (id, rev, version, state) VALUES ('{id}', 1, 1, 'due')"
    await by_force(desk_bank, insert.format(id=deal["id"]))
    for state in ("due", "returned", "verified", "settling", "cancelled"):
        for version in (1, 2):
            await by_force(desk_bank, f"UPDATE trade_control SET state = '{state}', version = {version}")
            shown = (await trader.get(f"/api/trades/{deal['id']}")).json()
            expected = derived(1, state, version)
            assert shown["state"] == expected, (state, version)
            listed = (await trader.get("/api/trades", state=expected.value)).json()["items"]
            assert [one["id"] for one in listed] == [deal["id"]]


async def test_a_stored_version_is_what_the_deal_s_own_row_vouches_for(desk_bank: World) -> None:
    deal = await captured(desk_bank, rate="1.16500000")
    (row,) = await rows(
        desk_bank,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data'->'terms' AS terms, t.terms_digest AS digest "
        "FROM audit_entry, trade t WHERE act = 'trade.capture'",
    )
    assert row.terms["quote_amount"] == "1165000.00"
    assert row.terms["rate"] == "1.16500000"
    await by_force(desk_bank, "UPDATE trade_version SET side = 'sell'")
    async with AsyncSession(desk_bank.bank.offices[Office.BACK_OFFICE]) as session:
        assert terms_digest(await version_of(session, UUID(deal["id"]))) != row.digest
    await by_force(desk_bank, "UPDATE trade_version SET side = 'buy'")
    async with AsyncSession(desk_bank.bank.offices[Office.BACK_OFFICE]) as session:
        assert terms_digest(await version_of(session, UUID(deal["id"]))) == row.digest


async def test_trading_sees_every_office_s_state_beside_its_deal_and_no_journal(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    await verified(ready_bank, deal)
    await drain(ready_bank)
    trader = await ready_bank.as_("trader")
    shown = (await trader.get(f"/api/trades/{deal['id']}")).json()
    assert (shown["state"], shown["control"]["state"]) == ("verified", "verified")
    assert shown["confirmation"]["state"] == "due"
    assert [journal["state"] for journal in shown["journals"]] == ["posted"]

    request = await asked_to_cancel(ready_bank, deal)
    await act(ready_bank, "verifier", f"/api/requests/{request['id']}/approval", version=1)
    await drain(ready_bank)
    (shown,) = (await trader.get("/api/trades")).json()["items"]
    assert (shown["state"], shown["control"]["state"]) == ("cancelled", "cancelled")
    assert shown["confirmation"]["state"] == "withdrawn"
    first, second = shown["journals"]
    assert (first["state"], second["state"], second["reverses"]) == ("reversed", "posted", first["id"])
    assert (await trader.get("/api/journals")).status_code == 403
    with pytest.raises(DBAPIError, match="permission denied"):
        async with ready_bank.bank.offices[Office.FRONT_OFFICE].begin() as connection:
            await connection.execute(text("SELECT id FROM public.journal"))
