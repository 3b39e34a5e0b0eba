"""Transfers as people read them, and what the deals they name need."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.control.model import TradeControl
from service.control.pairing import AGREED
from service.kernel.actor import Actor
from service.kernel.cursors import Place, cursor_of
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.money import parse_amount
from service.market.ecb import NoFixing
from service.market.queries import last_rates
from service.organisation.model import Unit
from service.parties.model import Portfolio
from service.people.model import Account
from service.settlement.lifecycle import SettlementState
from service.settlement.model import Settlement
from service.trades.model import Trade, TradeVersion
from service.trades.transactions import TRANSFER, TRANSFER_CONTROL, transfer_state
from service.trades.versions import terms_from_version
from service.transfers.lifecycle import TransferState, derived
from service.transfers.model import Transfer, TransferControl, TransferReview, TransferSignature
from service.transfers.need import Booked, Part, funding_need, margin_need

MARGIN = "margin"


@dataclass(frozen=True, slots=True)
class Dossier:
    """A transfer with everything done about it."""

    transfer: Transfer
    control: TransferControl | None
    reviews: Sequence[TransferReview]
    signatures: Sequence[TransferSignature]

    @property
    def state(self) -> TransferState:
        """Where it stands."""
        stored = None if self.control is None else self.control.state
        return derived(stored, [review.verdict for review in self.reviews])

    @property
    def version(self) -> int:
        """What whoever acts on it must have seen: grows with every act of the back office that changes its state."""
        return self.transfer.rev + (0 if self.control is None else self.control.rev)

    @property
    def rests_on(self) -> list[tuple[str, UUID]]:
        """Every row whose history tells who had a hand in it."""
        return [
            ("transfer", self.transfer.id),
            ("transfer_control", self.transfer.id),
            *(("transfer_review", review.id) for review in self.reviews),
            *(("transfer_signature", signature.id) for signature in self.signatures),
        ]


async def dossier_of(session: AsyncSession, transfer_id: UUID) -> Dossier:
    """Return a transfer with its control, reviews and signatures. Raises NotFound."""
    found = await dossiers(session, [transfer_id])
    if transfer_id not in found:
        raise NotFound("transfer")
    return found[transfer_id]


async def dossiers(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Dossier]:
    """Return transfers by their ids, in the order of the ids, each with everything done about it."""
    wanted = select(Transfer, TransferControl).outerjoin(TransferControl, TransferControl.id == Transfer.id)
    rows = {row.Transfer.id: row for row in await session.execute(wanted.where(Transfer.id.in_(ids)))}
    reviews: dict[UUID, list[TransferReview]] = defaultdict(list)
    said = select(TransferReview).where(TransferReview.transfer_id.in_(ids)).order_by(TransferReview.id)
    for review in await session.scalars(said):
        reviews[review.transfer_id].append(review)
    signatures: dict[UUID, list[TransferSignature]] = defaultdict(list)
    signed = select(TransferSignature).where(TransferSignature.transfer_id.in_(ids))
    for signature in await session.scalars(signed.order_by(TransferSignature.signed_at)):
        signatures[signature.transfer_id].append(signature)
    return {
        one: Dossier(rows[one].Transfer, rows[one].TransferControl, reviews[one], signatures[one])
        for one in ids
        if one in rows
    }


# What deals need ------------------------------------------------------------------------------------


async def needs_of(
    session: AsyncSession, transfer: Transfer, parts: Sequence[Part], business_date: date
) -> dict[UUID, Decimal | None]:
    """Return what each named deal needs, of those that are verified deals of the desk; None: no rate is known."""
    deals = await booked(session, transfer.desk_id, [part.trade for part in parts])
    if transfer.purpose != MARGIN:
        return {
            trade: funding_need(deal, transfer.currency, transfer.value_date) for trade, deal in deals.items()
        }
    fixing = await last_rates(session, business_date)
    needs: dict[UUID, Decimal | None] = {}
    for trade, deal in deals.items():
        try:
            needs[trade] = margin_need(deal, transfer.currency, {} if fixing is None else fixing[1])
        except NoFixing:
            needs[trade] = None
    return needs


async def booked(session: AsyncSession, desk_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Booked]:
    """Return the verified deals among these that stand in a book of the desk."""
    rows = (
        await session.execute(
            select(Trade, TradeVersion)
            .join(
                TradeVersion, and_(TradeVersion.trade_id == Trade.id, TradeVersion.version == Trade.version)
            )
            .join(TradeControl, and_(TradeControl.id == Trade.id, TradeControl.version == Trade.version))
            .join(Portfolio, Portfolio.id == Trade.portfolio_id)
            .where(Trade.id.in_(ids), Portfolio.desk_id == desk_id, TradeControl.state.in_(AGREED))
        )
    ).all()
    settled: dict[tuple[UUID, int], set[str]] = defaultdict(set)
    legs = select(Settlement).where(Settlement.trade_id.in_(ids), Settlement.state == SettlementState.SETTLED)
    for leg in await session.scalars(legs):
        settled[leg.trade_id, leg.version].add(leg.leg)
    return {
        row.Trade.id: Booked(
            terms_from_version(row.TradeVersion, row.Trade.portfolio_id),
            settled[row.Trade.id, row.Trade.version],
        )
        for row in rows
    }


async def taken_before(session: AsyncSession, transfer: Transfer) -> dict[UUID, Decimal]:
    """Return what other transfers of the desk, prepared or released and not refused, have for each deal."""
    same = (
        Transfer.desk_id == transfer.desk_id,
        Transfer.purpose == transfer.purpose,
        Transfer.currency == transfer.currency,
        Transfer.id != transfer.id,
    )
    wanted = select(Transfer.id).join(TransferControl, TransferControl.id == Transfer.id).where(*same)
    taken: dict[UUID, Decimal] = defaultdict(Decimal)
    for other in (await dossiers(session, (await session.scalars(wanted)).all())).values():
        if other.state is not TransferState.REFUSED:
            for part in parts_of(other.transfer):
                taken[part.trade] += part.amount
    return dict(taken)


def parts_of(transfer: Transfer) -> list[Part]:
    """Return what the transfer is for, deal by deal."""
    return [Part(UUID(part["trade"]), parse_amount(part["amount"])) for part in transfer.breakdown]


# For faces ------------------------------------------------------------------------------------------


async def transfer_list(
    session: AsyncSession, actor: Actor, state: TransferState | None, after: Place | None, limit: int
) -> dict[str, Any]:
    """Return transfers in sight, newest first: the front office sees its own desk's."""
    wanted = select(Transfer.id, Transfer.requested_at).order_by(
        Transfer.requested_at.desc(), Transfer.id.desc()
    )
    if actor.office is Office.FRONT_OFFICE:
        wanted = wanted.where(Transfer.desk_id == actor.unit)
    if state is not None:
        of_state = select(TRANSFER.c.id).outerjoin(TRANSFER_CONTROL, TRANSFER_CONTROL.c.id == TRANSFER.c.id)
        wanted = wanted.where(Transfer.id.in_(of_state.where(transfer_state() == state.value)))
    if after is not None:
        wanted = wanted.where(tuple_(Transfer.requested_at, Transfer.id) < tuple_(after.at, after.id))
    rows = (await session.execute(wanted.limit(limit))).all()
    found = list((await dossiers(session, [row.id for row in rows])).values())
    names = await names_in(session, found)
    following = cursor_of(rows[-1].requested_at, rows[-1].id) if len(rows) == limit else None
    return {"items": [transfer_view(one, names) for one in found], "next": following}


async def transfer_seen(session: AsyncSession, actor: Actor, transfer_id: UUID) -> dict[str, Any]:
    """Return one transfer. Raises NotFound, also for another desk's."""
    found = await dossier_of(session, transfer_id)
    if actor.office is Office.FRONT_OFFICE and found.transfer.desk_id != actor.unit:
        raise NotFound("transfer")
    return transfer_view(found, await names_in(session, [found]))


async def names_in(session: AsyncSession, found: Sequence[Dossier]) -> dict[UUID, str]:
    """Return the names of every account and desk that transfers speak of."""
    accounts = {one.transfer.requested_by for one in found}
    for one in found:
        accounts |= {review.reviewed_by for review in one.reviews}
        accounts |= {signature.account_id for signature in one.signatures}
        accounts |= set() if one.control is None else {one.control.prepared_by}
    desks = {one.transfer.desk_id for one in found}
    names: dict[UUID, str] = {}
    for row in await session.execute(select(Account.id, Account.name).where(Account.id.in_(accounts))):
        names[row.id] = row.name
    for row in await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(desks))):
        names[row.id] = row.name
    return names


def transfer_view(found: Dossier, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Return a transfer as answers show it."""
    transfer, control = found.transfer, found.control
    return {
        "id": str(transfer.id),
        "version": found.version,
        "state": found.state.value,
        "purpose": transfer.purpose,
        "currency": transfer.currency,
        "amount": plain_value(transfer.amount),
        "from_account": transfer.from_account,
        "to_account": transfer.to_account,
        "value_date": plain_value(transfer.value_date),
        "reason": transfer.reason,
        "breakdown": transfer.breakdown,
        "desk": names.get(transfer.desk_id),
        "requested_by": names.get(transfer.requested_by),
        "requested_at": plain_value(transfer.requested_at),
        "control": None
        if control is None
        else {"by": names.get(control.prepared_by), "need": control.need, "reason": control.reason},
        "reviews": [
            {
                "office": review.office,
                "verdict": review.verdict,
                "reason": review.reason,
                "by": names.get(review.reviewed_by),
            }
            for review in found.reviews
        ],
        "signatures": [
            {"by": names.get(signature.account_id), "at": plain_value(signature.signed_at)}
            for signature in found.signatures
        ],
    }
