"""A bank's own people file: who holds which roles by which accounts, in whose place, and what they own.

CSV, one row for each account: ``person,account,roles,unit,deputy_for,service``. Roles are parted by blanks;
``deputy_for`` holds ``person:role`` words; an account marked ``yes`` under ``service`` acts by itself and
belongs to the person who answers for it. JSON: a list of ``{"person", "unit", "accounts": [{"account", "roles",
"service"}], "deputy_for": [{"person", "role"}]}``.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from policies.policy import Policy
from policies.rows import NAME, PolicyError

HEADER: Final = ["person", "account", "roles", "unit", "deputy_for", "service"]
FILE_BYTES_MAX: Final = 64_000_000
PEOPLE_MAX: Final = 100_000
ROLES_MAX: Final = 200  # of one account
IDENTIFIER: Final = re.compile(r"\A[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?\Z")
UNIT: Final = re.compile(r"\A[A-Za-z0-9ÄÖÜäöüß](?:[A-Za-z0-9ÄÖÜäöüß &().,/_-]{0,98}[A-Za-z0-9ÄÖÜäöüß).])?\Z")


@dataclass(slots=True)
class Holder:
    """One natural person: own roles, those of the services they answer for, those held in another's place."""

    person: str
    unit: str
    own: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    in_place_of: set[tuple[str, str]] = field(default_factory=set)  # person, role

    @property
    def roles(self) -> frozenset[str]:
        """Everything that counts when the person's powers are held against each other."""
        return frozenset({*self.own, *self.services, *(role for _, role in self.in_place_of)})


@dataclass(slots=True)
class _Reading:
    file: str
    policy: Policy
    people: dict[str, Holder] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    spelled: dict[str, str] = field(default_factory=dict)

    def person(self, line: int, name: str, unit: str) -> Holder:
        self.identifier(line, "person", name)
        if UNIT.match(unit) is None:
            raise PolicyError(self.file, line, f"{_shown(unit)} is no name of a unit")
        found = self.people.get(name)
        if found is None:
            if (other := self.spelled.setdefault(name.casefold(), name)) != name:
                raise PolicyError(self.file, line, f"person {name} differs from {other} in capitals only")
            if len(self.people) == PEOPLE_MAX:
                raise PolicyError(self.file, line, f"more than {PEOPLE_MAX} persons")
            found = self.people[name] = Holder(name, unit)
        elif found.unit != unit:
            raise PolicyError(self.file, line, f"person {name} is in {found.unit} and in {unit}")
        return found

    def account(self, line: int, holder: Holder, name: str, roles: Iterable[str], *, service: bool) -> None:
        self.identifier(line, "account", name)
        if name.casefold() in self.accounts:
            raise PolicyError(self.file, line, f"second account {name}: each belongs to one person")
        self.accounts.add(name.casefold())
        held = list(roles)
        if len(set(held)) != len(held) or len(held) > ROLES_MAX:
            raise PolicyError(self.file, line, f"account {name} names a role twice, or more than {ROLES_MAX}")
        for role in held:
            (holder.services if service else holder.own).add(self.role(line, role))

    def deputy(self, line: int, holder: Holder, person: str, role: str) -> None:
        self.identifier(line, "person", person)
        if person == holder.person:
            raise PolicyError(self.file, line, f"{person} cannot be a deputy for {person}")
        holder.in_place_of.add((person, self.role(line, role)))

    def identifier(self, line: int, what: str, name: str) -> None:
        """One word of plain letters; being called like a role or an office gives nobody anything."""
        if IDENTIFIER.match(name) is None:
            raise PolicyError(self.file, line, f"{_shown(name)} is no name of {what}")

    def role(self, line: int, role: str) -> str:
        if NAME.match(role) is None or role not in self.policy.offices:
            raise PolicyError(self.file, line, f"unknown role {_shown(role)}")
        return role

    def whole(self) -> dict[str, Holder]:
        """Raise PolicyError if somebody stands in for a person who does not exist or has no such role."""
        for holder in self.people.values():
            for person, role in sorted(holder.in_place_of):
                if (deputised := self.people.get(person)) is None:
                    raise PolicyError(
                        self.file, 1, f"{holder.person} is a deputy for {person}, who is nobody"
                    )
                if role not in deputised.own:
                    raise PolicyError(
                        self.file, 1, f"{holder.person} holds {role} for {person}, who does not hold it"
                    )
        if not self.people:
            raise PolicyError(self.file, 1, "empty: nobody is here")
        return self.people


def read(path: Path, policy: Policy) -> dict[str, Holder]:
    """People of the file by their names. Raises PolicyError, naming file and line."""
    text = _text(path)
    reading = _Reading(path.name, policy)
    if (reader := READERS.get(path.suffix)) is None:
        raise PolicyError(path.name, 1, f"a people file is one of {', '.join(READERS)}")
    reader(reading, text)
    return reading.whole()


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise PolicyError(path.name, 1, f"cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise PolicyError(path.name, 1, f"longer than {FILE_BYTES_MAX} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(path.name, content.count(b"\n", 0, error.start) + 1, "not UTF-8") from None


def _read_csv(reading: _Reading, text: str) -> None:
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        if next(rows, None) != HEADER:
            raise PolicyError(reading.file, 1, f"the first row must be: {','.join(HEADER)}")
        for cells in rows:
            if len(cells) != len(HEADER):
                raise PolicyError(
                    reading.file, rows.line_num, f"{len(cells)} cells where {len(HEADER)} belong"
                )
            _csv_row(reading, rows.line_num, cells)
    except csv.Error as error:
        raise PolicyError(reading.file, rows.line_num, str(error)) from None


def _csv_row(reading: _Reading, line: int, cells: list[str]) -> None:
    person, account, roles, unit, deputy_for, service = cells
    if service not in {"", "yes"}:
        raise PolicyError(reading.file, line, f"{_shown(service)}: service is yes or empty")
    holder = reading.person(line, person, unit)
    reading.account(line, holder, account, roles.split(" ") if roles else (), service=service == "yes")
    for word in deputy_for.split(" ") if deputy_for else ():
        other, _, role = word.partition(":")
        reading.deputy(line, holder, other, role)


def _read_json(reading: _Reading, text: str) -> None:
    try:
        told = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise PolicyError(reading.file, getattr(error, "lineno", 1), f"no JSON: {error}") from None
    for place, one in enumerate(_list(reading, told), start=1):
        record = _object(reading, place, one, {"person", "unit", "accounts"}, {"deputy_for"})
        holder = reading.person(
            place, _word(reading, place, record, "person"), _word(reading, place, record, "unit")
        )
        for each in _list(reading, record["accounts"]):
            account = _object(reading, place, each, {"account", "roles"}, {"service"})
            roles = [role if isinstance(role, str) else "" for role in _list(reading, account["roles"])]
            name = _word(reading, place, account, "account")
            reading.account(place, holder, name, roles, service=account.get("service") is True)
        for each in _list(reading, record.get("deputy_for", [])):
            deputy = _object(reading, place, each, {"person", "role"}, set())
            reading.deputy(
                place, holder, _word(reading, place, deputy, "person"), _word(reading, place, deputy, "role")
            )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key stands twice in one object"
        raise ValueError(message)
    return found


def _list(reading: _Reading, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PolicyError(reading.file, 1, "a list belongs here")
    return value


def _object(reading: _Reading, place: int, value: Any, needed: set[str], more: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not needed <= set(value) <= needed | more:
        raise PolicyError(reading.file, place, f"an object with {', '.join(sorted(needed))} belongs here")
    return value


def _word(reading: _Reading, place: int, record: Mapping[str, Any], key: str) -> str:
    if not isinstance(value := record[key], str):
        raise PolicyError(reading.file, place, f"{key} is no text")
    return value


def _shown(text: str) -> str:
    """A hostile name as it can stand on a terminal."""
    return ascii(text[:60])


READERS: Final[Mapping[str, Callable[[_Reading, str], None]]] = {".csv": _read_csv, ".json": _read_json}


def lines(people: Mapping[str, Holder]) -> Iterator[str]:
    """Two sentences on how many they are."""
    roles = {role for one in people.values() for role in one.roles}
    deputies = sum(bool(one.in_place_of) for one in people.values())
    yield f"{len(people):,} persons in {len({one.unit for one in people.values()}):,} units hold {len(roles)} roles;"
    yield f"{deputies:,} are deputies, {sum(bool(one.services) for one in people.values()):,} own service accounts"
