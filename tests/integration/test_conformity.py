"""Every deal beside the independent reference: found, justified by risk control, told to the board, said to the customer."""

from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.vocabulary import Office
from tests.bank import World
from tests.checks import (
    DEPOSIT,
    OFF,
    deposit,
    desk,
    forward,
    justify,
    last_check,
    off_market,
    verify,
    waiting,
)
from tests.conformity import DOCUMENT, a_reference_rate, a_tolerance, agreed, justified
from tests.deals import (
    TERMS,
    act,
    by_force,
    capture,
    captured,
    moved_to_control,
    returned,
    rows,
    verified,
)
from tests.intruders import intruder_of
from tests.parties import LEI, a_portfolio
from tests.settling import Deal, drain, refused

INVERTED = "0.8583"  # 1 / 1.1651
CUSTOMER = {"ground": "customer_wish", "reason": "prolonged as the customer asked"}


# The check -----------------------------------------------------------------------------------------


async def test_a_deal_within_the_tolerance_is_checked_and_verified(bank_world: World) -> None:
    await desk(bank_world)
    trade = await captured(bank_world)

    check = await last_check(bank_world, trade)
    assert (check["check"], check["why"], check["deviation_bp"], check["tolerance_bp"]) == (
        "ok",
        "within",
        "-1.7",
        "100",
    )
    assert (check["dealt"], check["reference"], check["reference_day"]) == (
        "1.1650",
        "1.16520000",
        "2026-10-26",
    )
    assert (check["source"], check["justification"]) == ("ECB reference rates", None)
    assert await waiting(bank_world, "risk-controller") == await waiting(bank_world, "board-back") == []
    await verified(bank_world, trade)


async def test_TRD_04_an_unjustified_deal_off_the_market_is_verified_on_no_path(bank_world: World) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)
    assert trade["checks"]["market"]["result"] == "alert"

    by_api = await verify(bank_world, trade)
    assert refused(by_api) == (409, "off_market", "TRD-04")
    assert "169.9 basis points" in by_api.json()["detail"]
    command = {"trade_id": trade["id"], "version": 1}
    by_acts = await (await bank_world.as_("other-verifier")).post(
        "/api/acts", [{"action": "trade.verify", "command": command}]
    )
    assert by_acts.json()[0]["problem"]["rule"] == "TRD-04"
    await moved_to_control(bank_world)
    assert refused(await verify(bank_world, trade, by="mover-control")) == (403, "cooling_off", "D-12")

    assert (await justify(bank_world, trade)).status_code == 201
    assert (await verify(bank_world, trade)).status_code == 200


async def test_TRD_04_a_customers_wish_without_the_customers_document_is_no_ground(bank_world: World) -> None:
    await desk(bank_world)
    await a_tolerance(bank_world, "fx_spot", "25")
    trade = await captured(bank_world, rate="1.1700")  # 41 bp off

    assert refused(await justify(bank_world, trade, **CUSTOMER)) == (422, "no_ground", "TRD-04")
    assert refused(await justify(bank_world, trade, **CUSTOMER, document_sha256="a scan")) == (
        400,
        "malformed",
        None,
    )
    assert refused(await verify(bank_world, trade)) == (409, "off_market", "TRD-04")

    with_it = await justify(bank_world, trade, **CUSTOMER, document_sha256=DOCUMENT)
    assert (with_it.status_code, with_it.json()["ground"], with_it.json()["document_sha256"]) == (
        201,
        "customer_wish",
        DOCUMENT,
    )
    check = await last_check(bank_world, trade, by="verifier")
    assert (check["state"], check["check"], check["deviation_bp"]) == ("justified", "alert", "41.2")
    assert (check["justification"]["ground"], check["justification"]["by"]) == (
        "customer_wish",
        "risk-controller",
    )
    assert (await verify(bank_world, trade)).status_code == 200


async def test_D_09_TRD_04_trading_and_the_back_office_justify_nothing(bank_world: World) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)

    for account in ("trader", "head-of-trading", "verifier", "compliance", "board-back", "credit-officer"):
        assert refused(await justify(bank_world, trade, by=account))[:2] == (403, "not_permitted")
    said_so = await capture(bank_world, rate=OFF, market_conform=True)
    assert refused(said_so)[:2] == (400, "malformed")
    assert (await last_check(bank_world, trade))["state"] == "alert"


async def test_D_01_whoever_dealt_does_not_justify_under_another_account(bank_world: World) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world, by="mover-trading")
    people = "SELECT name, person_id FROM public.account WHERE name IN ('mover-trading', 'head-of-risk')"
    person = {row.name: row.person_id for row in await rows(bank_world, people)}
    await bank_world.as_("head-of-risk")
    await by_force(
        bank_world,
        f"UPDATE public.account SET person_id = '{person['mover-trading']}' WHERE name = 'head-of-risk'",
    )

    assert refused(await justify(bank_world, trade, by="head-of-risk")) == (403, "kept_apart", "D-01")
    assert (await justify(bank_world, trade)).status_code == 201


async def test_a_justification_is_for_what_the_last_check_of_the_version_in_force_found(
    bank_world: World,
) -> None:
    await desk(bank_world)
    fair, off = await captured(bank_world), await off_market(bank_world)

    assert refused(await justify(bank_world, fair))[:2] == (409, "nothing_to_justify")
    assert refused(await justify(bank_world, off | {"version": 2}))[:2] == (409, "stale_version")
    assert refused(await justify(bank_world, off | {"id": uuid4()}))[:2] == (404, "not_found")
    assert refused(await justify(bank_world, off, ground="because"))[:2] == (400, "malformed")
    assert refused(await justify(bank_world, off, ground="no_reference_assessed")) == (
        422,
        "no_ground",
        "TRD-04",
    )
    assert (await justify(bank_world, off)).status_code == 201
    assert refused(await justify(bank_world, off))[:2] == (409, "justified_before")
    assert await waiting(bank_world, "risk-controller") == []


async def test_a_corrected_version_is_checked_anew_and_its_predecessors_ground_does_not_carry_it(
    bank_world: World,
) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)
    assert (await justify(bank_world, trade)).status_code == 201
    await returned(bank_world, trade)
    again = await act(
        bank_world,
        "trader",
        f"/api/trades/{trade['id']}/resubmission",
        **TERMS | {"rate": "1.1900", "version": 1},
    )
    assert again.status_code == 200, again.text

    assert refused(await verify(bank_world, again.json())) == (409, "off_market", "TRD-04")
    every = (await (await bank_world.as_("auditor")).get("/api/checks", trade=trade["id"])).json()["items"]
    assert [(one["version"], one["state"]) for one in every] == [(2, "alert"), (1, "justified")]
    assert (await justify(bank_world, again.json())).status_code == 201
    assert (await verify(bank_world, again.json())).status_code == 200


# Without a reference -------------------------------------------------------------------------------


async def test_SET_20_a_deal_without_a_reference_is_never_within_the_market(bank_world: World) -> None:
    await desk(bank_world)
    await agreed(bank_world, LEI)
    placed = (await deposit(bank_world)).json()
    assert placed["checks"]["market"] == {"result": "no_reference", "why": "unknown", "inverted": False}
    assert refused(await verify(bank_world, placed)) == (409, "off_market", "TRD-04")

    told = await waiting(bank_world, "risk-controller")
    assert (told, await waiting(bank_world, "board-back")) == ([("justify", placed["id"])], [])
    disclosed = await justify(bank_world, placed, ground="disclosed_in_confirmation")
    assert refused(disclosed) == (422, "no_ground", "TRD-04")
    await justified(bank_world, placed["id"])
    assert (await last_check(bank_world, placed))["state"] == "justified"
    assert (await verify(bank_world, placed)).status_code == 200


async def test_SET_20_no_venue_and_no_internal_deal_is_exempt(bank_world: World) -> None:
    await desk(bank_world)
    await a_portfolio(bank_world, "FX-USD", "Second FX desk")
    for venue in ({"venue": "XOTF"}, {"mic": "XEUR"}, {"exempt": True}):
        assert refused(await capture(bank_world, rate=OFF, **venue))[:2] == (400, "malformed")

    terms = {name: value for name, value in TERMS.items() if name != "counterparty"}
    books = {"other_portfolio": "FX-USD", "purpose": "hedge", "rate": OFF}
    offer = await act(bank_world, "trader", "/api/internal-deals", **terms | books)
    assert offer.status_code == 201, offer.text
    assert (await last_check(bank_world, offer.json()))["state"] == "alert"
    assert refused(await verify(bank_world, offer.json()))[2] == "TRD-04"
    assert await waiting(bank_world, "board-back") == [("take_notice", offer.json()["id"])]


async def test_the_points_of_a_forward_have_no_reference_and_its_spot_part_has(bank_world: World) -> None:
    await desk(bank_world)
    await agreed(bank_world, LEI)
    fair, off = await forward(bank_world), await forward(bank_world, spot_rate=OFF, rate="1.1870")

    assert fair["checks"]["market"]["why"] == "points"
    assert (await last_check(bank_world, fair))["deviation_bp"] == "-1.7"
    assert (await last_check(bank_world, off))["deviation_bp"] == "169.9"
    assert refused(await verify(bank_world, fair))[2] == "TRD-04"
    await justified(bank_world, fair["id"])
    assert (await verify(bank_world, fair)).status_code == 200


async def test_a_deposit_is_held_against_the_rate_that_two_people_of_risk_control_set(
    bank_world: World,
) -> None:
    await desk(bank_world)
    await agreed(bank_world, LEI)
    await a_reference_rate(bank_world, "EUR", "2026-10-26", "2.05")

    fair, off = (await deposit(bank_world)).json(), (await deposit(bank_world, "2.40")).json()

    check = await last_check(bank_world, fair)
    assert (check["check"], check["deviation_bp"], check["source"]) == ("ok", "-5.0", "broker fixing page")
    assert (await last_check(bank_world, off))["deviation_bp"] == "35.0"
    assert (await verify(bank_world, fair)).status_code == 200
    assert refused(await verify(bank_world, off))[2] == "TRD-04"


async def test_reporting_a_deal_without_a_reference_tells_the_board(bank_world: World) -> None:
    await desk(bank_world)
    await agreed(bank_world, LEI)
    placed = (await deposit(bank_world)).json()

    assert (await justify(bank_world, placed, ground="reported_to_board")).status_code == 201

    assert await waiting(bank_world, "board-back") == [("take_notice", placed["id"])]


async def test_TRD_01_a_deal_with_open_terms_is_no_deal(bank_world: World) -> None:
    await desk(bank_world)
    await agreed(bank_world, LEI)

    for missing in ("day_count", "side_agreements", "rate_percent", "end_date"):
        assert refused(await deposit(bank_world, leave_out=missing))[:2] == (400, "malformed")
        by_acts = {"type": "mm_deposit", "trade_date": "2026-10-27", "counterparty": LEI, **DEPOSIT}
        answer = await (await bank_world.as_("trader")).post(
            "/api/acts", [{"action": "trade.capture", "command": by_acts}]
        )
        assert answer.json()[0]["status"] == 400
    assert refused(await deposit(bank_world, day_count="by feel"))[0] == 422
    assert refused(await deposit(bank_world, side_agreements=""))[0] == 400
    assert (await deposit(bank_world)).status_code == 201


async def test_an_inverted_quote_is_recognised_and_said(bank_world: World) -> None:
    await desk(bank_world)
    trade = await captured(bank_world, rate=INVERTED)

    assert (trade["checks"]["market"]["why"], trade["checks"]["market"]["inverted"]) == ("inverted", True)
    answer = await verify(bank_world, trade)
    assert refused(answer) == (409, "off_market", "TRD-04")
    assert "upside down" in answer.json()["detail"]
    seen = (await (await bank_world.as_("trader")).get(f"/api/trades/{trade['id']}")).json()
    assert seen["check"] == {"state": "alert", "inverted": True}


# The board -----------------------------------------------------------------------------------------


async def test_SET_21_the_board_is_told_with_the_deal_itself_and_gives_a_receipt(bank_world: World) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)

    told = (await (await bank_world.as_("board-back")).get("/api/notices")).json()["items"]
    assert [(one["trade"], one["why"], one["version"]) for one in told] == [(trade["id"], "outside", 1)]
    same_entry = await rows(
        bank_world,
        "SELECT w.kind FROM work_item w JOIN trade_version v ON v.entry_id = w.entry_id WHERE v.trade_id = :trade",
        trade=trade["id"],
    )
    assert sorted(row.kind for row in same_entry) == ["justify", "take_notice", "verify"]

    path = f"/api/trades/{trade['id']}/notice"
    for account in ("trader", "head-of-trading", "risk-controller", "verifier"):
        assert refused(await act(bank_world, account, path, version=1))[:2] == (403, "not_permitted")
    assert refused(await act(bank_world, "board-back", path, version=3))[:2] == (409, "stale_version")
    taken = await act(bank_world, "board-back", path, version=1, note="to be raised with the head of trading")
    assert taken.status_code == 201, taken.text
    assert refused(await act(bank_world, "board-trading", path, version=1))[:2] == (409, "nothing_to_notice")

    receipts = (await (await bank_world.as_("compliance")).get("/api/notices", state="taken")).json()["items"]
    assert [(one["trade"], one["taken_by"], one["why"]) for one in receipts] == [
        (trade["id"], "board-back", "outside")
    ]
    assert receipts[0]["told_at"] <= receipts[0]["taken_at"]
    assert (await (await bank_world.as_("board-back")).get("/api/notices")).json()["items"] == []


async def test_SET_21_justifying_or_cancelling_does_not_take_the_notice_from_the_board(
    bank_world: World,
) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)
    assert (await justify(bank_world, trade)).status_code == 201
    await Deal(bank_world, trade["id"]).cancel()

    assert await waiting(bank_world, "board-trading") == [("take_notice", trade["id"])]


async def test_SET_21_the_front_offices_login_can_neither_close_nor_suppress_the_notice(
    bank_world: World,
) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)
    intruder = await intruder_of(bank_world, Office.FRONT_OFFICE)

    close = f'[{{"kind": "take_notice", "subject": "{trade["id"]}", "entry": "{intruder.old_entry}"}}]'
    assert await intruder.run("SELECT public.work_close(CAST(:items AS jsonb))", items=close) == [(0,)]
    for statement in (
        "DELETE FROM work_item",
        "UPDATE work_item SET closed_at = now()",
        "DELETE FROM market_check",
    ):
        assert await intruder.outcome_of(statement) == "42501"
    assert await waiting(bank_world, "board-back") == [("take_notice", trade["id"])]
    await by_force(bank_world, "DELETE FROM public.work_item WHERE kind = 'take_notice'")
    untold = "INSERT INTO public.market_check SELECT gen_random_uuid(), trade_id, version + 1, seq, state, why, dealt, "
    untold += "reference, reference_day, source, deviation_bp, tolerance_bp, inverted, checked_at, entry_id "
    with pytest.raises(DBAPIError, match="nobody was told"):
        await as_owner(bank_world, untold + "FROM public.market_check")


async def as_owner(world: World, statement: str) -> None:
    """Run a statement past all rights, but not past the guards that speak at commit."""
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(
                "ALTER TABLE market_check DISABLE TRIGGER market_check_came_with_entry"
            )
            await connection.exec_driver_sql(statement)
    finally:
        await engine.dispose()


# What is said to the customer ----------------------------------------------------------------------


async def test_TRD_05_the_confirmation_of_a_deal_off_the_market_says_so_or_does_not_go_out(
    bank_world: World,
) -> None:
    await desk(bank_world)
    trade = await off_market(bank_world)
    assert (await justify(bank_world, trade, ground="disclosed_in_confirmation")).status_code == 201
    await verified(bank_world, trade)
    await drain(bank_world)
    deal = Deal(bank_world, trade["id"])
    said = (await deal.confirmation())["ours"]
    assert "off-market" in " ".join(map(str, said.values()))

    await by_force(bank_world, "UPDATE public.confirmation SET ours = ours - 'off_market_clause'")
    assert refused(await deal.confirm("dispatch")) == (409, "no_clause", "TRD-05")
    await by_force(
        bank_world,
        "UPDATE public.confirmation SET ours = jsonb_set(ours, '{off_market_clause}', '\"at market\"')",
    )
    assert refused(await deal.confirm("dispatch")) == (409, "no_clause", "TRD-05")
    words = "agreed at off-market terms"
    await by_force(
        bank_world,
        f"UPDATE public.confirmation SET ours = jsonb_set(ours, '{{off_market_clause}}', '\"{words}\"')",
    )
    assert (await deal.confirm("dispatch")).status_code == 200
