"""The back office sets the desks' rules with two people, and takes receipt of deals struck off the premises."""

from datetime import date, time
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.desks.lifecycle import DESK_RULE, RuleState
from service.desks.model import DeskRule, PremisesReport
from service.desks.queries import ACCOUNT, CUT_OFF, MANDATE, UNIT, rule_view, waiting
from service.desks.reports import marked_deal
from service.gate import use_case
from service.kernel.database import plain_value
from service.kernel.errors import AlreadyExists, NotFound, Refusal, StaleVersion, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import AMOUNT_MAX, AMOUNT_PATTERN, parse_amount, quantize
from service.kernel.texts import Name, Reason

ALONE = text("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(:name, 0))")
Product = Literal["fx_spot", "fx_forward", "mm_deposit", "mm_loan"]
Place = Literal["home_office", "other"]
Clock = Annotated[
    str, msgspec.Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z", description="Time of day in Berlin.")
]
Places = Annotated[list[Place], msgspec.Meta(min_length=1, max_length=2)]


class UnknownDesk(Unprocessable):
    """422. A cut-off is for a desk of the front office."""


class UnknownTrader(Unprocessable):
    """422. A mandate is for somebody with an account of the front office."""


class WrongMandate(Unprocessable):
    """422. A mandate has a positive amount of EUR and ends on or after the day it begins."""

    rule = "TRD-06"


class OwnMandate(Refusal):
    """403. Nobody proposes or decides their own mandate."""

    status = 403
    rule = "TRD-06"


class AlreadyProposed(AlreadyExists):
    """409. A rule for the same waits for its decision."""


class NotOffPremises(Unprocessable):
    """422. The deal was struck on the premises; there is nothing to take receipt of."""

    rule = "TRD-10"


class ProposeCutOff(Command, frozen=True, kw_only=True, tag_field="rule", tag=CUT_OFF):
    """From when on a product's deals are late at a desk (unit by id or name), or at every desk."""

    product: Product
    at: Clock
    desk: Name | None = None
    reason: Reason


class ProposeMandate(Command, frozen=True, kw_only=True, tag_field="rule", tag=MANDATE):
    """What a trader (account by name, or person by id) may deal off the premises, where, and up to how much each."""

    trader: Name
    product: Product | None = None
    locations: Places
    max_eur: Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string in EUR.")]
    valid_from: date
    valid_to: date | None = None
    reason: Reason


class ApproveDeskRule(Command, frozen=True, kw_only=True):
    """A second person puts the rule in force."""

    rule_id: UUID
    version: int


class RefuseDeskRule(Command, frozen=True, kw_only=True):
    """A second person turns the rule down."""

    rule_id: UUID
    version: int
    reason: Reason


class AcknowledgePremises(Command, frozen=True, kw_only=True):
    """The back office takes receipt of the report about a deal struck off the premises."""

    trade_id: UUID
    version: int
    note: Reason | None = None


@use_case(Action.DESK_RULE_PROPOSE)
async def propose_desk_rule(attempt: Attempt, command: ProposeCutOff | ProposeMandate) -> Changed:
    """Propose a cut-off or a mandate; trading cannot, and nobody can for themselves (TRD-06, TRD-16)."""
    rule = (
        await cut_off(attempt, command)
        if isinstance(command, ProposeCutOff)
        else await mandate(attempt, command)
    )
    about = rule.person_id or f"{rule.product}:{rule.desk_id}"
    await attempt.session.execute(ALONE, {"name": f"desk_rule:{rule.rule}:{about}"})
    if await attempt.session.scalar(waiting(rule).limit(1)) is not None:
        raise AlreadyProposed("A rule for the same was proposed before; that one must be decided first.")
    attempt.add(rule)
    attempt.open_item(Item.DECIDE_DESK_RULE, rule, reason=command.reason)
    return Changed(rule_view(rule) | {"version": 1}, 201)


async def cut_off(attempt: Attempt, command: ProposeCutOff) -> DeskRule:
    """Return the cut-off as it is proposed. Raises UnknownDesk."""
    desk = None
    if command.desk is not None:
        named = select(UNIT.c.id).where(UNIT.c.function_class == Office.FRONT_OFFICE.value)
        desk = await attempt.session.scalar(
            named.where(or_(UNIT.c.name == command.desk, UNIT.c.id == id_in(command.desk)))
        )
        if desk is None:
            raise UnknownDesk("No desk of the front office has this id or name.", field="desk")
    return DeskRule(
        id=uuid7(),
        rule=CUT_OFF,
        product=command.product,
        desk_id=desk,
        at=time.fromisoformat(command.at),
        valid_from=attempt.desk.business_date,
        proposed_by=attempt.actor.account,
        state=RuleState.PROPOSED.value,
        reason=command.reason,
    )


async def mandate(attempt: Attempt, command: ProposeMandate) -> DeskRule:
    """Return the mandate as it is proposed. Raises UnknownTrader, WrongMandate or OwnMandate."""
    person = await trader_named(attempt.session, command.trader)
    if person == attempt.actor.person:
        raise OwnMandate("Nobody proposes a mandate for themselves.", field="trader")
    amount = parse_amount(command.max_eur)
    if not 0 < amount < AMOUNT_MAX or amount != quantize(amount, "EUR"):
        raise WrongMandate("A mandate has a positive amount of EUR, to the cent.", field="max_eur")
    if command.valid_to is not None and command.valid_to < command.valid_from:
        raise WrongMandate("A mandate ends on or after the day it begins.", field="valid_to")
    return DeskRule(
        id=uuid7(),
        rule=MANDATE,
        product=command.product,
        person_id=person,
        locations=sorted(set(command.locations)),
        max_eur=quantize(amount, "EUR"),
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        proposed_by=attempt.actor.account,
        state=RuleState.PROPOSED.value,
        reason=command.reason,
    )


async def trader_named(session: AsyncSession, named: str) -> UUID:
    """Return the person behind an account of the front office, or with this id and such an account."""
    person = await session.scalar(
        select(ACCOUNT.c.person_id)
        .where(
            ACCOUNT.c.office == Office.FRONT_OFFICE.value,
            ACCOUNT.c.service.is_(False),
            ACCOUNT.c.disabled.is_(False),
            or_(ACCOUNT.c.name == named, ACCOUNT.c.person_id == id_in(named)),
        )
        .limit(1)
    )
    if person is None:
        raise UnknownTrader(
            "Nobody with an account of the front office goes by this name or id.", field="trader"
        )
    return UUID(str(person))


@use_case(Action.DESK_RULE_APPROVE)
async def approve_desk_rule(attempt: Attempt, command: ApproveDeskRule) -> Changed:
    """Put the rule in force; whoever proposed it may not (D-02)."""
    return await decide(attempt, command.rule_id, command.version)


@use_case(Action.DESK_RULE_REFUSE)
async def refuse_desk_rule(attempt: Attempt, command: RefuseDeskRule) -> Changed:
    """Turn the rule down; whoever proposed it may not (D-02)."""
    return await decide(attempt, command.rule_id, command.version, command.reason)


async def decide(attempt: Attempt, rule_id: UUID, seen: int, reason: str | None = None) -> Changed:
    """Move the rule to the state the act leads to, by somebody who neither proposed it nor gains by it."""
    rule = await locked(attempt, DeskRule, rule_id, seen=seen)
    await attempt.admit(related=[(DeskRule.__tablename__, rule.id)])
    if rule.person_id == attempt.actor.person:
        raise OwnMandate("Nobody decides about their own mandate.")
    state = DESK_RULE.after(RuleState(rule.state), attempt.action)
    attempt.change(rule, state=state.value, reason=reason or rule.reason)
    attempt.close_item(Item.DECIDE_DESK_RULE, rule.id)
    await attempt.session.flush()
    return Changed(rule_view(rule))


@use_case(Action.PREMISES_ACKNOWLEDGE)
async def acknowledge_premises(attempt: Attempt, command: AcknowledgePremises) -> Changed:
    """Take receipt of the report; no hand that had to do with entering the deal may (TRD-09, D-01)."""
    deal = await marked_deal(attempt.session, command.trade_id)
    if deal is None:
        raise NotFound("trade")
    attempt.concerns(deal.id)
    await attempt.admit(deal.id)
    if deal.version != command.version:
        sentence = f"You saw version {command.version}; it is at version {deal.version} now. Look again."
        raise StaleVersion(sentence, field="version")
    if not deal.marked:
        raise NotOffPremises("This deal was struck on the premises; there is nothing to take receipt of.")
    report = attempt.add(
        PremisesReport(
            id=uuid7(),
            trade_id=deal.id,
            acknowledged_by=attempt.actor.account,
            acknowledged_at=attempt.now,
            note=command.note,
        )
    )
    attempt.close_item(Item.ACKNOWLEDGE_PREMISES, deal.id)
    facts = {"id": str(report.id), "trade": str(deal.id), "note": report.note}
    return Changed(facts | {"acknowledged_at": plain_value(report.acknowledged_at)}, 201)


def id_in(text_: str) -> UUID | None:
    """Return the id that a text spells, or None if it is a name."""
    try:
        return UUID(text_)
    except ValueError:
        return None
