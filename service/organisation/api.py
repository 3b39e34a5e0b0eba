"""The organisation over JSON: the chart as of a day, and changes of it by two persons."""

from datetime import date
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
from service.organisation import queries
from service.organisation.lifecycle import ProposalState
from service.organisation.use_cases import (
    ApproveOrganisation,
    ProposeOrganisation,
    RefuseOrganisation,
    approve_organisation,
    propose_organisation,
    refuse_organisation,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[ProposalState | None, QueryParameter(name="state")]


class UnitApi(Controller):
    """The organisation."""

    path = "/api/units"
    tags = ("organisation",)

    @get(guards=[Allows(Action.WORK_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        as_of: FromQuery[date | None] = None,
    ) -> dict[str, Any]:
        """List every unit with its function class, its place and who answers for it on a day (today)."""
        day = as_of or queries.today(gate.clock.now())
        return {"as_of": day.isoformat(), "items": await queries.units(reads, day), "next": None}


class OrganisationApi(Controller):
    """Changes of the organisation."""

    path = "/api/organisation"
    tags = ("organisation",)

    @get("/proposals", guards=[Allows(Action.ORGANISATION_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List proposals, newest first."""
        return await queries.proposals(reads, state=state_, cursor=cursor, limit=limit)

    @post("/proposals", guards=[Allows(Action.ORGANISATION_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeOrganisation],
    ) -> Response[Any]:
        """Propose new units and lines from a day on."""
        return answer(await gate.perform(actor, propose_organisation, data, key=checked_key(key)))

    @post(
        "/proposals/{proposal:uuid}/approval", guards=[Allows(Action.ORGANISATION_APPROVE)], status_code=200
    )
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        proposal: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Put a proposal of somebody else in force."""
        command = ApproveOrganisation(proposal=proposal, version=data.version)
        return answer(await gate.perform(actor, approve_organisation, command, key=checked_key(key)))

    @post("/proposals/{proposal:uuid}/refusal", guards=[Allows(Action.ORGANISATION_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        proposal: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a proposal of somebody else down."""
        command = RefuseOrganisation(proposal=proposal, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_organisation, command, key=checked_key(key)))


ROUTES = [UnitApi, OrganisationApi]
