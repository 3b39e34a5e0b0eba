"""Cash moves between own accounts, or as margin, because trading asks and others agree (TRD-18, case A-03).

Trading has no right here beyond asking. What two people signed in the end, accounting books through its own item.
"""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command
from service.bookkeeping.booking import book, no_rate
from service.bookkeeping.posting import transfer_journal
from service.bookkeeping.queries import journal_view
from service.gate import use_case
from service.kernel.calendar import CALENDARS
from service.kernel.database import plain_value
from service.kernel.errors import IllegalTransition, StaleVersion, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import AMOUNT_PATTERN, Money, parse_amount, plain, quantize
from service.kernel.texts import LINE_PATTERN, Reason
from service.market.ecb import NoFixing
from service.market.queries import last_rates
from service.transfers.lifecycle import TRANSFER, TransferState, derived
from service.transfers.model import Transfer, TransferControl, TransferReview, TransferSignature
from service.transfers.need import judged_parts
from service.transfers.queries import Dossier, dossier_of, needs_of, parts_of, taken_before
from service.work.worker import Handlers

ALONE = text("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(:name, 0))")
SIGNATURES = 2
PARTS_MAX = 100
YEAR_LAST = 2099
REVIEWS = {
    Office.RISK_CONTROL: Item.REVIEW_TRANSFER_RISK,
    Office.ACCOUNTING: Item.REVIEW_TRANSFER_BOOKS,
}
Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string, never a number.")]
OwnAccount = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=64, pattern=LINE_PATTERN, description="Nostro or margin account."),
]


class WrongTransfer(Unprocessable):
    """422. A transfer moves a positive amount of a currency that is dealt here, between two accounts, on a day to come."""


class SignedBefore(IllegalTransition):
    """409. Two signatures are two people's."""

    rule = "TRD-18"


class ReviewedBefore(IllegalTransition):
    """409. This office has judged the transfer."""


class NeedGone(IllegalTransition):
    """409. The deals it was prepared for no longer need it; it must be refused."""

    rule = "TRD-18"


class NotReleased(IllegalTransition):
    """409. Two people must have signed a transfer before it is booked."""

    rule = "TRD-18"


class ForDeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part of the amount that is for one deal."""

    trade: UUID
    amount: Amount


class RequestTransfer(Command, frozen=True, kw_only=True):
    """Trading asks for cash to be moved, deal by deal."""

    purpose: Literal["own_accounts", "margin"]
    currency: Annotated[str, msgspec.Meta(min_length=3, max_length=3, description="ISO 4217.")]
    amount: Amount
    from_account: OwnAccount
    to_account: OwnAccount
    value_date: date
    reason: Reason
    breakdown: Annotated[list[ForDeal], msgspec.Meta(max_length=PARTS_MAX)] = msgspec.field(
        default_factory=list
    )


class PrepareTransfer(Command, frozen=True, kw_only=True):
    """A settler holds the request against what the booked deals need."""

    transfer_id: UUID
    version: int


class RefuseTransfer(Command, frozen=True, kw_only=True):
    """A settler turns the request down, saying why."""

    transfer_id: UUID
    version: int
    reason: Reason


class ReleaseTransfer(Command, frozen=True, kw_only=True):
    """One of two people signs the transfer."""

    transfer_id: UUID
    version: int


class ReviewTransfer(Command, frozen=True, kw_only=True):
    """Risk control or accounting judges a transfer that was held."""

    transfer_id: UUID
    version: int
    verdict: Literal["accept", "reject"]
    reason: Reason


class BookTransfer(Command, frozen=True, kw_only=True):
    """Accounting books a transfer that was released."""

    transfer_id: UUID


@use_case(Action.TRANSFER_REQUEST)
async def request_transfer(attempt: Attempt, command: RequestTransfer) -> Changed:
    """Ask; whether it is needed is found out by others."""
    must_be_a_transfer(attempt, command)
    assert attempt.actor.unit is not None, "whoever trades belongs to a desk"
    transfer = attempt.add(
        Transfer(
            id=uuid7(),
            purpose=command.purpose,
            currency=command.currency,
            amount=quantize(parse_amount(command.amount), command.currency),
            from_account=command.from_account,
            to_account=command.to_account,
            value_date=command.value_date,
            reason=command.reason,
            breakdown=[
                {"trade": str(part.trade), "amount": plain(parse_amount(part.amount))}
                for part in command.breakdown
            ],
            desk_id=attempt.actor.unit,
            requested_by=attempt.actor.account,
            requested_at=attempt.now,
        )
    )
    attempt.open_item(Item.PREPARE_TRANSFER, transfer, reason=command.reason)
    return answered(transfer, TransferState.REQUESTED, 1, status=201)


def must_be_a_transfer(attempt: Attempt, command: RequestTransfer) -> None:
    """Raise WrongTransfer, naming the first field that is wrong."""
    if command.currency not in CALENDARS:
        raise WrongTransfer("This currency is not dealt here.", field="currency")
    amount = parse_amount(command.amount)
    if amount <= 0 or amount != quantize(amount, command.currency):
        raise WrongTransfer(
            "A transfer moves a positive amount with its currency's decimals.", field="amount"
        )
    if command.from_account == command.to_account:
        raise WrongTransfer("A transfer joins two different accounts.", field="to_account")
    if not attempt.desk.business_date <= command.value_date <= date(YEAR_LAST, 12, 31):
        raise WrongTransfer("A transfer is due today or later.", field="value_date")
    if any(parse_amount(part.amount) <= 0 for part in command.breakdown):
        raise WrongTransfer("Every part of a transfer is a positive amount.", field="breakdown")


@use_case(Action.TRANSFER_PREPARE)
async def prepare_transfer(attempt: Attempt, command: PrepareTransfer) -> Changed:
    """Compute the need from booked deals; what exceeds it, or says not what it is for, is held for others to judge."""
    found = await at_hand(attempt, command.transfer_id, command.version)
    transfer, parts = found.transfer, parts_of(found.transfer)
    TRANSFER.after(found.state, attempt.action)
    await attempt.session.execute(ALONE, {"name": f"transfers of:{transfer.desk_id}"})
    needs = await needs_of(attempt.session, transfer, parts, attempt.desk.business_date)
    lines, findings = judged_parts(
        parts, transfer.amount, needs, await taken_before(attempt.session, transfer)
    )
    state = TransferState.HELD if findings else TransferState.PREPARED
    control = attempt.add(
        TransferControl(
            id=transfer.id,
            state=state.value,
            need={"deals": lines, "findings": findings},
            prepared_by=attempt.actor.account,
            reason=", ".join(findings) or None,
        )
    )
    attempt.close_item(Item.PREPARE_TRANSFER, transfer.id)
    for item in REVIEWS.values() if findings else (Item.RELEASE_TRANSFER,):
        attempt.open_item(item, control, reason=control.reason or transfer.reason)
    return answered(transfer, state, command.version + 1, need=control.need)


@use_case(Action.TRANSFER_REFUSE)
async def refuse_transfer(attempt: Attempt, command: RefuseTransfer) -> Changed:
    """Turn it down; what risk control and accounting have to judge is theirs until they have."""
    found = await at_hand(attempt, command.transfer_id, command.version)
    state, transfer = TRANSFER.after(found.state, attempt.action), found.transfer
    if found.control is None:
        attempt.add(
            TransferControl(
                id=transfer.id,
                state=state.value,
                need={},
                prepared_by=attempt.actor.account,
                reason=command.reason,
            )
        )
    else:
        attempt.change(found.control, state=state.value, reason=command.reason)
    for item in (Item.PREPARE_TRANSFER, Item.RELEASE_TRANSFER):
        attempt.close_item(item, transfer.id)
    return answered(transfer, state, command.version + 1, reason=command.reason)


@use_case(Action.TRANSFER_REVIEW)
async def review_transfer(attempt: Attempt, command: ReviewTransfer) -> Changed:
    """Say whether a held transfer may go; it takes both offices to let it, and one to end it."""
    found = await at_hand(attempt, command.transfer_id, command.version)
    control, transfer = found.control, found.transfer
    stored = TransferState.REQUESTED if control is None else TransferState(control.state)
    TRANSFER.after(stored, attempt.action)  # what one office rejected, the other may still judge
    assert control is not None
    if any(review.office == attempt.actor.office.value for review in found.reviews):
        raise ReviewedBefore("Your office judged this transfer before.")
    review = attempt.add(
        TransferReview(
            id=uuid7(),
            transfer_id=transfer.id,
            office=attempt.actor.office.value,
            verdict=command.verdict,
            reason=command.reason,
            reviewed_by=attempt.actor.account,
        )
    )
    attempt.close_item(REVIEWS[attempt.actor.office], transfer.id)
    state = derived(control.state, [*(one.verdict for one in found.reviews), review.verdict])
    if state is TransferState.ACCEPTED:
        attempt.open_item(Item.RELEASE_TRANSFER, control, reason=control.reason)
    return answered(transfer, state, command.version, verdict=review.verdict)


@use_case(Action.TRANSFER_RELEASE)
async def release_transfer(attempt: Attempt, command: ReleaseTransfer) -> Changed:
    """Sign; the second of two people, neither of whom asked for, prepared or judged it, lets it go."""
    found = await at_hand(attempt, command.transfer_id, command.version)
    state, transfer = TRANSFER.after(found.state, attempt.action), found.transfer
    assert found.control is not None
    if any(one.person_id == attempt.actor.person for one in found.signatures):
        raise SignedBefore("You signed this transfer before; the second signature is another person's.")
    if found.state is TransferState.PREPARED:
        await must_still_be_needed(attempt, transfer)
    attempt.add(
        TransferSignature(
            id=uuid7(),
            transfer_id=transfer.id,
            account_id=attempt.actor.account,
            person_id=attempt.actor.person,
            signed_at=attempt.now,
        )
    )
    signed = len(found.signatures) + 1
    if signed < SIGNATURES:
        return answered(transfer, found.state, command.version, signatures=signed)
    attempt.change(found.control, state=state.value)
    attempt.close_item(Item.RELEASE_TRANSFER, transfer.id)
    attempt.open_item(Item.BOOK_TRANSFER, found.control)
    return answered(transfer, state, command.version + 1, signatures=signed)


@use_case(Action.TRANSFER_BOOK)
async def book_transfer(attempt: Attempt, command: BookTransfer) -> Changed:
    """Accounting trusts no message: it books what two signatures released, once, on the day the cash moves (TRD-18)."""
    await attempt.session.execute(ALONE, {"name": f"transfer:{command.transfer_id}"})
    found = await dossier_of(attempt.session, command.transfer_id)
    await attempt.admit(related=found.rests_on)
    transfer = found.transfer
    signers = {one.person_id for one in found.signatures}
    if found.state is not TransferState.RELEASED or len(signers) < SIGNATURES:
        raise NotReleased("Two people must have signed a transfer before it is booked.")
    day = max(transfer.value_date, attempt.desk.business_date)
    rates_of, rates = await last_rates(attempt.session, attempt.desk.business_date) or (day, {})
    try:
        rule, lines = transfer_journal(
            transfer.purpose,
            Money(transfer.amount, transfer.currency),
            (transfer.from_account, transfer.to_account),
            rates,
        )
    except NoFixing as unknown:
        raise no_rate(unknown, day) from unknown
    attempt.note(rates_of=rates_of)
    journal = await book(
        attempt, trade=None, event_key=f"transfer:{transfer.id}", rule=rule, lines=lines, booked_on=day
    )
    attempt.close_item(Item.BOOK_TRANSFER, transfer.id)
    await attempt.session.flush()
    return Changed(journal_view(journal, lines), 201)


async def must_still_be_needed(attempt: Attempt, transfer: Transfer) -> None:
    """Raise NeedGone if a deal was cancelled or settled since the transfer was prepared for it."""
    parts = parts_of(transfer)
    needs = await needs_of(attempt.session, transfer, parts, attempt.desk.business_date)
    _, findings = judged_parts(parts, transfer.amount, needs, {})
    if findings:
        raise NeedGone("The deals this was prepared for no longer need it; a settler must refuse it.")


async def at_hand(attempt: Attempt, transfer_id: UUID, seen: int) -> Dossier:
    """Return the transfer with everything done about it, for whoever had no other hand in it.

    Acts on one transfer, by whatever office, happen one after the other from here on.
    Raises NotFound, KeptApart or StaleVersion.
    """
    await attempt.session.execute(ALONE, {"name": f"transfer:{transfer_id}"})
    found = await dossier_of(attempt.session, transfer_id)
    await attempt.admit(related=found.rests_on)
    if found.version != seen:
        raise StaleVersion(
            f"You saw version {seen}; it is at version {found.version} now. Look again.", field="version"
        )
    return found


def answered(
    transfer: Transfer, state: TransferState, version: int, *, status: int = 200, **more: Any
) -> Changed:
    """Return where the transfer stands now."""
    facts = {"id": str(transfer.id), "version": version, "state": state.value, "purpose": transfer.purpose}
    facts |= {"currency": transfer.currency, "amount": plain_value(transfer.amount)}
    return Changed(facts | more, status)


AUTOMATIC: Handlers = {
    Item.BOOK_TRANSFER: lambda item: (book_transfer, BookTransfer(transfer_id=item.subject_id)),
}
"""How accounting's own account does what waits for it here."""
