"""The papers of a deal, looked for when both sides agree; what is missing, late or typed by hand waits for a person."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from service.attempt import Attempt
from service.confirmations.lifecycle import (
    AGREED,
    CHECKLIST,
    LONG_FORM,
    ChecklistState,
    ConfirmationState,
    LongFormState,
    TransmissionState,
)
from service.confirmations.matching import BROKER
from service.confirmations.model import (
    BrokerStatement,
    Confirmation,
    DocumentChecklist,
    InboundMessage,
    LongForm,
    Transmission,
)
from service.confirmations.papers import Deal, Paper, due_days, late, missing
from service.kernel.identifiers import uuid7
from service.kernel.items import ROUTES, Item
from service.parties.model import Counterparty

TYPED = "typed"
"""Where a clerk typed what the counterparty says, instead of a message that says it itself."""
GONE = (TransmissionState.QUEUED.value, TransmissionState.UNDER_WAY.value, TransmissionState.DELIVERED.value)


async def await_papers(attempt: Attempt, confirmation: Confirmation, *, short: bool) -> None:
    """Ask for what others owe beside the counter-confirmation: the broker's statement, the long form."""
    due = due_days(facts_of(confirmation, short=short))
    if (day := due.get(Paper.BROKER_STATEMENT)) is not None:
        attempt.open_item(
            Item.RECORD_BROKER_STATEMENT,
            confirmation,
            trade_id=confirmation.trade_id,
            version=confirmation.version,
            due=attempt.now + until(attempt, day, Item.RECORD_BROKER_STATEMENT),
        )
    if (day := due.get(Paper.LONG_FORM)) is not None:
        row = attempt.add(
            LongForm(
                id=uuid7(),
                confirmation_id=confirmation.id,
                trade_id=confirmation.trade_id,
                due_on=day,
                state=LongFormState.DUE.value,
            )
        )
        attempt.open_item(
            Item.FILE_LONG_FORM,
            row,
            trade_id=row.trade_id,
            version=confirmation.version,
            due=attempt.now + until(attempt, day, Item.FILE_LONG_FORM),
        )


async def check_papers(attempt: Attempt, confirmation: Confirmation) -> None:
    """Draw the checklist of a deal that both sides agree on; where all is there and in time nobody has to sign."""
    if await is_own(attempt, confirmation):
        return
    papers = await papers_of(attempt, confirmation)
    by_hand = confirmation.state == ConfirmationState.MATCHED and await is_by_hand(attempt, confirmation)
    why = [*(f"missing {name}" for name in missing(papers)), *(f"late {name}" for name in late(papers))]
    if by_hand:
        why += ["typed by hand" if confirmation.counter_source == TYPED else "taken in by hand"]
    row = attempt.add(
        DocumentChecklist(
            id=uuid7(),
            confirmation_id=confirmation.id,
            trade_id=confirmation.trade_id,
            version=confirmation.version,
            by_hand=by_hand,
            state=(ChecklistState.OPEN if why else ChecklistState.COMPLETE).value,
            papers=papers,
        )
    )
    if why:
        day = max(date.fromisoformat(one["due"]) for one in papers)
        attempt.open_item(
            Item.CHECK_DOCUMENTS,
            row,
            trade_id=row.trade_id,
            version=row.version,
            reason=", ".join(why),
            due=attempt.now + until(attempt, day, Item.CHECK_DOCUMENTS),
        )


async def is_by_hand(attempt: Attempt, confirmation: Confirmation) -> bool:
    """Tell whether their side rests on one clerk: typed, or a file that lay in no sender's folder."""
    source = confirmation.counter_source
    if source is None or source == TYPED:
        return source == TYPED
    came = await attempt.session.scalar(
        select(InboundMessage.source).where(InboundMessage.id == UUID(source))
    )
    if came is None:  # it comes in by this very act
        return not attempt.actor.service
    return came != "inbox"


async def papers_of(attempt: Attempt, confirmation: Confirmation) -> list[dict[str, Any]]:
    """Return each paper that belongs to the deal: by when, when it came, and what shows it."""
    session, today = attempt.session, attempt.desk.business_date
    form = await session.scalar(select(LongForm).where(LongForm.confirmation_id == confirmation.id))
    came: dict[Paper, tuple[date, str]] = {}
    sent = await session.scalar(
        select(Transmission).where(
            Transmission.confirmation_id == confirmation.id,
            Transmission.purpose == "confirmation",
            Transmission.state.in_(GONE),
        )
    )
    if sent is not None:
        came[Paper.OUR_CONFIRMATION] = sent.delivered_on or today, sent.message_key
    if confirmation.state in AGREED and confirmation.agreed_by is not None:
        on = date.fromisoformat(confirmation.agreed_by.get("on", today.isoformat()))
        came[Paper.COUNTER_CONFIRMATION] = on, str(confirmation.agreed_by["way"])
    statement = await last_statement(attempt, confirmation.id)
    if statement is not None and not statement.breaks:
        came[Paper.BROKER_STATEMENT] = statement.received_on, str(statement.document_id)
    if form is not None and form.filed_on is not None:
        came[Paper.LONG_FORM] = form.filed_on, str(form.document_id)
    due = due_days(facts_of(confirmation, short=form is not None))
    return [
        {
            "paper": paper.value,
            "due": day.isoformat(),
            "came": came[paper][0].isoformat() if paper in came else None,
            "shown_by": came[paper][1] if paper in came else None,
        }
        for paper, day in due.items()
    ]


def facts_of(confirmation: Confirmation, *, short: bool) -> Deal:
    """Return what decides which papers belong to the deal."""
    said = confirmation.ours
    return Deal(
        str(said["type"]),
        date.fromisoformat(said["trade_date"]),
        confirmation.confirm_by,
        BROKER in said,
        short,
    )


async def last_statement(attempt: Attempt, confirmation_id: UUID) -> BrokerStatement | None:
    """Return what the broker said last about a deal."""
    found: BrokerStatement | None = await attempt.session.scalar(
        select(BrokerStatement)
        .where(BrokerStatement.confirmation_id == confirmation_id)
        .order_by(BrokerStatement.id.desc())
        .limit(1)
    )
    return found


async def drop_papers(attempt: Attempt, confirmation_id: UUID) -> None:
    """Ask for nothing more about a confirmation that is withdrawn; a later version has papers of its own (SET-18)."""
    attempt.close_item(Item.RECORD_BROKER_STATEMENT, confirmation_id)
    form = await attempt.session.scalar(
        select(LongForm).where(LongForm.confirmation_id == confirmation_id).with_for_update()
    )
    if form is not None and form.state == LongFormState.DUE:
        attempt.change(form, state=LONG_FORM.after(LongFormState.DUE, attempt.action).value)
        attempt.close_item(Item.FILE_LONG_FORM, form.id)
    checklist = await attempt.session.scalar(
        select(DocumentChecklist)
        .where(DocumentChecklist.confirmation_id == confirmation_id)
        .with_for_update()
    )
    if checklist is not None and checklist.state == ChecklistState.OPEN:
        attempt.change(checklist, state=CHECKLIST.after(ChecklistState.OPEN, attempt.action).value)
        attempt.close_item(Item.CHECK_DOCUMENTS, checklist.id)


async def is_own(attempt: Attempt, confirmation: Confirmation) -> bool:
    """Tell whether the deal is between two books of the bank, so that nothing leaves the house."""
    lei = str(confirmation.ours["their_lei"])
    return bool(await attempt.session.scalar(select(Counterparty.own).where(Counterparty.lei == lei)))


def until(attempt: Attempt, day: date, item: Item) -> timedelta:
    """Return how long an item may wait that is due on a business day; one that is late is due as soon as any."""
    return max(timedelta(days=(day - attempt.desk.business_date).days), ROUTES[item].within)
