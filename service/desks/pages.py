"""The back office's rules for the desks, and the reports about deals struck off the premises."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms, page_frame
from service.desks.lifecycle import DESK_RULE, RuleState
from service.desks.queries import ACCOUNT, UNIT, desk_rules
from service.desks.reports import premises_reports
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import History, Page, Said, Subject

ROWS: Final = 100
MANDATE_FORM: Final = "mandate"
PLACES: Final = ("home_office", "other")


class DeskPages(Controller):
    """Cut-offs, mandates, reports."""

    path = "/"
    include_in_schema = False

    @get("/desk-rules", guards=[Allows(Action.WORK_READ)])
    async def rules(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the rules, newest first, each with what may be decided about it."""
        after = page_forms.id_in(cursor, "cursor")
        found = await desk_rules(reads, cursor=after, limit=ROWS)
        rows = found[:ROWS]
        subjects = {
            row["id"]: Subject(
                DESK_RULE.actions_from(RuleState(row["state"])), related=[("desk_rule", row["id"])]
            )
            for row in rows
        }
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "desks/templates/rules.html",
            rows=rows,
            next=rows[-1]["id"] if len(found) > ROWS else None,
            buttons=buttons,
            desks=await desks(reads),
            traders=await traders(reads),
        )

    @post("/desk-rules", guards=[Allows(Action.DESK_RULE_PROPOSE)])
    async def propose_mandate(self, page: NamedDependency[Page]) -> Redirect:
        """Propose a mandate; its places are ticked one by one."""
        places: list[Any] = [place for place in PLACES if f"_{place}" in page.form]
        act = Action.DESK_RULE_PROPOSE
        outcome = await page_frame.perform_form(page, act, {**page.form, "rule": "mandate"}, locations=places)
        said = outcome if isinstance(outcome, Said) else page_frame.done(act, outcome)
        return page.back("/desk-rules", said)

    @get("/premises", guards=[Allows(Action.TRADE_READ)])
    async def premises(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        day: FromQuery[str] = "",
    ) -> Response[str]:
        """Show a day's deals off the premises, or everything whose report nobody has taken receipt of."""
        assert page.business_date is not None
        wanted = page.day_in(day, "day")
        report = await premises_reports(reads, actor, page.business_date, wanted)
        acts = [Action.PREMISES_ACKNOWLEDGE]
        subjects = {
            item["trade"]: Subject(acts, UUID(item["trade"]))
            for item in report["items"]
            if item["receipt"] is None
        }
        buttons = await history.buttons_of(page, subjects)
        return page.show("desks/templates/premises.html", report=report, day=day, buttons=buttons)


async def desks(reads: AsyncSession) -> list[tuple[str, str]]:
    """Return the trading desks to choose from."""
    wanted = select(UNIT.c.name).where(UNIT.c.function_class == Office.FRONT_OFFICE.value)
    return [(name, name) for name in await reads.scalars(wanted.order_by(UNIT.c.name))]


async def traders(reads: AsyncSession) -> list[tuple[str, str]]:
    """Return the accounts of people in trading to choose from."""
    wanted = select(ACCOUNT.c.name).where(
        ACCOUNT.c.office == Office.FRONT_OFFICE.value,
        ACCOUNT.c.service.is_(False),
        ACCOUNT.c.disabled.is_(False),
    )
    return [(name, name) for name in await reads.scalars(wanted.order_by(ACCOUNT.c.name))]


ROUTES = [DeskPages]
