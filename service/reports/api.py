"""Reports for examiners over JSON: each with its purpose in the log, each as a pack that proves itself."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.faces import Allows, IdempotencyKey, answer, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.texts import Reason
from service.reports import asking


class ReportAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On which day the report stands, about which act, and why it leaves the house."""

    on: Annotated[str, msgspec.Meta(max_length=40)]
    reason: Reason
    act: Annotated[str, msgspec.Meta(max_length=60)] | None = None


class ReportApi(Controller):
    """Who could do what on a date."""

    path = "/api/reports"
    tags = ("reports",)

    @get(guards=[Allows(Action.REPORT_READ)])
    async def index(self) -> dict[str, Any]:
        """List the reports."""
        return {"items": asking.listed(), "next": None}

    @get("/{name:str}", guards=[Allows(Action.REPORT_READ, sensitive=True)])
    async def show(
        self,
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        name: FromPath[str],
        on: FromQuery[str],
        purpose: FromQuery[str | None] = None,
        act: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Return a report as of a day (its end in Berlin) or a time with its zone. The purpose stands in the log."""
        asking.must_say_why(purpose)
        return await asking.view(reads, gate, asking.asked(gate, name, on, act))

    @post("/{name:str}/evidence", guards=[Allows(Action.EVIDENCE_EXPORT)], status_code=201)
    async def export(
        self,
        request: Request[Any, Any, Any],
        reads: NamedDependency[AsyncSession],
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        key: IdempotencyKey,
        name: FromPath[str],
        data: JSONBody[ReportAsked],
    ) -> Response[Any]:
        """Make a pack of the report and the entries it stands on; ``/api/evidence/{sha256}`` fetches it."""
        bank, wish = request.app.state.bank, asking.asked(gate, name, data.on, data.act)
        done = await asking.export(
            reads,
            gate,
            bank.settings,
            actor,
            wish,
            data.reason,
            publish=bank.publish,
            key=checked_key(key),
        )
        return answer(done)


ROUTES = [ReportApi]
