"""The queue of an office: what waits, until when, who can act, and why not the reader."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.faces import Allows
from service.kernel.actor import Actor
from service.kernel.cursors import place_of
from service.kernel.items import ROUTES as ITEM_ROUTES
from service.kernel.items import Item
from service.kernel.working_hours import Age
from service.page_frame import Button, Page
from service.ui import words
from service.work import queries
from service.work.queries import Wanted, Where
from service.work.use_cases import TARGETS

ROWS = 50

PLACES = {
    Item.ABSENCE_BREACH: "/absences#{subject}",
    Item.ABSENCE_BREACH_RISK: "/absences#{subject}",
    Item.ACCEPT_ABSENCE: "/absences#{subject}",
    Item.ACCEPT_INTERNAL: "/internal-deals#{subject}",
    Item.ACKNOWLEDGE_DESK_REPORT: "/desk-reports#{subject}",
    Item.ACKNOWLEDGE_PREMISES: "/premises#{subject}",
    Item.CALL_BACK: "/call-backs?subject={subject}",
    Item.CHECK_CALL_BACK: "/call-backs#{subject}",
    Item.ANSWER_ALLEGED: "/alleged-deals#{subject}",
    Item.APPROVE_SUBSTITUTE: "/trades/{trade}",
    Item.EXAMINE_ALERT: "/alerts#{item}",
    Item.RESEND: "/trades/{trade}",
    Item.REVIEW_ALERT: "/alerts#{item}",
    Item.EXAMINE_ALLEGED: "/confirmations/inbound/{subject}",
    Item.EXAMINE_STATUS: "/payment-statuses#{subject}",
    Item.EXAMINE_MESSAGE: "/confirmations/inbound/{subject}",
    Item.CHECK_DOCUMENTS: "/trades/{trade}",
    Item.FILE_LONG_FORM: "/trades/{trade}",
    Item.RECORD_BROKER_STATEMENT: "/confirmations/{subject}",
    Item.CLEAR_AGREEMENT: "/agreements#{subject}",
    Item.COMPLETE: "/settlements/{subject}",
    Item.CONFIRM: "/confirmations/{subject}",
    Item.CORRECT: "/trades/{trade}/correction",
    Item.COUNTERSIGN: "/settlements/{subject}",
    Item.DECIDE: "/trades/{trade}/requests/{subject}",
    Item.DECIDE_BENCHMARK: "/benchmarks?state=proposed#{subject}",
    Item.DECIDE_DELEGATION: "/delegations?state=requested#{subject}",
    Item.DECIDE_DESK_RULE: "/desk-rules#{subject}",
    Item.DECIDE_POLICY: "/policy/drafts/{subject}",
    Item.DECIDE_PROPOSAL: "/proposals#{subject}",
    Item.DECIDE_SETTLEMENT_RULE: "/settlement-rules#{subject}",
    Item.FREE: "/settlements/{subject}",
    Item.GRANT_APPROVE: "/rights?state=requested#{subject}",
    Item.GRANT_EXECUTE: "/rights?state=approved#{subject}",
    Item.JUSTIFY: "/checks/{trade}",
    Item.MATCH: "/confirmations/{subject}",
    Item.POSTPONE: "/settlements/{subject}",
    Item.PREPARE: "/settlements/{subject}",
    Item.PREPARE_TRANSFER: "/transfers/{subject}",
    Item.RELEASE: "/settlements/{subject}",
    Item.RELEASE_TRANSFER: "/transfers/{subject}",
    Item.REPAIR_PAYMENT: "/payments#{subject}",
    Item.REVIEW_TRANSFER_BOOKS: "/transfers/{subject}",
    Item.REVIEW_TRANSFER_RISK: "/transfers/{subject}",
    Item.SECOND_DEVICE: "/session-reviews#{subject}",
    Item.TAKE_NOTICE: "/notices",
    Item.VERIFY: "/trades/{trade}/control",
}
"""Where an item is worked on: with its object in sight."""
OF_A_LIMIT = "/limits/{subject}"


class WorkPages(Controller):
    """What waits for the reader's office."""

    path = "/work"
    include_in_schema = False

    @get("/", guards=[Allows(Action.WORK_READ)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        kind: FromQuery[str] = "",
        age: FromQuery[str] = "",
        place: FromQuery[str] = "",
        overdue: FromQuery[str] = "",
        mine: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the open items by deadline."""
        wanted, now = page_forms.one_of(Item, kind, "kind"), page.gate.clock.now()
        asked = Wanted(
            kind=wanted,
            place=page_forms.one_of(Where, place, "place") or Where.HERE,
            age=page_forms.one_of(Age, age, "age"),
            overdue=True if overdue else None,
        )
        found = await queries.open_items(
            reads, actor, page.gate.policy, now, wanted=asked, after=place_of(cursor), limit=ROWS
        )
        items = [row_of(item, now) for item in found["items"] if not mine or item["why_not_me"] is None]
        kinds = [item for item, route in ITEM_ROUTES.items() if actor.office in route.homes]
        return page.show(
            "work/templates/queue.html",
            items=items,
            next=found["next"],
            kinds=kinds,
            kind=kind,
            age=age,
            ages=[(one.value, one.value) for one in Age],
            place=asked.place.value,
            overdue=bool(overdue),
            mine=bool(mine),
        )

    @get("/{item:uuid}", guards=[Allows(Action.WORK_READ)])
    async def one(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        item: FromPath[UUID],
    ) -> Response[str]:
        """Show one item with what its reader may do with it: take it, put it back, hand it over."""
        now = page.gate.clock.now()
        found = await queries.open_item(reads, actor, page.gate.policy, now, item)
        buttons = [Button(action) for action in handlings(found, actor.office) if action in page.powers]
        targets = sorted(office.value for office in TARGETS if office is not actor.office)
        return page.show(
            "work/templates/item.html",
            item=row_of(found, now),
            buttons=buttons,
            targets=[(office, words.OFFICES[Office(office)]) for office in targets],
        )


def handlings(item: Mapping[str, Any], office: Office) -> list[Action]:
    """Return what can be done with an item itself, as it stands, seen from an office."""
    if item["subject"]["kind"] == "work_item":
        return [Action(item["action"])] if item["why_not_me"] is None else []
    if item["offered_to"] == office.value:
        return [Action.HANDOVER_ACCEPT, Action.HANDOVER_RETURN]
    if item["office"] != office.value:
        return []
    if item["offered_to"] is not None:
        return [Action.HANDOVER_RETURN]
    away = [Action.HANDOVER_RETURN] if item["home"] != office.value else []
    if item["mine"]:
        return [Action.WORK_LEAVE, Action.HANDOVER_OFFER, *away]
    take = [Action.WORK_TAKE] if away or item["why_not_me"] is None else []
    return [] if item["owner"] or item["automatic"] else [*take, Action.HANDOVER_OFFER, *away]


def row_of(item: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return an item with where it is worked on, how long it may still wait, and its act where it has no page."""
    due = datetime.fromisoformat(item["due_at"])
    subject, trade = item["subject"]["id"], item["trade"]
    place: str | None
    place = OF_A_LIMIT if item["subject"]["kind"] == "trading_limit" else PLACES.get(Item(item["kind"]))
    if item["subject"]["kind"] == "work_item":
        place = f"/work/{item['id']}"
    return {
        **item,
        "place": None if place is None else place.format(subject=subject, trade=trade, item=item["id"]),
        "left": (due - now).total_seconds(),
        "button": Button(Action(item["action"])),
        "command": command_of(item),
    }


def command_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return what the act of an accounting item needs; it is done where it stands in the queue."""
    subject, trade = item["subject"]["id"], item["trade"]
    match Item(item["kind"]):
        case Item.POST_TRADE:
            return {"event": "trade_date", "trade_id": trade}
        case Item.POST_SETTLEMENT:
            return {"event": "settlement", "trade_id": trade, "settlement_id": subject}
        case Item.REVERSE:
            return {"trade_id": trade}
    return {}


ROUTES = [WorkPages]
