"""Settlements: who prepared, who may release, what became of the money."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service import page_forms
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.items import Item
from service.kernel.paging import Order
from service.page_frame import History, Page, Subject
from service.parties.model import Instruction
from service.parties.queries import counterparty_names
from service.people.queries import account_names
from service.settlement import queries
from service.settlement.lifecycle import CALL_BACK, SETTLEMENT, CallBackState, NetState, SettlementState
from service.settlement.model import Settlement
from service.settlement.offering import offered
from service.settlement.outcomes import NARRATIVE
from service.settlement.payment_pages import BoardPages, NetPages, PaymentPages, PaymentStatusPages
from service.settlement_rules.queries import rule_book
from service.trades.queries import timeline, trade_view
from service.ui.languages import N_
from service.work.cards import CARDS, HANDFULS, Beside, Card, Handful
from service.work.queries import deals_of

ROWS = 50
TOLD: Final[dict[str, str]] = {
    Action.SETTLEMENT_DEVIATE.value: N_("The leg is held until two people called the counterparty back."),
    Action.SETTLEMENT_FAIL.value: N_("The money stayed; the leg is prepared anew."),
    Action.SETTLEMENT_FREE.value: N_("The leg goes on where it began: it is prepared anew."),
    Action.SETTLEMENT_HOLD.value: N_("The leg waits until another person lets it go on."),
    Action.SETTLEMENT_NET.value: N_("The leg is paid with others of the net by one message over their sum."),
    Action.SETTLEMENT_PART.value: N_("A part of the money moved; the rest stays due."),
    Action.SETTLEMENT_POSTPONE.value: N_("A payment that missed its cut-off goes on the next day it can."),
    Action.SETTLEMENT_RETURN.value: N_("All the money came back; the leg is prepared anew."),
}
"""What the acts on a leg that need words set in motion."""


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
        code: FromQuery[str] = "",
        sort: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the legs, oldest first or newest first."""
        order = page_forms.one_of(Order, sort, "sort") or Order.OLDEST
        state = page_forms.one_of(SettlementState, state_, "state")
        due = page.day_in(value_date, "value_date")
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.settlements(reads, state, due, None, ROWS, after, order, code or None)
        return page.show(
            "settlement/templates/list.html",
            hide=hide,
            rows=found["items"],
            deals=await deal_names(reads, found["items"]),
            next=found["next"],
            states=list(SettlementState),
            state=state_,
            value_date=value_date,
            order=order.value,
            code=code,
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
        found = await leg_facts(page, actor, reads, history, settlement_id)
        return page.show("settlement/templates/settlement.html", **found)


async def leg_facts(
    page: Page, actor: Actor, reads: AsyncSession, history: History, settlement_id: UUID
) -> dict[str, Any]:
    """Return a leg with its payment route, to those who may know routes, and what can be done about it."""
    leg = await queries.settlement_view(reads, settlement_id, with_route=page.may(Action.INSTRUCTION_READ))
    trade = UUID(leg["trade"])
    possible = SETTLEMENT.actions_from(SettlementState(leg["state"]))
    found = await offered(page, reads, await reads.get_one(Settlement, settlement_id), possible)
    hands = ("prepared_by", "signed_by", "released_by")
    people = [UUID(leg[role]) for role in hands if leg[role] is not None]
    return {
        "leg": leg,
        "told": TOLD,
        "nets": await nets_for(reads, leg),
        "codes": await reason_codes(reads, page.language),
        "names": {str(person): name for person, name in (await account_names(reads, people)).items()},
        "deal": await trade_view(reads, actor, trade),
        "timeline": await timeline(reads, actor, trade),
        "buttons": await history.buttons(page, found.acts, trade, await rests_on(page, reads, leg)),
        "not_yet": found.not_yet,
    }


async def leg_card(beside: Beside) -> dict[str, Any]:
    """Return the card of a leg in the queue."""
    return await leg_facts(beside.page, beside.actor, beside.reads, beside.history, beside.subject)


async def leg_versions(reads: AsyncSession, legs: Collection[UUID]) -> dict[UUID, int]:
    """Return the version of each leg."""
    rows = await reads.execute(select(Settlement.id, Settlement.rev).where(Settlement.id.in_(legs)))
    return {row.id: row.rev for row in rows}


LEG_CARD = Card("settlement/templates/leg.html", Action.SETTLEMENT_READ, leg_card)
CARDS.update(
    dict.fromkeys(
        (Item.PREPARE, Item.RELEASE, Item.COUNTERSIGN, Item.COMPLETE, Item.FREE, Item.POSTPONE), LEG_CARD
    )
)
HANDFULS[Item.PREPARE] = Handful(
    Action.SETTLEMENT_PREPARE,
    "settlement_id",
    N_("Every marked leg takes the payment route in force; another person releases."),
    leg_versions,
)
HANDFULS[Item.RELEASE] = Handful(
    Action.SETTLEMENT_RELEASE,
    "settlement_id",
    N_("Lets the money of every marked leg go. From then on their deals cannot be cancelled."),
    leg_versions,
)
HANDFULS[Item.COMPLETE] = Handful(
    Action.SETTLEMENT_COMPLETE,
    "settlement_id",
    N_("You attest of every marked leg that the money arrived or left on its value date."),
    leg_versions,
)


async def nets_for(reads: AsyncSession, leg: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the nets that wait and that a leg can join."""
    found = (await queries.nets(reads, NetState.COMPOSED, ROWS))["items"]
    fits = ("currency", "pay_on", "instruction")
    return [net for net in found if all(net[name] == leg[name] for name in fits)]


async def reason_codes(reads: AsyncSession, language: str) -> list[tuple[str, str]]:
    """Return why payments fail, as the settlement tables have it in the reader's language."""
    book = await rule_book(reads)
    found = {
        line.code: (line.name_de if language == "de" else line.name_en) for line in book.rules if line.code
    }
    named = [(code, f"{code} {name}") for code, name in sorted(found.items()) if name is not None]
    return [(NARRATIVE, NARRATIVE), *named]


async def deal_names(reads: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return book and number of the deals that the rows belong to; a row may belong to none."""
    found = await deals_of(reads, {UUID(row["trade"]) for row in rows if row["trade"] is not None})
    return {str(trade): deal for trade, deal in found.items()}


async def rests_on(page: Page, reads: AsyncSession, leg: Mapping[str, Any]) -> list[tuple[str, UUID]]:
    """Return the leg and the payment route behind it: whose makers may not let the money go."""
    objects = [("settlement", UUID(leg["id"]))]
    if leg["instruction"] is not None and page.may(Action.INSTRUCTION_READ):
        route = await reads.get_one(Instruction, UUID(leg["instruction"]))
        objects += [("instruction", route.id), ("proposal", route.proposal_id)]
    return objects


class CallBackPages(Controller):
    """Calls to counterparties about their payment routes."""

    path = "/call-backs"
    include_in_schema = False

    @get("/", guards=[Allows(Action.INSTRUCTION_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        subject: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the calls, newest first, each with what may be decided about it."""
        about = page_forms.id_in(subject, "subject")
        found = await queries.call_backs(reads, about, ROWS, page_forms.id_in(cursor, "cursor"))
        leg = None if about is None else await reads.get(Settlement, about)
        subjects = {
            row["id"]: Subject(
                CALL_BACK.actions_from(CallBackState(row["state"])), related=[("call_back", row["id"])]
            )
            for row in found["items"]
        }
        buttons = await history.buttons_of(page, subjects)
        called = {UUID(row["counterparty"]) for row in found["items"]}
        return page.show(
            "settlement/templates/calls.html",
            rows=found["items"],
            next=found["next"],
            buttons=buttons,
            subject=subject,
            of_a_leg=leg is not None,
            names={str(party): name for party, name in (await counterparty_names(reads, called)).items()},
        )


ROUTES = [BoardPages, SettlementPages, CallBackPages, NetPages, PaymentPages, PaymentStatusPages]
