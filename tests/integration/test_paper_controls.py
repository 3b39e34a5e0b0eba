"""The papers of a deal: the broker named and heard, the long form in time, nothing signed off that is not there."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from policies.vocabulary import Action, Office
from service.confirmations.signing import SignChecklist, sign_checklist
from service.documents.model import Document
from service.kernel.errors import KeptApart
from service.kernel.items import Item
from service.kernel.working_hours import later
from service.people.directory import service_actor
from service.work.escalating import Climb
from service.work.ladder import ladder
from tests.bank import World
from tests.confirming import collected, drop, heard, reply, uploaded
from tests.deals import by_force, rows
from tests.parties import LEI, OTHER_LEI, a_channel, a_counterparty
from tests.settling import (
    TERMS,
    Deal,
    act_as,
    done,
    drain,
    on_business_date,
    post,
    refused,
    sent,
    signed_off,
    verified,
)

PAPER = base64.b64encode(b"%PDF-1.7 as it came").decode()
BROKERED = {"execution": "broker", "broker": OTHER_LEI}
SIGNATURE = {"code": "no_message", "reason": "they confirm by telephone, the note is filed"}


async def checklist(deal: Deal) -> dict[str, Any]:
    return dict((await deal.papers())["checklist"])


async def sign(deal: Deal, account: str = "other-verifier", **changes: Any) -> Any:
    """Try to sign off the papers of a deal."""
    seen = (await checklist(deal))["version"]
    return await deal.confirm("checklist", account, **SIGNATURE | {"version": seen} | changes)


async def test_SET_04_a_brokered_deal_names_its_broker_by_every_way_and_its_statement_is_laid_beside_it(
    ready_bank: World,
) -> None:
    await a_counterparty(ready_bank, OTHER_LEI, "A broker", bic="DEUTDEFF")
    await no_way_around_the_broker(ready_bank)
    await the_broker_is_heard(ready_bank)

    direct = await sent(ready_bank)
    paper = {"fields": {"rate": "1"}, "name": "recap.pdf", "content": PAPER}
    assert refused(await direct.confirm("broker-statement", **paper)) == (409, "not_brokered", "SET-04")


async def no_way_around_the_broker(world: World) -> None:
    """Try to capture deals that hide their broker, by each way that deals are entered."""
    trader = await world.as_("trader")
    unnamed = {"execution": "broker"}
    for wrong, said in (
        (unnamed, (422, "no_broker", "SET-04")),
        ({"broker": OTHER_LEI}, (422, "no_broker", "SET-04")),
        (BROKERED | {"broker": LEI}, (422, "unknown_broker", "SET-04")),
        (BROKERED | {"broker": "ZZZ"}, (422, "unknown_broker", "SET-04")),
    ):
        assert refused(await trader.post("/api/trades", TERMS | wrong)) == said
    (one,) = (await trader.post("/api/trades/batch", [TERMS | unnamed])).json()
    assert (one["status"], one["code"]) == (422, "no_broker")
    act = {"action": "trade.capture", "command": TERMS | unnamed}
    (one,) = (await trader.post("/api/acts", [act])).json()
    assert one["problem"]["code"] == "no_broker"
    offer = {name: said for name, said in TERMS.items() if name != "counterparty"} | BROKERED
    internal = await trader.post(
        "/api/internal-deals", offer | {"other_portfolio": "FX-EUR", "purpose": "hedge"}
    )
    assert internal.status_code == 422


async def the_broker_is_heard(world: World) -> None:
    """Bring a brokered deal to where its papers are signed."""
    deal = await verified(world, **BROKERED)
    await drain(world)
    assert (await deal.confirmation())["ours"]["broker"] == OTHER_LEI
    await by_force(world, "UPDATE public.confirmation SET ours = ours - 'broker'")
    nameless = await deal.confirm("dispatch")
    assert (refused(nameless), nameless.json()["field"]) == ((409, "incomplete", "SET-03"), "broker")
    named = f"""UPDATE public.confirmation SET ours = ours || '{{"broker": "{OTHER_LEI}"}}'"""
    await by_force(world, named)
    done(await deal.confirm("dispatch"))
    await drain(world)
    broker = heard(world).broker
    assert broker is not None
    assert (broker.bic, await deal.items()) == ("DEUTDEFF", {"match", "record_broker_statement"})

    drop(world, reply(heard(world)))
    await collected(world)
    assert (await deal.confirmation())["state"] == "matched"
    missing = await sign(deal)
    assert (refused(missing), missing.json()["field"]) == (
        (409, "paper_missing", "SET-13"),
        "broker_statement",
    )
    ours = (await deal.confirmation())["ours"]
    paper = {"fields": ours | {"rate": "1.1560"}, "name": "recap.pdf", "content": PAPER}
    assert (await deal.confirm("broker-statement", "trader", **paper)).status_code == 403
    apart = done(await deal.confirm("broker-statement", **paper))
    assert [one["field"] for one in apart["breaks"]] == [
        "rate"
    ]  # SET-14: 1.1650 captured, 1.1560 on their note
    assert "record_broker_statement" in await deal.items()
    assert refused(await sign(deal))[1] == "paper_missing"
    agreed = done(await deal.confirm("broker-statement", **paper | {"fields": ours}))
    assert agreed["breaks"] == []
    assert await deal.items() == {"project", "check_documents"}
    done(await sign(deal, code="counterparty_late", reason="the note came in the evening"))
    assert await deal.items() == {"project"}


async def test_SET_08_the_long_form_has_a_deadline_of_its_own_and_climbs_when_it_is_over(
    ready_bank: World,
) -> None:
    await a_channel(ready_bank, long_form=True, format="letter")
    deal = await sent(ready_bank)
    form = (await deal.papers())["long_form"]
    assert (form["state"], form["due_on"]) == ("due", "2026-11-10")  # ten business days after the trade date
    assert (await deal.confirmation())["confirm_by"] == "2026-10-28", "the short form waits no longer for it"

    (item,) = await rows(ready_bank, "SELECT id, due_at FROM work_item WHERE kind = 'file_long_form'")
    look = Climb(ready_bank.bank.gate, service_actor)
    step = ladder()[Item.FILE_LONG_FORM][0]
    moment = later(item.due_at, timedelta(hours=step.after.total_seconds() // 3600 % 10) or timedelta(days=1))
    assert item.id in await look.waiting_for(step.rung, moment + timedelta(minutes=1))
    assert item.id not in await look.waiting_for(step.rung, item.due_at)

    body = {"version": form["version"], "name": "contract.pdf", "content": PAPER}
    for account in ("trader", "verifier"):
        assert (await deal.confirm("long-form", account, **body)).status_code == 403
    filed = done(await deal.confirm("long-form", **body))
    async with ready_bank.bank.offices[Office.BACK_OFFICE].connect() as connection:
        name = text(f"SELECT document_kind FROM public.{Document.__tablename__} WHERE id = :id")
        assert (await connection.execute(name, {"id": filed["document_id"]})).scalar_one() == "contract"
    assert refused(await deal.confirm("long-form", **body | {"version": 2}))[:2] == (
        409,
        "illegal_transition",
    )
    assert await deal.items() == {"match"}


async def test_SET_02_SET_13_what_a_clerk_typed_a_second_person_signs_with_a_reason_and_never_what_is_missing(
    ready_bank: World,
) -> None:
    typed = await sent(ready_bank, "mover-trading")
    told = await sent(ready_bank, base_amount="2000000.00")
    drop(ready_bank, reply(heard(ready_bank), "CP2"), "two.txt")
    await collected(ready_bank)
    assert (await checklist(told))["state"] == "complete", "what a message says in time nobody has to sign"
    ours = (await typed.confirmation())["ours"]
    done(await typed.confirm("counter", fields=ours | {"reference": "CP 1"}))
    done(await typed.confirm("match"))
    drawn = await checklist(typed)
    assert (drawn["state"], drawn["by_hand"]) == ("open", True)

    for bad in ({"code": None}, {"code": "because"}, {"reason": ""}):
        assert (await sign(typed, **bad)).status_code == 400
    assert (await typed.confirm("checklist", "other-verifier", version=1)).status_code == 400
    for account in ("trader", "head-of-trading", "confirmer", "releaser"):
        assert refused(await sign(typed, account))[:2] == (403, "not_permitted")
    confirmation = UUID((await typed.confirmation())["id"])
    command = SignChecklist(confirmation_id=confirmation, version=1, code="other", reason="as agreed")
    for account, rule in (
        ("confirmer", "D-08"),
        ("mover-control", "D-01"),
    ):  # another role of the same person
        with pytest.raises(KeptApart) as kept:
            await act_as(ready_bank, account, {"verifier"}, sign_checklist, command)
        assert kept.value.rule == rule
    act = {
        "action": "checklist.sign",
        "command": {"confirmation_id": str(confirmation), "version": 1, **SIGNATURE},
    }
    (one,) = (await (await ready_bank.as_("trader")).post("/api/acts", [act])).json()
    assert one["status"] == 403
    for table in ("document_checklist", "long_form", "broker_statement"):
        async with ready_bank.bank.offices[Office.FRONT_OFFICE].connect() as connection:
            for statement in (f"UPDATE public.{table} SET rev = rev + 1", f"SELECT * FROM public.{table}"):
                with pytest.raises(ProgrammingError, match="permission denied"):
                    await connection.execute(text(statement))
                await connection.rollback()
    done(await sign(typed))
    assert (await checklist(typed))["state"] == "signed"

    share = (await (await ready_bank.as_("compliance")).get("/api/confirmations/manual-share")).json()
    assert (share["agreed"], share["by_hand"], share["share_percent"]) == (2, 1, "50.0")
    assert [(one["count"], one["by_hand"]) for one in share["by"]["counterparty"]] == [(2, 1)]
    (clerk,) = [one for one in share["by"]["clerk"] if one["by_hand"]]
    assert clerk["share_percent"] == "100.0"
    assert (await (await ready_bank.as_("trader")).get("/api/confirmations/manual-share")).status_code == 403


async def test_A_22_a_file_that_one_clerk_took_in_is_signed_by_another_before_it_counts_as_their_word(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    taken = done(await uploaded(ready_bank, "confirmer", reply(heard(ready_bank), "FORGED")))
    assert (taken["state"], (await deal.confirmation())["state"]) == ("linked", "matched")
    drawn = await checklist(deal)
    assert (drawn["state"], drawn["by_hand"]) == ("open", True)
    (item,) = await rows(ready_bank, "SELECT reason FROM work_item WHERE kind = 'check_documents'")
    assert item.reason == "taken in by hand"
    command = SignChecklist(
        confirmation_id=UUID((await deal.confirmation())["id"]), version=1, code="other", reason="as agreed"
    )
    with pytest.raises(KeptApart) as kept:
        await act_as(ready_bank, "confirmer", {"verifier"}, sign_checklist, command)
    assert kept.value.rule == "D-08"
    done(await sign(deal))


async def test_SET_13_SET_18_a_late_paper_waits_for_a_signature_and_no_check_is_ever_waived(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    await on_business_date(ready_bank, "2026-10-30")
    drop(ready_bank, reply(heard(ready_bank)))
    await collected(ready_bank)
    drawn = await checklist(deal)
    late = {one["paper"]: one["came"] > one["due"] for one in drawn["papers"]}
    assert (drawn["state"], late) == ("open", {"our_confirmation": False, "counter_confirmation": True})
    (item,) = await rows(ready_bank, "SELECT reason FROM work_item WHERE kind = 'check_documents'")
    assert item.reason == "late counter_confirmation"
    await signed_off(deal)
    assert not [act for act in Action if act.value.rpartition(".")[2] in ("waive", "skip", "exempt")]

    body = TERMS | {"base_amount": "1200000.00", "version": 1, "reason": "their ticket says so"}
    asked = done(await post(ready_bank, "trader", f"/api/trades/{deal.id}/amendments", body))
    seen = {"version": asked["version"], "reason": "the ticket agrees"}
    done(await post(ready_bank, "other-verifier", f"/api/requests/{asked['id']}/approval", seen))
    await drain(ready_bank)
    assert await deal.items() == {"verify"}, "an amended deal is controlled from the start"
    done(await deal.do("verifier", "verification", version=2))
    await drain(ready_bank)
    first, second = (
        await (await ready_bank.as_("confirmer")).get("/api/confirmations", trade=deal.id)
    ).json()["items"]
    caller = await ready_bank.as_("other-verifier")
    papers = (await caller.get(f"/api/confirmations/{second['id']}/papers")).json()
    assert papers["checklist"] is None, "the signature under the first version says nothing about the second"
    path = f"/api/confirmations/{first['id']}/checklist"
    assert refused(await caller.post(path, SIGNATURE | {"version": 2}))[0] == 409
