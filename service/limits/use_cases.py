"""Limits are proposed by anybody entitled and set by two votes outside trading; excesses are closed by risk control."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.errors import IllegalTransition, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import AMOUNT_MAX, AMOUNT_PATTERN, parse_amount, plain, quantize
from service.kernel.texts import Reason
from service.limits.lifecycle import LimitState, Vote, after_votes, last_short_term_day
from service.limits.model import Excess, LimitVote, TradingLimit
from service.limits.queries import limit_view
from service.limits.reserving import told_of_excess
from service.parties.queries import counterparty_by, portfolio_by
from service.work.queries import waits

Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string in EUR.")]
Owner = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
ROOM = text("SELECT * FROM public.limit_room(:scope, :owner)")


class UnknownOwner(Unprocessable):
    """422. A limit is for a counterparty or a portfolio in force."""


class WrongAmount(Unprocessable):
    """422. A limit is an amount of EUR, zero or more."""


class WrongPeriod(Unprocessable):
    """422. A limit begins before it ends, and has not ended already."""


class NotShort(Unprocessable):
    """422. A short-term limit lasts three months at most; a longer one takes the full process."""

    rule = "RC-04"


class ShortAgain(IllegalTransition):
    """409. After a short-term limit comes the full process, not another short-term limit."""

    rule = "RC-04"


class NotWaiting(IllegalTransition):
    """409. The limit is decided; another one must be proposed."""


class VotedBefore(IllegalTransition):
    """409. Two votes are two people's."""

    rule = "RC-02"


class OtherVote(IllegalTransition):
    """409. A counterparty's limit is voted by credit, a book's by risk control."""

    rule = "RC-02"


class NoExcess(IllegalTransition):
    """409. No excess of this limit waits to be closed."""


class ProposeLimit(Command, frozen=True, kw_only=True):
    """How much may be open with a counterparty (id or LEI) on the days given, both included."""

    counterparty: Owner
    amount_eur: Amount
    valid_from: date
    valid_to: date
    short_term: bool = False
    reason: Reason


class ProposeMarketLimit(Command, frozen=True, kw_only=True):
    """How much may be open gross in a portfolio (id or name) on the days given, both included."""

    portfolio: Owner
    amount_eur: Amount
    valid_from: date
    valid_to: date
    reason: Reason


class VoteOnLimit(Command, frozen=True, kw_only=True):
    """Credit's vote on a counterparty's limit."""

    limit_id: UUID
    version: int
    vote: Literal["approve", "refuse"]
    reason: Reason


class VoteOnMarketLimit(VoteOnLimit, frozen=True, kw_only=True):
    """Risk control's vote on a book's limit."""


class CloseExcess(Command, frozen=True, kw_only=True):
    """What risk control found about excesses of a limit, and what is done about them."""

    limit_id: UUID
    cause: Reason
    measure: Reason


@use_case(Action.LIMIT_PROPOSE)
async def propose_limit(attempt: Attempt, command: ProposeLimit) -> Changed:
    """Propose; only credit's two votes set it (RC-02)."""
    found = await counterparty_by(attempt.session, command.counterparty)
    if found is None or found.own:
        raise UnknownOwner("No counterparty in force has this id or LEI.", field="counterparty")
    if command.short_term:
        if command.valid_to > last_short_term_day(command.valid_from):
            raise NotShort("A short-term limit lasts three months at most.", field="valid_to")
        await must_follow_a_full_process(attempt.session, found.id)
    return propose(attempt, command, "counterparty", found.id, Item.VOTE_LIMIT, short=command.short_term)


@use_case(Action.MARKET_LIMIT_PROPOSE)
async def propose_market_limit(attempt: Attempt, command: ProposeMarketLimit) -> Changed:
    """Propose; only two other votes of risk control set it (RC-06)."""
    found = await portfolio_by(attempt.session, command.portfolio)
    if found is None:
        raise UnknownOwner("No portfolio in force has this id or name.", field="portfolio")
    return propose(attempt, command, "portfolio", found.id, Item.VOTE_MARKET_LIMIT, short=False)


@use_case(Action.LIMIT_VOTE)
async def vote_on_limit(attempt: Attempt, command: VoteOnLimit) -> Changed:
    """Vote on a counterparty's limit; trading can propose it and never set it (RC-02)."""
    return await vote(attempt, command, "counterparty", Item.VOTE_LIMIT)


@use_case(Action.MARKET_LIMIT_VOTE)
async def vote_on_market_limit(attempt: Attempt, command: VoteOnMarketLimit) -> Changed:
    """Vote on a book's limit (RC-06)."""
    return await vote(attempt, command, "portfolio", Item.VOTE_MARKET_LIMIT)


@use_case(Action.EXCESS_CLOSE)
async def close_excess(attempt: Attempt, command: CloseExcess) -> Changed:
    """Say why a limit was passed, or would have been, and what is done; trading cannot (RC-05)."""
    await locked(attempt, TradingLimit, command.limit_id, what="limit")
    if not await waits(attempt.session, Item.EXCESS, command.limit_id):
        raise NoExcess("No excess of this limit waits to be closed.")
    await attempt.admit(related=[(TradingLimit.__tablename__, command.limit_id)])
    excess = attempt.add(
        Excess(
            id=attempt.entry_id,
            limit_id=command.limit_id,
            cause=command.cause,
            measure=command.measure,
            closed_by=attempt.actor.account,
            closed_at=attempt.now,
        )
    )
    attempt.close_item(Item.EXCESS, command.limit_id)
    facts = {"id": str(excess.id), "limit": str(command.limit_id), "cause": command.cause}
    return Changed(facts | {"measure": command.measure}, 201)


def propose(
    attempt: Attempt,
    command: ProposeLimit | ProposeMarketLimit,
    scope: str,
    owner_id: UUID,
    item: Item,
    *,
    short: bool,
) -> Changed:
    """Store the proposal and ask for votes."""
    amount = parse_amount(command.amount_eur)
    if not 0 <= amount < AMOUNT_MAX or amount != quantize(amount, "EUR"):
        raise WrongAmount("A limit is an amount of EUR, zero or more.", field="amount_eur")
    if command.valid_to < command.valid_from or command.valid_to < attempt.desk.business_date:
        raise WrongPeriod("A limit begins before it ends, and ends today or later.", field="valid_to")
    limit = attempt.add(
        TradingLimit(
            id=uuid7(),
            scope=scope,
            owner_id=owner_id,
            amount_eur=quantize(amount, "EUR"),
            valid_from=command.valid_from,
            valid_to=command.valid_to,
            short_term=short,
            reason=command.reason,
            proposed_by=attempt.actor.account,
            state=LimitState.PROPOSED.value,
        )
    )
    attempt.open_item(item, limit, reason=command.reason)
    return Changed(limit_view(limit) | {"version": 1}, 201)


async def vote(attempt: Attempt, command: VoteOnLimit, scope: str, item: Item) -> Changed:
    """Record one person's vote; the second one for it sets the limit, one against it ends it."""
    session = attempt.session
    limit = await locked(attempt, TradingLimit, command.limit_id, seen=command.version, what="limit")
    await attempt.admit(related=[("trading_limit", limit.id)])
    if limit.scope != scope:
        raise OtherVote("A counterparty's limit is voted by credit, a book's by risk control.")
    if limit.state != LimitState.PROPOSED:
        raise NotWaiting(f"This limit is {limit.state} already; propose another.")
    before = (await session.scalars(select(LimitVote).where(LimitVote.limit_id == limit.id))).all()
    if any(one.person_id == attempt.actor.person for one in before):
        raise VotedBefore("You voted on this limit before; the second vote is another person's.")
    attempt.add(
        LimitVote(
            id=uuid7(),
            limit_id=limit.id,
            account_id=attempt.actor.account,
            person_id=attempt.actor.person,
            vote=command.vote,
            reason=command.reason,
        )
    )
    await session.flush()  # the database holds the limit's new state against the votes
    state = after_votes([*(Vote(one.vote) for one in before), Vote(command.vote)])
    if state is LimitState.IN_FORCE and limit.short_term:
        await must_follow_a_full_process(session, limit.owner_id)
    decided_at = None if state is LimitState.PROPOSED else attempt.now
    attempt.change(limit, state=state.value, decided_at=decided_at)
    if state is not LimitState.PROPOSED:
        attempt.close_item(item, limit.id)
    if state is LimitState.IN_FORCE:
        await report_excess(attempt, limit)
    await session.flush()
    return Changed(limit_view(limit))


async def report_excess(attempt: Attempt, limit: TradingLimit) -> None:
    """Tell risk control if what is open already passes the limit just set; the excess stays on record."""
    row = (await attempt.session.execute(ROOM, {"scope": limit.scope, "owner": limit.owner_id})).one()
    over: Decimal = row.used_eur - limit.amount_eur
    if over > 0:
        attempt.note(excess_eur=over, used_eur=row.used_eur)
        sentence = f"The limit was set EUR {plain(over)} below what is open already."
        for item in told_of_excess(over):
            attempt.open_item(item, limit, reason=sentence)


async def must_follow_a_full_process(session: AsyncSession, owner_id: UUID) -> None:
    """Raise ShortAgain if the counterparty's last limit was a short-term one already (RC-04)."""
    set_before = (
        select(TradingLimit.short_term)
        .where(
            TradingLimit.scope == "counterparty",
            TradingLimit.owner_id == owner_id,
            TradingLimit.state == LimitState.IN_FORCE.value,
        )
        .order_by(TradingLimit.decided_at.desc(), TradingLimit.id.desc())
    )
    if await session.scalar(set_before.limit(1)):
        raise ShortAgain("The last limit was a short-term one; this one takes the full process.")
