"""Our confirmation out, the counterparty's in: over folders and a mail server, through every office to the books."""

import socket
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from service.channels import MailServer
from service.messages import mt300
from tests.bank import World
from tests.confirming import collected, drop, heard, outgoing, reply, transmissions
from tests.deals import by_force
from tests.parties import a_channel
from tests.settling import VALUE_DATE, done, drain, on_business_date, sent, set_up, the_post, verified


async def test_a_confirmation_goes_out_by_folder_its_answer_comes_in_and_the_deal_settles(
    bank_world: World,
) -> None:
    await set_up(bank_world)
    deal = await sent(bank_world)

    (message,) = await transmissions(deal)
    assert (message["state"], message["format"], message["tries"]) == ("delivered", "mt300", 1)
    assert message["proof"]["sha256"] == message["sha256"]
    (file,) = outgoing(bank_world)
    assert file.name == message["message_key"]

    answer = drop(bank_world, reply(heard(bank_world)))
    (told,) = await collected(bank_world)
    assert (told["state"], told["format"], told["finding"]) == ("linked", "mt300", None)
    assert not answer.exists()
    assert (await deal.confirmation())["state"] == "matched"

    await drain(bank_world)
    for currency in await deal.legs():
        done(await deal.settle(currency, "preparation", "settler"))
        done(await deal.settle(currency, "release", "releaser"))
    await on_business_date(bank_world, VALUE_DATE)
    for currency in await deal.legs():
        done(await deal.settle(currency, "completion", "other-settler"))
    await drain(bank_world)
    assert await deal.items() == set()


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
    bank_world: World, mailbox: tuple[Mailbox, MailServer]
) -> None:
    box, server = mailbox
    await set_up(bank_world)
    await a_channel(bank_world, medium="mail", address="confirmations@other.example")
    deal = await verified(bank_world)
    await drain(bank_world)
    done(await deal.confirm("dispatch"))
    mail_room = the_post(bank_world)
    mail_room.ways = {"mail": server}
    await mail_room.send()
    (message,) = await transmissions(deal)
    assert (message["state"], message["tries"]) == ("delivered", 1)
    assert "kept as 4711" in message["proof"]["answer"]

    await by_force(
        bank_world,
        "UPDATE public.transmission SET state = 'under_way', proof = NULL, delivered_at = NULL, delivered_on = NULL",
    )
    await mail_room.send()  # died before it could record that the mail had gone
    first, second = (message_from_bytes(one.content) for one in box.mails)
    assert first["Message-ID"] == second["Message-ID"]
    assert message["message_key"] in first["Message-ID"]
    attached = next(part for part in first.walk() if part.get_filename())
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    drop(bank_world, reply(mt300.read(content)))
    await collected(bank_world)
    assert (await deal.confirmation())["state"] == "matched"
