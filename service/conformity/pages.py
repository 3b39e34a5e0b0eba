"""Deals beside the market: what stands off it, on which ground, and what the board takes notice of."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.conformity import queries
from service.conformity.grounds import ALERT, NO_REFERENCE, Ground
from service.conformity.lifecycle import CheckState, Finding, NoticeState
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.page_frame import Button, History, Page
from service.trades.queries import trade_view

ROWS = 50
GROUNDS = {
    ALERT: [ground for ground in Ground if ground is not Ground.NO_REFERENCE_ASSESSED],
    NO_REFERENCE: [ground for ground in Ground if ground is not Ground.DISCLOSED_IN_CONFIRMATION],
}
"""What can be said for a check that found this."""


class ConformityPages(Controller):
    """Checks, justifications, notices."""

    path = "/"
    include_in_schema = False

    @get("/checks", guards=[Allows(Action.CONFORMITY_READ)])
    async def checks(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = CheckState.ALERT.value,
        finding: FromQuery[str] = "",
        beyond_bp: FromQuery[str] = "",
        first_day: FromQuery[str] = "",
        last_day: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the last check of each deal, by default of those off the market, and how many there are of each type."""
        wanted = queries.Wanted(
            state=page_forms.one_of(CheckState, state_, "state"),
            finding=page_forms.one_of(Finding, finding, "finding"),
            beyond_bp=page_forms.number_in(beyond_bp, "beyond_bp", page.language),
            first_day=page.day_in(first_day, "first_day"),
            last_day=page.day_in(last_day, "last_day"),
        )
        found = await queries.checks(reads, wanted, after=place_of(cursor), limit=ROWS)
        return page.show(
            "conformity/templates/checks.html",
            rows=found["items"],
            next=found["next"],
            states=list(CheckState),
            state=state_,
            findings=list(Finding),
            finding=finding,
            asked={"beyond_bp": beyond_bp, "first_day": first_day, "last_day": last_day},
            kinds=await queries.kinds(reads),
        )

    @get("/checks/{trade:uuid}", guards=[Allows(Action.CONFORMITY_READ)])
    async def check(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Show every check of a deal, and the form for its justification where one is needed."""
        deal = await trade_view(reads, actor, trade)
        rows = (await queries.checks(reads, queries.Wanted(trade), limit=ROWS))["items"]
        last = next(row for row in rows if row["version"] == deal["version"])
        due = last["state"] in (CheckState.ALERT, CheckState.NO_REFERENCE)
        return page.show(
            "conformity/templates/check.html",
            deal=deal,
            rows=rows,
            last=last,
            grounds=GROUNDS.get(last["check"], []),
            buttons=await history.buttons(page, [Action.TRADE_JUSTIFY] if due else [], trade),
        )

    @get("/notices", guards=[Allows(Action.CONFORMITY_READ)])
    async def notices(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = NoticeState.OPEN.value,
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show what the board was told, and its receipts."""
        state = page_forms.one_of(NoticeState, state_, "state") or NoticeState.OPEN
        found = await queries.notices(reads, state=state, after=place_of(cursor), limit=ROWS)
        return page.show(
            "conformity/templates/notices.html",
            rows=found["items"],
            next=found["next"],
            states=list(NoticeState),
            state=state.value,
            button=Button(Action.NOTICE_TAKE) if page.may(Action.NOTICE_TAKE) else None,
        )


ROUTES = [ConformityPages]
