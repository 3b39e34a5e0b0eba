"""Saying what we dealt, hearing what the counterparty says, and laying both side by side."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from policies.vocabulary import Office
from service.confirmations.use_cases import (
    DispatchConfirmation,
    DraftConfirmation,
    MatchConfirmation,
    RecordCounter,
    WithdrawConfirmation,
    dispatch_confirmation,
    draft_confirmation,
    match_confirmation,
    record_counter,
    withdraw_confirmation,
)
from service.control.holding import NotVerified
from service.kernel.errors import AlreadyExists, KeptApart
from service.settings import DEMO_LEI
from tests.bank import World
from tests.settling import (
    TERMS,
    act_as,
    automatic,
    captured,
    done,
    drain,
    matched,
    post,
    refused,
    sent,
    verified,
)

OURS = {
    "type": "fx_spot",
    "our_lei": DEMO_LEI,
    "their_lei": TERMS["counterparty"],
    "trade_date": "2026-10-27",
    "value_date": "2026-10-29",
    "buy_currency": "EUR",
    "buy_amount": "1000000.00",
    "sell_currency": "USD",
    "sell_amount": "1165000.00",
    "rate": "1.1650",
    "reference": "FX-EUR/1",
}
THEIRS = OURS | {"rate": "1.165", "reference": "CP 4711"}


async def test_a_verified_deal_is_confirmed_from_its_terms_and_matched_field_by_field(
    ready_bank: World,
) -> None:
    deal = await verified(ready_bank)
    assert await deal.items() == {"draft_confirmation", "post_trade"}

    await drain(ready_bank)
    due = await deal.confirmation()
    assert (due["state"], due["version"], due["trade_version"], due["ours"]) == ("due", 1, 1, OURS)
    assert await deal.items() == {"confirm"}

    out = done(await deal.confirm("dispatch"))
    assert (out["state"], out["version"]) == ("sent", 2)
    assert out["sent_at"] is not None
    assert await deal.items() == {"match", "transmit"}
    await drain(ready_bank)
    assert await deal.items() == {"match"}

    answered = done(await deal.confirm("counter", fields=THEIRS))
    assert (answered["state"], answered["counter"]) == ("sent", THEIRS)
    agreed = done(await deal.confirm("match", "other-confirmer"))
    assert (agreed["state"], agreed["breaks"]) == ("matched", [])
    assert agreed["receipt"]
    assert await deal.items() == {"project", "check_documents"}


async def test_every_break_is_named_and_waits_for_the_counterparty_s_next_word(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    wrong = {name: said for name, said in THEIRS.items() if name != "value_date"} | {
        "sell_amount": "1165000.01",
        "broker": "somebody",
    }
    done(await deal.confirm("counter", fields=wrong))

    apart = done(await deal.confirm("match"))
    assert apart["state"] == "mismatched"
    assert {found["field"]: (found["ours"], found["theirs"]) for found in apart["breaks"]} == {
        "value_date": ("2026-10-29", None),
        "sell_amount": ("1165000.00", "1165000.01"),
        "broker": (None, "somebody"),
    }
    assert await deal.items() == {"match"}

    corrected = done(await deal.confirm("counter", fields=THEIRS))
    assert corrected["state"] == "mismatched"
    assert done(await deal.confirm("match"))["state"] == "matched"


async def test_SET_01_trading_neither_sends_nor_answers_nor_sees_a_confirmation(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    done(await deal.confirm("counter", fields=THEIRS))
    path = f"/api/confirmations/{(await deal.confirmation())['id']}"
    for account in ("trader", "head-of-trading"):
        for what, more in (("dispatch", {}), ("counter", {"fields": THEIRS}), ("match", {})):
            answer = await post(ready_bank, account, f"{path}/{what}", {"version": 3, **more})
            assert refused(answer)[:2] == (403, "not_permitted")
            assert answer.json()["decision"]
        caller = await ready_bank.as_(account)
        assert (await caller.get(path)).status_code == 403
        assert (await caller.get("/api/confirmations")).status_code == 403

    shown = (await (await ready_bank.as_("trader")).get(f"/api/trades/{deal.id}")).json()
    assert shown["confirmation"]["state"] == "sent"
    assert "counter" not in shown["confirmation"]
    for column in ("counter", "ours", "breaks"):
        async with ready_bank.bank.offices[Office.FRONT_OFFICE].connect() as connection:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await connection.execute(text(f"SELECT {column} FROM public.confirmation"))


async def test_SET_01_no_person_drafts_or_withdraws_a_confirmation(bank_world: World) -> None:
    for account in ("verifier", "confirmer", "settler", "releaser"):
        acts = (await (await bank_world.as_(account)).get("/api/powers")).json()["acts"]
        assert {"confirmation.draft", "confirmation.withdraw"}.isdisjoint(acts)


async def test_SET_05_silence_of_the_counterparty_is_no_agreement(ready_bank: World) -> None:
    deal = await verified(ready_bank)
    await drain(ready_bank)
    assert refused(await deal.confirm("counter", fields=THEIRS))[:2] == (409, "illegal_transition")
    done(await deal.confirm("dispatch"))

    assert refused(await deal.confirm("match")) == (409, "no_counter", "SET-05")
    assert refused(await deal.confirm("dispatch"))[:2] == (409, "illegal_transition")
    assert (await deal.confirmation())["state"] == "sent"


async def test_D_01_whoever_entered_a_deal_never_confirms_it_from_another_desk(ready_bank: World) -> None:
    deal = await verified(ready_bank, "mover-trading")
    await drain(ready_bank)
    confirmation = UUID((await deal.confirmation())["id"])
    for case, command in (
        (dispatch_confirmation, DispatchConfirmation(confirmation_id=confirmation, version=1)),
        (record_counter, RecordCounter(confirmation_id=confirmation, version=1, fields=THEIRS)),
        (match_confirmation, MatchConfirmation(confirmation_id=confirmation, version=1)),
    ):
        with pytest.raises(KeptApart) as kept:
            await act_as(ready_bank, "mover-control", {"confirmer"}, case, command)
        assert kept.value.rule == "D-01"

    assert done(await deal.confirm("dispatch"))["state"] == "sent"


async def test_an_act_on_a_version_not_seen_changes_nothing(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    now = await deal.confirmation()
    path = f"/api/confirmations/{now['id']}/counter"

    stale = await post(ready_bank, "confirmer", path, {"version": now["version"] - 1, "fields": THEIRS})
    assert refused(stale)[:2] == (409, "stale_version")
    assert await deal.confirmation() == now


@pytest.mark.parametrize(
    "fields",
    [{}, {"Rate": "1.1650"}, {"rate": 1.165}, {"rate": "1.1650\u0000"}, {"rate": "x" * 201}, "1.1650"],
)
async def test_their_side_is_taken_field_by_field_as_text(bank_world: World, fields: object) -> None:
    body = {"version": 2, "fields": fields}
    path = "/api/confirmations/00000000-0000-7000-8000-000000000001/counter"
    assert refused(await post(bank_world, "confirmer", path, body))[:2] == (400, "malformed")


async def test_a_confirmation_nobody_has_is_not_found(bank_world: World) -> None:
    path = "/api/confirmations/00000000-0000-7000-8000-000000000001"
    assert (await (await bank_world.as_("confirmer")).get(path)).status_code == 404
    assert refused(await post(bank_world, "confirmer", f"{path}/dispatch", {"version": 1}))[0] == 404


async def test_a_cancelled_deal_s_confirmation_is_withdrawn_however_far_it_was(ready_bank: World) -> None:
    for stage in (verified, sent, matched):
        deal = await stage(ready_bank)
        await deal.cancel()
        if stage is sent:
            assert refused(await deal.confirm("counter", fields=THEIRS))[:2] == (409, "not_verified")

        await drain(ready_bank)
        assert (await deal.confirmation())["state"] == "withdrawn"
        assert await deal.items() == set()
        assert refused(await deal.confirm("dispatch"))[:2] == (409, "not_verified")


async def test_only_a_verified_deal_is_confirmed_once_and_only_a_cancelled_one_withdrawn(
    ready_bank: World,
) -> None:
    deal = await captured(ready_bank)
    draft = DraftConfirmation(trade_id=UUID(deal.id), version=1)
    with pytest.raises(NotVerified):
        await automatic(ready_bank, Office.BACK_OFFICE, draft_confirmation, draft)

    done(await deal.do("verifier", "verification"))
    await drain(ready_bank)
    with pytest.raises(AlreadyExists):
        await automatic(ready_bank, Office.BACK_OFFICE, draft_confirmation, draft)
    withdraw = WithdrawConfirmation(trade_id=UUID(deal.id), version=1)
    with pytest.raises(Exception, match="stands"):
        await automatic(ready_bank, Office.BACK_OFFICE, withdraw_confirmation, withdraw)


async def test_a_deal_cancelled_before_anybody_verified_it_is_never_confirmed(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    await deal.cancel()

    with pytest.raises(NotVerified):
        await automatic(
            ready_bank,
            Office.BACK_OFFICE,
            draft_confirmation,
            DraftConfirmation(trade_id=UUID(deal.id), version=1),
        )


async def test_confirmations_are_listed_page_by_page_and_by_state(ready_bank: World) -> None:
    deals = [await sent(ready_bank) for _ in range(3)]
    caller = await ready_bank.as_("compliance")

    first = (await caller.get("/api/confirmations", state="sent", limit=2)).json()
    rest = (await caller.get("/api/confirmations", state="sent", limit=2, cursor=first["next"])).json()
    assert [one["trade"] for one in first["items"] + rest["items"]] == [deal.id for deal in deals]
    assert rest["next"] is None
    assert (await caller.get("/api/confirmations", state="due")).json()["items"] == []
    assert (await caller.get("/api/confirmations", state="lost")).status_code == 400
    assert (await caller.get("/api/confirmations", limit=201)).status_code == 400
