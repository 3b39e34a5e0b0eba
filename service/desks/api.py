"""Desk rules and reports of deals off the premises over JSON."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.desks.lifecycle import RuleState
from service.desks.queries import desk_rules
from service.desks.reports import premises_reports
from service.desks.use_cases import (
    AcknowledgePremises,
    ApproveDeskRule,
    ProposeCutOff,
    ProposeMandate,
    RefuseDeskRule,
    acknowledge_premises,
    approve_desk_rule,
    propose_desk_rule,
    refuse_desk_rule,
)
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[RuleState | None, QueryParameter(name="state")]
RuleWanted = Annotated[Literal["cut_off", "mandate"] | None, QueryParameter(name="rule")]
TODAY = text("SELECT business_date FROM public.desk_time")


class Receipt(Seen, frozen=True, forbid_unknown_fields=True):
    """The version of the deal seen, and what is to be kept about its report."""

    note: Reason | None = None


class DeskRuleApi(Controller):
    """Cut-offs and mandates."""

    path = "/api/desk-rules"
    tags = ("desk rules",)

    @get(guards=[Allows(Action.WORK_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        rule: RuleWanted = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List cut-offs and mandates, newest first; of those in force for the same the first one counts."""
        found = await desk_rules(reads, state=state_, rule=rule, cursor=cursor, limit=limit)
        return {"items": found[:limit], "next": found[limit - 1]["id"] if len(found) > limit else None}

    @post(guards=[Allows(Action.DESK_RULE_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeCutOff | ProposeMandate],
    ) -> Response[Any]:
        """Propose a cut-off or a mandate."""
        return answer(await gate.perform(actor, propose_desk_rule, data, key=checked_key(key)))

    @post("/{rule:uuid}/approval", guards=[Allows(Action.DESK_RULE_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        rule: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Put a rule in force."""
        command = ApproveDeskRule(rule_id=rule, version=data.version)
        return answer(await gate.perform(actor, approve_desk_rule, command, key=checked_key(key)))

    @post("/{rule:uuid}/refusal", guards=[Allows(Action.DESK_RULE_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        rule: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a rule down."""
        command = RefuseDeskRule(rule_id=rule, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_desk_rule, command, key=checked_key(key)))


class PremisesApi(Controller):
    """Deals struck off the premises."""

    path = "/api"
    tags = ("desk rules",)

    @get("/premises-reports", guards=[Allows(Action.TRADE_READ)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        day: FromQuery[date | None] = None,
    ) -> dict[str, Any]:
        """Show a day's deals off the premises with the count "marked = reported"; without a day, what is missing."""
        today = await reads.scalar(TODAY) or gate.clock.now().date()
        return await premises_reports(reads, actor, today, day)

    @post("/trades/{trade:uuid}/premises-acknowledgement", guards=[Allows(Action.PREMISES_ACKNOWLEDGE)])
    async def acknowledge(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        trade: FromPath[UUID],
        data: JSONBody[Receipt],
    ) -> Response[Any]:
        """Take receipt of the report about a deal struck off the premises."""
        command = AcknowledgePremises(trade_id=trade, version=data.version, note=data.note)
        return answer(await gate.perform(actor, acknowledge_premises, command, key=checked_key(key)))


ROUTES = [DeskRuleApi, PremisesApi]
