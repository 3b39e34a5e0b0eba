"""Irregularities are cleared apart from trading: on evidence, by two offices, unseen by whom they are about."""

from typing import Any

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.kernel.database import digest
from tests.bank import World
from tests.intruders import Intruder, append, intruder_of
from tests.rights import account_of, asked, granted, moved, open_items, person_of, refused_as, taken
from tests.settling import Deal, captured, done


async def opened(world: World, by: str, **more: Any) -> dict[str, Any]:
    body = {"title": "a deal cancelled before its control", "reason": "three in one hour", **more}
    answer = await (await world.as_(by)).post("/api/cases", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def entry_of(world: World, deal: Deal) -> str:
    """Return the entry that captured a deal."""
    told = (await (await world.as_("auditor")).get(f"/api/trades/{deal.id}/timeline")).json()
    return str(told[0]["entry"])


async def step(world: World, by: str, case: dict[str, Any], path: str, **more: Any) -> httpx.Response:
    """Do the next thing about a case, at the version it has now."""
    seen = await (await world.as_("auditor")).get(f"/api/cases/{case['id']}")
    body = {"version": seen.json()["version"], **more}
    return await (await world.as_(by)).post(f"/api/cases/{case['id']}/{path}", body)


async def noted(world: World, by: str, case: dict[str, Any], kind: str, **more: Any) -> httpx.Response:
    body = {"kind": kind, "note": "looked at the tape", **more}
    return await (await world.as_(by)).post(f"/api/cases/{case['id']}/notes", body)


async def batch(world: World, by: str, act: str, **command: Any) -> tuple[int, str, str | None]:
    answer = await (await world.as_(by)).post("/api/acts", [{"action": act, "command": command}])
    (outcome,) = answer.json()
    said = outcome["problem"] or {"code": "done"}
    return outcome["status"], said["code"], said.get("rule")


async def test_SET_22_a_case_is_decided_on_evidence_and_signed_by_another_office(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    case = await opened(ready_bank, "verifier", trade=deal.id)
    assert (case["state"], case["office"], case["signs"]) == ("open", "back_office", "compliance")
    assert "examine_case" in await open_items(ready_bank)

    refusal = (422, "no_evidence", "SET-22")
    ends = {"outcome": "cleared", "reason": "the tape bears it out"}
    claim = await noted(ready_bank, "verifier", case, "claim")
    assert claim.status_code == 201, claim.text
    assert refused_as(await step(ready_bank, "verifier", case, "decision", **ends)) == refusal
    command = {"case": case["id"], "version": 1, **ends}
    assert await batch(ready_bank, "verifier", "case.decide", **command) == refusal
    entry = await entry_of(ready_bank, deal)
    for kind, where in (("claim", {"entry": entry}), ("evidence", {})):
        assert (await noted(ready_bank, "verifier", case, kind, **where)).status_code == 400
    done(await noted(ready_bank, "verifier", case, "evidence", entry=entry))
    compliance = await step(ready_bank, "compliance", case, "decision", **ends)
    assert refused_as(compliance) == (403, "another_office", "SET-22")
    done(await step(ready_bank, "verifier", case, "decision", **ends))

    signed = {"reason": "agreed"}
    assert refused_as(await step(ready_bank, "risk-controller", case, "closing", **signed))[0] == 404
    assert refused_as(await step(ready_bank, "verifier", case, "closing", **signed))[0] == 403
    done(await step(ready_bank, "compliance", case, "return", reason="the second tape is missing"))
    assert "sign_case" not in await open_items(ready_bank)
    done(await step(ready_bank, "other-verifier", case, "decision", **ends))
    done(await step(ready_bank, "compliance", case, "closing", **signed))
    assert not {"examine_case", "sign_case"} & await open_items(ready_bank)
    late = await noted(ready_bank, "verifier", case, "note")
    assert refused_as(late) == (409, "case_closed", None)


async def test_SET_27_a_suspicion_is_not_closed_before_internal_audit_has_heard(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    case = await opened(
        ready_bank, "compliance", trade=deal.id, suspicion=True, entry=await entry_of(ready_bank, deal)
    )
    assert {"examine_case", "case_notice"} <= await open_items(ready_bank)
    assert (
        await (await ready_bank.as_("risk-controller")).get(f"/api/cases/{case['id']}")
    ).status_code == 404
    done(await noted(ready_bank, "compliance", case, "evidence", entry=await entry_of(ready_bank, deal)))
    done(await step(ready_bank, "compliance", case, "decision", outcome="breach", reason="no such order"))
    own = await step(ready_bank, "compliance", case, "closing", reason="agreed")
    assert refused_as(own)[0] == 403
    early = await step(ready_bank, "risk-controller", case, "closing", reason="agreed")
    assert refused_as(early) == (409, "audit_not_told", "SET-27")
    sentence = await by_force_closed(ready_bank, case)
    assert "SET-27" in sentence
    done(await step(ready_bank, "auditor", case, "receipt"))
    assert (await step(ready_bank, "auditor", case, "receipt")).status_code == 409
    done(await step(ready_bank, "risk-controller", case, "closing", reason="agreed"))


async def test_MAR_01_trading_learns_nothing_of_a_case_and_has_no_hand_in_it(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    trader = await person_of(ready_bank, "trader")
    case = await opened(ready_bank, "compliance", trade=deal.id, person=trader["id"])
    for account in ("trader", "head-of-trading", "board-trading"):
        caller = await ready_bank.as_(account)
        assert (await caller.get("/api/cases")).status_code == 403, account
        asked = await caller.get("/api/explain", action="case.close", kind="case_file", id=case["id"])
        assert asked.status_code == 404, account
    timeline = (await (await ready_bank.as_("trader")).get(f"/api/trades/{deal.id}/timeline")).json()
    assert not {one["act"] for one in timeline} & {"case.open", "case.note"}
    front = await intruder_of(ready_bank, Office.FRONT_OFFICE)
    kinds = {row.kind for row in await front.run("SELECT kind FROM public.work_item")}
    assert not kinds & {"examine_case", "case_notice", "sign_case"}
    with pytest.raises(DBAPIError, match="permission denied"):
        await front.run("SELECT id FROM public.case_file")
    assert refused_as(await step(ready_bank, "compliance", case, "owner", account="trader")) == (
        403,
        "unfit_owner",
        "SET-22",
    )


async def test_D_16_whom_a_case_is_about_neither_sees_it_nor_acts_on_it(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    subject = await person_of(ready_bank, "other-verifier")
    case = await opened(ready_bank, "verifier", trade=deal.id, person=subject["id"])
    looking = await ready_bank.as_("other-verifier")
    assert case["id"] not in {row["id"] for row in (await looking.get("/api/cases")).json()["items"]}
    assert (await looking.get(f"/api/cases/{case['id']}")).status_code == 404
    assert (await noted(ready_bank, "other-verifier", case, "note")).status_code == 404
    assert (await step(ready_bank, "other-verifier", case, "owner", account="verifier")).status_code == 404
    assert (await batch(ready_bank, "other-verifier", "case.note", case=case["id"], kind="note", note="no"))[
        0
    ] == 404
    to_subject = await step(ready_bank, "verifier", case, "owner", account="other-verifier")
    assert refused_as(to_subject) == (403, "unfit_owner", "SET-22")
    own = {"title": "about myself", "reason": "why not", "person": subject["id"]}
    refused = await looking.post("/api/cases", own)
    assert refused_as(refused) == (403, "unfit_owner", "SET-22")

    back = await intruder_of(ready_bank, Office.BACK_OFFICE)  # other-verifier's own hand, past the service
    effect = await next_revision(back, case)
    entry = back.line(act="case.assign", eff=[effect], links={"trade": deal.id})
    statement = f"UPDATE case_file SET owner_id = owner_id, rev = 2 WHERE id = '{case['id']}'"
    with pytest.raises(DBAPIError, match="D-16"):
        await written(back, entry, statement)


async def test_D_02_whoever_decided_signs_nothing_from_another_office_either(ready_bank: World) -> None:
    deal = await captured(ready_bank)
    case = await opened(ready_bank, "verifier", trade=deal.id)
    done(await noted(ready_bank, "verifier", case, "evidence", entry=await entry_of(ready_bank, deal)))
    done(await step(ready_bank, "verifier", case, "decision", outcome="cleared", reason="the tape"))
    await revoked(ready_bank, "verifier")
    person = await person_of(ready_bank, "verifier")
    done(await moved(ready_bank, person, "Compliance"))
    body = {"name": "verifier-again", "person": person["id"], "office": "compliance"}
    assert (await (await ready_bank.as_("rights-admin")).post("/api/accounts", body)).status_code == 201
    await granted(ready_bank, "verifier-again", "compliance_officer")
    for path, act in (("closing", "case.close"), ("return", "case.return")):
        again = await step(ready_bank, "verifier-again", case, path, reason="agreed")
        assert refused_as(again) == (403, "kept_apart", "D-02"), path
        command = {"case": case["id"], "version": 2, "reason": "agreed"}
        assert await batch(ready_bank, "verifier-again", act, **command) == (403, "kept_apart", "D-02")
    await decided_by_force(ready_bank, case)
    done(await step(ready_bank, "compliance", case, "closing", reason="agreed"))


async def revoked(world: World, account: str) -> None:
    """Take every right of an account away."""
    held = await (await world.as_("auditor")).get(
        "/api/grants", account=(await account_of(world, account))["id"]
    )
    for grant in held.json()["items"]:
        done(await taken(world, "revocation", grant))


async def next_revision(intruder: Intruder, case: dict[str, Any]) -> dict[str, Any]:
    """Return the effect of whatever is done next to a case."""
    newest = (
        "SELECT rev, encode(leaf, 'hex') AS leaf FROM public.audit_effect "
        f"WHERE kind = 'case_file' AND id = '{case['id']}' ORDER BY rev DESC LIMIT 1"
    )
    (last,) = await asked(intruder.world, newest)
    facts = {"rev": last.rev + 1, "prev": last.leaf, "after": digest({})}
    return intruder.effect(kind="case_file", id=case["id"], **facts)


async def decided_by_force(world: World, case: dict[str, Any]) -> None:
    """The login of compliance changes what the back office decided, with an entry of its own."""
    risk = await intruder_of(world, Office.COMPLIANCE)
    effect = await next_revision(risk, case)
    entry = risk.line(act="case.decide", eff=[effect], links={"trade": case["trade"]})
    statement = f"UPDATE case_file SET outcome = 'breach', rev = 3 WHERE id = '{case['id']}'"
    with pytest.raises(DBAPIError, match="SET-22"):
        await written(risk, entry, statement)


async def written(intruder: Intruder, entry: dict[str, Any], statement: str) -> None:
    """Append an entry and change a row with it, as the office's login can."""
    async with intruder.open() as connection:
        await append(connection, entry)
        await connection.exec_driver_sql(statement)


async def by_force_closed(world: World, case: dict[str, Any]) -> str:
    """Return what the database says to risk control's login that closes a suspicion nobody told audit of."""
    risk = await intruder_of(world, Office.RISK_CONTROL)
    effect = await next_revision(risk, case)
    entry = risk.line(act="case.close", eff=[effect], links={"trade": case["trade"]})
    statement = f"UPDATE case_file SET state = 'closed', rev = 3 WHERE id = '{case['id']}'"
    with pytest.raises(DBAPIError) as refused:
        await written(risk, entry, statement)
    return str(refused.value)
