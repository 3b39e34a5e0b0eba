"""Work in hands: taken and put back, handed to another office and back; what nobody answers climbs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, text

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import IllegalTransition, InOtherHands, Malformed, NotFound, NotPermitted
from service.kernel.items import ROUTES, Item
from service.kernel.texts import Reason
from service.kernel.working_hours import earlier
from service.work.heads import heads_today, leads
from service.work.ladder import RUNGS, ladder
from service.work.model import WorkItem

HOLD_SECONDS = 15 * 60
LOCK = text("SELECT * FROM public.work_lock(:item)")
CLIMB = text("SELECT public.work_climb(:item, :rung)")
TARGETS = frozenset(
    {
        Office.ACCOUNTING,
        Office.BACK_OFFICE,
        Office.COMPLIANCE,
        Office.CREDIT,
        Office.LEGAL,
        Office.MASTER_DATA,
        Office.RISK_CONTROL,
    }
)
"""Who may be asked to see to the work of another office: never trading (BTO 2.2.2 Tz. 6)."""


class NoHandover(NotPermitted):
    """403. Work of control and settlement never goes to trading."""

    rule = "SET-22"


class NotOffered(IllegalTransition):
    """409. Nobody offered this item to the office, or it is with no other office."""


class DoneByItself(IllegalTransition):
    """409. The office's own service does this work; nobody takes it or hands it on."""

    rule = "SET-22"


class NotYourWork(NotPermitted):
    """403. Whoever may not do a piece of work does not keep it from those who may."""

    rule = "SET-22"


class NotYours(IllegalTransition):
    """409. The item is in no hands, or in those of somebody else."""


class NotOverdue(IllegalTransition):
    """409. The item has not waited long enough to climb, or has climbed so far, or is done."""


class NoEscalation(IllegalTransition):
    """409. Nothing of this item climbed to the office."""


class NotTheHead(NotPermitted):
    """403. What climbed to the head of an office is answered by whoever leads that office today (A-04)."""

    rule = "A-04"


class TakeWork(Command, frozen=True, kw_only=True):
    """Take an item into hands: for a quarter of an hour nobody else does it."""

    item_id: UUID


class LeaveWork(Command, frozen=True, kw_only=True):
    """Put an item back."""

    item_id: UUID


class OfferHandover(Command, frozen=True, kw_only=True):
    """Ask another office to see to an item, and why."""

    item_id: UUID
    to: Office
    reason: Reason


class AcceptHandover(Command, frozen=True, kw_only=True):
    """Take over an item that another office offered."""

    item_id: UUID


class ReturnHandover(Command, frozen=True, kw_only=True):
    """Give an item back to the office it is at home in, with what was found; or turn down or take back an offer."""

    item_id: UUID
    reason: Reason


class EscalateWork(Command, frozen=True, kw_only=True):
    """Let an item that nobody answered climb."""

    item_id: UUID
    rung: Item


class AnswerEscalation(Command, frozen=True, kw_only=True):
    """What was done about work that climbed to the own office; ``item_id`` is the item that climbed."""

    item_id: UUID
    reason: Reason


class LeadEscalation(Command, frozen=True, kw_only=True):
    """What the head of an office did about work it left undone; ``item_id`` is the item that climbed."""

    item_id: UUID
    reason: Reason


async def at_hand(attempt: Attempt, item_id: UUID) -> Any:
    """Lock an open item that is with the office or offered to it. Raises NotFound."""
    row = (await attempt.session.execute(LOCK, {"item": item_id})).one_or_none()
    if row is None:
        raise NotFound("work item")
    if row.trade_id is not None:
        attempt.concerns(row.trade_id)
    attempt.note(item=item_id, kind=row.kind)
    return row


def must_be_for_people(row: Any) -> None:
    """Raise DoneByItself for work of a service: in somebody's hands it would wait for as long as they hold it."""
    if ROUTES[Item(row.kind)].automatic:
        raise DoneByItself("The office's own service does this work; nobody takes it or hands it on.")


async def must_be_theirs(attempt: Attempt, row: Any) -> None:
    """Raise NotYourWork unless a role of the person's does such work, where it is at home in the office."""
    action = ROUTES[Item(row.kind)].action
    at_home = row.home == attempt.actor.office.value
    if at_home and not attempt.actor.standing().decide(attempt.policy, action).allowed:
        raise NotYourWork("None of your roles does this work; leave it to those who may.")
    if row.kind == Item.ESCALATED_HEAD and not leads(
        await heads_today(attempt.session), attempt.actor, row.reason
    ):
        raise NotTheHead("This is for whoever leads the office today; leave it to them.")


def must_be_free(attempt: Attempt, row: Any) -> None:
    """Raise InOtherHands while somebody else holds the item."""
    if row.is_held and row.holder_id != attempt.actor.account:
        raise InOtherHands(
            "Somebody else has taken this work. Wait until they are done, or until it is free."
        )


@use_case(Action.WORK_TAKE)
async def take_work(attempt: Attempt, command: TakeWork) -> Changed:
    """Take an item of the own office; the hold ends by itself."""
    row = await at_hand(attempt, command.item_id)
    if row.office != attempt.actor.office.value:
        raise NotOffered("This item is only offered: accept it first.")
    if row.offered_to is not None:
        raise NotOffered("This item is offered to another office: take the offer back first.")
    must_be_for_people(row)
    await must_be_theirs(attempt, row)
    must_be_free(attempt, row)
    attempt.handle_item(command.item_id, seconds=HOLD_SECONDS)
    return Changed({"id": str(command.item_id), "held_by": attempt.actor.name, "seconds": HOLD_SECONDS})


@use_case(Action.WORK_LEAVE)
async def leave_work(attempt: Attempt, command: LeaveWork) -> Changed:
    """Put back what the own hands hold."""
    row = await at_hand(attempt, command.item_id)
    if row.holder_id != attempt.actor.account:
        raise NotYours("You do not hold this item.")
    attempt.handle_item(command.item_id)
    return Changed({"id": str(command.item_id), "held_by": None})


@use_case(Action.HANDOVER_OFFER)
async def offer_handover(attempt: Attempt, command: OfferHandover) -> Changed:
    """Offer an item to another office outside trading; until it accepts, the item stays."""
    row = await at_hand(attempt, command.item_id)
    if command.to not in TARGETS or attempt.actor.office not in TARGETS:
        raise NoHandover("Work is handed over among offices outside trading alone.", field="to")
    if row.office != attempt.actor.office.value or row.offered_to is not None:
        raise NotOffered("This item is offered already.")
    must_be_for_people(row)
    if command.to is attempt.actor.office:
        raise Malformed("Offer it to another office than your own.", field="to")
    must_be_free(attempt, row)
    attempt.note(to=command.to, reason=command.reason)
    attempt.handle_item(command.item_id, to=command.to)
    return Changed({"id": str(command.item_id), "offered_to": command.to.value})


@use_case(Action.HANDOVER_ACCEPT)
async def accept_handover(attempt: Attempt, command: AcceptHandover) -> Changed:
    """Take over what was offered; whoever accepts holds it."""
    row = await at_hand(attempt, command.item_id)
    if row.offered_to != attempt.actor.office.value:
        raise NotOffered("This item is not offered to your office.")
    attempt.note(office=attempt.actor.office)
    attempt.handle_item(command.item_id, seconds=HOLD_SECONDS)
    return Changed({"id": str(command.item_id), "office": attempt.actor.office.value})


@use_case(Action.HANDOVER_RETURN)
async def return_handover(attempt: Attempt, command: ReturnHandover) -> Changed:
    """Give an item back with what was found, turn an offer down, or take the own offer back."""
    row = await at_hand(attempt, command.item_id)
    if row.offered_to is None and row.home == attempt.actor.office.value:
        raise NotOffered("This item is at home here and offered to nobody.")
    must_be_free(attempt, row)
    office = row.home if row.offered_to is None else row.office
    attempt.note(office=office, reason=command.reason)
    attempt.handle_item(command.item_id)
    return Changed({"id": str(command.item_id), "office": office})


@use_case(Action.WORK_ESCALATE)
async def escalate_work(attempt: Attempt, command: EscalateWork) -> Changed:
    """Tell the next rung of an item that nobody answered in time; done by compliance's own service (A-04, SET-27)."""
    item = await attempt.session.scalar(select(WorkItem).where(WorkItem.id == command.item_id))
    if item is None:
        raise NotFound("work item")
    kind = Item(item.kind)
    step = next((one for one in ladder()[kind] if one.rung is command.rung), None)
    if step is None or item.due_at > earlier(attempt.now, step.after):
        raise NotOverdue("This work has not waited that long.")
    office = ROUTES[command.rung].office
    if command.rung is Item.ESCALATED_HEAD:
        head = (await heads_today(attempt.session)).told_in(kind)
        if head is None:
            raise NotOverdue(
                "Nobody who leads this office has an account; those above are told in their turn."
            )
        office = head
    if not await attempt.session.scalar(CLIMB, {"item": item.id, "rung": command.rung.value}):
        raise NotOverdue("This work has climbed so far already, or is done.")
    if item.trade_id is not None:
        attempt.concerns(item.trade_id)
    attempt.note(item=item.id, kind=kind, due=item.due_at, source=step.source)
    attempt.open_item_about(
        command.rung,
        "work_item",
        item.id,
        trade_id=item.trade_id,
        version=item.version,
        reason=kind.value,
        office=office,
    )
    told = {"id": str(item.id), "rung": command.rung.value, "office": office.value}
    return Changed(told | {"due_at": plain_value(item.due_at)}, 201)


@use_case(Action.ESCALATION_ANSWER)
async def answer_escalation(attempt: Attempt, command: AnswerEscalation) -> Changed:
    """Answer what climbed to the own office; the line cannot, whatever it does with the item itself."""
    own = [rung for rung in RUNGS if ROUTES[rung].action is attempt.action]
    found = await climbed(attempt, command.item_id, own, WorkItem.home == attempt.actor.office.value)
    return answered(attempt, found, command.reason)


@use_case(Action.ESCALATION_LEAD)
async def lead_escalation(attempt: Attempt, command: LeadEscalation) -> Changed:
    """Answer, as whoever leads the office today, for work it left undone; being told last year does not count."""
    found = await climbed(attempt, command.item_id, [Item.ESCALATED_HEAD])
    if not leads(await heads_today(attempt.session), attempt.actor, str(found.reason)):
        raise NotTheHead("Somebody else leads this office today; the answer is theirs.")
    return answered(attempt, found, command.reason)


async def climbed(
    attempt: Attempt, item_id: UUID, rungs: Sequence[Item], *where: ColumnElement[bool]
) -> WorkItem:
    """Return what of an item climbed to one of these rungs and is not answered. Raises NoEscalation."""
    wanted = select(WorkItem).where(
        WorkItem.subject_id == item_id,
        WorkItem.subject_kind == "work_item",
        WorkItem.kind.in_([rung.value for rung in rungs]),
        WorkItem.closed_entry_id.is_(None),
        *where,
    )
    found = await attempt.session.scalar(wanted)
    if found is None:
        raise NoEscalation("Nothing of this work climbed to your office.")
    return found


def answered(attempt: Attempt, found: WorkItem, reason: str) -> Changed:
    """Put an answer on record and close what climbed; the work itself stays open for those who do it."""
    if found.trade_id is not None:
        attempt.concerns(found.trade_id)
    attempt.note(item=found.subject_id, kind=found.reason, reason=reason)
    attempt.close_item(Item(found.kind), found.subject_id)
    return Changed({"id": str(found.subject_id), "rung": found.kind, "answer": reason})
