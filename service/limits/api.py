"""Limits over JSON: proposed, voted, explained; excesses closed."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.texts import Reason
from service.limits import queries
from service.limits.exposures import exposures
from service.limits.lifecycle import LimitState
from service.limits.tree import tree
from service.limits.use_cases import (
    CloseExcess,
    ProposeLimit,
    ProposeMarketLimit,
    VoteOnLimit,
    VoteOnMarketLimit,
    close_excess,
    propose_limit,
    propose_market_limit,
    vote_on_limit,
    vote_on_market_limit,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
ScopeWanted = Annotated[queries.Scope | None, QueryParameter(name="scope")]
StateWanted = Annotated[LimitState | None, QueryParameter(name="state")]


class Ballot(Seen, frozen=True, forbid_unknown_fields=True):
    """One person's vote on the version seen, and why."""

    vote: Literal["approve", "refuse"]
    reason: Reason


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cause and measure of the excesses of a limit."""

    cause: Reason
    measure: Reason


class LimitApi(Controller):
    """Limits of counterparties, set by credit; and every limit with its use."""

    path = "/api/limits"
    tags = ("limits",)

    @get(guards=[Allows(Action.LIMIT_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        state_: StateWanted = None,
        scope_: ScopeWanted = None,
        owner: FromQuery[UUID | None] = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List limits, newest first, with what is used of them and the room that is left now."""
        wanted = queries.Wanted(scope_, owner, state_)
        return await queries.limits(reads, wanted, cursor=cursor, limit=limit)

    @get("/tree", guards=[Allows(Action.LIMIT_READ)])
    async def tree(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        opened: FromQuery[UUID | None] = None,
    ) -> dict[str, Any]:
        """Return the limits that count now as a tree; ``opened``: the counterparty whose use is told by desk."""
        return await tree(reads, actor, opened)

    @get("/{limit_id:uuid}", guards=[Allows(Action.LIMIT_READ)])
    async def show(self, reads: NamedDependency[AsyncSession], limit_id: FromPath[UUID]) -> dict[str, Any]:
        """Show a limit with its use and every vote on it."""
        return await queries.limit_with_votes(reads, limit_id)

    @get("/{limit_id:uuid}/use", guards=[Allows(Action.LIMIT_READ)])
    async def use(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        limit_id: FromPath[UUID],
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """Explain the use of a limit deal by deal; the amounts in EUR add up to what is used."""
        return await queries.use_of(reads, actor, limit_id, cursor=cursor, limit=limit)

    @post(guards=[Allows(Action.LIMIT_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeLimit],
    ) -> Response[Any]:
        """Propose a counterparty's limit; credit votes on it."""
        return answer(await gate.perform(actor, propose_limit, data, key=checked_key(key)))

    @post("/{limit_id:uuid}/vote", guards=[Allows(Action.LIMIT_VOTE)], status_code=200)
    async def vote(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        limit_id: FromPath[UUID],
        data: JSONBody[Ballot],
    ) -> Response[Any]:
        """Vote on a counterparty's limit; two votes for it set it, one against it ends it."""
        command = VoteOnLimit(limit_id=limit_id, version=data.version, vote=data.vote, reason=data.reason)
        return answer(await gate.perform(actor, vote_on_limit, command, key=checked_key(key)))

    @post("/{limit_id:uuid}/excess", guards=[Allows(Action.EXCESS_CLOSE)])
    async def close(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        limit_id: FromPath[UUID],
        data: JSONBody[Closing],
    ) -> Response[Any]:
        """Say why the limit was passed, or would have been, and what is done about it."""
        command = CloseExcess(limit_id=limit_id, cause=data.cause, measure=data.measure)
        return answer(await gate.perform(actor, close_excess, command, key=checked_key(key)))


class MarketLimitApi(Controller):
    """Gross limits of portfolios, set by risk control."""

    path = "/api/market-limits"
    tags = ("limits",)

    @post(guards=[Allows(Action.MARKET_LIMIT_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeMarketLimit],
    ) -> Response[Any]:
        """Propose a portfolio's limit; two others of risk control vote on it."""
        return answer(await gate.perform(actor, propose_market_limit, data, key=checked_key(key)))

    @post("/{limit_id:uuid}/vote", guards=[Allows(Action.MARKET_LIMIT_VOTE)], status_code=200)
    async def vote(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        limit_id: FromPath[UUID],
        data: JSONBody[Ballot],
    ) -> Response[Any]:
        """Vote on a portfolio's limit; two votes for it set it, one against it ends it."""
        command = VoteOnMarketLimit(
            limit_id=limit_id, version=data.version, vote=data.vote, reason=data.reason
        )
        return answer(await gate.perform(actor, vote_on_market_limit, command, key=checked_key(key)))


class ExcessApi(Controller):
    """Where limits were passed, or would have been."""

    path = "/api/excesses"
    tags = ("limits",)

    @get(guards=[Allows(Action.LIMIT_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        day: FromQuery[date | None] = None,
        of: FromQuery[UUID | None] = None,
        *,
        open_only: FromQuery[bool] = False,
        cursor: FromQuery[str | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the excesses of a day in Berlin, or ``of`` one limit, and what passes its limit just now."""
        return await queries.excesses(
            reads, day=day, of=of, open_only=open_only, after=place_of(cursor), limit=limit
        )


class ExposureApi(Controller):
    """What is open, by counterparty and time."""

    path = "/api/exposures"
    tags = ("limits",)

    @get(guards=[Allows(Action.LIMIT_READ)])
    async def index(self, reads: NamedDependency[AsyncSession]) -> dict[str, Any]:
        """Tell what is open towards each counterparty, by when the last payment falls due."""
        return await exposures(reads)


ROUTES = [LimitApi, MarketLimitApi, ExcessApi, ExposureApi]
