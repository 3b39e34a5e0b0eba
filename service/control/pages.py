"""The back office's decisions as cards: what will follow, what was entered, who did what, why one may or may not."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.conformity.queries import Wanted, checks
from service.control.lifecycle import CONTROL, REQUEST, ControlState, RequestState, state_in_force
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.errors import NotFound
from service.kernel.items import Item
from service.limits.queries import rooms_held
from service.page_frame import Button, History, Page
from service.trades import queries
from service.trades.deals.deal import MATERIAL
from service.trades.pages import distance
from service.trades.ticket_pages import names_in
from service.ui.languages import N_
from service.work.cards import CARDS, HANDFULS, Beside, Card, Handful
from service.work.queries import why_not_now

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
        return page.show(
            "control/templates/control.html", **await check_facts(page, actor, reads, history, trade)
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
        found = await request_facts(page, actor, reads, history, trade, request_id)
        return page.show("control/templates/request.html", **found)


async def check_facts(
    page: Page, actor: Actor, reads: AsyncSession, history: History, trade: UUID
) -> dict[str, Any]:
    """Return what it takes to verify or return a deal: terms, checks with their values, who did what, why not."""
    deal = await queries.trade_view(reads, actor, trade)
    possible = [act for act in CONTROL.actions_from(state_of(deal)) if act in DECISIONS]
    market = []
    if page.may(Action.CONFORMITY_READ):
        market = (await checks(reads, Wanted(trade), limit=1))["items"]
    return {
        "deal": deal,
        "names": await names_in(reads, deal),
        "material": MATERIAL,
        "market": market[0] if market and market[0]["version"] == deal["version"] else None,
        "rooms": await rooms_held(reads, trade) if page.may(Action.LIMIT_READ) else [],
        "timeline": await queries.timeline(reads, actor, trade),
        "buttons": await check_buttons(page, actor, reads, history, possible, trade),
        "reference": await distance(page, reads, deal),
    }


async def check_buttons(
    page: Page, actor: Actor, reads: AsyncSession, history: History, possible: Sequence[Action], trade: UUID
) -> list[Button]:
    """Return the decisions about a deal; whoever took its control is the one to verify it."""
    buttons = await history.buttons(page, possible, trade)
    taken = await why_not_now(reads, actor, Item.VERIFY, trade, page.gate.clock.now())
    if taken is None:
        return buttons
    return [
        Button(one.action, one.why_not or taken.sentence) if one.action is Action.TRADE_VERIFY else one
        for one in buttons
    ]


async def request_facts(
    page: Page, actor: Actor, reads: AsyncSession, history: History, trade: UUID, request_id: UUID
) -> dict[str, Any]:
    """Return what it takes to decide a request of trading. Raises NotFound."""
    deal = await queries.trade_view(reads, actor, trade)
    asked = next((one for one in deal["requests"] if one["id"] == str(request_id)), None)
    if asked is None:
        raise NotFound("request")
    possible = REQUEST.actions_from(RequestState(asked["state"]))
    through = Action.TRADE_AMEND if asked["request"] == "amendment" else Action.REQUEST_APPROVE
    if through not in CONTROL.actions_from(state_of(deal)):
        possible = tuple(act for act in possible if act is not Action.REQUEST_APPROVE)
    return {
        "deal": deal,
        "asked": asked,
        "names": await names_in(reads, deal),
        "timeline": await queries.timeline(reads, actor, trade),
        "buttons": await history.buttons(page, possible, trade, [("change_request", request_id)]),
    }


async def check_card(beside: Beside) -> dict[str, Any]:
    """Return the card of a deal to verify."""
    return await check_facts(beside.page, beside.actor, beside.reads, beside.history, beside.trade)


async def request_card(beside: Beside) -> dict[str, Any]:
    """Return the card of a request to decide."""
    page, actor, reads, history = beside.page, beside.actor, beside.reads, beside.history
    return await request_facts(page, actor, reads, history, beside.trade, beside.subject)


CARDS[Item.VERIFY] = Card("control/templates/check.html", Action.TRADE_VERIFY, check_card)
CARDS[Item.DECIDE] = Card("control/templates/asked.html", Action.TRANSACTION_READ, request_card)
HANDFULS[Item.VERIFY] = Handful(
    Action.TRADE_VERIFY,
    "trade_id",
    N_(
        "You agree the terms of every deal you marked, in the version shown; trading can change nothing any more."
    ),
)


def state_of(deal: Mapping[str, Any]) -> ControlState:
    """Return what the back office says about the deal's version in force."""
    control = deal["control"]
    if control is None:
        return ControlState.DUE
    return state_in_force(control["state"], control["version"], deal["version"])


ROUTES = [ControlPages]
