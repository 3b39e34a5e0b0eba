"""Risk control justifies deals off the market or without a reference; the board takes notice of those off it."""

from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command
from service.conformity.grounds import NO_REFERENCE, Ground, UnfitGround, must_carry
from service.conformity.model import Justification, Notice
from service.conformity.queries import justification_view, notice_view
from service.conformity.standing import standing_of
from service.gate import use_case
from service.kernel.errors import IllegalTransition, Malformed, NotFound, StaleVersion, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.limits.model import TradingLimit
from service.trades.model import Trade
from service.work.queries import waits

Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class NothingToJustify(IllegalTransition):
    """409. The last check of the version in force found the deal within the market."""


class JustifiedBefore(IllegalTransition):
    """409. What the last check found is justified already; a justification is never changed."""


class NoGround(Unprocessable):
    """422. The ground does not carry what the check found, or its document is missing."""

    rule = "TRD-04"


class NothingToNotice(IllegalTransition):
    """409. Nothing about this deal or limit waits for the board's notice."""


class JustifyTrade(Command, frozen=True, kw_only=True):
    """Why a deal off the market, or without a reference, may stand."""

    trade_id: UUID
    version: int
    ground: Ground
    reason: Reason
    document_sha256: Digest | None = None


class TakeNotice(Command, frozen=True, kw_only=True):
    """A board member has taken note of what they were told about a deal, or about excesses of a limit."""

    trade_id: UUID | None = None
    limit_id: UUID | None = None
    version: int
    note: Reason | None = None


@use_case(Action.TRADE_JUSTIFY)
async def justify_trade(attempt: Attempt, command: JustifyTrade) -> Changed:
    """Justify what the last check of the version in force found; whoever entered the deal may not (D-01)."""
    await attempt.admit(command.trade_id)
    trade = await in_force(attempt, command.trade_id, command.version)
    standing = await standing_of(attempt.session, trade)
    check = standing.check
    if check.state == "ok":
        raise NothingToJustify("This deal stands within the market; there is nothing to justify.")
    if standing.justification is not None:
        raise JustifiedBefore("What was found about this deal is justified already.")
    try:
        must_carry(command.ground, check.state, command.document_sha256)
    except UnfitGround as unfit:
        raise NoGround(f"{unfit}.", field=unfit.field) from unfit
    row = attempt.add(
        Justification(
            id=uuid7(),
            trade_id=trade.id,
            version=trade.version,
            check_id=check.id,
            ground=command.ground.value,
            reason=command.reason,
            document_sha256=command.document_sha256,
            justified_by=attempt.actor.account,
            justified_at=attempt.now,
        )
    )
    attempt.close_item(Item.JUSTIFY, trade.id)
    if (
        command.ground is Ground.REPORTED_TO_BOARD and check.state == NO_REFERENCE
    ):  # of an alert it knows already
        attempt.open_item(Item.TAKE_NOTICE, trade, trade_id=trade.id, version=trade.version, reason=check.why)
    facts = {"id": str(row.id), "trade": str(trade.id), "version": trade.version, "check": check.state}
    return Changed(facts | justification_view(row), 201)


@use_case(Action.NOTICE_TAKE)
async def take_notice(attempt: Attempt, command: TakeNotice) -> Changed:
    """Give the receipt for what was told; nobody else can make it disappear (SET-21, RC-05)."""
    if (command.trade_id is None) == (command.limit_id is None):
        raise Malformed("Say which deal or which limit was noticed.", field="trade_id")
    subject: Trade | TradingLimit
    if command.trade_id is not None:
        subject = await in_force(attempt, command.trade_id, command.version)
    else:
        subject = await limit_seen(attempt, command.limit_id, command.version)
    if not await waits(attempt.session, Item.TAKE_NOTICE, subject.id):
        raise NothingToNotice("Nothing about this waits for the board's notice.")
    row = attempt.add(
        Notice(
            id=uuid7(),
            subject_kind=type(subject).__tablename__,
            subject_id=subject.id,
            taken_by=attempt.actor.account,
            taken_at=attempt.now,
            note=command.note,
        )
    )
    attempt.close_item(Item.TAKE_NOTICE, subject.id)
    return Changed(notice_view(row), 201)


async def limit_seen(attempt: Attempt, limit_id: UUID | None, seen: int) -> TradingLimit:
    """Return the limit at the version that was looked at. Raises NotFound, StaleVersion."""
    limit = await attempt.session.scalar(select(TradingLimit).where(TradingLimit.id == limit_id))
    if limit is None:
        raise NotFound("limit")
    if limit.rev != seen:
        sentence = f"You saw version {seen}; it is at version {limit.rev} now. Look again."
        raise StaleVersion(sentence, field="version")
    return limit


async def in_force(attempt: Attempt, trade_id: UUID, seen: int) -> Trade:
    """Return the deal at the version that was looked at. Raises NotFound, StaleVersion."""
    trade = await attempt.session.scalar(select(Trade).where(Trade.id == trade_id))
    if trade is None:
        raise NotFound("trade")
    attempt.concerns(trade.id)
    if trade.version != seen:
        sentence = f"You saw version {seen}; it is at version {trade.version} now. Look again."
        raise StaleVersion(sentence, field="version")
    return trade
