"""Internal deals: one trader offers, the owner of another book accepts, and each writes a leg that mirrors the other's."""

import typing
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import msgspec
from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import (
    AlreadyExists,
    IllegalTransition,
    NotFound,
    Refusal,
    StaleVersion,
    Unprocessable,
)
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import plain
from service.kernel.texts import Name
from service.parties.model import Counterparty, Portfolio
from service.parties.queries import portfolio_by
from service.people.model import Account
from service.trades.entering import Judged, UnknownPortfolio, judged, look_up
from service.trades.model import Trade, TradeVersion
from service.trades.queries import CONTROL, STATE, control_of, open_request
from service.trades.tickets import TICKETS, CaptureTrade, Location, Ticket
from service.trades.use_cases import write_trades
from service.trades.versions import terms_view, version_of

Purpose = Annotated[
    Literal["book_transfer", "funding", "hedge", "liquidity"],
    msgspec.Meta(description="Why two books of the bank deal with each other."),
]
NEVER_SAID = frozenset({"counterparty", "replaces"})
"""What an ordinary ticket says and an offer does not: the counterparty is the bank itself."""
TURNED = {"buy": "sell", "sell": "buy"}
LENT = {"mm_deposit": "mm_loan", "mm_loan": "mm_deposit"}
COMMON_TERMS = ("trade_date", "executed_at", "side_agreements")
EXCHANGED_TERMS = ("base", "quote", "base_amount", "rate", "value_date")
LENT_TERMS = ("currency", "principal", "rate_percent", "day_count", "start_date", "end_date")


class SameBook(Unprocessable):
    """422. An internal deal joins two different books."""

    rule = "TRD-03"


class NotOnOffer(IllegalTransition):
    """409. The offer was cancelled, returned, or is to be cancelled."""

    rule = "TRD-03"


class AlreadyAccepted(AlreadyExists):
    """409. The offer was accepted; an internal deal has two legs and no third."""

    rule = "TRD-03"


def offer_of(ticket: type[Ticket]) -> Any:
    """Return the ticket of an offer: the deal's own fields, the other book and the purpose."""
    types = typing.get_type_hints(ticket, include_extras=True)
    own: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (field.name, types[field.name]) if field.required else (field.name, types[field.name], field.default)
        for field in msgspec.structs.fields(ticket)
        if field.name not in NEVER_SAID
    ]
    other = Annotated[Name, msgspec.Meta(description="The other book, by id or name.")]
    return msgspec.defstruct(
        f"Offer{ticket.__name__.removesuffix('Ticket')}",
        [*own, ("other_portfolio", other), ("purpose", Purpose)],
        bases=(Command,),
        namespace={"__doc__": f"{ticket.__doc__} Offered to another book of the bank."},
        module=__name__,
        frozen=True,
        kw_only=True,
        tag_field="type",
        tag=ticket.wanted,
    )


OfferInternal: Any = Union[tuple(offer_of(ticket) for ticket in TICKETS)]  # noqa: UP007  # made at run time
"""A deal offered to the owner of another book."""


class AcceptInternal(Command, frozen=True, kw_only=True):
    """The owner of the other book agrees to the offer at the version seen."""

    trade_id: UUID
    version: int
    location: Location = "premises"


@use_case(Action.INTERNAL_OFFER)
async def offer_internal(attempt: Attempt, command: OfferInternal) -> Changed:
    """Enter the first leg, with all that a deal has, and ask the owner of the other book (TRD-03)."""
    session = attempt.session
    other = await portfolio_by(session, command.other_portfolio)
    if other is None:
        raise UnknownPortfolio("No portfolio in force has this id or name.", field="other_portfolio")
    said = msgspec.to_builtins(command)
    ticket = {name: value for name, value in said.items() if name not in ("other_portfolio", "purpose")}
    deal = await judged_leg(attempt, ticket)
    if deal.terms.portfolio_id == other.id:
        raise SameBook("An internal deal joins two different books.", field="other_portfolio")
    answer, trade = await written(attempt, deal, purpose=command.purpose, offered_to_id=other.id)
    attempt.open_item(Item.ACCEPT_INTERNAL, trade, trade_id=trade.id, version=1, reason=other.name)
    offered = {"id": str(other.id), "name": other.name}
    return Changed(answer | {"purpose": command.purpose, "offered_to": offered}, 201)


@use_case(Action.INTERNAL_ACCEPT)
async def accept_internal(attempt: Attempt, command: AcceptInternal) -> Changed:
    """Enter the second leg, the mirror of the first; neither its terms nor its purpose are the acceptor's to choose."""
    session = attempt.session
    offer = await locked(attempt, Trade, command.trade_id, what="internal deal")
    book = None if offer.offered_to_id is None else await session.get(Portfolio, offer.offered_to_id)
    if book is None or book.desk_id != attempt.actor.unit:
        raise NotFound("internal deal")
    await attempt.admit(offer.id)
    if offer.version != command.version:
        sentence = f"You saw version {command.version}; it is at version {offer.version} now. Look again."
        raise StaleVersion(sentence, field="version")
    if await session.scalar(select(Trade.id).where(Trade.mirrors_id == offer.id)) is not None:
        raise AlreadyAccepted("This internal deal was accepted before.")
    control = await control_of(session, offer.id)
    if control is not None and control.state in ("cancelled", "returned"):
        raise NotOnOffer("The back office returned or cancelled this offer; it cannot be accepted.")
    if await open_request(session, offer.id) is not None:
        raise NotOnOffer("The other desk asked for the cancellation of its offer.")
    deal = await judged_leg(attempt, mirrored(await version_of(session, offer.id), book, command.location))
    answer, trade = await written(attempt, deal, purpose=offer.purpose, mirrors_id=offer.id)
    attempt.close_item(Item.ACCEPT_INTERNAL, offer.id)
    return Changed(answer | {"purpose": trade.purpose, "mirrors": str(offer.id)}, 201)


async def judged_leg(attempt: Attempt, ticket: dict[str, Any]) -> Judged:
    """Return a leg of an internal deal that passed every check an ordinary deal must pass."""
    own_bank = await attempt.session.scalar(select(Counterparty.lei).where(Counterparty.own))
    assert own_bank is not None, "every bank begins with itself as a counterparty"
    read = msgspec.convert(ticket | {"counterparty": own_bank}, CaptureTrade)
    known = await look_up(attempt.session, [read], attempt.desk)
    return judged(attempt, read, known, uuid7(), internal=True)


async def written(attempt: Attempt, deal: Judged, **facts: Any) -> tuple[dict[str, Any], Trade]:
    """Write a leg as any deal is written. Raises what its limits say."""
    outcome = (await write_trades(attempt.session, [(deal, facts)]))[deal.trade_id]
    if isinstance(outcome, Refusal):
        raise outcome
    trade = await attempt.session.get_one(Trade, deal.trade_id)
    attempt.note(**facts)
    return dict(outcome.answer), trade


def mirrored(version: TradeVersion, book: Portfolio, location: str) -> dict[str, Any]:
    """Return the ticket of the other side of a leg: what one pays, the other receives."""
    view = terms_view(version)
    kept = LENT_TERMS if version.side is None else EXCHANGED_TERMS
    told = {name: view[name] for name in (*COMMON_TERMS, *kept)}
    told |= {"type": LENT.get(version.type, version.type), "portfolio": str(book.id), "location": location}
    if version.side is not None:
        told["side"] = TURNED[version.side]
    if version.spot_rate is not None and version.forward_points is not None:
        told |= {"spot_rate": plain(version.spot_rate), "forward_points": plain(version.forward_points)}
    return told


# For faces ------------------------------------------------------------------------------------------


async def internal_deals(
    session: AsyncSession, actor: Actor, after: Place | None, limit: int
) -> dict[str, Any]:
    """Return internal deals by their first legs, newest first: a desk sees those of its books, on either side."""
    first, book, other = aliased(Portfolio), aliased(Portfolio), aliased(Trade)
    wanted = (
        select(
            Trade,
            TradeVersion,
            first.name.label("book"),
            first.desk_id.label("desk_id"),
            book.name.label("other_book"),
            book.desk_id.label("other_desk_id"),
            Account.name.label("offered_by"),
            other.id.label("other_id"),
            other.captured_at.label("accepted_at"),
            STATE.label("state"),
        )
        .join(TradeVersion, and_(TradeVersion.trade_id == Trade.id, TradeVersion.version == Trade.version))
        .join(first, first.id == Trade.portfolio_id)
        .join(book, book.id == Trade.offered_to_id)
        .join(Account, Account.id == Trade.captured_by)
        .outerjoin(other, other.mirrors_id == Trade.id)
        .outerjoin(CONTROL, CONTROL.c.id == Trade.id)
        .where(Trade.offered_to_id.is_not(None))
        .order_by(Trade.captured_at.desc(), Trade.id.desc())
        .limit(limit)
    )
    if actor.office is Office.FRONT_OFFICE:
        wanted = wanted.where(or_(first.desk_id == actor.unit, book.desk_id == actor.unit))
    if after is not None:
        wanted = wanted.where(
            or_(Trade.captured_at < after.at, and_(Trade.captured_at == after.at, Trade.id < after.id))
        )
    found = (await session.execute(wanted)).all()
    items = [
        {
            "id": str(row.Trade.id),
            "type": row.Trade.type,
            "version": row.Trade.version,
            "deal_number": row.Trade.number,
            "state": row.state,
            "portfolio": row.book,
            "other_portfolio": row.other_book,
            "ours_to_accept": row.other_desk_id == actor.unit,
            "purpose": row.Trade.purpose,
            "offered_by": row.offered_by,
            "offered_at": plain_value(row.Trade.captured_at),
            "accepted_at": None if row.accepted_at is None else plain_value(row.accepted_at),
            "other_leg": None if row.other_id is None else str(row.other_id),
            "terms": terms_view(row.TradeVersion),
        }
        for row in found
    ]
    following = cursor_of(found[-1].Trade.captured_at, found[-1].Trade.id) if len(found) == limit else None
    return {"items": items, "next": following}
