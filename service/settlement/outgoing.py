"""The way of payment messages to the banks that keep our accounts: a folder for each, filled by the back office's post.

Before a message leaves it is held against the schema that was dropped in; without one it passes our own check
alone, and every answer about it says so.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.attempt import Command
from service.channels import CannotDeliver, FileDrop, Parcel, deliver
from service.confirmations.mailroom import Mailroom
from service.documents.filing import content_of
from service.documents.model import Document
from service.gate import UseCase
from service.messages.pacs009 import SCHEMA_FILE, AgainstSchema, NoSchema, validate
from service.settlement.dispatching import (
    BeginPayment,
    CompletePayment,
    FailPayment,
    begin_payment,
    complete_payment,
    fail_payment,
)
from service.settlement.lifecycle import PaymentState
from service.settlement.model import Payment
from service.settlement.paying import REASON_CHARACTERS_MAX
from service.settlement.statuses import collect_payment_status, collecting

AT_ONCE: Final = 200
GOING: Final = (PaymentState.QUEUED.value, PaymentState.UNDER_WAY.value)


@dataclass(frozen=True, slots=True)
class PaymentWay:
    """Where messages are put, and where their schemas lie; given to the back office's post as one more errand."""

    folder: FileDrop
    schemas: Path

    async def send(self, room: Mailroom) -> int:
        """Send what was released, oldest first; a message that fails waits for a later round."""
        wanted = select(Payment).where(Payment.state.in_(GOING)).order_by(Payment.id).limit(AT_ONCE)
        async with AsyncSession(room.gate.offices[Office.BACK_OFFICE]) as session:
            waiting: Sequence[Payment] = (await session.scalars(wanted)).all()
        return sum([await room.now_or_later(str(one.id), self.send_one(room, one)) for one in waiting])

    def collecting(self, sender: str, name: str, content: bytes) -> Sequence[tuple[UseCase, Command]]:
        """Take in what a bank tells about payments."""
        return [(collect_payment_status, command) for command in collecting(sender, name, content)]

    async def send_one(self, room: Mailroom, payment: Payment) -> bool:
        """Make one try; every step of it is an act of the gate."""
        async with AsyncSession(room.gate.offices[Office.BACK_OFFICE]) as session:
            content = await content_of(session, await session.get_one(Document, payment.document_id))
        schema, wrong = held_against(content, self.schemas)
        begun = await room.do(
            begin_payment, BeginPayment(payment_id=payment.id, version=payment.rev, schema=schema)
        )
        if begun is None:
            return False
        version = int(begun.answer["version"])
        if wrong is not None:
            failure = FailPayment(payment_id=payment.id, version=version, failure=wrong, invalid=True)
            return await room.do(fail_payment, failure) is not None
        assert payment.bank is not None, "a message that is written names the bank it is for"
        parcel = Parcel(
            name=payment.message_key,
            content=content,
            media_type="application/xml",
            address=payment.bank,
            subject=payment.reference,
            text=f"{payment.reference}\n",
            made_at=payment.made_at,
        )
        try:
            proof = await deliver(self.folder, parcel)
        except CannotDeliver as undelivered:
            told = str(undelivered)[:REASON_CHARACTERS_MAX]
            await room.do(fail_payment, FailPayment(payment_id=payment.id, version=version, failure=told))
            return False
        facts = {name: said for name, said in asdict(proof).items() if isinstance(said, str)}
        sent = CompletePayment(payment_id=payment.id, version=version, proof=facts, repeated=proof.repeated)
        return await room.do(complete_payment, sent) is not None


def held_against(content: bytes, schemas: Path) -> tuple[str | None, str | None]:
    """Return the schema the message was held against, if one was at hand, and what it says against it, if anything.

    One that was dropped in and cannot be used stops the message as well.
    """
    if not (schemas / SCHEMA_FILE).is_file():
        return None, None
    try:
        validate(content, schemas)
    except (AgainstSchema, NoSchema) as wrong:
        return schema_named(schemas), str(wrong)[:REASON_CHARACTERS_MAX]
    return schema_named(schemas), None


def schema_named(schemas: Path) -> str:
    """Name the schema by its file and bytes."""
    return f"{SCHEMA_FILE} sha256:{hashlib.sha256((schemas / SCHEMA_FILE).read_bytes()).hexdigest()}"
