"""Transfers: asked for by trading, prepared, judged and signed by others, each with the need beside it."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms, page_frame
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.page_frame import History, Page, Said
from service.trades.lifecycle import TradeState
from service.trades.queries import Wanted, trade_list
from service.transfers import queries
from service.transfers.lifecycle import TRANSFER, TransferState
from service.ui.formats import typed_number
from service.work.queries import deals_of

ROWS: Final = 50
PARTS: Final = range(1, 6)
"""How many deals the form has room for; the interface takes a hundred."""


class TransferPages(Controller):
    """Moving the bank's own cash."""

    path = "/transfers"
    include_in_schema = False

    @get("/", guards=[Allows(Action.TRANSFER_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the transfers, and to traders the form that asks for one."""
        state = page_forms.one_of(TransferState, state_, "state")
        found = await queries.transfer_list(reads, actor, state, place_of(cursor), ROWS)
        deals: list[tuple[str, str]] = []
        if page.may(Action.TRANSFER_REQUEST):
            verified = await trade_list(reads, actor, Wanted(state=TradeState.VERIFIED), None, ROWS)
            deals = [
                (deal["id"], f"{deal['portfolio']['name']} {deal['deal_number']}")
                for deal in verified["items"]
            ]
        return page.show(
            "transfers/templates/transfers.html",
            hide=hide,
            rows=found["items"],
            next=found["next"],
            states=list(TransferState),
            state=state_,
            deals=deals,
            parts_of_it=PARTS,
        )

    @post("/", guards=[Allows(Action.TRANSFER_REQUEST)])
    async def request(self, page: NamedDependency[Page]) -> Redirect:
        """Ask for a transfer; each deal it is for is a line of the form."""
        parts: list[Any] = []
        for number in PARTS:
            deal, amount = page.form.get(f"_deal_{number}", ""), page.form.get(f"_amount_{number}", "")
            if deal:
                parts.append({"trade": deal, "amount": typed_number(amount, page.language, grouped=True)})
        outcome = await page_frame.perform_form(page, Action.TRANSFER_REQUEST, page.form, breakdown=parts)
        if isinstance(outcome, Said):
            return page.back("/transfers", outcome)
        path = f"/transfers/{outcome.answer['id']}"
        return page.back(path, page_frame.done(Action.TRANSFER_REQUEST, outcome))

    @get("/{transfer:uuid}", guards=[Allows(Action.TRANSFER_READ)])
    async def show(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        transfer: FromPath[UUID],
    ) -> Response[str]:
        """Show one transfer with the need found, and what the reader may do about it."""
        seen = await queries.transfer_seen(reads, actor, transfer)
        found = await queries.dossier_of(reads, transfer)
        possible = list(TRANSFER.actions_from(found.state))
        if found.control is not None and found.control.state == TransferState.HELD:
            possible.append(Action.TRANSFER_REVIEW)
        if any(review.office == actor.office.value for review in found.reviews):
            possible = [act for act in possible if act is not Action.TRANSFER_REVIEW]
        if any(signature.person_id == actor.person for signature in found.signatures):
            possible = [act for act in possible if act is not Action.TRANSFER_RELEASE]
        deals = await deals_of(reads, {UUID(str(line["trade"])) for line in seen["breakdown"]})
        return page.show(
            "transfers/templates/transfer.html",
            transfer=seen,
            deals={str(trade): deal for trade, deal in deals.items()},
            buttons=await history.buttons(page, possible, related=found.rests_on),
        )


ROUTES = [TransferPages]
