"""One identity is in use at one place at a time (A-10)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.faces import THIS_MACHINE
from service.kernel.errors import SecondDevice
from service.people.signing_in import sign_in
from tests.bank import PASSWORD, World
from tests.rights import account_of, asked, granted, open_items, person_of, refused_as
from tests.settling import TERMS

OWN, OTHER = "192.0.2.7", "192.0.2.8"
TRADER = {"account": "trader", "password": PASSWORD}


@asynccontextmanager
async def at(world: World, device: str, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client on the machine with this address."""
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False, client=(device, 4000))  # type: ignore[arg-type]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://bank.test", headers=headers) as client:
        yield client


async def refused_sign_in(
    world: World, device: str, account: str, password: str
) -> tuple[int, str, str | None]:
    async with at(world, device) as client:
        return refused_as(await client.post("/api/sessions", json={"account": account, "password": password}))


async def test_A_10_a_second_device_opens_no_session_by_any_way_and_compliance_hears_once(
    ready_bank: World,
) -> None:
    person = await person_of(ready_bank, "trader")
    admin = await ready_bank.as_("rights-admin")
    body = {"name": "trader-again", "person": person["id"], "office": "front_office"}
    assert (await admin.post("/api/accounts", body)).status_code == 201
    await granted(ready_bank, "trader-again", "head_of_trading")
    again = await account_of(ready_bank, "trader-again")
    reset = await admin.post(f"/api/accounts/{again['id']}/password-reset", {"version": again["version"]})
    once = reset.json()["one_time_password"]
    async with at(ready_bank, OWN) as client:
        opened = await client.post("/api/sessions", json=TRADER)
        assert opened.status_code == 201, opened.text
        beside = await client.post("/api/sessions", json=TRADER)
        assert beside.status_code == 201  # the same machine: a browser beside a program

    refusal = (409, "second_device", "A-10")
    assert await refused_sign_in(ready_bank, OTHER, **TRADER) == refusal
    assert (
        await refused_sign_in(ready_bank, OTHER, "trader-again", once) == refusal
    )  # one person, two accounts
    async with at(ready_bank, OTHER) as client:
        page = await client.post("/sign-in", data=TRADER, headers={"sec-fetch-site": "same-origin"})
        assert page.status_code in (403, 409)
    with pytest.raises(SecondDevice):  # as the command line signs in
        await sign_in(ready_bank.bank.gate, **TRADER, origin="command line", device=THIS_MACHINE)
    account = await account_of(ready_bank, "trader")
    opening = text("SELECT public.session_open(:id, :account, 'x'::bytea, 60, 3600, false, :id, :device)")
    facts = {"id": uuid4(), "account": account["id"], "device": OTHER}
    async with ready_bank.bank.offices[Office.FRONT_OFFICE].connect() as raw:
        with pytest.raises(DBAPIError, match="A-10"):
            await raw.execute(opening, facts)

    token = opened.json()["token"]
    deal = TERMS | {"trader": "other-trader"}
    async with at(ready_bank, OTHER, token) as stolen:  # the token itself, on another machine
        assert refused_as(await stolen.get("/api/positions")) == refusal
        key = {"Idempotency-Key": str(uuid4())}
        assert refused_as(await stolen.post("/api/trades", json=TERMS, headers=key)) == refusal
        batch = [{"action": "trade.capture", "command": TERMS}]
        assert refused_as(await stolen.post("/api/acts", json=batch, headers=key)) == refusal
    async with at(ready_bank, OWN, token) as own:
        key = {"Idempotency-Key": str(uuid4())}
        assert (
            await own.post("/api/trades", json=deal, headers=key)
        ).status_code == 400  # nobody deals as another
        assert (await own.get("/api/positions")).status_code == 200
    waits = "SELECT subject_id FROM public.work_item WHERE kind = 'second_device' AND closed_entry_id IS NULL"
    told = {str(row.subject_id) for row in await asked(ready_bank, waits)}
    assert told == {account["id"], again["id"]}
    assert len(await asked(ready_bank, waits)) == len(
        told
    )  # once for each account, however often it is tried


async def test_A_10_signing_out_or_a_reset_frees_the_identity_and_compliance_says_what_it_was(
    bank_world: World,
) -> None:
    async with at(bank_world, OWN) as client:
        token = (await client.post("/api/sessions", json=TRADER)).json()["token"]
    assert (await refused_sign_in(bank_world, OTHER, **TRADER))[0] == 409
    account = await account_of(bank_world, "trader")
    path, finding = f"/api/accounts/{account['id']}/session-reviews", {"finding": "a new telephone"}

    for who in ("trader", "rights-admin", "auditor"):
        assert (await (await bank_world.as_(who)).post(path, finding)).status_code == 403
    looked = await (await bank_world.as_("compliance")).post(path, finding)

    assert looked.status_code == 200, looked.text
    assert "second_device" not in await open_items(bank_world)
    assert (await (await bank_world.as_("compliance")).post(path, finding)).status_code == 404
    async with at(bank_world, OTHER, token) as elsewhere:  # whoever holds the token can always end it
        assert (await elsewhere.delete("/api/sessions/current")).status_code == 204
    async with at(bank_world, OTHER) as client:
        assert (await client.post("/api/sessions", json=TRADER)).status_code == 201
