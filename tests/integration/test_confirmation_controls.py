"""What must not work around confirmations, tried by every way that exists, and what must not be lost."""

import hashlib
import tracemalloc
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from policies.vocabulary import Action, Office
from service.kernel.money import Money
from service.messages.terms import PartyId
from tests.bank import World
from tests.confirming import alerts, collected, drop, heard, reply, transmissions, uploaded
from tests.conformity import agreed
from tests.deals import by_force, rows
from tests.intruders import intruder_of
from tests.parties import LEI, OTHER_LEI, a_channel, a_counterparty
from tests.settling import (
    TERMS,
    Deal,
    done,
    drain,
    on_business_date,
    post,
    refused,
    sent,
    the_post,
    verified,
)

NUMBER = "+49 69 99901 100"
FINDING = {"finding": "called the control desk: it never sent this"}


async def state(deal: Deal) -> str:
    return str((await deal.confirmation())["state"])


async def test_SET_01_trading_sends_takes_in_and_suppresses_nothing_by_any_way(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    (message,) = await transmissions(deal)
    file = reply(heard(ready_bank))

    assert refused(await uploaded(ready_bank, "trader", file))[:2] == (403, "not_permitted")
    retry = f"/api/transmissions/{message['id']}/retry"
    assert refused(await post(ready_bank, "trader", retry, {"version": 3}))[:2] == (403, "not_permitted")
    acts = [
        {"action": "confirmation.collect", "command": {"sender": LEI, "name": "a", "content": "YWJj"}},
        {
            "action": "transmission.complete",
            "command": {"transmission_id": message["id"], "version": 3, "proof": {}},
        },
        {
            "action": "confirmation.deem",
            "command": {"confirmation_id": message["confirmation_id"], "version": 2},
        },
    ]
    for account in ("trader", "head-of-trading"):
        for outcome in (await (await ready_bank.as_(account)).post("/api/acts", acts)).json():
            assert outcome["status"] == 403
    for table in ("transmission", "inbound_message", "substitute_verification", "confirmation_channel"):
        async with ready_bank.bank.offices[Office.FRONT_OFFICE].connect() as connection:
            for statement in (f"UPDATE public.{table} SET rev = rev + 1", f"DELETE FROM public.{table}"):
                with pytest.raises(ProgrammingError, match="permission denied"):
                    await connection.execute(text(statement))
                await connection.rollback()
    assert await state(deal) == "sent"


async def test_SET_03_a_confirmation_that_does_not_say_everything_stays_here(ready_bank: World) -> None:
    deal = await verified(ready_bank)
    await drain(ready_bank)
    await by_force(ready_bank, "UPDATE public.confirmation SET ours = ours - 'sell_amount'")

    answer = await deal.confirm("dispatch")
    assert refused(answer) == (409, "incomplete", "SET-03")
    assert await state(deal) == "due"


async def test_SET_05_nothing_goes_out_before_master_data_says_where(ready_bank: World) -> None:
    await by_force(ready_bank, "DELETE FROM public.confirmation_channel")
    deal = await verified(ready_bank)
    await drain(ready_bank)
    assert refused(await deal.confirm("dispatch")) == (409, "no_channel", "SET-05")

    body = {"counterparty": LEI, "address": "FRIEND", "senders": ["FRIEND"]}
    for account in ("trader", "head-of-trading", "confirmer"):
        answer = await post(ready_bank, account, "/api/channels", body)
        assert answer.status_code in (400, 403), answer.text
    await a_channel(ready_bank)
    done(await deal.confirm("dispatch"))


async def test_SET_05_what_comes_through_trading_closes_nothing_and_raises_an_alert(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    path = f"/api/trades/{deal.id}/forwarded-confirmations"
    said = {"sender": "desk@counterparty.example", "said": "We confirm the deal as agreed."}
    assert done(await post(ready_bank, "trader", path, said))["state"] == "indirect"
    through = done(await uploaded(ready_bank, "confirmer", reply(heard(ready_bank)), through_trading=True))
    assert through["state"] == "indirect"

    assert await state(deal) == "sent"
    assert await deal.items() == {"match", "examine_alert", "review_alert"}
    for account in ("confirmer", "compliance"):
        raised = await alerts(ready_bank, account)
        assert {alert["reason"] for alert in raised} == {"indirect"}
        assert len(raised) == 2
        review = f"/api/alerts/{raised[0]['id']}/review"
        assert refused(await post(ready_bank, "trader", review, FINDING))[:2] == (403, "not_permitted")
        done(await post(ready_bank, account, review, FINDING))
    assert await state(deal) == "sent"


async def test_MAR_01_trading_learns_of_no_alert_about_it_and_of_nothing_done_about_one(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    said = {"sender": "desk@counterparty.example", "said": "We confirm the deal as agreed."}
    done(await post(ready_bank, "other-trader", f"/api/trades/{deal.id}/forwarded-confirmations", said))
    raised = await alerts(ready_bank, "compliance")
    for look in (1, 2):
        for account in ("trader", "head-of-trading"):
            caller = await ready_bank.as_(account)
            timeline = (await caller.get(f"/api/trades/{deal.id}/timeline")).json()
            acts = {one["act"] for one in timeline}
            assert {"trade.capture", "trade.verify", "confirmation.dispatch"} <= acts, look
            assert not acts & {"alert.review", "work.take"}, look
            assert "compliance" not in {one["office"] for one in timeline}, look
            asked = {"kind": "trade", "id": deal.id}
            now = (await caller.get("/api/explain", action="trade.amend", **asked)).json()["now"]
            assert not {one["item"] for one in now["first"]} & {"examine_alert", "review_alert"}, look
            open_alert = (await caller.get("/api/explain", action="alert.review", **asked)).json()["now"]
            assert open_alert["possible"] is False, look
        front = await intruder_of(ready_bank, Office.FRONT_OFFICE)
        seen = await front.run("SELECT kind FROM public.work_item")
        assert {row.kind for row in seen} & {"match", "verify"}
        assert not {row.kind for row in seen} & {"examine_alert", "review_alert", "examine_alleged"}
        timeline = await front.run("SELECT act FROM public.trade_timeline(:trade)", trade=deal.id)
        assert "alert.review" not in {row.act for row in timeline}
        review = f"/api/alerts/{raised[0]['id']}/review"
        done(await post(ready_bank, "compliance", review, FINDING)) if look == 1 else None
    whole = (await (await ready_bank.as_("auditor")).get(f"/api/trades/{deal.id}/timeline")).json()
    assert "alert.review" in {one["act"] for one in whole}


async def test_A_09_a_stranger_or_another_counterparty_confirms_nothing(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    ours = heard(ready_bank)
    drop(ready_bank, reply(ours), sender="STRANGER")
    forged = replace(ours, counterparty=PartyId(bic="DEUTDEFF", name="Another bank"))
    drop(ready_bank, reply(forged, "FORGED"), "forged.txt")

    came = {one["finding"]: one for one in await collected(ready_bank)}
    assert set(came) == {"unknown_sender", "other_counterparty"}
    assert all(one["state"] == "waiting" and one["document_id"] for one in came.values())
    assert await state(deal) == "sent"
    assert {one["reason"] for one in await alerts(ready_bank, "compliance")} == set(came)


BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;&b;&b;&b;&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
HOSTILE = "a\\..\\..\\evil\u202e<img src=x>;rm.txt"
LARGE = 100 * 1_048_576


async def test_what_is_broken_or_comes_twice_waits_for_a_person_with_field_and_reason_and_is_kept(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    ours = heard(ready_bank)
    good = reply(ours)
    broken = {
        "zero.txt": (good.replace(b":36:1,165", b":36:0,"), "36", "zero"),
        "currency.txt": (good.replace(b":32B:USD", b":32B:"), "32B", "currency"),
        "bomb.xml": (BOMB, "line 1", "document type"),
        "outside.xml": (OUTSIDE, "line 1", "document type"),
        "coded.xml": ("<x>ä</x>".encode("utf-16"), "line 1", "UTF-8"),
        HOSTILE: (b"\xff\xfe\x00", "message", "no known format"),
        "empty.txt": (b"", "file", "is empty; 0 bytes"),
    }
    for name, (content, _, _) in broken.items():
        drop(ready_bank, content, name)
    with drop(ready_bank, b"", "large.txt").open("r+b") as large:
        large.truncate(LARGE)
    tracemalloc.start()
    came = {one["name"]: one for one in await collected(ready_bank)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LARGE / 2
    for name, (content, field, reason) in broken.items():
        told = came[name] if name in came else came["u202e<img src=x>;rm.txt"]  # made harmless
        assert (told["state"], told["field"]) == ("waiting", field), told
        assert reason in told["reason"], told
        if content:
            assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert came["large.txt"]["finding"] == "not_taken_in"
    zeros = hashlib.sha256(bytes(LARGE)).hexdigest()
    assert f"104,857,600 bytes, SHA-256 {zeros}" in came["large.txt"]["reason"]
    held = ready_bank.bank.settings.inbox_directory / LEI / "held"
    assert {file.name for file in held.iterdir()} == {"large.txt", "empty.txt"}
    assert all(one["document_id"] for one in came.values())

    drop(ready_bank, good)
    await collected(ready_bank)
    assert await state(deal) == "matched"
    drop(ready_bank, good + b"\r\n", "again.txt")
    drop(ready_bank, good)  # the same file again is the same message
    again = {one["name"]: one for one in await collected(ready_bank)}
    assert (again["again.txt"]["finding"], again["again.txt"]["field"]) == (
        "duplicate_reference",
        "their_reference",
    )
    assert len(again) == len(broken) + 3
    work = (await (await ready_bank.as_("confirmer")).get("/api/work", kind="examine_message")).json()
    assert {one["subject"]["id"] for one in work["items"]} == {
        one["id"] for one in again.values() if one["state"] == "waiting"
    }


async def test_a_break_waits_for_their_next_word_and_every_field_is_named(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    ours = heard(ready_bank)
    assert ours.sold is not None
    less = Money(ours.sold.amount - Decimal("0.01"), ours.sold.currency)
    drop(ready_bank, reply(ours, "CP1", bought=less), "wrong.txt")
    await collected(ready_bank)

    apart = await deal.confirmation()
    assert apart["state"] == "mismatched"
    assert [one["field"] for one in apart["breaks"]] == ["sell_amount"]
    assert await deal.items() == {"match"}

    drop(ready_bank, reply(ours, "CP2"), "right.txt")
    await collected(ready_bank)
    agreed_now = await deal.confirmation()
    assert (agreed_now["state"], agreed_now["agreed_by"]["way"]) == ("matched", "message")
    assert agreed_now["agreed_by"]["tolerance"] == 0


async def test_an_alleged_deal_goes_to_the_back_office_and_compliance_and_then_to_trading(
    ready_bank: World,
) -> None:
    await sent(ready_bank)
    ours = heard(ready_bank)
    assert ours.bought is not None
    other = replace(ours, our_reference="X", bought=Money(Decimal("2000000.00"), "EUR"))
    drop(ready_bank, reply(replace(other, their_reference=None), "CP9").replace(b":21:X", b":21:NEW"))
    (message,) = await collected(ready_bank)
    assert message["state"] == "alleged"
    trader = await ready_bank.as_("trader")
    assert (await trader.get("/api/alleged-deals")).json()["items"] == []
    assert {one["reason"] for one in await alerts(ready_bank, "compliance")} == {"alleged"}

    share = f"/api/inbound/{message['id']}/share"
    reason = {"version": message["version"], "reason": "no deal of ours fits"}
    assert refused(await post(ready_bank, "trader", share, reason))[:2] == (403, "not_permitted")
    shared = done(await post(ready_bank, "verifier", share, reason))
    (alleged,) = (await trader.get("/api/alleged-deals")).json()["items"]
    assert alleged["id"] == shared["alleged"]
    claim = {"known": False, "said": "the desk does not know this deal"}
    done(await post(ready_bank, "trader", f"/api/alleged-deals/{alleged['id']}/answer", claim))

    aside = {"version": shared["version"], "reason": "the counterparty withdrew it"}
    path = f"/api/inbound/{message['id']}/dismissal"
    assert refused(await post(ready_bank, "verifier", path, aside)) == (403, "kept_apart", "D-08")
    assert done(await post(ready_bank, "other-verifier", path, aside))["state"] == "dismissed"


async def test_SET_06_a_silent_counterparty_is_chased_on_the_first_third_and_fifth_day(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    mail = the_post(ready_bank)
    for day, steps in ((None, []), ("2026-10-28", [1]), ("2026-10-30", [1, 3]), ("2026-11-03", [1, 3, 5])):
        if day is not None:
            await on_business_date(ready_bank, day)
        await mail.remind()
        await mail.remind()  # once a day is enough
        await mail.send()
        chasers = [one for one in await transmissions(deal) if one["purpose"] == "chaser"]
        assert [one["step"] for one in chasers] == steps
        assert all(one["state"] == "delivered" and one["proof"] for one in chasers)
    assert [one["reason"] for one in await alerts(ready_bank, "confirmer")] == ["unconfirmed_3_days"]
    assert [one["reason"] for one in await alerts(ready_bank, "compliance")] == ["unconfirmed_5_days"]
    caller = await ready_bank.as_("confirmer")
    late = (await caller.get("/api/confirmations/unconfirmed", over_days=True)).json()
    assert late["items"] == []
    await on_business_date(ready_bank, "2026-11-04")
    (open_one,) = (await caller.get("/api/confirmations/unconfirmed", over_days=True)).json()["items"]
    assert (open_one["trade"], open_one["age_days"], open_one["late"]) == (deal.id, 6, True)
    assert not [act for act in Action if act.value in ("confirmation.waive", "confirmation.skip")]


async def test_SET_07_verification_in_another_way_takes_the_right_number_and_two_people(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    said = {"way": "call_back", "contact": NUMBER, "said": "their control desk repeated every term"}

    wrong = await deal.confirm("substitutes", **(said | {"contact": "+49 170 1234567"}))
    assert refused(wrong) == (422, "contact_not_from_master_data", "SET-07")
    assert refused(await deal.confirm("substitutes", "trader", **said))[:2] == (403, "not_permitted")
    short = await deal.confirm("substitutes", **(said | {"said": "ok"}))
    assert short.status_code == 400  # SET-02: what is done by hand says why
    proposed = done(await deal.confirm("substitutes", **said))
    path = f"/api/substitutes/{proposed['id']}/approval"
    assert refused(await post(ready_bank, "confirmer", path, {"version": 1}))[:2] == (403, "not_permitted")
    assert await state(deal) == "sent"
    done(await post(ready_bank, "verifier", path, {"version": 1}))
    assert await state(deal) == "substituted"
    assert await deal.items() == {"project"}
    await drain(ready_bank)
    done(await deal.settle("USD", "preparation", "settler"))


async def test_SET_09_silence_counts_by_clause_and_period_and_never_of_a_new_counterparty(
    ready_bank: World,
) -> None:
    (counterparty,) = await rows(ready_bank, "SELECT id FROM public.counterparty WHERE NOT own")
    agreement = await agreed(ready_bank, str(counterparty.id))
    half = await post(ready_bank, "steward", "/api/channels", CHANNEL_BODY | {"deemed_days": 2})
    assert refused(half) == (422, "no_such_clause", "SET-09")
    clause = {"deemed_days": 2, "deemed_clause": "No. 3 para. 2", "agreement": agreement["id"]}
    await a_channel(ready_bank, **clause)
    deal = await sent(ready_bank)
    mail = the_post(ready_bank)

    await on_business_date(ready_bank, "2026-11-02")
    await mail.remind()
    assert await state(deal) == "sent"  # it never confirmed a deal in its own words
    await by_force(
        ready_bank,
        "INSERT INTO public.confirmation (id, rev, trade_id, version, draft, state, ours, traded_on, currencies, confirm_by, "
        "agreed_by) SELECT gen_random_uuid(), 1, trade_id, version, 10 + n, 'matched', ours, traded_on, currencies, "
        "confirm_by, '{}' "
        "FROM public.confirmation, generate_series(1, 3) AS n",
    )
    (waiting,) = await rows(ready_bank, "SELECT id, rev FROM public.confirmation WHERE state = 'sent'")
    await mail.remind()
    (row,) = await rows(
        ready_bank, f"SELECT state, agreed_by FROM public.confirmation WHERE id = '{waiting.id}'"
    )
    assert (row.state, row.agreed_by["clause"]) == ("deemed", "No. 3 para. 2")


CHANNEL_BODY = {
    "counterparty": LEI, "address": LEI, "senders": [LEI], "format": "swift", "medium": "file",
    "language": "en", "party_class": "financial", "call_back": NUMBER,
}  # fmt: skip


async def test_SET_10_A_05_cancellations_that_pile_up_raise_an_alert_trading_cannot_close(
    ready_bank: World,
) -> None:
    gone = []
    for number in range(5):
        deal = await verified(ready_bank)
        gone.append(deal.id)
        await drain(ready_bank)
        await deal.cancel()
        await drain(ready_bank)
        raised = await alerts(ready_bank, "compliance")
        assert len(raised) == (number == 4)
    (alert,) = raised
    assert alert["reason"] == "cancellations_cluster"
    review = f"/api/alerts/{alert['id']}/review"
    for account in ("trader", "head-of-trading"):
        assert refused(await post(ready_bank, account, review, FINDING))[:2] == (403, "not_permitted")
        found = await (await ready_bank.as_(account)).get("/api/confirmations/corrections")
        assert found.status_code == 403
    told = (await (await ready_bank.as_("compliance")).get("/api/confirmations/corrections")).json()
    for per in ("trader", "clerk", "portfolio", "counterparty"):
        (one,) = told["by"][per]
        assert (one["cancellations"], one["before_confirmation"], one["share_percent"]) == (5, 5, "100.0"), (
            per
        )
    (entry,) = await rows(
        ready_bank,
        "SELECT convert_from(bytes, 'UTF8')::jsonb->'data'->'clusters' AS told FROM audit_entry "
        "WHERE act = 'confirmation.withdraw' AND convert_from(bytes, 'UTF8')::jsonb->'data' ? 'clusters'",
    )
    assert entry.told == {"cancellations_cluster": 5, "clerk_cluster": 5}, "the clerk who approved them too"
    done(await post(ready_bank, "compliance", review, FINDING))

    again = done(await post(ready_bank, "trader", "/api/trades", TERMS | {"replaces": gone[0]}))
    await booked_anew(ready_bank, again["id"])
    assert await alerts(ready_bank, "compliance") == []
    again = done(await post(ready_bank, "trader", "/api/trades", TERMS | {"replaces": gone[1]}))
    await booked_anew(ready_bank, again["id"])
    (chain,) = await alerts(ready_bank, "compliance")
    assert (chain["reason"], chain["trade"]) == ("rebooked_twice", gone[1])


async def booked_anew(world: World, trade: str) -> None:
    """Have a deal that replaces a cancelled one verified and confirmed."""
    done(await Deal(world, trade).do("verifier", "verification"))
    await drain(world)


async def test_SET_11_SET_12_A_19_deals_that_net_are_confirmed_one_by_one(ready_bank: World) -> None:
    first = await verified(ready_bank)
    second = await verified(ready_bank, side="sell")
    await drain(ready_bank)
    for deal in (first, second):
        assert await deal.items() == {"confirm"}
        early = await deal.legs()
        assert early == {}
    done(await first.confirm("dispatch"))
    assert await state(second) == "due"
    skipping = {"confirmation.skip", "confirmation.waive", "confirmation.net"}
    assert skipping.isdisjoint(act.value for act in Action)


async def test_SET_17_an_account_their_message_names_changes_no_payment_and_raises_an_alert(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    ours = heard(ready_bank)
    assert ours.their_account is not None
    elsewhere = replace(ours.their_account, account="GB33BUKB20201555555555")
    drop(ready_bank, reply(replace(ours, their_account=elsewhere)))
    await collected(ready_bank)
    assert {one["reason"] for one in await alerts(ready_bank, "confirmer")} == {"payment_route_differs"}
    await drain(ready_bank)
    leg = done(await deal.settle("USD", "preparation", "settler"))
    assert "GB33BUKB20201555555555" not in str(leg)


async def test_a_message_that_cannot_be_delivered_waits_for_a_person_and_goes_under_the_same_name(
    ready_bank: World,
) -> None:
    await a_channel(ready_bank, medium="mail", address="back-office@other.example")
    deal = await verified(ready_bank)
    await drain(ready_bank)
    done(await deal.confirm("dispatch"))
    for _ in range(5):
        await the_post(ready_bank).send()
    (stuck,) = await transmissions(deal)
    assert (stuck["state"], stuck["tries"]) == ("failed", 5)
    assert "no way by mail" in stuck["failure"]
    assert "resend" in await deal.items()

    await a_channel(ready_bank)
    retry = f"/api/transmissions/{stuck['id']}/retry"
    done(await post(ready_bank, "other-confirmer", retry, {"version": stuck["version"]}))
    await the_post(ready_bank).send()
    (again,) = await transmissions(deal)
    assert (again["state"], again["message_key"]) == ("delivered", stuck["message_key"])


async def test_who_dies_after_sending_sends_the_same_file_again_and_finds_it_there(ready_bank: World) -> None:
    deal = await sent(ready_bank)
    (message,) = await transmissions(deal)
    await by_force(
        ready_bank,
        "UPDATE public.transmission SET state = 'under_way', proof = NULL, delivered_at = NULL, delivered_on = NULL",
    )
    await the_post(ready_bank).send()
    (again,) = await transmissions(deal)
    assert (again["state"], again["proof"]["repeated"]) == ("delivered", "yes")
    assert again["proof"]["file"] == message["proof"]["file"]
    assert len(list((ready_bank.bank.settings.outbox_directory / LEI).iterdir())) == 1


async def test_TRD_05_a_draft_without_its_clause_is_made_anew(ready_bank: World) -> None:
    deal = await verified(ready_bank, side_agreements="netted against the deal of last week")
    await drain(ready_bank)
    before = await deal.confirmation()
    assert before["ours"]["side_agreement"] == "netted against the deal of last week"
    again = done(await deal.confirm("redraft", reason="the clause is missing"))
    assert (again["draft"], again["state"]) == (2, "due")
    assert again["id"] != before["id"]
    await a_counterparty(ready_bank, OTHER_LEI)
