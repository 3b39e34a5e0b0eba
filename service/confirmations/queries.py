"""What the back office reads about confirmations; their side never leaves the controlling offices."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from service.confirmations.deadlines import (
    HEARD_BEFORE,
    AgeOpen,
    age_days,
    bucket,
    business_days_after,
    chase_steps,
    is_open_too_long,
)
from service.confirmations.lifecycle import AWAITED, ConfirmationState
from service.confirmations.matching import REFERENCE, in_order
from service.confirmations.model import (
    AlertReview,
    AllegedAnswer,
    AllegedDeal,
    BrokerStatement,
    Confirmation,
    DocumentChecklist,
    InboundMessage,
    LongForm,
    SubstituteVerification,
    Transmission,
)
from service.kernel.database import Recorded, plain_facts, plain_value, row_view
from service.kernel.errors import NotFound
from service.kernel.paging import Order, from_end, paged
from service.parties.model import ConfirmationChannel

ROWS_MAX: Final = 20_000
CURRENCIES: Final = ("buy_currency", "sell_currency", "currency")
AND: Final = "/"
IS_AWAITED: Final = Confirmation.state.in_(sorted(state.value for state in AWAITED))


async def confirmation_of(session: AsyncSession, trade_id: UUID, version: int) -> Confirmation | None:
    """Return the confirmation of one version of a deal, or None before it is drafted."""
    found: Confirmation | None = await session.scalar(
        select(Confirmation)
        .where(Confirmation.trade_id == trade_id, Confirmation.version == version)
        .order_by(Confirmation.draft.desc())
        .limit(1)
    )
    return found


async def confirmations(
    session: AsyncSession,
    state: ConfirmationState | None = None,
    trade: UUID | None = None,
    limit: int = 50,
    cursor: UUID | None = None,
    order: Order = Order.OLDEST,
) -> dict[str, Any]:
    """Return a page of confirmations, the oldest first or the newest; ``next`` is the cursor of the page after it."""
    query = from_end(select(Confirmation), Confirmation.id, order, cursor).limit(limit + 1)
    if state is not None:
        query = query.where(Confirmation.state == state)
    if trade is not None:
        query = query.where(Confirmation.trade_id == trade)
    found = list(await session.scalars(query))
    return paged([view(one) for one in found], limit)


async def confirmation_view(session: AsyncSession, confirmation_id: UUID) -> dict[str, Any]:
    """Return one confirmation with both sides and the breaks between them. Raises NotFound."""
    found = await session.get(Confirmation, confirmation_id)
    if found is None:
        raise NotFound("confirmation")
    return view(found)


def view(confirmation: Confirmation) -> dict[str, Any]:
    """Return the confirmation as the interface shows it; ``version`` is what the next act must carry."""
    facts = {
        "id": confirmation.id,
        "trade": confirmation.trade_id,
        "trade_version": confirmation.version,
        "draft": confirmation.draft,
        "confirm_by": confirmation.confirm_by,
        "version": confirmation.rev,
        "state": confirmation.state,
        "ours": confirmation.ours,
        "sent_at": confirmation.sent_at,
        "counter": confirmation.counter,
        "counter_at": confirmation.counter_at,
        "counter_source": confirmation.counter_source,
    }
    plain = plain_facts(facts)
    # Breaks name the side that is silent, so nothing is left out of them.
    return plain | {"breaks": confirmation.breaks, "agreed_by": confirmation.agreed_by}


async def unconfirmed(
    session: AsyncSession, today: date, *, over_days: bool, age: AgeOpen | None = None, limit: int
) -> list[dict[str, Any]]:
    """Return the deals whose terms the counterparty has not agreed, the oldest first, with their age.

    ``over_days``: only those open for more than five business days, the list that authorities ask for (EMR-02);
    ``age``: only those of one bucket.
    """
    groups = [
        one
        for one in await unconfirmed_together(session, today)
        if age in (None, bucket(one.days)) and (one.is_open_too_long or not over_days)
    ]
    together = tuple_(Confirmation.traded_on, Confirmation.currencies)
    told: list[dict[str, Any]] = []
    for one in sorted(groups, key=lambda group: -group.days):
        if len(told) >= limit:
            break
        rows = await session.scalars(
            select(Confirmation)
            .where(IS_AWAITED, together == tuple_(one.traded_on, one.currencies))
            .order_by(Confirmation.id)
            .limit(limit - len(told))
        )
        more = {"age_days": one.days, "bucket": bucket(one.days)}
        told += [view(row) | more | {"late": row.confirm_by < today} for row in rows]
    return told


async def unconfirmed_by_age(session: AsyncSession, today: date) -> Counter[str]:
    """Count the deals whose terms the counterparty has not agreed, by their age."""
    found: Counter[str] = Counter()
    for one in await unconfirmed_together(session, today):
        found[bucket(one.days)] += one.deals
    return found


@dataclass(frozen=True, slots=True)
class Together:
    """Unconfirmed deals of one age: struck on one day, in the same currencies."""

    traded_on: date
    currencies: str
    deals: int
    days: int
    is_open_too_long: bool


async def unconfirmed_together(session: AsyncSession, today: date) -> list[Together]:
    """Return the deals whose terms the counterparty has not agreed, those of one age together."""
    alike = (Confirmation.traded_on, Confirmation.currencies)
    rows = await session.execute(select(*alike, func.count()).where(IS_AWAITED).group_by(*alike))
    return [
        Together(
            traded,
            names,
            deals,
            age_days(traded, today, names.split(AND)),
            is_open_too_long(traded, today, names.split(AND)),
        )
        for traded, names, deals in rows
    ]


async def business_date(session: AsyncSession, now: date) -> date:
    """Return the bank's business date; the calendar's where none is set."""
    found: date | None = await session.scalar(text("SELECT business_date FROM public.desk_time"))
    return found or now


@dataclass(frozen=True, slots=True)
class Silent:
    """A confirmation that went and was not answered: which reminders are due, and whether silence means agreement."""

    confirmation: Confirmation
    steps: tuple[int, ...]
    deemed: bool


async def silent(session: AsyncSession, today: date) -> list[Silent]:
    """Return what the post has to do about counterparties that do not answer; the acts themselves check it again."""
    rows = await session.execute(
        select(Confirmation, Transmission.delivered_on, ConfirmationChannel.deemed_days)
        .join(
            Transmission,
            (Transmission.confirmation_id == Confirmation.id) & (Transmission.purpose == "confirmation"),
        )
        .join(ConfirmationChannel, ConfirmationChannel.id == Transmission.channel_id)
        .where(
            Confirmation.state == ConfirmationState.SENT,
            Confirmation.counter.is_(None),
            Transmission.delivered_on.is_not(None),
        )
        .order_by(Confirmation.id)
        .limit(ROWS_MAX)
    )
    found = rows.all()
    done: dict[UUID, set[int]] = {}
    chasers = select(Transmission.confirmation_id, Transmission.step).where(Transmission.purpose == "chaser")
    for chased in await session.execute(chasers):
        done.setdefault(chased.confirmation_id, set()).add(chased.step)
    heard = await heard_in_own_words(session)
    told = []
    for row in found:
        one = row.Confirmation
        due = chase_steps(date.fromisoformat(one.ours["trade_date"]), today)
        steps = tuple(step for step in due if step not in done.get(one.id, ()))
        over = row.deemed_days is not None and business_days_after(row.delivered_on, row.deemed_days) < today
        deemed = over and heard.get(one.ours["their_lei"], 0) >= HEARD_BEFORE
        if steps or deemed:
            told.append(Silent(one, steps, deemed))
    return told


async def heard_in_own_words(session: AsyncSession) -> dict[str, int]:
    """Return how many deals each counterparty (LEI) has confirmed by saying the same as we did."""
    lei = Confirmation.ours["their_lei"].astext
    rows = await session.execute(
        select(lei.label("lei"), func.count().label("deals"))
        .where(Confirmation.state == ConfirmationState.MATCHED)
        .group_by(lei)
    )
    return {row.lei: row.deals for row in rows}


async def transmissions(session: AsyncSession, confirmation_id: UUID) -> list[dict[str, Any]]:
    """Return our messages about a confirmation, with the proof that they went."""
    wanted = select(Transmission).where(Transmission.confirmation_id == confirmation_id)
    return [transmission_view(row) for row in await session.scalars(wanted.order_by(Transmission.id))]


async def inbound(
    session: AsyncSession, state: str | None = None, limit: int = 50, cursor: UUID | None = None
) -> dict[str, Any]:
    """Return what reached the back office, oldest first; ``next`` is the cursor of the page after it."""
    query = select(InboundMessage).order_by(InboundMessage.id).limit(limit + 1)
    if state is not None:
        query = query.where(InboundMessage.state == state)
    if cursor is not None:
        query = query.where(InboundMessage.id > cursor)
    found = list(await session.scalars(query))
    return paged([inbound_view(one) for one in found], limit)


async def message_view(session: AsyncSession, message_id: UUID) -> dict[str, Any]:
    """Return one message from outside, with what trading said of it where it was asked. Raises NotFound."""
    found = await session.get(InboundMessage, message_id)
    if found is None:
        raise NotFound("message")
    asked = await session.execute(
        select(AllegedDeal.shared_at, AllegedAnswer.known, AllegedAnswer.said)
        .outerjoin(AllegedAnswer, AllegedAnswer.alleged_id == AllegedDeal.id)
        .where(AllegedDeal.inbound_id == message_id)
    )
    row = asked.one_or_none()
    told = None if row is None else {"at": plain_value(row.shared_at), "known": row.known, "said": row.said}
    fields = None if found.fields is None else in_order(found.fields)
    return inbound_view(found) | {"asked": told, "fields": fields}


async def awaited_of(session: AsyncSession, message: dict[str, Any], limit: int) -> list[tuple[str, str]]:
    """Return id and reference of the counterparty's deals that still wait for its word, newest first."""
    rows = await session.execute(
        select(Confirmation.id, Confirmation.ours)
        .where(
            Confirmation.ours["their_lei"].astext == message["fields"].get("their_lei"),
            Confirmation.state.in_([state.value for state in AWAITED]),
        )
        .order_by(Confirmation.id.desc())
        .limit(limit)
    )
    return [(str(row.id), str(row.ours[REFERENCE])) for row in rows]


async def substitutes(session: AsyncSession, confirmation_id: UUID) -> list[dict[str, Any]]:
    """Return how a deal was verified in another way."""
    wanted = select(SubstituteVerification).where(SubstituteVerification.confirmation_id == confirmation_id)
    return [substitute_view(row) for row in await session.scalars(wanted.order_by(SubstituteVerification.id))]


async def papers(session: AsyncSession, confirmation_id: UUID) -> dict[str, Any]:
    """Return the papers of a deal: its checklist, its long form, what the broker said. Raises NotFound."""
    if await session.get(Confirmation, confirmation_id) is None:
        raise NotFound("confirmation")
    drawn = select(DocumentChecklist).where(DocumentChecklist.confirmation_id == confirmation_id)
    checklist, awaited = await session.scalar(drawn), select(LongForm)
    form = await session.scalar(awaited.where(LongForm.confirmation_id == confirmation_id))
    said = select(BrokerStatement).where(BrokerStatement.confirmation_id == confirmation_id)
    return {
        "checklist": None if checklist is None else checklist_view(checklist),
        "long_form": None if form is None else long_form_view(form),
        "broker_statements": [
            statement_view(row) for row in await session.scalars(said.order_by(BrokerStatement.id))
        ],
    }


async def alleged_deals(session: AsyncSession, limit: int) -> list[dict[str, Any]]:
    """Return the deals that counterparties allege and the back office asked trading about, newest first."""
    rows = await session.execute(
        select(AllegedDeal, AllegedAnswer)
        .outerjoin(AllegedAnswer, AllegedAnswer.alleged_id == AllegedDeal.id)
        .order_by(AllegedDeal.id.desc())
        .limit(limit)
    )
    return [
        {
            "id": str(row.AllegedDeal.id),
            "counterparty": str(row.AllegedDeal.counterparty_id),
            "fields": in_order(row.AllegedDeal.fields),
            "shared_at": plain_value(row.AllegedDeal.shared_at),
            "known": None if row.AllegedAnswer is None else row.AllegedAnswer.known,
            "said": None if row.AllegedAnswer is None else row.AllegedAnswer.said,
        }
        for row in rows
    ]


async def alert_reviews(session: AsyncSession, limit: int) -> list[dict[str, Any]]:
    """Return what was found behind alerts, newest first."""
    rows = await session.scalars(select(AlertReview).order_by(AlertReview.id.desc()).limit(limit))
    return [row_view(row) for row in rows]


def transmission_view(row: Transmission) -> dict[str, Any]:
    """Return one of our messages as answers show it."""
    return _told(row) | {"version": row.rev}


def inbound_view(row: InboundMessage) -> dict[str, Any]:
    """Return a message from outside as answers show it."""
    return _told(row) | {"version": row.rev or 1}


def substitute_view(row: SubstituteVerification) -> dict[str, Any]:
    """Return another verification as answers show it."""
    return _told(row) | {"version": row.rev}


def statement_view(row: BrokerStatement) -> dict[str, Any]:
    """Return what a broker said as answers show it."""
    return _told(row) | {"version": row.rev or 1}


def long_form_view(row: LongForm) -> dict[str, Any]:
    """Return a long form as answers show it."""
    return _told(row) | {"version": row.rev}


def checklist_view(row: DocumentChecklist) -> dict[str, Any]:
    """Return a checklist as answers show it; ``trade_version`` is the deal's, ``version`` its own."""
    return _told(row) | {"trade_version": row.version, "version": row.rev}


def _told(row: Recorded) -> dict[str, Any]:
    """Return every column under its own name; what is not known is null."""
    named = {attribute.key: getattr(row, attribute.key) for attribute in type(row).__mapper__.column_attrs}
    return {
        name: None if value is None else plain_value(value) for name, value in named.items() if name != "rev"
    }
