"""One attempt at an act inside its transaction: what a use case may do, and the trail it leaves."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, ClassVar, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from policies.apart import Act
from policies.cooling_off import Former, barred
from policies.duties import ENTER
from policies.independence import Standing, shortfall
from policies.policy import Decision, Policy
from policies.standing import judge
from policies.vocabulary import Action, Office
from service.kernel.actor import Actor
from service.kernel.database import Moved, NewRow, Recorded, kind_of, plain_value, row_view
from service.kernel.direct import store
from service.kernel.errors import (
    AppliedThere,
    CoolingOff,
    KeptApart,
    NotFound,
    NotIndependent,
    Report,
    StaleVersion,
)
from service.kernel.identifiers import uuid7
from service.kernel.items import ROUTES, Item
from service.kernel.working_hours import later

RowT = TypeVar("RowT", bound=Recorded)
LINKS_MAX = 32
BERLIN = ZoneInfo("Europe/Berlin")
BECAUSE_MAX = 8

ACTS_OF = text(
    "SELECT trade_id, kind, id, act, person, at, entry_id FROM public.acts_of("
    "CAST(:trades AS uuid[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[]))"
)

STANDING_OF = text(
    "SELECT fact, unit_id, function_class, board, day FROM public.standing_of(:actor, CAST(:entering AS text[]), "
    "CAST(:trades AS uuid[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[]))"
)


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants done: decoded strictly, compared by value. ``secrets`` never leave a digest behind."""

    secrets: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Desk time: the bank's business date and the time of day in Berlin."""

    business_date: date
    clock: time


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of an act: the answer to the caller (without its receipt) and its HTTP status."""

    answer: Mapping[str, Any]
    status: int = 200


@dataclass(slots=True)
class Attempt:
    """The hands of a use case: its office's session, who acts, when, and what to record."""

    session: AsyncSession
    actor: Actor
    decision: Decision
    policy: Policy
    now: datetime
    desk: Desk
    entry_id: UUID
    entity_lei: str = ""  # our own, for what we say to others
    people_epoch: int | None = None  # how often anything about people had changed when the act began
    data: dict[str, Any] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    rows: list[Recorded | NewRow] = field(default_factory=list)
    unwritten: list[NewRow] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    closed: list[dict[str, Any]] = field(default_factory=list)
    handled: list[dict[str, Any]] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)  # of apart.csv, that this act was held against
    admitted: bool = False

    @property
    def action(self) -> Action:
        """The act that is attempted."""
        return self.decision.action

    def add(self, row: RowT) -> RowT:
        """Store a new business row; the entry vouches for its first revision."""
        self.session.add(row)
        self._touched(row)
        return row

    def change(self, row: RowT, **values: object) -> RowT:
        """Make the row's next revision; before and after of each field stand in the entry."""
        changes = {}
        for name, new in values.items():
            old = getattr(row, name)
            changes[name] = {
                key: plain_value(value) for key, value in (("new", new), ("old", old)) if value is not None
            }
            setattr(row, name, new)
            flag_modified(row, name)
        self._touched(row)
        told = self.data.setdefault("rows", {}).setdefault(f"{type(row).__tablename__}:{row.id}", {})
        told.setdefault("change", {}).update(changes)
        return row

    def move(self, row: Moved) -> None:
        """Store an insert-only movement that carries this entry's id."""
        row.entry_id = self.entry_id
        self.session.add(row)

    def put(self, model: type[Recorded | Moved], **values: object) -> NewRow:
        """Write a new row or movement together with all others of this kind in the set of attempts.

        Quicker than ``add`` and ``move``; it is in the database once ``written`` has run, or at the end of the act.
        """
        row = NewRow(model, values)
        if issubclass(model, Recorded):
            values["rev"] = 1
            self.rows.append(row)
        else:
            values["entry_id"] = self.entry_id
        self.unwritten.append(row)
        return row

    def note(self, **data: object) -> None:
        """Add to what the entry tells: reasons, terms, evidence."""
        self.data.update({name: plain_value(value) for name, value in data.items() if value is not None})

    def tell(self, **data: object) -> None:
        """Add to what the entry tells what is spelled as the log spells it already; see ``note``."""
        self.data.update({name: value for name, value in data.items() if value is not None})

    def concerns(self, trade_id: UUID) -> None:
        """Name the trade this act belongs to; its whole history is found through this link."""
        self.links["trade"] = str(trade_id)

    def open_item(
        self,
        item: Item,
        subject: Recorded | NewRow,
        *,
        trade_id: UUID | None = None,
        version: int | None = None,
        reason: str | None = None,
        due: datetime | None = None,
    ) -> None:
        """Ask the next office to act on ``subject``, in this same transaction; ``due``: where no fixed span will do."""
        self.open_item_about(
            item,
            kind_of(subject),
            subject.id,
            trade_id=trade_id,
            version=version,
            reason=reason,
            due=due,
        )

    def open_item_about(
        self,
        item: Item,
        subject_kind: str,
        subject_id: UUID,
        *,
        trade_id: UUID | None = None,
        version: int | None = None,
        reason: str | None = None,
        due: datetime | None = None,
        office: Office | None = None,
    ) -> None:
        """Ask the next office to act on what another slice keeps, known by kind and id.

        ``office``: which, of the offices such an item may be for; without it the one it is mostly for.
        """
        route = ROUTES[item]
        assert office is None or office in route.homes
        facts = {
            "id": uuid7(),
            "office": office or route.office,
            "kind": item,
            "subject_kind": subject_kind,
            "subject": subject_id,
            "trade": trade_id,
            "version": version,
            "reason": reason,
            "due": due or later(self.now, route.within),
            "entry": self.entry_id,
        }
        self.opened.append(plain_value(facts))  # type: ignore[arg-type]

    def close_item(self, item: Item, subject_id: UUID) -> None:
        """Finish the own office's open item of this kind on the subject."""
        facts = {"kind": item.value, "subject": str(subject_id), "entry": str(self.entry_id)}
        if ROUTES[item].action is self.action:  # whoever took an item does it; what falls away is nobody's
            facts["by"] = str(self.actor.account)
        self.closed.append(facts)

    def handle_item(self, item_id: UUID, *, to: Office | None = None, seconds: int = 0) -> None:
        """Take an item into hands, or hand it on, as this act says; the database does it with the entry."""
        facts = {"item": item_id, "to": to, "seconds": seconds, "entry": self.entry_id}
        self.handled.append(plain_value(facts))  # type: ignore[arg-type]

    async def admit(
        self,
        trade_id: UUID | None = None,
        related: Sequence[tuple[str, UUID]] = (),
        trades: Sequence[UUID] = (),
    ) -> None:
        """Hold the history of the trade and of the related objects against apart.csv, and a control's doer against
        independence.csv and cooling_off.csv.

        The caller has locked the object before: the history read here cannot grow behind it.
        Raises KeptApart naming the control, if the acting natural person stands on the other side; NotIndependent
        or CoolingOff, if they stand too close to trading or to what they left.
        """
        asked = {
            "trades": [*trades, *([trade_id] if trade_id is not None else [])],
            "kinds": [kind for kind, _ in related],
            "ids": [object_id for _, object_id in related],
        }
        found = (await self.session.execute(ACTS_OF, asked)).all()
        objects = set(related)
        history = [
            Act(row.act, row.person, row.at, "object" if (row.kind, row.id) in objects else "trade")
            for row in found
        ]
        judged = judge(self.policy, self.actor.standing(), self.action, history, self.now)
        if (broken := judged.broken) is not None:
            because = {
                str(row.entry_id) for row, act in zip(found, history, strict=True) if act in judged.used
            }
            raise KeptApart(
                f"{broken.why} ({broken.control}).",
                rule=broken.control,
                facts={"because": " ".join(sorted(because)[:BECAUSE_MAX])},
            )
        rules = [rule for rule in self.policy.apart if rule.action == self.action]
        self.controls = sorted({rule.control for rule in rules})
        others = {
            str(row.entry_id): act.at
            for row, act in zip(found, history, strict=True)
            if any(rule.bars(act, self.now) for rule in rules)
        }
        if others:  # the acts of other hands that this one was kept apart from: four eyes, linked
            self.data["four_eyes"] = sorted(others, key=lambda entry: (others[entry], entry))[-LINKS_MAX:]
        await self.stand_apart(asked)
        self.admitted = True

    async def stand_apart(self, asked: Mapping[str, Any]) -> None:
        """Hold who does a control against the distance from trading and from former units that it takes."""
        rule = self.policy.independence.get(self.action)
        if rule is None:
            return
        facts = {**asked, "actor": self.actor.person, "entering": [act.value for act in ENTER]}
        found = (await self.session.execute(STANDING_OF, facts)).all()
        own = next((row for row in found if row.fact == "own"), None)
        standing = Standing(
            None if own is None else str(own.unit_id),
            None if own is None else own.function_class,
            None if own is None else own.board,
            any(row.fact == "trading_line" for row in found),
            [(str(row.unit_id), row.board) for row in found if row.fact == "entered"],
        )
        if (why := shortfall(rule.level, standing)) is not None:
            sentence = f"{rule.why} ({rule.control})."
            raise NotIndependent(sentence, rule=rule.control, facts={"level": rule.level.value, "why": why})
        former = [Former(row.function_class, row.day) for row in found if row.fact == "former"]
        today = self.now.astimezone(BERLIN).date()
        if (kept := barred(self.policy.cooling_off, standing.function_class, former, today)) is not None:
            cooling, until = kept
            sentence = f"{cooling.why} ({cooling.control})."
            raise CoolingOff(sentence, rule=cooling.control, facts={"until": until.isoformat()})
        if any(row.fact == "applied" for row in found):
            sentence = "Whoever has applied to a desk controls nothing of it (A-17)."
            raise AppliedThere(sentence, rule="A-17")
        self.data["independence"] = rule.level.value

    def must_have_admitted(self) -> None:
        """Assert that a use case whose action apart.csv or independence.csv governs asked the history."""
        assert self.admitted or self.action not in self.policy.governed, (
            f"{self.action} is governed by apart.csv or independence.csv and its use case did not call admit"
        )

    def _touched(self, row: Recorded) -> None:
        if not any(known is row for known in self.rows):
            self.rows.append(row)

    def tell_trail(self) -> None:
        """Put into the entry what it left: work handed on and finished, and what was stored of each new row.

        A row is told once the database has seen it, and never a private field of it.
        """
        if self.opened:
            self.data["opens"] = [opened_as_told(item, self.now) for item in self.opened]
        if self.closed:
            self.data["closes"] = [{name: item[name] for name in ("kind", "subject")} for item in self.closed]
        for row in self.rows:
            if row.rev == 1:
                model = row.model if isinstance(row, NewRow) else type(row)
                hidden = (*getattr(model, "__private__", ()), "rev")
                view = {name: value for name, value in row_view(row).items() if name not in hidden}
                self.data.setdefault("rows", {})[f"{kind_of(row)}:{row.id}"] = {"new": view}


async def written(attempts: Iterable[Attempt]) -> None:
    """Write what the attempts put and have not written yet; they share one session."""
    waiting = [attempt for attempt in attempts if attempt.unwritten]
    if waiting:
        await store(waiting[0].session, [row for attempt in waiting for row in attempt.unwritten])
        for attempt in waiting:
            attempt.unwritten.clear()


def opened_as_told(item: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return what the entry tells of work it handed on: all of it, but what goes without saying.

    Without saying: the subject is a deal; the deal concerned is the subject; it is due when such work is due.
    """
    told = {name: value for name, value in item.items() if value is not None and name != "entry"}
    implied = {
        "subject_kind": "trade",
        "trade": item["subject"],
        "due": plain_value(later(at, ROUTES[Item(item["kind"])].within)),
    }
    return {name: value for name, value in told.items() if implied.get(name) != value}


def reported(report: Report, entry_id: UUID, trade: object, at: datetime, code: str) -> dict[str, Any]:
    """Return the work item by which a refusal is told to the office that must hear of it."""
    route = ROUTES[report.item]
    subject = {"subject_kind": report.subject_kind, "subject": str(report.subject_id)}
    facts = {"id": str(uuid7()), "office": route.office.value, "kind": report.item.value, **subject}
    return facts | {
        "trade": str(trade) if isinstance(trade, UUID) else None,
        "reason": report.reason or code,
        "due": plain_value(later(at, route.within)),
        "entry": str(entry_id),
    }


def body_hash(action: Action, command: Command) -> str:
    """Return what an idempotency key is bound to: the act and every field of the command, but no secret."""
    fields = {
        name: getattr(command, name) for name in command.__struct_fields__ if name not in command.secrets
    }
    if (tag := command.__struct_config__.tag) is not None:
        fields["type"] = tag
    body = msgspec.json.encode(fields, order="sorted")
    return "sha256:" + hashlib.sha256(action.value.encode() + b"\n" + body).hexdigest()


async def locked(
    attempt: Attempt, model: type[RowT], object_id: UUID, *, seen: int | None = None, what: str | None = None
) -> RowT:
    """Load and lock a row of the own office; ``seen`` is the revision the caller looked at.

    Raises NotFound, or StaleVersion if somebody changed the row since.
    """
    row = await attempt.session.scalar(select(model).where(model.id == object_id).with_for_update())
    if row is None:
        raise NotFound(what or model.__tablename__.replace("_", " "))
    if seen is not None and row.rev != seen:
        raise StaleVersion(
            f"You saw version {seen}; it is at version {row.rev} now. Look again.", field="version"
        )
    return row
