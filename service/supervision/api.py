"""Desk reports over JSON: read and received by whoever supervises the desk today."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, Seen, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason
from service.supervision import queries
from service.supervision.use_cases import AcknowledgeDeskReport, acknowledge_desk_report

Limit = Annotated[int, QueryParameter(ge=1, le=200)]
OpenOnly = Annotated[bool, QueryParameter(name="open")]


class Receipt(Seen, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The version seen, and what is done about it."""

    remark: Reason | None = None


class DeskReportApi(Controller):
    """What the desks did, day by day."""

    path = "/api/desk-reports"
    tags = ("supervision",)

    @get(guards=[Allows(Action.DESK_REPORT_READ)])
    async def index(
        self,
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        unit: FromQuery[UUID | None] = None,
        open_: OpenOnly = False,  # noqa: FBT002 - a query parameter
        cursor: FromQuery[UUID | None] = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """List the reports in sight, newest first, with whom each is for today."""
        return await queries.desk_reports(
            reads, actor, unit=unit, open_only=open_, cursor=cursor, limit=limit
        )

    @post("/{report:uuid}/acknowledgement", guards=[Allows(Action.DESK_REPORT_ACKNOWLEDGE)])
    async def acknowledge(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        report: FromPath[UUID],
        data: JSONBody[Receipt],
    ) -> Response[Any]:
        """Take notice of a report as the desk's supervisor of today."""
        command = AcknowledgeDeskReport(report=report, version=data.version, remark=data.remark)
        return answer(await gate.perform(actor, acknowledge_desk_report, command, key=checked_key(key)))


ROUTES = [DeskReportApi]
