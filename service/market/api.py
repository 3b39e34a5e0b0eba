"""Reference rates and desk time over JSON."""

from datetime import date, time
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, answer, checked_key
from service.gate import BERLIN, Gate
from service.kernel.actor import Actor
from service.kernel.errors import NotFound
from service.market import queries
from service.market.use_cases import ImportFixings, SetBusinessDate, import_fixings, set_business_date


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


ROUTES = [FixingApi, BusinessDateApi]
