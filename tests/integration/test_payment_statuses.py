"""What our bank says of payments: it settles, fails or returns what it names, and everything else waits for a person."""

import base64
from typing import Any

from policies.vocabulary import Office
from tests.bank import World
from tests.intruders import intruder_of
from tests.parties import a_settlement_rule
from tests.paying import heard, let_go, movement, notice, our_account, payments, report
from tests.settling import VALUE_DATE, Deal, done, drain, on_business_date, post, refused, set_up, the_post

WHOLE, PART, REST = "1165000.00", "1000000.00", "165000.00"


async def sent_out(world: World) -> tuple[Deal, dict[str, Any]]:
    """Bring a deal to its value date with the dollars ordered from our bank; return it with the message."""
    await set_up(world)
    await our_account(world)
    deal = await let_go(world)
    await the_post(world).send()
    await on_business_date(world, VALUE_DATE)
    (payment,) = await payments(deal)
    return deal, payment


async def balance(world: World) -> str:
    """Return what the books say of our dollar account."""
    shown = (await (await world.as_("accountant")).get("/api/balances")).json()
    return next(
        (row["balance"] for row in shown["items"] if (row["account"], row["currency"]) == ("1010", "USD")),
        "0",
    )


async def in_part(world: World) -> list[tuple[str, str, str, str]]:
    """Return what the books say is paid in part, by deal and age; every age but that of today is empty."""
    told = (await (await world.as_("accountant")).get("/api/balances/clearing")).json()
    assert sum(told["by_age"].values()) == len(told["items"])
    assert (await (await world.as_("accountant")).get("/api/balances/clearing", age=">7")).json()[
        "items"
    ] == []
    return [(one["trade"], one["currency"], one["amount"], one["bucket"]) for one in told["items"]]


async def test_an_accepted_payment_is_noted_and_settles_when_its_account_shows_it_and_is_booked(
    bank_world: World,
) -> None:
    deal, payment = await sent_out(bank_world)
    (noted,) = await heard(bank_world, report("ACSP", payment), "one.xml")
    assert (noted["state"], noted["effect"], noted["settlement"]) == ("noted", "noted", payment["settlement"])
    assert (await deal.legs())["USD"]["state"] == "released"

    part = movement(payment["end_to_end_id"], PART, reference="R1")
    rest = movement(payment["end_to_end_id"], REST, reference="R2")
    first, *_ = await heard(bank_world, notice(part), "two.xml")
    assert (first["effect"], (await deal.legs())["USD"]["state"]) == ("part", "partial")
    assert await in_part(bank_world) == [(deal.id, "USD", PART, "0-1")]
    again, *_ = await heard(bank_world, notice(part, message="N2"), "three.xml")
    assert (again["state"], again["finding"], again["field"]) == ("waiting", "duplicate", "AcctSvcrRef")
    assert "examine_status" in await deal.items()
    last, *_ = await heard(bank_world, notice(rest, message="N3"), "four.xml")
    assert (last["effect"], (await deal.legs())["USD"]["state"]) == ("settled", "settled")
    assert await balance(bank_world) == f"-{WHOLE}"
    assert await in_part(bank_world) == []

    more, *_ = await heard(
        bank_world, notice(movement(payment["end_to_end_id"], REST, reference="R3")), "five.xml"
    )
    assert (more["state"], more["finding"]) == ("waiting", "duplicate"), "the same payment once more"
    back = movement(payment["end_to_end_id"], WHOLE, reference="R4", direction="CRDT")
    returned, *_ = await heard(bank_world, notice(back, message="N6"), "six.xml")
    assert (returned["effect"], (await deal.legs())["USD"]["state"]) == ("returned", "returned")
    assert float(await balance(bank_world)) == 0
    papers = await (await bank_world.as_("settler")).get("/api/documents", kind="status_in", limit=200)
    assert len(papers.json()["items"]) == 6

    path = f"/api/payment-statuses/{more['id']}/closing"
    said = {"version": more["version"], "reason": "the bank booked it twice and took it back"}
    for account in ("trader", "head-of-trading", "releaser", "confirmer"):
        assert refused(await post(bank_world, account, path, said))[:2] == (403, "not_permitted")
    assert done(await post(bank_world, "other-settler", path, said))["state"] == "closed"


async def test_a_rejected_payment_fails_by_its_code_and_one_that_fits_nothing_moves_nothing(
    bank_world: World,
) -> None:
    deal, payment = await sent_out(bank_world)
    await a_settlement_rule(bank_world, rule="reason", code="AC04", name_en="Closed", name_de="Geschlossen")
    name = payment["end_to_end_id"]
    wrong: dict[str, tuple[bytes, str]] = {
        "other_sender": (report("RJCT", payment, "AC04"), "EVILUS33"),
        "unknown_payment": (notice(movement("E" + "0" * 32, WHOLE, reference="R1")), "COBADEFF"),
        "currency": (notice(movement(name, WHOLE, reference="R1", currency="EUR")), "COBADEFF"),
        "amount": (notice(movement(name, "1165000.01", reference="R1")), "COBADEFF"),
        "other_account": (
            notice(movement(name, WHOLE, reference="R1"), account="GB33BUKB20201555555555"),
            "COBADEFF",
        ),
        "unreadable": (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><x>', "COBADEFF"),
        "unknown_code": (report("HUCH", payment), "COBADEFF"),
    }
    for finding, (content, sender) in wrong.items():
        newest, *_ = await heard(bank_world, content, f"{finding}.xml", sender)
        assert (newest["state"], newest["finding"]) == ("waiting", finding)
        assert newest["field"]
        assert newest["reason"]
        assert (await deal.legs())["USD"]["state"] == "released"
    listed = await (await bank_world.as_("settler")).get("/api/payment-statuses", state="waiting", limit=200)
    stranger = next(one for one in listed.json()["items"] if one["finding"] == "unknown_payment")
    said = {"version": stranger["version"], "reason": "another bank's payment; ours sent it back"}
    path = f"/api/payment-statuses/{stranger['id']}/closing"
    assert done(await post(bank_world, "other-settler", path, said))["state"] == "closed"
    compliance = await (await bank_world.as_("compliance")).get("/api/work", kind="review_alert")
    assert {item["reason"] for item in compliance.json()["items"]} == {"other_sender", "other_account"}

    rejected, *_ = await heard(bank_world, report("RJCT", payment, "AC04"), "rejected.xml")
    leg = (await deal.legs())["USD"]
    assert (rejected["effect"], leg["state"], leg["failure_code"]) == ("failed", "failed", "AC04")
    assert "prepare" in await deal.items()
    done(await deal.settle("USD", "preparation", "other-settler"))
    done(await deal.settle("USD", "release", "other-releaser"))
    await the_post(bank_world).send()
    late, *_ = await heard(bank_world, notice(movement(name, WHOLE, reference="R9")), "late.xml")
    assert (late["state"], late["finding"]) == ("waiting", "superseded"), "two payments would be one too many"


async def test_SET_05_a_status_by_hand_or_through_trading_closes_nothing_and_receipts_are_found(
    bank_world: World,
) -> None:
    deal, payment = await sent_out(bank_world)
    content = base64.b64encode(notice(movement(payment["end_to_end_id"], WHOLE, reference="R1"))).decode()
    body = {"sender": "COBADEFF", "name": "from the desk.xml", "content": content}
    for account in ("trader", "head-of-trading", "confirmer", "releaser"):
        denied = await post(bank_world, account, "/api/payment-statuses", body)
        assert refused(denied)[:2] == (403, "not_permitted")
    for through_trading, finding in ((True, "indirect"), (False, "by_hand")):
        taken = done(
            await post(
                bank_world, "settler", "/api/payment-statuses", body | {"through_trading": through_trading}
            )
        )
        await drain(bank_world)
        assert [(one["state"], one["finding"]) for one in taken["items"]] == [("waiting", finding)]
    assert (await deal.legs())["USD"]["state"] == "released"
    front = await intruder_of(bank_world, Office.FRONT_OFFICE)
    back = await intruder_of(bank_world, Office.BACK_OFFICE)
    forged = "UPDATE public.payment_status SET state = 'applied', effect = 'settled', rev = rev + 1"
    assert await front.outcome_of(forged) == "42501"
    assert await back.outcome_of(forged) == "42501"

    # What we receive is known by our own reference of the deal, on our own account.
    done(await deal.settle("EUR", "preparation", "settler"))
    done(await deal.settle("EUR", "release", "releaser"))
    await our_account(bank_world, "EUR")
    ours = (await deal.confirmation())["ours"]["reference"]
    came = movement(ours, "1000000.00", reference="R7", currency="EUR", direction="CRDT")
    (received, *_) = await heard(bank_world, notice(came), "receipt.xml")
    assert (received["effect"], (await deal.legs())["EUR"]["state"]) == ("settled", "settled")
