"""What it takes for entered terms to become a version of a deal: looked up, judged, written."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from service.attempt import Attempt, Command, Desk
from service.kernel.database import digest, plain_value
from service.kernel.errors import Malformed, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.money import AMOUNT_PATTERN, parse_amount, quantize
from service.kernel.texts import LINE_PATTERN, Name
from service.market.queries import cut_off
from service.parties.model import Counterparty, Portfolio
from service.parties.queries import as_uuid
from service.trades.deals.fx_spot import (
    CashFlow,
    FxSpotTerms,
    TermsFinding,
    cash_flows,
    check_terms,
    quote_amount,
)
from service.trades.desk_times import is_possible_execution, marks
from service.trades.model import PositionMovement, Trade, TradeVersion
from service.trades.queries import held_positions, terms_view

FX_SPOT = "fx_spot"

Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string, never a number.")]
Currency = Annotated[str, msgspec.Meta(min_length=3, max_length=3, description="ISO 4217.")]
SideAgreements = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=2000,
        pattern=LINE_PATTERN,
        description='What was agreed beyond these terms, in words; "none" where nothing was.',
    ),
]


class TermsRefused(Unprocessable):
    """422. The terms are no deal of this type; the code says what is wrong with which field."""

    def __init__(self, finding: TermsFinding) -> None:
        super().__init__(f"{finding.sentence[0].upper()}{finding.sentence[1:]}.", field=finding.field)
        self.finding = finding

    @property
    def code(self) -> str:
        """What is wrong, in the words of the deal type."""
        return self.finding.code


class TradeDateInFuture(Unprocessable):
    """422. A deal cannot be dealt on a day the desk has not reached."""


class ExecutedInFuture(Unprocessable):
    """422. A deal cannot have been struck at a time that has not come."""


class UnknownCounterparty(Unprocessable):
    """422. No counterparty in force has this id or LEI."""


class UnknownPortfolio(Unprocessable):
    """422. No portfolio in force has this id or name."""


class ForeignPortfolio(Refusal):
    """403. The portfolio belongs to another desk."""

    status = 403


class EnteredTerms(Command, frozen=True, kw_only=True):
    """What a trader agreed with the counterparty. Who, when, which number and which office are never said."""

    type: Literal["fx_spot"]
    side: Literal["buy", "sell"]
    base: Currency
    quote: Currency
    base_amount: Amount
    rate: Amount
    trade_date: date
    value_date: date
    counterparty: Annotated[str, msgspec.Meta(max_length=64, pattern=LINE_PATTERN, description="Id or LEI.")]
    portfolio: Annotated[Name, msgspec.Meta(description="Id or name.")]
    executed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    side_agreements: SideAgreements


@dataclass(frozen=True, slots=True)
class Known:
    """What the commands of one transaction refer to, found at once: parties by every name they go by."""

    counterparties: Mapping[str, Counterparty]
    portfolios: Mapping[str, Portfolio]
    cut_off: time | None


@dataclass(frozen=True, slots=True)
class Judged:
    """Terms that passed every check, ready to be written."""

    attempt: Attempt
    trade_id: UUID
    terms: FxSpotTerms
    executed_at: datetime
    counterparty: Counterparty
    marks: list[str]


async def look_up(session: AsyncSession, commands: Iterable[EnteredTerms]) -> Known:
    """Find every counterparty and portfolio the commands name, and the back office's cut-off."""
    parties = {command.counterparty for command in commands}
    books = {command.portfolio for command in commands}
    counterparties: dict[str, Counterparty] = {}
    for found in await session.scalars(
        select(Counterparty).where(
            or_(Counterparty.lei.in_(parties), Counterparty.id.in_(ids_among(parties)))
        )
    ):
        counterparties |= {found.lei: found, str(found.id): found}
    portfolios: dict[str, Portfolio] = {}
    for book in await session.scalars(
        select(Portfolio).where(or_(Portfolio.name.in_(books), Portfolio.id.in_(ids_among(books))))
    ):
        portfolios |= {book.name: book, str(book.id): book}
    return Known(counterparties, portfolios, await cut_off(session, FX_SPOT))


def ids_among(names: Iterable[str]) -> list[UUID]:
    """Return the ids among what may be ids or other names."""
    return [found for name in names if (found := as_uuid(name)) is not None]


def judged(attempt: Attempt, command: EnteredTerms, known: Known, trade_id: UUID) -> Judged:
    """Return what to write, or raise the first reason why this is no deal of this trader's."""
    must_be_writable(command.side_agreements, "side_agreements")
    counterparty = known.counterparties.get(name_or_id(command.counterparty))
    if counterparty is None:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    portfolio = known.portfolios.get(name_or_id(command.portfolio))
    if portfolio is None:
        raise UnknownPortfolio("No portfolio in force has this id or name.", field="portfolio")
    if portfolio.desk_id != attempt.actor.unit:
        sentence = "This portfolio belongs to another desk; enter the deal in a book of your own."
        raise ForeignPortfolio(sentence, field="portfolio", rule="ORG-01")
    terms = checked_terms(command, counterparty.id, portfolio.id)
    desk = attempt.desk
    check_times(terms, command.executed_at, desk, attempt.now)
    found = marks(terms.trade_date, command.executed_at, desk.business_date, desk.clock, known.cut_off)
    return Judged(attempt, trade_id, terms, command.executed_at, counterparty, found)


def must_be_writable(told: str, field: str) -> None:
    """Raise Malformed for text that looks like other text than it is: hidden or composed characters."""
    if not told.isprintable() or not unicodedata.is_normalized("NFC", told):
        raise Malformed("This text holds hidden characters or is not in NFC.", field=field)


def name_or_id(name: str) -> str:
    """Return the name, or an id in the one spelling that ids are found by."""
    return str(as_uuid(name) or name)


def checked_terms(command: EnteredTerms, counterparty_id: UUID, portfolio_id: UUID) -> FxSpotTerms:
    """Return the terms of a deal. Raises TermsRefused."""
    terms = FxSpotTerms(
        side=command.side,
        base=command.base,
        quote=command.quote,
        base_amount=parse_amount(command.base_amount),
        rate=parse_amount(command.rate),
        trade_date=command.trade_date,
        value_date=command.value_date,
        counterparty_id=counterparty_id,
        portfolio_id=portfolio_id,
        side_agreements=command.side_agreements,
    )
    try:
        check_terms(terms)
    except TermsFinding as finding:
        raise TermsRefused(finding) from finding
    return msgspec.structs.replace(terms, base_amount=quantize(terms.base_amount, terms.base))


def check_times(terms: FxSpotTerms, executed_at: datetime, desk: Desk, now: datetime) -> None:
    """Raise TradeDateInFuture or ExecutedInFuture."""
    if terms.trade_date > desk.business_date:
        sentence = f"The desk deals on {desk.business_date}; {terms.trade_date} has not come."
        raise TradeDateInFuture(sentence, field="trade_date")
    if not is_possible_execution(executed_at, desk.business_date, now):
        raise ExecutedInFuture(
            f"The desk deals on {desk.business_date}; the stated time of execution has not come.",
            field="executed_at",
        )


def add_version(deal: Judged, version: int) -> TradeVersion:
    """Write one version's terms and its movements; the entry tells the terms."""
    attempt, terms = deal.attempt, deal.terms
    row = TradeVersion(
        trade_id=deal.trade_id,
        version=version,
        side=terms.side,
        base=terms.base,
        quote=terms.quote,
        base_amount=terms.base_amount,
        quote_amount=quote_amount(terms),
        rate=terms.rate,
        trade_date=terms.trade_date,
        value_date=terms.value_date,
        counterparty_id=terms.counterparty_id,
        side_agreements=terms.side_agreements,
        executed_at=deal.executed_at,
        entered_by=attempt.actor.account,
        entered_at=attempt.now,
    )
    attempt.move(row)
    move_position(attempt, deal.trade_id, terms.portfolio_id, version, cash_flows(terms))
    attempt.concerns(deal.trade_id)
    attempt.note(terms=terms_view(row) | {"counterparty_id": str(terms.counterparty_id)})
    return row


def move_position(
    attempt: Attempt, trade_id: UUID, portfolio_id: UUID, version: int, flows: Iterable[CashFlow]
) -> None:
    """Write what a version of a deal adds to the position of its portfolio."""
    for flow in flows:
        attempt.move(
            PositionMovement(
                id=uuid7(),
                portfolio_id=portfolio_id,
                trade_id=trade_id,
                version=version,
                currency=flow.currency,
                value_date=flow.value_date,
                amount=flow.amount,
            )
        )


def terms_digest(version: TradeVersion) -> str:
    """Return the digest of everything a version says, so that the deal's own row vouches for it."""
    names = [
        attribute.key for attribute in TradeVersion.__mapper__.column_attrs if attribute.key != "entry_id"
    ]
    return digest({name: plain_value(getattr(version, name)) for name in names})


async def take_out_of_position(attempt: Attempt, trade: Trade, version: int) -> list[dict[str, Any]]:
    """Mirror what the deal contributes to the position; return the movements."""
    held = await held_positions(attempt.session, trade.id)
    mirrored = [CashFlow(row.currency, row.amount.copy_negate(), row.value_date) for row in held]
    move_position(attempt, trade.id, trade.portfolio_id, version, mirrored)
    return [{"currency": flow.currency, "amount": plain_value(flow.amount)} for flow in mirrored]
