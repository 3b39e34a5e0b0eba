"""Our confirmation out, the counterparty's in: over folders and a mail server, through every office to the books."""

import socket
from collections.abc import Iterator
from decimal import Decimal
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from service.channels import MailServer
from service.kernel.money import Money
from service.messages import mt300
from service.messages.terms import Operation
from tests.bank import World
from tests.confirming import cancellations, collected, drop, heard, outgoing, reply, transmissions
from tests.deals import by_force
from tests.parties import a_channel
from tests.settling import (
    TERMS,
    VALUE_DATE,
    Deal,
    done,
    drain,
    on_business_date,
    post,
    sent,
    the_post,
    verified,
)


async def test_a_confirmation_goes_out_by_folder_its_answer_comes_in_and_the_deal_settles(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)

    (message,) = await transmissions(deal)
    assert (message["state"], message["format"], message["tries"]) == ("delivered", "mt300", 1)
    assert message["proof"]["sha256"] == message["sha256"]
    (file,) = outgoing(ready_bank)
    assert file.name == message["message_key"]

    answer = drop(ready_bank, reply(heard(ready_bank)))
    (told,) = await collected(ready_bank)
    assert (told["state"], told["format"], told["finding"]) == ("linked", "mt300", None)
    assert not answer.exists()
    assert (await deal.confirmation())["state"] == "matched"

    await drain(ready_bank)
    for currency in await deal.legs():
        done(await deal.settle(currency, "preparation", "settler"))
        done(await deal.settle(currency, "release", "releaser"))
    await on_business_date(ready_bank, VALUE_DATE)
    for currency in await deal.legs():
        done(await deal.settle(currency, "completion", "other-settler"))
    await drain(ready_bank)
    assert await deal.items() == set()


async def test_SET_19_an_amended_deal_amends_its_confirmation_and_a_cancelled_one_takes_it_back(
    ready_bank: World,
) -> None:
    deal = await sent(ready_bank)
    first = heard(ready_bank)
    drop(ready_bank, reply(first, "CP1"), "first.txt")
    await collected(ready_bank)
    assert (await deal.confirmation())["state"] == "matched"

    await amended(deal, 1, base_amount="1200000.00")
    await drain(ready_bank)
    assert cancellations(ready_bank) == [], "the deal stands, so nothing is taken back"
    done(await deal.do("verifier", "verification", version=2))
    await drain(ready_bank)
    done(await post_on_newest(deal, "dispatch"))
    await drain(ready_bank)
    second = heard(ready_bank)
    assert (second.operation, second.previous_reference) == (Operation.AMEND, first.our_reference)
    assert second.our_reference != first.our_reference
    assert second.bought == Money(Decimal("1200000.00"), "EUR")
    drop(ready_bank, reply(second, "CP2", operation=Operation.AMEND, previous_reference="CP1"), "second.txt")
    (amends,) = [one for one in await collected(ready_bank) if one["finding"]]
    assert amends["finding"] == "amends_or_cancels", "what amends is read by a person"

    await amended(deal, 2, base_amount="1300000.00")
    await drain(ready_bank)
    await deal.cancel(version=3)  # nobody verified the third version; the counterparty knows the second
    await drain(ready_bank)
    (void,) = cancellations(ready_bank)
    assert (void.operation, void.previous_reference) == (Operation.CANCEL, second.our_reference)
    assert (void.trade_date, void.bought) == (second.trade_date, second.bought)
    assert await deal.items() == set()


async def amended(deal: Deal, version: int, **terms: str) -> None:
    """Have a deal amended: asked for by its trader, approved by a verifier."""
    body = TERMS | terms | {"reason": "the counterparty's ticket says otherwise"}
    asked = done(await deal.do("trader", "amendments", version=version, **body))
    seen = {"version": asked["version"], "reason": "the ticket agrees"}
    done(await post(deal.world, "other-verifier", f"/api/requests/{asked['id']}/approval", seen))


async def post_on_newest(deal: Deal, what: str) -> Any:
    """Act on the confirmation of the deal's newest version."""
    caller = await deal.world.as_("confirmer")
    newest = (await caller.get("/api/confirmations", trade=deal.id)).json()["items"][-1]
    path = f"/api/confirmations/{newest['id']}/{what}"
    return await caller.post(path, {"version": newest["version"]})


class Mailbox:
    """The counterparty's mail server; it keeps what it takes."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        """Take a mail."""
        del server, session
        self.mails.append(envelope)
        return "250 2.0.0 kept as 4711"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, MailServer]]:
    """Give a real mail server on a free port."""
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, MailServer(host="127.0.0.1", port=port, sender="settlement@bank.example", security="none")
    controller.stop()


async def test_a_confirmation_goes_out_by_mail_once_and_its_answer_comes_by_folder(
    ready_bank: World, mailbox: tuple[Mailbox, MailServer]
) -> None:
    box, server = mailbox
    await a_channel(ready_bank, medium="mail", address="confirmations@other.example")
    deal = await verified(ready_bank)
    await drain(ready_bank)
    done(await deal.confirm("dispatch"))
    mail_room = the_post(ready_bank)
    mail_room.ways = {"mail": server}
    await mail_room.send()
    (message,) = await transmissions(deal)
    assert (message["state"], message["tries"]) == ("delivered", 1)
    assert "kept as 4711" in message["proof"]["answer"]

    await by_force(
        ready_bank,
        "UPDATE public.transmission SET state = 'under_way', proof = NULL, delivered_at = NULL, delivered_on = NULL",
    )
    await mail_room.send()  # died before it could record that the mail had gone
    first, second = (message_from_bytes(one.content) for one in box.mails)
    assert first["Message-ID"] == second["Message-ID"]
    assert message["message_key"] in first["Message-ID"]
    attached = next(part for part in first.walk() if part.get_filename())
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    drop(ready_bank, reply(mt300.read(content)))
    await collected(ready_bank)
    assert (await deal.confirmation())["state"] == "matched"
