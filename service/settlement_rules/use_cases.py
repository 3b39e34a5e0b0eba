"""Master data sets the tables of settlement with two people; trading and settlement itself cannot."""

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import text

from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.calendar import CALENDARS
from service.kernel.errors import AlreadyExists, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.money import AMOUNT_MAX, AMOUNT_PATTERN, CURRENCIES, parse_amount, quantize
from service.kernel.texts import Name, Reason
from service.parties.queries import counterparty_by
from service.settlement_rules.lifecycle import SETTLEMENT_RULE, RuleState
from service.settlement_rules.model import SettlementRule
from service.settlement_rules.queries import rule_view, waiting

ALONE = text("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(:name, 0))")
DAYS_MAX, RATE_BP_MAX = 366, Decimal(10_000)

Currency = Annotated[str, msgspec.Meta(min_length=3, max_length=3, description="ISO 4217.")]
Clock = Annotated[
    str, msgspec.Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z", description="Local time of the zone.")
]
Code = Annotated[
    str, msgspec.Meta(pattern=r"\A[A-Z][A-Z0-9]{3}\Z", description="Four signs, as in ISO 20022.")
]
Number = Annotated[str, msgspec.Meta(pattern=r"\A\+[1-9][0-9 ]{5,24}\Z", description="International form.")]
Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN, description="A decimal string, never a number.")]
Days = Annotated[int, msgspec.Meta(ge=0, le=DAYS_MAX)]
Product = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]{1,39}\Z")]
Party = Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="Id or LEI.")]
Instrument = Literal["liquid_share", "illiquid_share", "corporate_bond", "government_bond", "other", "cash"]


class WrongRule(Unprocessable):
    """422. A line of the settlement tables names a currency, a zone, an amount or a counterparty that exists."""


class AlreadyProposed(AlreadyExists):
    """409. A line for the same waits for its decision."""


class Line(Command, frozen=True, kw_only=True):
    """What every line has: the day it begins, where it is from, why it is proposed."""

    valid_from: date
    source: Name
    reason: Reason


class ProposeCallBack(Line, frozen=True, kw_only=True, tag_field="rule", tag="call_back"):
    """The number at which a counterparty is called to confirm its payment routes."""

    counterparty: Party
    number: Number


class ProposeCurrencyCutOff(Line, frozen=True, kw_only=True, tag_field="rule", tag="cut_off"):
    """Until when, on its day, a payment of a currency may be sent."""

    currency: Currency
    at: Clock
    zone: Name


class ProposeCycle(Line, frozen=True, kw_only=True, tag_field="rule", tag="cycle"):
    """How many business days of a currency after the trade date a product settles at the latest."""

    product: Product
    market: Name | None = None
    currency: Currency
    days: Days


class ProposeFreshness(Line, frozen=True, kw_only=True, tag_field="rule", tag="freshness"):
    """For how many days a payment route is fresh."""

    days: Days


class ProposeLadder(Line, frozen=True, kw_only=True, tag_field="rule", tag="ladder"):
    """Up to which amount one signature is enough; without a currency: in EUR, for every currency without a line."""

    currency: Currency | None = None
    amount: Amount


class ProposeNetting(Line, frozen=True, kw_only=True, tag_field="rule", tag="netting"):
    """Whether payments with a counterparty are netted; legal has cleared the agreement."""

    counterparty: Party
    allowed: bool


class ProposePenalty(Line, frozen=True, kw_only=True, tag_field="rule", tag="penalty"):
    """What a late settlement of a type of instrument costs a business day, in basis points; for one reason, or any."""

    product: Instrument
    code: Code | None = None
    rate_bp: Amount


class ProposeReason(Line, frozen=True, kw_only=True, tag_field="rule", tag="reason"):
    """A code for why a payment fails."""

    code: Code
    name_en: Name
    name_de: Name


Proposed = (
    ProposeCallBack
    | ProposeCurrencyCutOff
    | ProposeCycle
    | ProposeFreshness
    | ProposeLadder
    | ProposeNetting
    | ProposePenalty
    | ProposeReason
)


class ApproveSettlementRule(Command, frozen=True, kw_only=True):
    """A second person puts the line in force."""

    rule_id: UUID
    version: int


class RefuseSettlementRule(Command, frozen=True, kw_only=True):
    """A second person turns the line down."""

    rule_id: UUID
    version: int
    reason: Reason


@use_case(Action.SETTLEMENT_RULE_PROPOSE)
async def propose_settlement_rule(
    attempt: Attempt,
    command: ProposeCallBack
    | ProposeCurrencyCutOff
    | ProposeCycle
    | ProposeFreshness
    | ProposeLadder
    | ProposeNetting
    | ProposePenalty
    | ProposeReason,
) -> Changed:
    """Propose a line; it counts from its day on, once another person approved it."""
    must_be_sound(command)
    line = SettlementRule(
        id=uuid7(),
        rule=str(command.__struct_config__.tag),
        product=getattr(command, "product", None),
        market=getattr(command, "market", None),
        currency=getattr(command, "currency", None),
        counterparty_id=await party_of(attempt, command),
        code=getattr(command, "code", None),
        name_en=getattr(command, "name_en", None),
        name_de=getattr(command, "name_de", None),
        number=getattr(command, "number", None),
        days=getattr(command, "days", None),
        at=time.fromisoformat(command.at) if isinstance(command, ProposeCurrencyCutOff) else None,
        zone=getattr(command, "zone", None),
        amount=amount_of(command),
        rate_bp=parse_amount(command.rate_bp) if isinstance(command, ProposePenalty) else None,
        allowed=getattr(command, "allowed", None),
        valid_from=command.valid_from,
        source=command.source,
        proposed_by=attempt.actor.account,
        state=RuleState.PROPOSED.value,
        reason=command.reason,
    )
    about = f"{line.rule}:{line.product}:{line.market}:{line.currency}:{line.counterparty_id}:{line.code}"
    await attempt.session.execute(ALONE, {"name": f"settlement_rule:{about}"})
    if await attempt.session.scalar(waiting(line).limit(1)) is not None:
        raise AlreadyProposed("A line for the same was proposed before; that one must be decided first.")
    attempt.add(line)
    attempt.open_item(Item.DECIDE_SETTLEMENT_RULE, line, reason=command.reason)
    return Changed(rule_view(line), 201)


@use_case(Action.SETTLEMENT_RULE_APPROVE)
async def approve_settlement_rule(attempt: Attempt, command: ApproveSettlementRule) -> Changed:
    """Put the line in force; whoever proposed it may not (D-02)."""
    return await decide(attempt, command.rule_id, command.version)


@use_case(Action.SETTLEMENT_RULE_REFUSE)
async def refuse_settlement_rule(attempt: Attempt, command: RefuseSettlementRule) -> Changed:
    """Turn the line down; whoever proposed it may not (D-02)."""
    return await decide(attempt, command.rule_id, command.version, command.reason)


async def decide(attempt: Attempt, rule_id: UUID, seen: int, reason: str | None = None) -> Changed:
    """Move the line to the state the act leads to, by somebody who did not propose it."""
    line = await locked(attempt, SettlementRule, rule_id, seen=seen, what="settlement rule")
    await attempt.admit(related=[(SettlementRule.__tablename__, line.id)])
    state = SETTLEMENT_RULE.after(RuleState(line.state), attempt.action)
    attempt.change(line, state=state.value, reason=reason or line.reason)
    attempt.close_item(Item.DECIDE_SETTLEMENT_RULE, line.id)
    await attempt.session.flush()
    return Changed(rule_view(line))


def must_be_sound(command: Proposed) -> None:
    """Raise WrongRule, naming the first field that is wrong."""
    currency = getattr(command, "currency", None)
    known = CALENDARS if isinstance(command, ProposeCycle) else CURRENCIES
    if currency is not None and currency not in known:
        raise WrongRule("No settlement calendar is kept for this currency.", field="currency")
    if isinstance(command, ProposeCurrencyCutOff):
        try:
            ZoneInfo(command.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise WrongRule(
                "A zone is named as in the time-zone database, for instance Europe/Berlin.", field="zone"
            ) from None
    if isinstance(command, ProposePenalty) and not 0 <= parse_amount(command.rate_bp) <= RATE_BP_MAX:
        raise WrongRule("A penalty is between 0 and 10000 basis points a day.", field="rate_bp")
    if command.valid_from.year < 1999:  # noqa: PLR2004 - the first year of the calendars
        raise WrongRule("A line begins in 1999 or later.", field="valid_from")


def amount_of(command: Proposed) -> Decimal | None:
    """Return the ladder's amount. Raises WrongRule."""
    if not isinstance(command, ProposeLadder):
        return None
    amount, currency = parse_amount(command.amount), command.currency or "EUR"
    if not 0 < amount < AMOUNT_MAX or amount != quantize(amount, currency):
        raise WrongRule("The amount is positive, with its currency's decimals.", field="amount")
    return quantize(amount, currency)


async def party_of(attempt: Attempt, command: Proposed) -> UUID | None:
    """Return the counterparty the line is about. Raises WrongRule."""
    if not isinstance(command, ProposeCallBack | ProposeNetting):
        return None
    found = await counterparty_by(attempt.session, command.counterparty)
    if found is None:
        raise WrongRule("No counterparty in force has this id or LEI.", field="counterparty")
    return found.id
