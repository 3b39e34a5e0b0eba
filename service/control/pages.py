"""The back office's decisions as cards: what will follow, what was entered, who did what, why one may or may not."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.control.lifecycle import CONTROL, REQUEST, ControlState, RequestState, state_in_force
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.errors import NotFound
from service.page_frame import History, Page
from service.trades import queries
from service.trades.pages import distance
from service.trades.ticket_pages import names_in

DECISIONS = (Action.TRADE_VERIFY, Action.TRADE_RETURN)


class ControlPages(Controller):
    """A deal to be verified, and what trading asked for about one."""

    path = "/trades/{trade:uuid}"
    include_in_schema = False

    @get("/control", guards=[Allows(Action.TRADE_VERIFY)])
    async def control(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        trade: FromPath[UUID],
    ) -> Response[str]:
        """Show a deal to whoever verifies or returns it."""
        deal = await queries.trade_view(reads, actor, trade)
        possible = [act for act in CONTROL.actions_from(state_of(deal)) if act in DECISIONS]
        return page.show(
            "control/templates/control.html",
            deal=deal,
            names=await names_in(reads, deal),
            timeline=await queries.timeline(reads, actor, trade),
            buttons=await history.buttons(page, possible, trade),
            reference=await distance(page, reads, deal),
        )

    @get("/requests/{request_id:uuid}", guards=[Allows(Action.TRANSACTION_READ)])
    async def request(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        trade: FromPath[UUID],
        request_id: FromPath[UUID],
    ) -> Response[str]:
        """Show what trading asked for to whoever decides it."""
        deal = await queries.trade_view(reads, actor, trade)
        asked = next((one for one in deal["requests"] if one["id"] == str(request_id)), None)
        if asked is None:
            raise NotFound("request")
        possible = REQUEST.actions_from(RequestState(asked["state"]))
        through = Action.TRADE_AMEND if asked["request"] == "amendment" else Action.REQUEST_APPROVE
        if through not in CONTROL.actions_from(state_of(deal)):
            possible = tuple(act for act in possible if act is not Action.REQUEST_APPROVE)
        return page.show(
            "control/templates/request.html",
            deal=deal,
            asked=asked,
            names=await names_in(reads, deal),
            timeline=await queries.timeline(reads, actor, trade),
            buttons=await history.buttons(page, possible, trade, [("change_request", request_id)]),
        )


def state_of(deal: Mapping[str, Any]) -> ControlState:
    """Return what the back office says about the deal's version in force."""
    control = deal["control"]
    if control is None:
        return ControlState.DUE
    return state_in_force(control["state"], control["version"], deal["version"])


ROUTES = [ControlPages]
