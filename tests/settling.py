"""A deal on its way through the offices, for tests that begin in the middle of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from policies.vocabulary import Office
from service.attempt import Command
from service.automatic import HANDLERS, post_of
from service.confirmations.mailroom import Mailroom
from service.demo.access import actor_named
from service.gate import Done, UseCase
from service.people.directory import service_actor
from service.work.worker import Worker
from tests.bank import World
from tests.conformity import justified
from tests.parties import a_counterparty, a_portfolio, an_instruction
from tests.plain import TERMS

VALUE_DATE = "2026-10-29"
RATES = {"USD": "1.1652", "GBP": "0.8741"}
OFFICES = (Office.BACK_OFFICE, Office.ACCOUNTING, Office.FRONT_OFFICE)


@dataclass
class Deal:
    """A deal of the bank, by its id."""

    world: World
    id: str
    market: str = "ok"  # what its check against the market said

    async def do(self, account: str, path: str, **body: Any) -> httpx.Response:
        """Act on the deal at the version it was captured with."""
        return await post(self.world, account, f"/api/trades/{self.id}/{path}", {"version": 1, **body})

    async def confirmation(self, account: str = "confirmer") -> dict[str, Any]:
        """Return the deal's confirmation as it stands now."""
        caller = await self.world.as_(account)
        (found,) = (await caller.get("/api/confirmations", trade=self.id)).json()["items"]
        return dict(found)

    async def legs(self, account: str = "settler") -> dict[str, dict[str, Any]]:
        """Return the deal's legs as they stand now, by currency."""
        caller = await self.world.as_(account)
        found = (await caller.get("/api/settlements", trade=self.id)).json()["items"]
        return {leg["currency"]: leg for leg in found}

    async def confirm(self, what: str, account: str = "confirmer", **body: Any) -> httpx.Response:
        """Act on the deal's confirmation at the version it stands at now."""
        now = await self.confirmation()
        path = f"/api/confirmations/{now['id']}/{what}"
        return await post(self.world, account, path, {"version": now["version"], **body})

    async def papers(self) -> dict[str, Any]:
        """Return which papers belong to the deal and which came."""
        caller = await self.world.as_("confirmer")
        found = await caller.get(f"/api/confirmations/{(await self.confirmation())['id']}/papers")
        return dict(found.json())

    async def settle(self, currency: str, what: str, account: str, **body: Any) -> httpx.Response:
        """Act on one of the deal's legs at the version it stands at now."""
        leg = (await self.legs())[currency]
        path = f"/api/settlements/{leg['id']}/{what}"
        return await post(self.world, account, path, {"version": leg["version"], **body})

    async def items(self) -> set[str]:
        """Return the kinds of work that is open for the deal."""
        query = text("SELECT kind FROM public.work_item WHERE trade_id = :trade AND closed_entry_id IS NULL")
        async with self.world.bank.offices[Office.BACK_OFFICE].connect() as connection:
            return set((await connection.execute(query, {"trade": self.id})).scalars())

    async def control(self) -> str:
        """Return the back office's own state of the deal."""
        query = text("SELECT state FROM public.trade_control WHERE id = :trade")
        async with self.world.bank.offices[Office.BACK_OFFICE].connect() as connection:
            return str((await connection.execute(query, {"trade": self.id})).scalar_one())

    async def cancel(self, version: int = 1) -> None:
        """Have the deal cancelled: asked for by its trader, approved by a verifier."""
        why = {"version": version, "reason": "entered for the wrong counterparty"}
        request = done(await self.do("trader", "cancellations", **why))
        body = {"version": request["version"], "reason": "agreed with the counterparty"}
        done(await post(self.world, "other-verifier", f"/api/requests/{request['id']}/approval", body))


async def post(world: World, account: str, path: str, body: Mapping[str, Any]) -> httpx.Response:
    """Post on behalf of an account."""
    return await (await world.as_(account)).post(path, dict(body))


def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the answer of an act that must have been allowed."""
    assert answer.status_code < 300, answer.text
    return dict(answer.json())


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, code and rule of an act that must have been refused."""
    body = answer.json()
    return answer.status_code, str(body["code"]), body.get("rule")


async def set_up(world: World, currencies: tuple[str, ...] = ("EUR", "USD")) -> str:
    """Make the counterparty with its payment routes, the desk's portfolio and yesterday's fixing."""
    counterparty = await a_counterparty(world, TERMS["counterparty"])
    await a_portfolio(world, TERMS["portfolio"])
    for currency in currencies:
        await an_instruction(world, counterparty, currency)
    await fix(world, "2026-10-26", RATES)
    return counterparty


async def open_account(world: World, account: str, office: Office) -> str:
    """Open another account of the same person in another office; it has no rights of its own."""
    person = (await actor_named(world.bank, account)).person
    name = f"{account}-{office.value.replace('_', '-')}"
    done(
        await post(
            world, "rights-admin", "/api/accounts", {"name": name, "person": str(person), "office": office}
        )
    )
    return name


async def fix(world: World, day: str, rates: Mapping[str, str]) -> None:
    """Bring in the reference rates of a day."""
    body = {"day": day, "source": "ECB reference rates", "source_sha256": "ab" * 32, "rates": dict(rates)}
    done(await post(world, "risk-controller", "/api/fixings", body))


async def on_business_date(world: World, day: str) -> None:
    """Move desk time to the morning of a later day."""
    seen = (await (await world.as_("closer")).get("/api/business-date")).json()
    body = {"business_date": day, "desk_clock": "09:00", "version": seen["version"]}
    done(await post(world, "closer", "/api/business-date", body))


async def captured(world: World, by: str = "trader", **terms: str) -> Deal:
    """Enter a deal."""
    answer = done(await post(world, by, "/api/trades", TERMS | terms))
    return Deal(world, answer["id"], answer["checks"]["market"]["result"])


async def verified(world: World, by: str = "trader", **terms: str) -> Deal:
    """Enter a deal and have it verified, justified before if need be; what follows automatically is still to be done."""
    deal = await captured(world, by, **terms)
    if deal.market != "ok":
        await justified(world, deal.id)
    done(await deal.do("verifier", "verification"))
    return deal


async def sent(world: World, by: str = "trader", **terms: str) -> Deal:
    """Bring a deal to where our side of the confirmation is sent."""
    deal = await verified(world, by, **terms)
    await drain(world)
    done(await deal.confirm("dispatch"))
    await the_post(world).send()
    return deal


async def matched(world: World, by: str = "trader", **terms: str) -> Deal:
    """Bring a deal to where its legs are projected."""
    deal = await sent(world, by, **terms)
    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours | {"reference": "CP 4711"}))
    assert done(await deal.confirm("match"))["state"] == "matched"
    await signed_off(deal)
    await drain(world)
    return deal


async def signed_off(deal: Deal, account: str = "other-verifier") -> None:
    """Have a second person sign for the papers of a deal whose counterparty's side was typed by hand."""
    found = await deal.papers()
    if found["checklist"] is not None and found["checklist"]["state"] == "open":
        code = {"code": "no_message", "reason": "they confirm by telephone, the note is filed"}
        done(await deal.confirm("checklist", account, **code | {"version": found["checklist"]["version"]}))


async def settled(world: World, **terms: str) -> Deal:
    """Bring a deal to where both legs are settled and booked."""
    deal = await matched(world, **terms)
    for currency in await deal.legs():
        done(await deal.settle(currency, "preparation", "settler"))
        done(await deal.settle(currency, "release", "releaser"))
    await on_business_date(world, terms.get("value_date", VALUE_DATE))
    for currency in await deal.legs():
        done(await deal.settle(currency, "completion", "other-settler"))
    await drain(world)
    return deal


async def drain(world: World, *offices: Office) -> None:
    """Let the offices' own accounts do what waits for them."""
    workers = [Worker(world.bank.gate, office, HANDLERS, service_actor) for office in offices or OFFICES]
    while sum([await worker.drain() for worker in workers]):
        pass
    if Office.BACK_OFFICE in (offices or OFFICES):
        await the_post(world).send()
    assert {item: trouble.code for worker in workers for item, trouble in worker.troubles.items()} == {}


def the_post(world: World) -> Mailroom:
    """Return the back office's post, which tries again at once."""
    post = post_of(world.bank)
    post.pause_seconds, post.quiet = 0, timedelta(0)
    return post


async def act_as(world: World, account: str, roles: set[str], case: UseCase, command: Command) -> Done:
    """Act through an account as if it held other roles, as after a change of desk."""
    actor = replace(await actor_named(world.bank, account), roles=frozenset(roles))
    return await world.bank.gate.perform(actor, case, command, opening=True)


async def automatic(world: World, office: Office, case: UseCase, command: Command) -> Done:
    """Act through the office's own account."""
    return await world.bank.gate.perform(await service_actor(world.bank.offices, office), case, command)
