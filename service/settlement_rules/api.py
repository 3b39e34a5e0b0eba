"""The settlement tables over JSON."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.database import plain_value
from service.settlement_rules import queries
from service.settlement_rules.lifecycle import RuleState
from service.settlement_rules.use_cases import (
    ApproveSettlementRule,
    ProposeCallBack,
    ProposeCurrencyCutOff,
    ProposeCycle,
    ProposeFreshness,
    ProposeLadder,
    ProposeNetting,
    ProposePenalty,
    ProposeReason,
    RefuseSettlementRule,
    approve_settlement_rule,
    propose_settlement_rule,
    refuse_settlement_rule,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
Kind = Literal["call_back", "cut_off", "cycle", "freshness", "ladder", "netting", "penalty", "reason"]
KindWanted = Annotated[Kind | None, QueryParameter(name="rule")]


class SettlementRuleApi(Controller):
    """Cycles, cut-offs, amounts, netting, reasons, penalties."""

    path = "/api/settlement-rules"
    tags = ("settlement rules",)

    @get(guards=[Allows(Action.SETTLEMENT_RULE_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        rule: KindWanted = None,
        state_: Annotated[RuleState | None, QueryParameter(name="state")] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the lines, newest first; of those in force for the same the latest begun counts."""
        return await queries.settlement_rules(reads, rule=rule, state=state_, cursor=cursor, limit=limit)

    @get("/cycle", guards=[Allows(Action.SETTLEMENT_RULE_READ)])
    async def cycle(
        self,
        reads: NamedDependency[AsyncSession],
        product: FromQuery[str],
        trade_date: FromQuery[date],
        market: FromQuery[str | None] = None,
        settlement_date: FromQuery[date | None] = None,
    ) -> dict[str, Any]:
        """Tell the last day on which a deal of the trade date may settle, and whether a given day is within it."""
        book = await queries.rule_book(reads)
        last, line = (
            book.last_settlement_date(product, market, trade_date),
            book.cycle(product, market, trade_date),
        )
        within = None if last is None or settlement_date is None else settlement_date <= last
        return {
            "product": product,
            "market": market,
            "trade_date": plain_value(trade_date),
            "last_settlement_date": None if last is None else plain_value(last),
            "allowed": within,
            "days": None if line is None else line.days,
            "source": None if line is None else line.source,
        }

    @post(guards=[Allows(Action.SETTLEMENT_RULE_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[
            ProposeCallBack
            | ProposeCurrencyCutOff
            | ProposeCycle
            | ProposeFreshness
            | ProposeLadder
            | ProposeNetting
            | ProposePenalty
            | ProposeReason
        ],
    ) -> Response[Any]:
        """Propose a line."""
        return answer(await gate.perform(actor, propose_settlement_rule, data, key=checked_key(key)))

    @post("/{rule:uuid}/approval", guards=[Allows(Action.SETTLEMENT_RULE_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        rule: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Put a line in force."""
        command = ApproveSettlementRule(rule_id=rule, version=data.version)
        return answer(await gate.perform(actor, approve_settlement_rule, command, key=checked_key(key)))

    @post("/{rule:uuid}/refusal", guards=[Allows(Action.SETTLEMENT_RULE_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        rule: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a line down."""
        command = RefuseSettlementRule(rule_id=rule, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_settlement_rule, command, key=checked_key(key)))


ROUTES = [SettlementRuleApi]
