"""Each desk's day as its supervisor of today reads it and takes notice of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Button, Page
from service.supervision import queries

ROWS = 50


class DeskReportPages(Controller):
    """What the desks did, day by day."""

    path = "/desk-reports"
    include_in_schema = False

    @get("/", guards=[Allows(Action.DESK_REPORT_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        unit: FromQuery[str] = "",
        all_: Annotated[str, QueryParameter(name="all")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the reports in sight, those without a receipt first asked for."""
        found = await queries.desk_reports(
            reads,
            actor,
            unit=page_forms.id_in(unit, "unit"),
            open_only=not all_,
            cursor=page_forms.id_in(cursor, "cursor"),
            limit=ROWS,
        )
        mine = {str(desk) for desk in await queries.supervised_by(reads, actor)}
        return page.show(
            "supervision/templates/desk_reports.html",
            rows=found["items"],
            next=found["next"],
            desks=await queries.desk_names(reads, actor),
            unit=unit,
            all=bool(all_),
            buttons={row["id"]: receipt_of(page, row, mine) for row in found["items"]},
        )


def receipt_of(page: Page, row: Mapping[str, Any], mine: set[str]) -> Button | None:
    """Return the act by which a report is received, if it still can be and the reader's roles give it."""
    if row["received_at"] is not None or not page.may(Action.DESK_REPORT_ACKNOWLEDGE):
        return None
    why = "Somebody else supervises this desk today; the report is theirs."
    return Button(Action.DESK_REPORT_ACKNOWLEDGE, None if row["unit"] in mine else why)


ROUTES = [DeskReportPages]
