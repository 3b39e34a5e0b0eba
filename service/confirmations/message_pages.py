"""What came from outside, what counterparties allege, and the alerts about both: looked into by people."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.confirmations import queries
from service.confirmations.lifecycle import INBOUND, InboundState
from service.confirmations.model import InboundMessage
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of as after_of
from service.kernel.items import Item
from service.page_frame import Button, History, Page
from service.ui.confirming_words import ALERTS, FINDINGS_IN
from service.work.queries import Wanted, open_items

ROWS: Final = 50
AWAITED_MAX: Final = 200
SUBJECTS: Final = {
    "inbound_message": "/confirmations/inbound/{id}",
    "change_request": "/trades/{trade}/requests/{id}",
    "transmission": "/trades/{trade}",
    "forwarded_confirmation": "/trades/{trade}",
}
"""Where the subject of an alert is seen."""


class InboundPages(Controller):
    """What reached the back office."""

    path = "/confirmations/inbound"
    include_in_schema = False

    @get("/", guards=[Allows(Action.CONFIRMATION_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what reached the back office, and what was made of it."""
        state = page_forms.one_of(InboundState, state_, "state")
        found = await queries.inbound(reads, state, ROWS, page_forms.id_in(cursor, "cursor"))
        return page.show(
            "confirmations/templates/inbound.html",
            rows=found["items"],
            next=found["next"],
            states=list(InboundState),
            state=state_,
            findings=FINDINGS_IN,
            take=Button(Action.CONFIRMATION_RECEIVE),
        )

    @get("/{message_id:uuid}", guards=[Allows(Action.CONFIRMATION_READ)])
    async def one(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        message_id: FromPath[UUID],
    ) -> Response[str]:
        """Show one message: what it says, why it waits, and what can be done about it."""
        found = await queries.message_view(reads, message_id)
        possible = INBOUND.actions_from(InboundState(found["state"]))
        readable = found["fields"] is not None
        possible = tuple(act for act in possible if readable or act is not Action.INBOUND_LINK)
        related = [(InboundMessage.__tablename__, message_id)]
        return page.show(
            "confirmations/templates/message.html",
            message=found,
            findings=FINDINGS_IN,
            awaited=await queries.awaited_of(reads, found, AWAITED_MAX) if readable else [],
            buttons=await history.buttons(page, possible, None, related),
        )


class AllegedPages(Controller):
    """Deals that counterparties confirm and the bank does not have."""

    path = "/alleged-deals"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ALLEGED_READ)])
    async def index(self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession]) -> Response[str]:
        """Show the deals that the back office asked trading about, and what trading says of them."""
        return page.show(
            "confirmations/templates/alleged.html",
            rows=await queries.alleged_deals(reads, ROWS),
            may_answer=page.may(Action.ALLEGED_ANSWER),
        )


class AlertPages(Controller):
    """Alerts about confirmations, for those outside trading who look into them."""

    path = "/alerts"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ALERT_REVIEW)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the alerts that wait for the reader's office, and what was found behind the last ones."""
        kind = Item.REVIEW_ALERT if actor.office is Office.COMPLIANCE else Item.EXAMINE_ALERT
        now = page.gate.clock.now()
        wanted = Wanted(kind=kind)
        found = await open_items(
            reads, actor, page.gate.policy, now, wanted=wanted, after=after_of(cursor), limit=ROWS
        )
        return page.show(
            "confirmations/templates/alerts.html",
            rows=[item | {"place": place_of(item)} for item in found["items"]],
            next=found["next"],
            alerts=ALERTS,
            reviews=await queries.alert_reviews(reads, ROWS),
        )


def place_of(item: dict[str, Any]) -> str | None:
    """Return where the subject of an alert is seen."""
    place = SUBJECTS.get(item["subject"]["kind"])
    return None if place is None else place.format(id=item["subject"]["id"], trade=item["trade"])


ROUTES = [InboundPages, AllegedPages, AlertPages]
