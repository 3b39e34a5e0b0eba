"""Reference rates of a day, what risk control fixes beside them, and the bank's business date."""

import asyncio
from datetime import date, time
from typing import Annotated, get_args

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms, page_frame
from service.faces import Allows, checked_key
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.calendar import next_business_day
from service.kernel.errors import Malformed, Refusal
from service.market import queries
from service.market.ecb import demo_archive
from service.market.importing import NotFixed, fixings_of
from service.market.lifecycle import BENCHMARK, BenchmarkState
from service.market.use_cases import Product, import_fixings
from service.page_frame import Button, History, Page, Subject
from service.ui.formats import BERLIN

FORM = "fixing.import"
ROWS = 50


class NotInArchive(Malformed):
    """400. The archive at hand holds no rates of this day."""


class MarketPages(Controller):
    """Rates and desk time."""

    path = "/"
    include_in_schema = False

    @get("/fixings", guards=[Allows(Action.FIXING_READ)])
    async def fixings(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], day: FromQuery[str] = ""
    ) -> Response[str]:
        """Show the rates of a day, by default the newest ones."""
        wanted = page.day_in(day, "day")
        if wanted is None:
            assert page.business_date is not None
            newest = await queries.last_rates(reads, page.business_date)
            wanted = newest[0] if newest is not None else None
        found = None if wanted is None else await queries.fixings_on(reads, wanted)
        return page.show(
            "market/templates/fixings.html",
            fixings=None if found is None else queries.fixings_view(found),
            day=wanted.isoformat() if wanted is not None else "",
            form=FORM,
        )

    @post("/fixings", guards=[Allows(Action.FIXING_IMPORT)])
    async def take(
        self, page: NamedDependency[Page], actor: NamedDependency[Actor], gate: NamedDependency[Gate]
    ) -> Redirect:
        """Bring in one day from the ECB's archive that is installed with the service."""
        day = page.form.get("day", "")
        try:
            wanted = page_forms.day_in(day, "day")
            if wanted is None:
                raise Malformed("This has to be filled in.", field="day")
            key = checked_key(page.form.get("_key", ""))
            command = await asyncio.to_thread(fixings_of, demo_archive(), wanted)
            done = await gate.perform(actor, import_fixings, command, key=key)
        except NotFixed:
            refusal: Refusal = NotInArchive("The archive holds no rates of this day.", field="day")
            await gate.refuse(actor, Action.FIXING_IMPORT, refusal)
            return page.back("/fixings", page_frame.refused(FORM, refusal, FORM, page.form))
        except Refusal as refused:
            return page.back("/fixings", page_frame.refused(FORM, refused, FORM, page.form))
        return page.back(f"/fixings?day={wanted}", page_frame.done(Action.FIXING_IMPORT, done))

    @get("/benchmarks", guards=[Allows(Action.CONFORMITY_READ)])
    async def benchmarks(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show tolerances and money-market reference rates, each with its decision where it waits for one."""
        state = page_forms.one_of(BenchmarkState, state_, "state")
        found = await queries.benchmarks(
            reads, state=state, cursor=page_forms.id_in(cursor, "cursor"), limit=ROWS
        )
        subjects = {}
        for row in found["items"]:
            possible = BENCHMARK.actions_from(BenchmarkState(row["state"]))
            related = [("benchmark", row["id"])]
            subjects[row["id"]] = Subject(possible, related=related)
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "market/templates/benchmarks.html",
            rows=found["items"],
            next=found["next"],
            states=list(BenchmarkState),
            state=state_,
            products=get_args(Product),
            buttons=buttons,
            propose=Button(Action.BENCHMARK_PROPOSE) if page.may(Action.BENCHMARK_PROPOSE) else None,
        )

    @get("/business-date", guards=[Allows(Action.BUSINESS_DATE_SET)])
    async def business_date(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession]
    ) -> Response[str]:
        """Show desk time and the form that moves it forward."""
        row = await queries.desk(reads)
        now = page.gate.clock.now().astimezone(BERLIN)
        today: date = now.date() if row is None else row.business_date
        clock: time = now.time() if row is None or row.desk_clock is None else row.desk_clock
        return page.show(
            "market/templates/business_date.html",
            row=row,
            today=today,
            clock=clock,
            tomorrow=next_business_day(today, "EUR"),
            button=Button(Action.BUSINESS_DATE_SET),
        )


ROUTES = [MarketPages]
