"""Settlements: who prepared, who may release, what became of the money."""

from collections.abc import Mapping, Sequence
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
from service.page_frame import History, Page
from service.parties.model import Instruction
from service.people.queries import account_names
from service.settlement import queries
from service.settlement.lifecycle import SETTLEMENT, SettlementState
from service.trades.queries import timeline, trade_view
from service.work.queries import deals_of

ROWS = 50


class SettlementPages(Controller):
    """The cash legs of the deals."""

    path = "/settlements"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        value_date: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the legs, oldest first."""
        state = page_forms.one_of(SettlementState, state_, "state")
        due = page_forms.day_in(value_date, "value_date")
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.settlements(reads, state, due, None, ROWS, after)
        return page.show(
            "settlement/templates/list.html",
            rows=found["items"],
            deals=await deal_names(reads, found["items"]),
            next=found["next"],
            states=list(SettlementState),
            state=state_,
            value_date=value_date,
        )

    @get("/{settlement_id:uuid}", guards=[Allows(Action.SETTLEMENT_READ)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        settlement_id: FromPath[UUID],
    ) -> Response[str]:
        """Show a leg with its payment route, to those who may know routes, and what can be done about it."""
        leg = await queries.settlement_view(
            reads, settlement_id, with_route=page.may(Action.INSTRUCTION_READ)
        )
        trade = UUID(leg["trade"])
        possible = SETTLEMENT.actions_from(SettlementState(leg["state"]))
        if leg["state"] == SettlementState.PREPARED:  # prepared anew only where the route was replaced
            possible = tuple(act for act in possible if act is not Action.SETTLEMENT_PREPARE)
        people = [UUID(leg[role]) for role in ("prepared_by", "released_by") if leg[role] is not None]
        return page.show(
            "settlement/templates/settlement.html",
            leg=leg,
            names={str(person): name for person, name in (await account_names(reads, people)).items()},
            deal=await trade_view(reads, actor, trade),
            timeline=await timeline(reads, actor, trade),
            buttons=await history.buttons(page, possible, trade, await rests_on(page, reads, leg)),
        )


async def deal_names(reads: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return book and number of the deals that the rows belong to."""
    found = await deals_of(reads, {UUID(row["trade"]) for row in rows})
    return {str(trade): deal for trade, deal in found.items()}


async def rests_on(page: Page, reads: AsyncSession, leg: Mapping[str, Any]) -> list[tuple[str, UUID]]:
    """Return the leg and the payment route behind it: whose makers may not let the money go."""
    objects = [("settlement", UUID(leg["id"]))]
    if leg["instruction"] is not None and page.may(Action.INSTRUCTION_READ):
        route = await reads.get_one(Instruction, UUID(leg["instruction"]))
        objects += [("instruction", route.id), ("proposal", route.proposal_id)]
    return objects


ROUTES = [SettlementPages]
