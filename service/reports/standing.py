"""Persons, accounts, units and rights as they stood at an instant, told by entries, with the entries that told it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.entry import parse_timestamp
from service.compliance.rebuild import Past, Place, Rebuilt
from service.kernel.database import plain_value

STAFF: Final = "staff_event.record"
PERSON_EVENTS: Final = frozenset({"person.register", "person.move", "person.disable", STAFF})
RIGHT_EVENTS: Final = frozenset({"grant.execute", "grant.revoke"})


@dataclass(frozen=True, slots=True)
class Event:
    """A joiner, mover or leaver, or a right that came into force or was withdrawn."""

    at: datetime
    act: str
    entry: UUID
    kind: str
    object_id: str
    change: Mapping[str, Any]


@dataclass(slots=True)
class Standing:
    """Everything the entries before ``until`` said of persons and rights, in their order."""

    until: datetime
    past: Past = field(default_factory=Past)
    told_by: dict[Place, list[UUID]] = field(default_factory=dict)
    first_told: dict[Place, datetime] = field(default_factory=dict)
    since: dict[Place, datetime] = field(default_factory=dict)  # when the last entry changed it
    events: list[Event] = field(default_factory=list)
    policy_entry: UUID | None = None

    def tell(self, entry_id: UUID, entry: Mapping[str, Any]) -> None:
        """Add what one more entry says."""
        self.past.tell(entry)
        at, act = parse_timestamp(entry["ts"]), entry["act"]
        if act == "policy.publish" or (act == "log.genesis" and "policy" in entry["data"]):
            self.policy_entry = entry_id
        told = entry["data"].get("rows", {})
        for effect in entry.get("eff", ()):
            place = effect["kind"], effect["id"]
            self.told_by.setdefault(place, []).append(entry_id)
            self.since[place] = at
            self.first_told.setdefault(place, at)
            if (act in PERSON_EVENTS and place[0] == "person") or (
                act in RIGHT_EVENTS and place[0] == "role_grant"
            ):
                change = told.get(f"{place[0]}:{place[1]}", {}).get("change", {})
                self.events.append(Event(at, act, entry_id, *place, change))

    def know(self, kind: str, object_id: object, **columns: object) -> None:
        """Add what the founding's entry tells by digest alone and what never changes since."""
        row = self.past.rows.get((kind, str(object_id)))
        if row is not None:
            for name, value in columns.items():
                row.columns.setdefault(name, plain_value(value))

    @property
    def policy(self) -> str:
        """The version of the policy that was in force."""
        return str(self.past.policy.get("policy", ""))

    def acts_of(self, role: str) -> frozenset[str]:
        """Return what the role allowed under the policy that was in force."""
        return frozenset(self.past.policy.get("roles", {}).get(role, ()))

    def row(self, kind: str, object_id: object) -> Rebuilt:
        """Return a row as it stood; an empty one if nobody told of it."""
        return self.past.rows.get((kind, str(object_id)), Rebuilt(kind, str(object_id)))

    def held(self) -> Iterator[tuple[Rebuilt, Rebuilt]]:
        """Yield every right in force with the account that held it, unless account or person was closed."""
        for grant in self.past.of_kind("role_grant"):
            end = grant.columns.get("valid_until")
            if grant.columns.get("state") != "executed" or (
                end is not None and parse_timestamp(end) <= self.until
            ):
                continue
            account = self.row("account", grant.columns["account_id"])
            person = self.row("person", account.columns.get("person_id"))
            if not account.columns.get("disabled") and not person.columns.get("disabled"):
                yield grant, account

    def lent(self) -> Iterator[tuple[Rebuilt, Rebuilt, str, Rebuilt]]:
        """Yield every role that an account held for another: the delegation, the deputy, the role, the giver's right.

        As whenever somebody is let in: only between its instants, while the giver holds the role in person, and not
        after giver or deputy moved or left.
        """
        own = {(account.id, grant.columns["role"]): grant for grant, account in self.held()}
        for row in self.past.of_kind("delegation"):
            begin, end = (parse_timestamp(row.columns[name]) for name in ("valid_from", "valid_to"))
            if row.columns.get("state") != "approved" or not begin <= self.until < end:
                continue
            deputy, giver = (self.row("account", row.columns[name]) for name in ("deputy_id", "account_id"))
            if deputy.columns.get("disabled") or self.moved_since(row, deputy, giver):
                continue
            for role in row.columns["roles"]:
                grant = own.get((giver.id, role))
                if grant is not None and (deputy.id, role) not in own:
                    yield row, deputy, role, grant

    def moved_since(self, row: Rebuilt, *accounts: Rebuilt) -> bool:
        """Tell whether one of these accounts' persons moved or left after a row was first told of."""
        first = self.first_told[row.kind, row.id]
        persons = {account.columns.get("person_id") for account in accounts}
        moved = any(
            event.object_id in persons and event.at > first and event.change
            for event in self.events
            if event.kind == "person"
        )
        reported = any(
            one.columns.get("person_id") in persons
            and one.columns.get("event") in ("mover", "leaver")
            and self.first_told[one.kind, one.id] > first
            for one in self.past.of_kind("staff_event")
        )
        return moved or reported

    def entries_of(self, *rows: Rebuilt) -> set[UUID]:
        """Return every entry that told of these rows."""
        return {entry for row in rows for entry in self.told_by.get((row.kind, row.id), ())}
