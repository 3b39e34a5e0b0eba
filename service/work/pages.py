"""The queue of an office: what waits, until when, who can act, and why not the reader."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_forms
from service.acts import Act, perform_each
from service.faces import Allows, checked_key
from service.gate import Done
from service.kernel.actor import Actor
from service.kernel.cursors import Place, place_of
from service.kernel.errors import Malformed, NotFound, Refusal
from service.kernel.items import ROUTES as ITEM_ROUTES
from service.kernel.items import Item
from service.kernel.working_hours import Age
from service.page_frame import Button, History, Page
from service.ui.formats import Formats
from service.work import cards, queries
from service.work.cards import HANDFULS, Handful
from service.work.queries import Wanted, Where
from service.work.use_cases import TARGETS

ROWS = 50
MARK = "mark:"

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
    Item.CASE_NOTICE: "/cases/{subject}",
    Item.EXAMINE_CASE: "/cases/{subject}",
    Item.SIGN_CASE: "/cases/{subject}",
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
ITSELF = "/work/{item}"


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
        history: NamedDependency[History],
        kind: FromQuery[str] = "",
        age: FromQuery[str] = "",
        place: FromQuery[str] = "",
        overdue: FromQuery[str] = "",
        soon: FromQuery[str] = "",
        mine: FromQuery[str] = "",
        item: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Show the open items by deadline, and one of them with its object beside the list."""
        asked = asked_for(kind, age, place, overdue, soon, mine, item, cursor, hide)
        return await queue(page, actor, reads, history, asked)

    @post("/", guards=[Allows(Action.WORK_READ)], status_code=200)
    async def several(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        kind: FromQuery[str] = "",
        age: FromQuery[str] = "",
        place: FromQuery[str] = "",
        overdue: FromQuery[str] = "",
        soon: FromQuery[str] = "",
        mine: FromQuery[str] = "",
        item: FromQuery[str] = "",
        hide: FromQuery[str] = "",
        cursor: FromQuery[str | None] = None,
    ) -> Response[str]:
        """Do one act for every marked item of what the address asks for, and say what came of each.

        Each is decided and recorded on its own; the answer is the same part of the queue.
        """
        asked = asked_for(kind, age, place, overdue, soon, mine, item, cursor, hide)
        handful = None if asked.wanted.kind is None else HANDFULS.get(asked.wanted.kind)
        if handful is None:
            raise Malformed("This is not done for several at once.", field="kind")
        marked = {
            name.removeprefix(MARK): value.partition(" ")
            for name, value in page.form.items()
            if name.startswith(MARK)
        }
        acts = [
            Act(handful.action.value, {handful.named: subject, "version": seen_version(version)})
            for subject, (version, _, _) in marked.items()
        ]
        outcomes: list[Done | Refusal] = []
        if acts:
            outcomes = await perform_each(page.gate, actor, acts, checked_key(page.form.get("_key", "")))
        came = Results(
            dict(zip(marked, outcomes, strict=True)),
            {subject: name for subject, (_, _, name) in marked.items()},
        )
        return await queue(page, actor, reads, history, asked, came)

    @get("/{item:uuid}", guards=[Allows(Action.WORK_READ)])
    async def one(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        item: FromPath[UUID],
    ) -> Response[str]:
        """Show one item with what its reader may do with it: take it, put it back, hand it over."""
        found = await queries.open_item(reads, actor, page.gate.policy, page.gate.clock.now(), item)
        return page.show("work/templates/item.html", **item_facts(page, actor, found))


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the queue an address asks for; ``mine``: only what the reader can do, ``item``: what stands beside."""

    wanted: Wanted
    mine: bool
    item: UUID | None
    after: Place | None
    hide: str


def asked_for(
    kind: str,
    age: str,
    place: str,
    overdue: str,
    soon: str,
    mine: str,
    item: str,
    cursor: str | None,
    hide: str,
) -> Asked:
    """Return what an address asks for. Raises Malformed."""
    wanted = Wanted(
        kind=page_forms.one_of(Item, kind, "kind"),
        place=page_forms.one_of(Where, place, "place") or Where.HERE,
        age=page_forms.one_of(Age, age, "age"),
        overdue=True if overdue else None,
        due_soon=bool(soon),
    )
    return Asked(wanted, bool(mine), page_forms.id_in(item, "item"), place_of(cursor), hide)


@dataclass(frozen=True, slots=True)
class Results:
    """What came of each object of an act done for several, and what the objects were called."""

    outcomes: Mapping[str, Done | Refusal]
    names: Mapping[str, str]

    @property
    def refused(self) -> set[str]:
        """What was refused, which stays marked as long as it is listed."""
        return {subject for subject, outcome in self.outcomes.items() if isinstance(outcome, Refusal)}

    def told(self) -> list[dict[str, Any]]:
        """Return what a page shows of each: its name, and why not."""
        return [
            {
                "name": self.names[subject],
                "why_not": str(outcome) if isinstance(outcome, Refusal) else None,
                "rule": outcome.rule if isinstance(outcome, Refusal) else None,
                "entry": outcome.decision
                if isinstance(outcome, Refusal)
                else outcome.answer.get("receipt", {}).get("entry"),
            }
            for subject, outcome in self.outcomes.items()
        ]


async def queue(
    page: Page,
    actor: Actor,
    reads: AsyncSession,
    history: History,
    asked: Asked,
    results: Results | None = None,
) -> Response[str]:
    """Return the queue: the items by deadline, the chosen one beside them, what came of an act for several."""
    now, policy, wanted = page.gate.clock.now(), page.gate.policy, asked.wanted
    found = await queries.open_items(reads, actor, policy, now, wanted=wanted, after=asked.after, limit=ROWS)
    items = [row_of(item, now) for item in found["items"] if not asked.mine or item["why_not_me"] is None]
    handful = None if wanted.kind is None or not items else HANDFULS.get(wanted.kind)
    if handful is not None and page.may(handful.action):
        await give_marks(reads, handful, items)
    else:
        handful = None
    refused = set() if results is None else results.refused
    return page.show(
        "work/templates/queue.html",
        items=items,
        next=found["next"],
        kinds=[item for item, route in ITEM_ROUTES.items() if actor.office in route.homes],
        asked=asked,
        ages=[(one.value, Formats(page.language).age(one.value)) for one in Age],
        handful=handful,
        left_out=sum(1 for item in items if item["why_not_me"] is not None),
        refused=refused,
        still=refused & {item["subject"]["id"] for item in items if item["mark"] is not None},
        results=None if results is None else results.told(),
        beside=await beside(page, actor, reads, history, asked.item),
    )


async def give_marks(reads: AsyncSession, handful: Handful, items: Sequence[dict[str, Any]]) -> None:
    """Tell with each item that the reader may act on which version of its object they see."""
    subjects = {UUID(item["subject"]["id"]) for item in items}
    versions = None if handful.versions is None else await handful.versions(reads, subjects)
    for item in items:
        seen = item["version"] if versions is None else versions.get(UUID(item["subject"]["id"]))
        item["mark"] = seen if item["why_not_me"] is None and item["office"] == item["home"] else None


async def beside(
    page: Page, actor: Actor, reads: AsyncSession, history: History, item_id: UUID | None
) -> dict[str, Any] | None:
    """Return what stands beside the list: the chosen item with its object, or that it is done or elsewhere."""
    if item_id is None:
        return None
    try:
        found = await queries.open_item(reads, actor, page.gate.policy, page.gate.clock.now(), item_id)
    except NotFound:
        return {"item": None}
    onward = page.here(item="")
    return item_facts(page, actor, found) | {
        "card": await cards.shown(cards.Beside(page, actor, reads, history, found), onward)
    }


def item_facts(page: Page, actor: Actor, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of one item, with what may be done with it."""
    targets = sorted(office.value for office in TARGETS if office is not actor.office)
    return {
        "item": row_of(found, page.gate.clock.now()),
        "buttons": [Button(action) for action in handlings(found, actor.office) if action in page.powers],
        "targets": targets,
    }


def seen_version(written: str) -> int:
    """Return the version that a mark carries. Raises Malformed."""
    if re.fullmatch(r"[0-9]{1,9}", written, re.ASCII) is None:
        raise Malformed("This is no version.", field="version")
    return int(written)


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
    kind = Item(item["kind"])
    is_ours = item["action"] == ITEM_ROUTES[kind].action.value  # else it is handed over: taken, or given back
    place: str | None
    place = OF_A_LIMIT if item["subject"]["kind"] == "trading_limit" else PLACES.get(kind)
    if item["subject"]["kind"] == "work_item" or not is_ours:
        place = ITSELF
    return {
        **item,
        "place": None if place is None else place.format(subject=subject, trade=trade, item=item["id"]),
        "unnamed": item["owner"] == queries.ELSEWHERE,
        "left": (due - now).total_seconds(),
        "mark": None,
        "button": Button(Action(item["action"])),
        "command": command_of(item) if is_ours else {},
        "asks": ASKED.get(kind) if is_ours else None,
    }


def command_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return what the act of an item needs that has no page of its own: it is done where it stands in the queue."""
    facts = {"subject": item["subject"]["id"], "trade": item["trade"]}
    told = COMMANDS.get(Item(item["kind"]), {})
    return {name: value.format(**facts) for name, value in told.items()}


COMMANDS: Final[Mapping[Item, Mapping[str, str]]] = {
    Item.BOOK_TRANSFER: {"transfer_id": "{subject}"},
    Item.DEAD_END: {"subject": "{subject}"},
    Item.POST_PART: {"event": "part", "trade_id": "{trade}", "settlement_id": "{subject}"},
    Item.POST_RETURN: {"event": "return", "trade_id": "{trade}", "settlement_id": "{subject}"},
    Item.POST_SETTLEMENT: {"event": "settlement", "trade_id": "{trade}", "settlement_id": "{subject}"},
    Item.POST_TRADE: {"event": "trade_date", "trade_id": "{trade}"},
    Item.RESOLVE_CONFLICT: {"person": "{subject}"},
    Item.REVERSE: {"trade_id": "{trade}"},
}
"""What the act of an item needs that has no page of its own."""
ASKED: Final = {Item.DEAD_END: "measure", Item.RESOLVE_CONFLICT: "reason"}
"""What the reader has to say where such an item is closed where it stands in the queue."""


ROUTES = [WorkPages]
