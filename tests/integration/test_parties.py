"""Master data come into force by two people outside trading."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.demo.access import actor_named
from service.kernel.errors import KeptApart
from service.parties.queries import counterparty_by, instruction_for
from service.parties.use_cases import (
    ApproveProposal,
    ProposeCounterparty,
    RefuseProposal,
    approve_proposal,
    propose_counterparty,
    refuse_proposal,
)
from tests.bank import World

LEI, OTHER_LEI = "529900T8BM49AURSDO55", "7LTWFZYICNSX8D621K86"
BANK = {"lei": LEI, "name": "First counterparty", "bic": "COBADEFF"}
IBAN = "DE89370400440532013000"


async def approved(world: World, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Propose by the steward, approve by the other; return the proposal's answer."""
    proposed = await (await world.as_("steward")).post(path, body)
    assert proposed.status_code == 201, proposed.text
    decision = await decide(world, proposed.json(), "approval")
    assert decision.status_code == 200, decision.text
    return dict(proposed.json())


async def decide(
    world: World, proposal: dict[str, Any], what: str, by: str = "steward-approver", **more: str
) -> httpx.Response:
    caller = await world.as_(by)
    return await caller.post(
        f"/api/proposals/{proposal['proposal']}/{what}", {"version": proposal["version"], **more}
    )


async def test_a_counterparty_is_in_force_once_a_second_person_approved_it(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    proposed = await steward.post("/api/counterparties", BANK)
    assert proposed.status_code == 201
    assert {name: proposed.json()[name] for name in ("version", "state")} == {
        "version": 1,
        "state": "proposed",
    }
    assert proposed.json()["receipt"]
    assert (await steward.get("/api/counterparties")).json()["items"] == []

    decision = await decide(bank_world, proposed.json(), "approval")
    assert (decision.status_code, decision.json()["state"]) == (200, "approved")

    trader = await bank_world.as_("trader")
    (found,) = (await trader.get("/api/counterparties", lei=LEI)).json()["items"]
    assert found == {"id": proposed.json()["id"], "version": 1, **BANK}


async def test_a_refused_proposal_never_comes_into_force(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    proposed = (await steward.post("/api/counterparties", BANK)).json()
    refused = await decide(bank_world, proposed, "refusal", reason="wrong entity of the group")
    assert (refused.status_code, refused.json()["state"]) == (200, "refused")

    again = await decide(bank_world, {**proposed, "version": 2}, "approval")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert (await steward.get("/api/counterparties")).json()["items"] == []
    (kept,) = (await steward.get("/api/proposals", state="refused")).json()["items"]
    assert kept["reason"] == "wrong entity of the group"


async def test_D_02_nobody_decides_their_own_proposal(bank_world: World) -> None:
    gate = bank_world.bank.gate
    both = replace(
        await actor_named(bank_world.bank, "steward"), roles=frozenset({"steward", "steward_approver"})
    )
    done = await gate.perform(both, propose_counterparty, ProposeCounterparty(**BANK), opening=True)
    proposal = done.answer["proposal"]

    for case, command in (
        (approve_proposal, ApproveProposal(proposal=proposal, version=1)),
        (refuse_proposal, RefuseProposal(proposal=proposal, version=1, reason="changed my mind")),
    ):
        with pytest.raises(KeptApart) as apart:
            await gate.perform(both, case, command, opening=True)
        assert apart.value.rule == "D-02"
    assert (await decide(bank_world, dict(done.answer), "approval")).status_code == 200


@pytest.mark.parametrize(
    ("account", "path", "body"),
    [
        ("trader", "/api/counterparties", BANK),
        ("steward-approver", "/api/portfolios", {"name": "FX-EUR", "desk": "FX desk"}),
        (
            "settler",
            "/api/instructions",
            {"counterparty": LEI, "currency": "EUR", "bic": "COBADEFF", "account_number": IBAN},
        ),
    ],
)
async def test_S_07_neither_trading_nor_anybody_but_a_steward_proposes(
    bank_world: World, account: str, path: str, body: dict[str, str]
) -> None:
    caller = await bank_world.as_(account)

    refused = await caller.post(path, body)

    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("lei", "529900T8BM49AURSDO56"), ("lei", "529900t8bm49aursdo55"), ("bic", "COBA"), ("bic", "COBA00FF")],
)
async def test_a_counterparty_with_a_wrong_identifier_is_refused(
    bank_world: World, field: str, wrong: str
) -> None:
    steward = await bank_world.as_("steward")

    refused = await steward.post("/api/counterparties", {**BANK, field: wrong})

    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        422,
        "wrong_identifier",
        field,
    )


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "with\u0000null", "blank at the end ", "x" * 141])
async def test_a_name_is_one_visible_line(bank_world: World, name: str) -> None:
    steward = await bank_world.as_("steward")

    refused = await steward.post("/api/counterparties", {**BANK, "name": name})

    assert (refused.status_code, refused.json()["field"]) == (400, "name")


@pytest.mark.parametrize("reason", ["", "two\nlines", "with\u0000null"])
async def test_a_reason_is_one_visible_line(bank_world: World, reason: str) -> None:
    proposed = (await (await bank_world.as_("steward")).post("/api/counterparties", BANK)).json()

    refused = await decide(bank_world, proposed, "refusal", reason=reason)

    assert (refused.status_code, refused.json()["field"]) == (400, "reason")


async def test_the_same_counterparty_is_proposed_once(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    first = (await steward.post("/api/counterparties", BANK)).json()

    waiting = await steward.post("/api/counterparties", {**BANK, "name": "Another name"})
    assert (waiting.status_code, waiting.json()["code"]) == (409, "already_proposed")
    assert (await decide(bank_world, first, "approval")).status_code == 200
    in_force = await steward.post("/api/counterparties", BANK)
    assert (in_force.status_code, in_force.json()["code"]) == (409, "already_exists")

    assert (await steward.post("/api/counterparties", {**BANK, "lei": OTHER_LEI})).status_code == 201


async def test_of_two_stewards_proposing_the_same_at_once_one_is_refused(bank_world: World) -> None:
    steward = await bank_world.as_("steward")

    answers = await asyncio.gather(*(steward.post("/api/counterparties", BANK) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_a_refused_counterparty_may_be_proposed_again(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    first = (await steward.post("/api/counterparties", BANK)).json()
    await decide(bank_world, first, "refusal", reason="name misspelt")

    assert (await steward.post("/api/counterparties", BANK)).status_code == 201


async def test_a_portfolio_belongs_to_a_desk_of_the_front_office(bank_world: World) -> None:
    portfolio = await approved(bank_world, "/api/portfolios", {"name": "FX-EUR", "desk": "FX desk"})
    steward = await bank_world.as_("steward")
    (found,) = (await steward.get("/api/portfolios", name="FX-EUR")).json()["items"]
    assert found["id"] == portfolio["id"]

    for desk in ("Settlement and control", "No such unit", str(uuid4())):
        refused = await steward.post("/api/portfolios", {"name": "OTHER", "desk": desk})
        assert (refused.status_code, refused.json()["field"]) == (422, "desk")
    by_id = await steward.post("/api/portfolios", {"name": "FX-USD", "desk": found["desk"]})
    assert by_id.status_code == 201
    assert (await steward.post("/api/portfolios", {"name": "FX-EUR", "desk": "FX desk"})).status_code == 409


async def test_the_payment_route_approved_last_is_in_force(bank_world: World) -> None:
    await approved(bank_world, "/api/counterparties", BANK)
    route = {"counterparty": LEI, "currency": "EUR", "bic": "COBADEFF", "account_number": IBAN}
    await approved(bank_world, "/api/instructions", route)
    later = {**route, "account_number": "DE02120300000000202051"}
    steward = await bank_world.as_("steward")
    waiting = (await steward.post("/api/instructions", later)).json()
    assert (await steward.post("/api/instructions", route)).json()["code"] == "already_proposed"

    async with AsyncSession(bank_world.bank.offices[Office.BACK_OFFICE]) as session:
        counterparty = await counterparty_by(session, LEI)
        assert counterparty is not None
        before = await instruction_for(session, counterparty.id, "EUR")
        assert (await decide(bank_world, waiting, "approval")).status_code == 200
        after = await instruction_for(session, counterparty.id, "EUR")
        assert await instruction_for(session, counterparty.id, "USD") is None
    assert (before and before.account_number, after and after.account_number) == (
        IBAN,
        later["account_number"],
    )


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("account_number", "DE89370400440532013001"),
        ("account_number", "12345678"),
        ("bic", "COBADE"),
        ("counterparty", OTHER_LEI),
        ("currency", "EUX"),
    ],
)
async def test_a_wrong_payment_route_is_refused_by_field(bank_world: World, field: str, wrong: str) -> None:
    await approved(bank_world, "/api/counterparties", BANK)
    steward = await bank_world.as_("steward")
    route = {"counterparty": LEI, "currency": "EUR", "bic": "COBADEFF", "account_number": IBAN}

    refused = await steward.post("/api/instructions", {**route, field: wrong})

    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_trading_sees_neither_payment_routes_nor_proposals(bank_world: World) -> None:
    trader = await bank_world.as_("trader")
    for path in ("/api/instructions", "/api/proposals"):
        assert (await trader.get(path)).status_code == 403
    for account in ("steward", "settler", "releaser", "compliance", "auditor"):
        caller = await bank_world.as_(account)
        for path in ("/api/instructions", "/api/proposals"):
            assert (await caller.get(path)).status_code == 200


async def test_a_decision_carries_the_version_seen(bank_world: World) -> None:
    proposed = (await (await bank_world.as_("steward")).post("/api/counterparties", BANK)).json()

    stale = await decide(bank_world, {**proposed, "version": 7}, "approval")
    unknown = await decide(bank_world, {**proposed, "proposal": str(uuid4())}, "approval")

    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    assert unknown.status_code == 404


async def test_lists_go_on_where_they_ended(bank_world: World) -> None:
    steward = await bank_world.as_("steward")
    for name in ("A", "B", "C"):
        await approved(bank_world, "/api/portfolios", {"name": name, "desk": "FX desk"})

    first = (await steward.get("/api/portfolios", limit=2)).json()
    second = (await steward.get("/api/portfolios", limit=2, cursor=first["next"])).json()

    assert [row["name"] for row in first["items"] + second["items"]] == ["A", "B", "C"]
    assert second["next"] is None
    assert (await steward.get("/api/portfolios", limit=201)).status_code == 400
