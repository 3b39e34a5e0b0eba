"""Counterparties, portfolios, payment routes and agreements come into force by two people outside trading."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.database import Recorded
from service.kernel.errors import AlreadyExists, Unprocessable
from service.kernel.identifiers import InvalidIdentifier, check_bic, check_lei, uuid7
from service.kernel.items import Item
from service.kernel.money import CURRENCIES
from service.kernel.texts import Name, Reason
from service.parties.account_numbers import check_account_number
from service.parties.confirming import (
    CallBack,
    Clause,
    Days,
    Format,
    Medium,
    PartyClass,
    Sender,
    Speech,
    Tolerance,
    confirming,
    is_address,
    within_reason,
)
from service.parties.lifecycle import AGREEMENT, PROPOSAL, AgreementState, ProposalState
from service.parties.model import (
    Agreement,
    ConfirmationChannel,
    Counterparty,
    Instruction,
    MatchTolerance,
    Portfolio,
    Proposal,
)
from service.parties.queries import (
    agreement_of,
    agreement_view,
    as_uuid,
    counterparty_by,
    next_tolerance,
    open_draft,
    portfolio_by,
    waiting,
)

UNIT = text("SELECT id, function_class FROM public.unit WHERE id = :id OR name = :name")
ALONE = text("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(:name, 0))")

Form = Literal["master_agreement", "waiver"]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class WrongIdentifier(Unprocessable):
    """422. An LEI, BIC or account number breaks its own standard: shape or check digits."""


class WrongCurrency(Unprocessable):
    """422. Nobody pays in this currency."""


class UnknownCounterparty(Unprocessable):
    """422. A payment route or an agreement is for a counterparty in force."""


class NotATradingDesk(Unprocessable):
    """422. A portfolio belongs to a desk of the front office."""


class AlreadyProposed(AlreadyExists):
    """409. The same was proposed before and waits for its decision."""


class WrongPeriod(Unprocessable):
    """422. An agreement begins before it ends."""


class UnexplainedWaiver(Unprocessable):
    """422. Legal says why deals may do without a master agreement."""

    rule = "TRD-02"


class WrongAddress(Unprocessable):
    """422. No message can go to this address by this way."""

    rule = "SET-05"


class NoSuchClause(Unprocessable):
    """422. Silence counts only by a clause of a cleared master agreement with this counterparty, and its period."""

    rule = "SET-09"


class TooWide(Unprocessable):
    """422. A tolerance forgives rounding and no more."""

    rule = "SET-14"


class ProposeCounterparty(Command, frozen=True, kw_only=True):
    """Somebody to deal with: legal entity identifier, name, BIC."""

    lei: Identifier
    name: Name
    bic: Identifier


class ProposeInstruction(Command, frozen=True, kw_only=True):
    """Where a counterparty (id or LEI) wants its money in one currency."""

    counterparty: Identifier
    currency: Annotated[str, msgspec.Meta(max_length=3)]
    bic: Identifier
    account_number: Identifier


class ProposePortfolio(Command, frozen=True, kw_only=True):
    """A book for the deals of one desk (unit by id or name)."""

    name: Name
    desk: Name


class ProposeChannel(Command, frozen=True, kw_only=True):
    """How deals are confirmed with a counterparty (id or LEI), and under which names its messages arrive."""

    counterparty: Identifier
    format: Format
    medium: Medium
    address: Annotated[str, msgspec.Meta(min_length=2, max_length=120)]
    senders: Annotated[list[Sender], msgspec.Meta(min_length=1, max_length=10)]
    language: Speech
    party_class: PartyClass
    call_back: CallBack
    long_form: bool = False
    deemed_days: Days | None = None
    deemed_clause: Clause | None = None
    agreement: UUID | None = None


class ProposeTolerance(Command, frozen=True, kw_only=True):
    """How far apart rates and amounts of two sides may lie and still agree."""

    rates: Tolerance
    amounts: Tolerance


class ApproveProposal(Command, frozen=True, kw_only=True):
    """A second person puts the proposal in force."""

    proposal: UUID
    version: int


class RefuseProposal(Command, frozen=True, kw_only=True):
    """A second person turns the proposal down."""

    proposal: UUID
    version: int
    reason: Reason


class ProposeAgreement(Command, frozen=True, kw_only=True):
    """A master agreement with a counterparty (id or LEI), or that none is needed; valid on the days given."""

    counterparty: Identifier
    form: Form
    name: Name
    valid_from: date
    valid_to: date | None = None


class ClearAgreement(Command, frozen=True, kw_only=True):
    """Legal finds the agreement enforceable, or waives one and says why."""

    agreement_id: UUID
    version: int
    reason: Reason | None = None


class RefuseAgreement(Command, frozen=True, kw_only=True):
    """Legal turns the agreement down."""

    agreement_id: UUID
    version: int
    reason: Reason


@use_case(Action.COUNTERPARTY_PROPOSE)
async def propose_counterparty(attempt: Attempt, command: ProposeCounterparty) -> Changed:
    """Propose a counterparty; nobody deals with it before somebody else approved it."""
    within_standard(check_lei, command.lei, "lei")
    within_standard(check_bic, command.bic, "bic")
    await not_proposed(attempt.session, Counterparty, lei=command.lei)
    if await counterparty_by(attempt.session, command.lei) is not None:
        raise AlreadyExists(f"The counterparty with LEI {command.lei} is in force already.", field="lei")
    return propose(attempt, Counterparty, {"lei": command.lei, "name": command.name, "bic": command.bic})


@use_case(Action.INSTRUCTION_PROPOSE)
async def propose_instruction(attempt: Attempt, command: ProposeInstruction) -> Changed:
    """Propose a payment route; once approved it replaces the counterparty's earlier one in this currency."""
    if command.currency not in CURRENCIES:
        raise WrongCurrency(f"{command.currency!a} is no currency of ISO 4217.", field="currency")
    within_standard(check_bic, command.bic, "bic")
    within_standard(
        lambda number: check_account_number(number, command.currency),
        command.account_number,
        "account_number",
    )
    counterparty = await counterparty_by(attempt.session, command.counterparty)
    if counterparty is None:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    owner = {"counterparty_id": str(counterparty.id), "currency": command.currency}
    await not_proposed(attempt.session, Instruction, **owner)
    return propose(
        attempt, Instruction, owner | {"bic": command.bic, "account_number": command.account_number}
    )


@use_case(Action.PORTFOLIO_PROPOSE)
async def propose_portfolio(attempt: Attempt, command: ProposePortfolio) -> Changed:
    """Propose a portfolio; only the traders of its desk will deal in it."""
    unit = (
        await attempt.session.execute(UNIT, {"id": as_uuid(command.desk), "name": command.desk})
    ).one_or_none()
    if unit is None or unit.function_class != Office.FRONT_OFFICE:
        raise NotATradingDesk(
            "A portfolio belongs to a desk of the front office; this is none.", field="desk"
        )
    await not_proposed(attempt.session, Portfolio, name=command.name)
    if await portfolio_by(attempt.session, command.name) is not None:
        raise AlreadyExists(f"A portfolio named {command.name} is in force already.", field="name")
    return propose(attempt, Portfolio, {"name": command.name, "desk_id": str(unit.id)})


@use_case(Action.CHANNEL_PROPOSE)
async def propose_channel(attempt: Attempt, command: ProposeChannel) -> Changed:
    """Propose how to confirm with a counterparty; trading has no hand in where messages go and come from (SET-05)."""
    counterparty = await counterparty_by(attempt.session, command.counterparty)
    if counterparty is None or counterparty.own:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    if not is_address(command.medium, command.address):
        raise WrongAddress("No message can go to this address by this way.", field="address")
    await must_be_agreed(attempt, counterparty.id, command)
    owner = {"counterparty_id": str(counterparty.id)}
    await not_proposed(attempt.session, ConfirmationChannel, **owner)
    named = msgspec.to_builtins(command, builtin_types=(UUID,))
    facts = {name: value for name, value in named.items() if name not in ("counterparty", "agreement")}
    told = {name: value for name, value in facts.items() if value is not None}
    agreed = {} if command.agreement is None else {"agreement_id": str(command.agreement)}
    return propose(attempt, ConfirmationChannel, owner | told | agreed)


@use_case(Action.TOLERANCE_PROPOSE)
async def propose_tolerance(attempt: Attempt, command: ProposeTolerance) -> Changed:
    """Propose the next version of the tolerances; a match tells by which version it was found."""
    if not within_reason(command.rates, command.amounts):
        raise TooWide("A tolerance is at most 0.0001 of a rate and 0.05 of an amount.", field="rates")
    await not_proposed(attempt.session, MatchTolerance)
    number = await next_tolerance(attempt.session)
    terms = {"number": number, "rates": command.rates, "amounts": command.amounts}
    return propose(attempt, MatchTolerance, terms)


@use_case(Action.PROPOSAL_APPROVE)
async def approve_proposal(attempt: Attempt, command: ApproveProposal) -> Changed:
    """Put the proposal in force; whoever proposed it may not (D-02)."""
    proposal = await decided(attempt, command.proposal, command.version)
    attempt.add(in_force(proposal))
    return Changed(outcome(proposal, command.version + 1))


@use_case(Action.PROPOSAL_REFUSE)
async def refuse_proposal(attempt: Attempt, command: RefuseProposal) -> Changed:
    """Turn the proposal down; whoever proposed it may not (D-02)."""
    proposal = await decided(attempt, command.proposal, command.version, reason=command.reason)
    return Changed(outcome(proposal, command.version + 1))


@use_case(Action.AGREEMENT_PROPOSE)
async def propose_agreement(attempt: Attempt, command: ProposeAgreement) -> Changed:
    """File an agreement as a draft; no deal stands on it before legal cleared it (TRD-17)."""
    counterparty = await counterparty_by(attempt.session, command.counterparty)
    if counterparty is None or counterparty.own:
        raise UnknownCounterparty("No counterparty in force has this id or LEI.", field="counterparty")
    if command.valid_to is not None and command.valid_to < command.valid_from:
        raise WrongPeriod("An agreement begins before it ends.", field="valid_to")
    await attempt.session.execute(ALONE, {"name": f"agreement:{counterparty.id}:{command.name}"})
    if await open_draft(attempt.session, counterparty.id, command.name) is not None:
        raise AlreadyProposed("The same agreement was filed before; legal must decide that one first.")
    row = Agreement(
        id=uuid7(),
        counterparty_id=counterparty.id,
        form=command.form,
        name=command.name,
        valid_from=command.valid_from,
        valid_to=command.valid_to,
        proposed_by=attempt.actor.account,
        state=AgreementState.DRAFT.value,
    )
    attempt.open_item(Item.CLEAR_AGREEMENT, attempt.add(row))
    return Changed(agreement_view(row) | {"version": 1}, 201)


@use_case(Action.AGREEMENT_CLEAR)
async def clear_agreement(attempt: Attempt, command: ClearAgreement) -> Changed:
    """Find the agreement enforceable, or waive one; whoever filed it may not (D-02)."""
    row = await judged(attempt, command.agreement_id, command.version, command.reason)
    if row.form == "waiver" and command.reason is None:
        raise UnexplainedWaiver("Say why deals may do without a master agreement.", field="reason")
    await attempt.session.flush()
    return Changed(agreement_view(row))


@use_case(Action.AGREEMENT_REFUSE)
async def refuse_agreement(attempt: Attempt, command: RefuseAgreement) -> Changed:
    """Turn the agreement down; whoever filed it may not (D-02)."""
    row = await judged(attempt, command.agreement_id, command.version, command.reason)
    await attempt.session.flush()
    return Changed(agreement_view(row))


def within_standard(check: Callable[[str], str], identifier: str, field: str) -> None:
    """Raise WrongIdentifier, naming the field, if the identifier breaks its standard."""
    try:
        check(identifier)
    except InvalidIdentifier as invalid:
        raise WrongIdentifier(f"{invalid}.", field=field) from invalid


async def must_be_agreed(attempt: Attempt, counterparty_id: UUID, command: ProposeChannel) -> None:
    """Let silence count only where a cleared master agreement says so, with clause and period. Raises NoSuchClause."""
    told = (command.deemed_days, command.deemed_clause, command.agreement)
    if all(one is None for one in told):
        return
    if command.agreement is None or any(one is None for one in told):
        raise NoSuchClause(
            "Name the agreement, its clause and its period, or none of them.", field="agreement"
        )
    agreement = await agreement_of(attempt.session, command.agreement)
    if (
        agreement is None
        or agreement.counterparty_id != counterparty_id
        or agreement.form != "master_agreement"
        or agreement.state != AgreementState.CLEARED
    ):
        raise NoSuchClause(
            "Silence counts only by a cleared master agreement with this counterparty.", field="agreement"
        )


async def not_proposed(session: AsyncSession, model: type[Recorded], **facts: str) -> None:
    """Raise AlreadyProposed if the same waits already; two proposers at once are served one after the other."""
    kind = model.__tablename__
    await session.execute(ALONE, {"name": f"proposal:{kind}:{':'.join(facts.values())}"})
    if await session.scalar(waiting(kind, **facts).limit(1)) is not None:
        raise AlreadyProposed(f"The same {kind} was proposed before; that proposal must be decided first.")


def propose(attempt: Attempt, model: type[Recorded], terms: Mapping[str, Any]) -> Changed:
    """Store the proposal and ask for a second person's decision."""
    proposal = attempt.add(
        Proposal(
            id=uuid7(),
            object_kind=model.__tablename__,
            object_id=uuid7(),
            payload=dict(terms),
            state=ProposalState.PROPOSED.value,
        )
    )
    attempt.open_item(Item.DECIDE_PROPOSAL, proposal)
    return Changed(outcome(proposal, 1), 201)


async def decided(attempt: Attempt, proposal_id: UUID, version: int, reason: str | None = None) -> Proposal:
    """Move the proposal to the state the act leads to, by another natural person than the proposer."""
    proposal = await locked(attempt, Proposal, proposal_id, seen=version)
    await attempt.admit(related=[(Proposal.__tablename__, proposal.id)])
    state = PROPOSAL.after(ProposalState(proposal.state), attempt.action)
    because = {} if reason is None else {"reason": reason}
    attempt.change(proposal, state=state.value, **because)
    attempt.close_item(Item.DECIDE_PROPOSAL, proposal.id)
    return proposal


async def judged(attempt: Attempt, agreement_id: UUID, version: int, reason: str | None) -> Agreement:
    """Move the agreement to the state legal's act leads to."""
    row = await locked(attempt, Agreement, agreement_id, seen=version)
    await attempt.admit(related=[(Agreement.__tablename__, row.id)])
    state = AGREEMENT.after(AgreementState(row.state), attempt.action)
    attempt.change(row, state=state.value, reason=reason)
    attempt.close_item(Item.CLEAR_AGREEMENT, row.id)
    return row


def in_force(proposal: Proposal) -> Recorded:
    """Return the row that the proposal asks for."""
    terms = proposal.payload
    match proposal.object_kind:
        case Counterparty.__tablename__:
            return Counterparty(
                id=proposal.object_id, lei=terms["lei"], name=terms["name"], bic=terms["bic"], own=False
            )
        case Portfolio.__tablename__:
            return Portfolio(id=proposal.object_id, name=terms["name"], desk_id=UUID(terms["desk_id"]))
        case Instruction.__tablename__:
            return Instruction(
                id=proposal.object_id,
                counterparty_id=UUID(terms["counterparty_id"]),
                currency=terms["currency"],
                bic=terms["bic"],
                account_number=terms["account_number"],
                proposal_id=proposal.id,
            )
    return confirming(proposal)


def outcome(proposal: Proposal, version: int) -> dict[str, object]:
    """Return the answer: the proposal, the object it is about, and where it stands."""
    return {
        "proposal": str(proposal.id),
        "kind": proposal.object_kind,
        "id": str(proposal.object_id),
        "version": version,
        "state": proposal.state,
    }
