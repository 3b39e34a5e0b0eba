"""Limits with what is used of them, their votes, and the excesses that somebody must answer for."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.errors import Malformed
from service.limits import queries
from service.limits.exposures import exposures
from service.limits.lifecycle import LimitState
from service.limits.tree import tree
from service.page_frame import Button, History, Page
from service.parties import queries as parties

ROWS = 50
CHOICES_MAX = 200
PROPOSING = (Action.LIMIT_PROPOSE, Action.MARKET_LIMIT_PROPOSE)
VOTING = {"counterparty": Action.LIMIT_VOTE, "portfolio": Action.MARKET_LIMIT_VOTE}


EXPOSURE_ORDERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "name": lambda row: str(row["name"]).casefold(),
    "total": lambda row: Decimal(row["total_eur"]),
}


LIMIT_ORDERS: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "owner": lambda row: str(row["owner_name"] or row["owner"]).casefold(),
    "amount": lambda row: Decimal(row["amount_eur"]),
    "used": lambda row: Decimal(row["used_eur"] or 0),
    "headroom": lambda row: Decimal(row["headroom_eur"] or "Infinity"),
    "valid_to": lambda row: row["valid_to"],
}
IN_ORDER_MAX = 200
"""So many limits at most are put in an order other than the newest first."""


class LimitPages(Controller):
    """Limits and excesses."""

    path = "/"
    include_in_schema = False

    @get("/limits", guards=[Allows(Action.LIMIT_READ)])
    async def limits(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        scope_: Annotated[str, QueryParameter(name="scope")] = "",
        state_: Annotated[str, QueryParameter(name="state")] = LimitState.IN_FORCE.value,
        owner: FromQuery[str] = "",
        sort: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the limits, by default those in force, with use and headroom, and the forms that propose one."""
        of = page_forms.id_in(owner, "owner")
        wanted = queries.Wanted(known_scope(scope_), of, page_forms.one_of(LimitState, state_, "state"))
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.limits(reads, wanted, cursor=after, limit=IN_ORDER_MAX if sort else ROWS)
        return page.show(
            "limits/templates/limits.html",
            hide=hide,
            rows=page_forms.in_order(found["items"], sort, LIMIT_ORDERS),
            next=found["next"],
            states=list(LimitState),
            state=state_,
            scope=scope_,
            owner=owner,
            owners=await owners(page, reads),
            buttons=[Button(action) for action in PROPOSING if page.may(action)],
        )

    @get("/limit-tree", guards=[Allows(Action.LIMIT_READ)])
    async def tree(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        opened: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what is used of each limit that counts now, under the sums of its kind and of its desk."""
        whose = page_forms.id_in(opened, "opened")
        found = await tree(reads, actor, whose)
        return page.show("limits/templates/tree.html", roots=found["items"], opened=str(whose))

    @get("/limits/{limit_id:uuid}", guards=[Allows(Action.LIMIT_READ)])
    async def limit(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        limit_id: FromPath[UUID],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show a limit: what is used deal by deal, the votes, its excesses, and what the reader may do."""
        row = await queries.limit_with_votes(reads, limit_id)
        after = page_forms.id_in(cursor, "cursor")
        excesses = (await queries.excesses(reads, of=limit_id, limit=ROWS))["items"]
        possible = [VOTING[row["scope"]]] if row["state"] == LimitState.PROPOSED else []
        if any(one["state"] == "open" for one in excesses):
            possible.append(Action.EXCESS_CLOSE)
        if any(one["reported"] and one["noticed_at"] is None for one in excesses):
            possible.append(Action.NOTICE_TAKE)
        deals = await queries.use_of(reads, actor, limit_id, cursor=after, limit=ROWS)
        return page.show(
            "limits/templates/limit.html",
            limit=row,
            deals=deals["items"],
            next=deals["next"],
            excesses=excesses,
            buttons=await history.buttons(page, possible, related=[("trading_limit", limit_id)]),
        )

    @get("/exposures", guards=[Allows(Action.LIMIT_READ)])
    async def exposures(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], sort: FromQuery[str] = ""
    ) -> Response[str]:
        """Show what is open towards each counterparty, by when the last payment falls due."""
        found = await exposures(reads)
        found["items"] = page_forms.in_order(found["items"], sort, EXPOSURE_ORDERS)
        return page.show("limits/templates/exposures.html", found=found)

    @get("/excesses", guards=[Allows(Action.LIMIT_READ)])
    async def excesses(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        day: FromQuery[str] = "",
        of: FromQuery[str] = "",
        open_: Annotated[str, QueryParameter(name="open")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the excesses of a day, by default all, and what passes its limit just now; ``of``: one limit's alone."""
        wanted, limit = page.day_in(day, "day"), page_forms.id_in(of, "of")
        after = place_of(cursor or None)
        found = await queries.excesses(
            reads, day=wanted, of=limit, open_only=bool(open_), after=after, limit=ROWS
        )
        return page.show(
            "limits/templates/excesses.html",
            rows=found["items"],
            standing=found["standing"],
            next=found["next"],
            day=day,
            of=of,
            open_only=bool(open_),
        )


def known_scope(written: str) -> queries.Scope | None:
    """Return the kind of limit that a filter names. Raises Malformed."""
    match written:
        case "":
            return None
        case "counterparty" | "portfolio":
            return written
        case _:
            raise Malformed("There is no such choice.", field="scope")


async def owners(page: Page, reads: AsyncSession) -> dict[str, list[tuple[str, str]]]:
    """Return whom a limit can be proposed for, where the reader may know them."""
    if not page.may(Action.PARTY_READ):
        return {"counterparty": [], "portfolio": []}
    known = await parties.counterparties(reads, limit=CHOICES_MAX)
    books = await parties.portfolios(reads, limit=CHOICES_MAX)
    return {
        "counterparty": [(row["id"], row["name"]) for row in known],
        "portfolio": [(row["id"], row["name"]) for row in books],
    }


ROUTES = [LimitPages]
