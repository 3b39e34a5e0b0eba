"""References, tolerances and desk time over JSON."""

from datetime import date, time
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, SeenWithReason, answer, checked_key
from service.gate import BERLIN, Gate
from service.kernel.actor import Actor
from service.kernel.errors import NotFound
from service.market import queries
from service.market.lifecycle import BenchmarkState
from service.market.use_cases import (
    ApproveBenchmark,
    ImportFixings,
    ProposeBenchmark,
    RefuseBenchmark,
    SetBusinessDate,
    approve_benchmark,
    import_fixings,
    propose_benchmark,
    refuse_benchmark,
    set_business_date,
)

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
StateWanted = Annotated[BenchmarkState | None, QueryParameter(name="state")]


class FixingApi(Controller):
    """The independent reference rates."""

    path = "/api/fixings"
    tags = ("market",)

    @get(guards=[Allows(Action.FIXING_READ)], opt={"refusals": (404,)})
    async def on(self, reads: NamedDependency[AsyncSession], day: FromQuery[date]) -> dict[str, Any]:
        """Return the rates of one day."""
        if (found := await queries.fixings_on(reads, day)) is None:
            raise NotFound("fixing")
        return queries.fixings_view(found)

    @post(guards=[Allows(Action.FIXING_IMPORT)])
    async def take(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ImportFixings],
    ) -> Response[Any]:
        """Bring in the rates of one day."""
        return answer(await gate.perform(actor, import_fixings, data, key=checked_key(key)))


class BenchmarkApi(Controller):
    """What deals are held against: tolerances and money-market reference rates, fixed by risk control alone."""

    path = "/api/benchmarks"
    tags = ("market",)

    @get(guards=[Allows(Action.CONFORMITY_READ)])
    async def index(
        self,
        reads: NamedDependency[AsyncSession],
        benchmark: FromQuery[Literal["tolerance", "reference_rate"] | None] = None,
        state_: StateWanted = None,
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List them, newest first; of those in force for the same thing the first counts."""
        return await queries.benchmarks(reads, benchmark=benchmark, state=state_, cursor=cursor, limit=limit)

    @post(guards=[Allows(Action.BENCHMARK_PROPOSE)])
    async def propose(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[ProposeBenchmark],
    ) -> Response[Any]:
        """Propose a tolerance or a reference rate; another person puts it in force."""
        return answer(await gate.perform(actor, propose_benchmark, data, key=checked_key(key)))

    @post("/{benchmark:uuid}/approval", guards=[Allows(Action.BENCHMARK_APPROVE)], status_code=200)
    async def approve(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        benchmark: FromPath[UUID],
        data: JSONBody[Seen],
    ) -> Response[Any]:
        """Put a benchmark in force."""
        command = ApproveBenchmark(benchmark_id=benchmark, version=data.version)
        return answer(await gate.perform(actor, approve_benchmark, command, key=checked_key(key)))

    @post("/{benchmark:uuid}/refusal", guards=[Allows(Action.BENCHMARK_REFUSE)], status_code=200)
    async def refuse(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        benchmark: FromPath[UUID],
        data: JSONBody[SeenWithReason],
    ) -> Response[Any]:
        """Turn a benchmark down."""
        command = RefuseBenchmark(benchmark_id=benchmark, version=data.version, reason=data.reason)
        return answer(await gate.perform(actor, refuse_benchmark, command, key=checked_key(key)))


class BusinessDateApi(Controller):
    """Desk time: the bank's business date and, in a demo bank, its time of day."""

    path = "/api/business-date"
    tags = ("market",)

    @get(guards=[Allows(Action.WORK_READ)])
    async def show(self, reads: NamedDependency[AsyncSession], gate: NamedDependency[Gate]) -> dict[str, Any]:
        """Return desk time in Berlin; version 0 where it follows the system clock."""
        local, row = gate.clock.now().astimezone(BERLIN), await queries.desk(reads)
        clock = time(local.hour, local.minute) if row is None or row.desk_clock is None else row.desk_clock
        return {
            "business_date": (local.date() if row is None else row.business_date).isoformat(),
            "desk_clock": f"{clock:%H:%M}",
            "version": 0 if row is None else row.rev,
        }

    @post(guards=[Allows(Action.BUSINESS_DATE_SET)], status_code=200)
    async def move(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        data: JSONBody[SetBusinessDate],
    ) -> Response[Any]:
        """Move desk time forward; refused where it follows the system clock."""
        return answer(await gate.perform(actor, set_business_date, data, key=checked_key(key)))


ROUTES = [FixingApi, BenchmarkApi, BusinessDateApi]
