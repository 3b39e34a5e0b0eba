"""Master data over JSON: proposed, approved or refused, read."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.paging import paged
from service.kernel.texts import Reason
from service.parties import queries
from service.parties.lifecycle import AgreementState, ProposalState
from service.parties.use_cases import (
    ApproveProposal,
    ClearAgreement,
    ProposeAgreement,
    ProposeChannel,
    ProposeCounterparty,
    ProposeInstruction,
    ProposePortfolio,
    ProposeTolerance,
    RefuseAgreement,
    RefuseProposal,
    approve_proposal,
    clear_agreement,
    propose_agreement,
    propose_channel,
    propose_counterparty,
    propose_instruction,
    propose_portfolio,
    propose_tolerance,
    refuse_agreement,
    refuse_proposal,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[ProposalState | None, QueryParameter(name="state")]
AgreementWanted = Annotated[AgreementState | None, QueryParameter(name="state")]


class Clearance(Seen, frozen=True, forbid_unknown_fields=True):
    """The version that legal saw, and its reason: for a waiver it must be given."""

    reason: Reason | None = None


class CounterpartyApi(Controller):
    """Whom we deal with."""

    path = "/api/counterparties"
    tags = ("master data",)

    @get(guards=[Allows(Action.PARTY_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        lei: FromQuery[str | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the counterparties in force."""
        return paged(await queries.counterparties(reads, lei=lei, cursor=cursor, limit=limit), limit)

    @post(guards=[Allows(Action.COUNTERPARTY_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeCounterparty],
    ) -> Response[Any]:
        """Propose a counterparty."""
        return answer(await gate.perform(actor, propose_counterparty, data, key=checked_key(key)))


class InstructionApi(Controller):
    """Where counterparties want their money."""

    path = "/api/instructions"
    tags = ("master data",)

    @get(guards=[Allows(Action.INSTRUCTION_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        counterparty: FromQuery[UUID | None] = None,
        currency: FromQuery[str | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the approved payment routes; the last of a counterparty and currency is in force."""
        found = await queries.instructions(
            reads, counterparty=counterparty, currency=currency, cursor=cursor, limit=limit
        )
        return paged(found, limit)

    @post(guards=[Allows(Action.INSTRUCTION_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeInstruction],
    ) -> Response[Any]:
        """Propose a payment route."""
        return answer(await gate.perform(actor, propose_instruction, data, key=checked_key(key)))


class PortfolioApi(Controller):
    """The books of the desks."""

    path = "/api/portfolios"
    tags = ("master data",)

    @get(guards=[Allows(Action.PARTY_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        name: FromQuery[str | None] = None,
        desk: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the portfolios in force."""
        found = await queries.portfolios(reads, name=name, desk=desk, cursor=cursor, limit=limit)
        return paged(found, limit)

    @post(guards=[Allows(Action.PORTFOLIO_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposePortfolio],
    ) -> Response[Any]:
        """Propose a portfolio."""
        return answer(await gate.perform(actor, propose_portfolio, data, key=checked_key(key)))


class ProposalApi(Controller):
    """What waits for a second person, and what became of it."""

    path = "/api/proposals"
    tags = ("master data",)

    @get(guards=[Allows(Action.INSTRUCTION_READ, sensitive=True)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        kind: FromQuery[str | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List proposals with their terms, account numbers included."""
        found = await queries.proposals(reads, state=state_, kind=kind, cursor=cursor, limit=limit)
        return paged(found, limit, "proposal")

    @post("/{proposal:uuid}/approval", guards=[Allows(Action.PROPOSAL_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        proposal: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Put a proposal in force."""
        command = ApproveProposal(proposal=proposal, version=data.version)
        return answer(await gate.perform(actor, approve_proposal, command, key=checked_key(key)))

    @post("/{proposal:uuid}/refusal", guards=[Allows(Action.PROPOSAL_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        proposal: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a proposal down."""
        command = RefuseProposal(proposal=proposal, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_proposal, command, key=checked_key(key)))


class AgreementApi(Controller):
    """Master agreements with counterparties, filed by master data and cleared by legal."""

    path = "/api/agreements"
    tags = ("master data",)

    @get(guards=[Allows(Action.PARTY_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        counterparty: FromQuery[UUID | None] = None,
        state_: AgreementWanted = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the agreements, newest first."""
        found = await queries.agreements(
            reads, counterparty=counterparty, state=state_, cursor=cursor, limit=limit
        )
        return paged(found, limit)

    @post(guards=[Allows(Action.AGREEMENT_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeAgreement],
    ) -> Response[Any]:
        """File an agreement as a draft."""
        return answer(await gate.perform(actor, propose_agreement, data, key=checked_key(key)))

    @post("/{agreement:uuid}/clearance", guards=[Allows(Action.AGREEMENT_CLEAR)], status_code=200)
    async def clear(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        agreement: FromPath[UUID],
        data: JSONBody[Clearance],
    ) -> Response[Any]:
        """Clear an agreement as enforceable, or waive one."""
        command = ClearAgreement(agreement_id=agreement, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, clear_agreement, command, key=checked_key(key)))

    @post("/{agreement:uuid}/refusal", guards=[Allows(Action.AGREEMENT_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        agreement: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn an agreement down."""
        command = RefuseAgreement(agreement_id=agreement, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_agreement, command, key=checked_key(key)))


class ChannelApi(Controller):
    """How deals are confirmed with counterparties, and under which names their messages arrive."""

    path = "/api/channels"
    tags = ("master data",)

    @get(guards=[Allows(Action.CHANNEL_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        counterparty: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the approved channels; the last of a counterparty is in force."""
        found = await queries.channels(reads, counterparty=counterparty, cursor=cursor, limit=limit)
        return paged(found, limit)

    @post(guards=[Allows(Action.CHANNEL_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeChannel],
    ) -> Response[Any]:
        """Propose how to confirm with a counterparty."""
        return answer(await gate.perform(actor, propose_channel, data, key=checked_key(key)))


class ToleranceApi(Controller):
    """How far apart two sides of a confirmation may lie and still agree."""

    path = "/api/tolerances"
    tags = ("master data",)

    @get(guards=[Allows(Action.CHANNEL_READ)])
    async def index(self, reads: NamedDependency[AsyncSession], limit: Limit = 50) -> dict[str, Any]:
        """List the versions, newest first."""
        return {"items": await queries.tolerances(reads, limit=limit)}

    @post(guards=[Allows(Action.TOLERANCE_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeTolerance],
    ) -> Response[Any]:
        """Propose the next version of the tolerances."""
        return answer(await gate.perform(actor, propose_tolerance, data, key=checked_key(key)))


ROUTES = [
    CounterpartyApi,
    InstructionApi,
    PortfolioApi,
    ProposalApi,
    AgreementApi,
    ChannelApi,
    ToleranceApi,
]
