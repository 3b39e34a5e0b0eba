"""A counterparty's stand-in: it reads our confirmations out of its folder and puts its own into ours."""

import base64
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from service.kernel.money import Money
from service.messages import mt300, mt320
from service.messages.terms import ConfirmedTerms, as_the_other_sees
from tests.bank import World
from tests.parties import LEI, OTHER_LEI, a_channel, a_counterparty, in_force
from tests.settling import Deal, done, post, sent, the_post


def outgoing(world: World, lei: str = LEI) -> list[Path]:
    """Return the files that wait for the counterparty, oldest first."""
    folder = world.bank.settings.outbox_directory / lei
    return sorted(folder.glob("confirmation-*")) if folder.is_dir() else []


def heard(world: World, lei: str = LEI) -> ConfirmedTerms:
    """Return what our last message to the counterparty says."""
    return mt300.read(outgoing(world, lei)[-1].read_bytes())


def cancellations(world: World, lei: str = LEI) -> list[ConfirmedTerms]:
    """Return our messages to the counterparty that take another one back, oldest first."""
    files = sorted((world.bank.settings.outbox_directory / lei).glob("cancellation-*"))
    return [mt300.read(file.read_bytes()) for file in files]


def reply(terms: ConfirmedTerms, reference: str = "CP4711", **changes: Any) -> bytes:
    """Return the counterparty's own message about the same deal, with these changes."""
    theirs = replace(as_the_other_sees(terms), our_reference=reference, **changes)
    return (mt300 if theirs.product.exchange else mt320).write(theirs)


def drop(world: World, content: bytes, name: str = "confirmation.txt", sender: str = LEI) -> Path:
    """Put a file into the back office's inbox, in the sender's folder."""
    folder = world.bank.settings.inbox_directory / sender
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def drop_file(world: World, file: Path, sender: str) -> None:
    """Put a copy of a file into the back office's inbox, under its own name."""
    drop(world, file.read_bytes(), file.name, sender)


async def collected(world: World) -> list[dict[str, Any]]:
    """Have the inbox collected; return everything that ever came in."""
    await the_post(world).collect()
    return await messages(world)


async def messages(world: World) -> list[dict[str, Any]]:
    """Return everything that ever came in, oldest first."""
    found = await (await world.as_("confirmer")).get("/api/confirmations/inbound", limit=200)
    return list(found.json()["items"])


async def uploaded(world: World, account: str, content: bytes, **more: Any) -> Any:
    """Take a file in by hand."""
    body = {
        "sender": LEI,
        "name": "their confirmation.txt",
        "content": base64.b64encode(content).decode(),
        **more,
    }
    return await post(world, account, "/api/confirmations/inbound", body)


async def alerts(world: World, account: str) -> list[dict[str, Any]]:
    """Return the alerts that wait for an office."""
    kind = "review_alert" if account == "compliance" else "examine_alert"
    return list((await (await world.as_(account)).get("/api/work", kind=kind)).json()["items"])


async def transmissions(deal: Deal) -> list[dict[str, Any]]:
    """Return our messages about a deal."""
    confirmation = await deal.confirmation()
    caller = await deal.world.as_("confirmer")
    return list((await caller.get(f"/api/confirmations/{confirmation['id']}/transmissions")).json()["items"])


async def alleged(world: World) -> dict[str, Any]:
    """Have the counterparty confirm a deal that we do not have; return the message as it came in."""
    ours = heard(world)
    other = replace(ours, our_reference="NEW", bought=Money(Decimal("2000000.00"), "EUR"))
    drop(world, reply(other, "CP9"), "alleged.txt")
    return (await collected(world))[-1]


async def every_kind(world: World) -> None:
    """Leave a row of every kind that confirming knows: sent, forwarded, alleged, verified otherwise, reviewed."""
    await in_force(world, "/api/tolerances", {"rates": "0.000002", "amounts": "0.01"})
    await a_counterparty(world, OTHER_LEI, "A broker", bic="DEUTDEFF")
    await a_channel(world, long_form=True)
    deal = await sent(world, execution="broker", broker=OTHER_LEI)
    paper = {"name": "note.pdf", "content": base64.b64encode(b"%PDF-1.7 as it came").decode()}
    said_by_broker = {"fields": (await deal.confirmation())["ours"]}
    done(await deal.confirm("broker-statement", **paper | said_by_broker))
    done(await deal.confirm("long-form", **paper | {"version": 1}))
    message = await alleged(world)
    share = {"version": message["version"], "reason": "no deal of ours fits"}
    shared = done(await post(world, "verifier", f"/api/inbound/{message['id']}/share", share))
    claim = {"known": False, "said": "the desk does not know this deal"}
    done(await post(world, "trader", f"/api/alleged-deals/{shared['alleged']}/answer", claim))
    passed_on = {"sender": "somebody@other.example", "said": "We confirm."}
    done(await post(world, "trader", f"/api/trades/{deal.id}/forwarded-confirmations", passed_on))
    raised = await alerts(world, "compliance")
    finding = {"finding": "the counterparty never sent it"}
    done(await post(world, "compliance", f"/api/alerts/{raised[0]['id']}/review", finding))
    said = {
        "way": "cash_receipt",
        "contact": "statement of the nostro",
        "said": "the amount came in as agreed",
    }
    done(await deal.confirm("substitutes", **said))
