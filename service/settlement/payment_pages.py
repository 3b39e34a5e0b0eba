"""Payment messages on a page: which left, which wait and why."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.kernel.actor import Actor
from service.page_frame import Button, History, Page, Subject
from service.settlement import queries
from service.settlement.ageing import BUCKETS
from service.settlement.board import board, penalties
from service.settlement.lifecycle import PAYMENT, PAYMENT_STATUS, PaymentState, PaymentStatusState

ROWS = 50


class PaymentPages(Controller):
    """The messages that tell our banks to pay."""

    path = "/payments"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the messages, newest first, each with what may be done about it."""
        found = await queries.payments(reads, None, None, ROWS, page_forms.id_in(cursor, "cursor"))
        subjects = {
            row["id"]: Subject(
                [
                    act
                    for act in PAYMENT.actions_from(PaymentState(row["state"]))
                    if act is Action.PAYMENT_RETRY
                ],
                row["trade"],
                [] if row["settlement"] is None else [("settlement", row["settlement"])],
            )
            for row in found["items"]
        }
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "settlement/templates/payments.html",
            waiting=[row for row in found["items"] if buttons[row["id"]] or row["reason"]],
            rows=[row for row in found["items"] if not buttons[row["id"]] and not row["reason"]],
            next=found["next"],
            buttons=buttons,
        )


class PaymentStatusPages(Controller):
    """What our banks say of payments."""

    path = "/payment-statuses"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what came in, newest first, with what came of it or why it waits for a person."""
        found = await queries.statuses(reads, None, None, ROWS, page_forms.id_in(cursor, "cursor"))
        subjects = {
            row["id"]: Subject(
                PAYMENT_STATUS.actions_from(PaymentStatusState(row["state"])),
                row["trade"],
                [("payment_status", row["id"])]
                + ([] if row["settlement"] is None else [("settlement", row["settlement"])]),
            )
            for row in found["items"]
        }
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "settlement/templates/statuses.html",
            waiting=[row for row in found["items"] if buttons[row["id"]]],
            rows=[row for row in found["items"] if not buttons[row["id"]]],
            next=found["next"],
            buttons=buttons,
            take=Button(Action.PAYMENT_STATUS_RECEIVE),
        )


class BoardPages(Controller):
    """What is still to be paid, and what being late costs."""

    path = "/settlements/board"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        age: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show open legs, the next cut-off first, and the penalties of late ones."""
        now = page.gate.clock.now()
        after, late = page_forms.id_in(cursor, "cursor"), page_forms.among(BUCKETS, age, "age")
        return page.show(
            "settlement/templates/board.html",
            hide=hide,
            board=await board(reads, actor, page.gate.policy, now, age=late, cursor=after, limit=ROWS),
            ages=BUCKETS,
            age=age,
            costs=await penalties(reads, now, limit=ROWS),
        )


class NetPages(Controller):
    """Nets with the legs they are the sum of."""

    path = "/nets"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SETTLEMENT_READ)])
    async def index(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], cursor: FromQuery[str] = ""
    ) -> Response[str]:
        """Show nets, newest first."""
        found = await queries.nets(reads, None, ROWS, page_forms.id_in(cursor, "cursor"))
        return page.show("settlement/templates/nets.html", rows=found["items"], next=found["next"])
