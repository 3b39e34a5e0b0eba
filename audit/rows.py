"""Business rows that travel with the log: each must be what the last entry on it left behind."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit.pack import canonical
from audit.report import Finding

Object = tuple[str, str]  # kind, id
Voucher = tuple[str, str, str]  # entry, row ("kind:id"), column whose value is a digest
DIGEST_COLUMN = "_digest"
TOLD_WHOLE = ("check", "limits")


class MalformedRows(ValueError):
    """The rows do not have their form."""


@dataclass(frozen=True)
class Row:
    """A business row with all its columns as the log writes them."""

    kind: str
    id: str
    rev: int
    view: Mapping[str, Any]

    def digest(self) -> str:
        """What an entry must say the row is after it."""
        return digest({"kind": self.kind, **self.view})


@dataclass(frozen=True)
class Movement:
    """What came once with an entry, and is vouched for by that entry.

    By a digest it tells: a version's terms, a journal's lines. Or because it tells all of it: what a deal took of
    limits or gave back, what its check found.
    """

    kind: str
    by: Voucher
    view: Mapping[str, Any]


@dataclass(frozen=True)
class Rows:
    """Everything in rows.json."""

    rows: tuple[Row, ...] = ()
    movements: tuple[Movement, ...] = ()

    def encode(self) -> bytes:
        """Give their one spelling."""
        rows = [{"id": r.id, "kind": r.kind, "rev": r.rev, "view": dict(r.view)} for r in self.rows]
        movements = [
            {
                "by": dict(zip(("entry", "row", "column"), m.by, strict=True)),
                "kind": m.kind,
                "view": dict(m.view),
            }
            for m in self.movements
        ]
        return canonical({"movements": movements, "rows": rows})


def digest(view: Mapping[str, Any]) -> str:
    """Return ``sha256:…`` of what a row says, in its one spelling."""
    return "sha256:" + hashlib.sha256(canonical(view)).hexdigest()


def parse(told: Any) -> Rows:
    """Read rows.json. Raises MalformedRows."""
    try:
        rows = tuple(Row(one["kind"], one["id"], one["rev"], one["view"]) for one in told["rows"])
        movements = tuple(
            Movement(one["kind"], (one["by"]["entry"], one["by"]["row"], one["by"]["column"]), one["view"])
            for one in told["movements"]
        )
        read = Rows(rows, movements)
        same = read.encode() == canonical(told)
    except (AttributeError, KeyError, TypeError, ValueError) as broken:
        raise MalformedRows(f"rows.json has not its form: {broken!r:.120}.") from broken
    words = [word for row in rows for word in (row.kind, row.id)]
    words += [word for one in movements for word in (one.kind, *one.by)]
    if not same or not all(isinstance(word, str) for word in words):
        raise MalformedRows("rows.json says something that rows do not say.")
    if not all(type(row.rev) is int and row.view.get("id") == row.id for row in rows):
        raise MalformedRows("A row calls itself otherwise than its columns do.")
    return read


def vouchers(entry: Mapping[str, Any]) -> Iterator[tuple[Voucher, str]]:
    """Give every digest by which an entry vouches for movements, as (entry, row, column) and its value.

    What it tells whole counts as told by the digest of ``{name: value}``, of the deal it links.
    """
    data, trade = entry.get("data", {}), entry.get("links", {}).get("trade")
    if trade is not None and entry["decision"]["outcome"] == "allow":
        for name in TOLD_WHOLE:
            if name in data:
                yield (entry["id"], f"trade:{trade}", name), digest({name: data[name]})
    told = data.get("rows", {})
    for row, facts in told.items() if isinstance(told, dict) else ():
        if not isinstance(facts, dict):
            continue
        columns = dict(facts["new"]) if isinstance(facts.get("new"), dict) else {}
        changes = facts.get("change")
        for column, change in changes.items() if isinstance(changes, dict) else ():
            if isinstance(change, dict):
                columns[column] = change.get("new")
        for column, value in columns.items():
            if column.endswith(DIGEST_COLUMN) and isinstance(value, str):
                yield (entry["id"], row, column), value


def check(
    found: Rows,
    last: Mapping[Object, tuple[int, int, str]],
    demanded: Iterable[Object],
    told: Mapping[Voucher, str],
) -> Iterator[Finding]:
    """Find rows that are not what the log left behind, and those that are missing or too many (V22).

    ``last``: index, rev and digest of the last effect on each object; ``demanded``: the objects whose rows must be
    there, with every movement that ``told`` vouches for.
    """
    held = {(row.kind, row.id) for row in found.rows}
    if len(held) != len(found.rows):
        yield Finding("V22", None, "One row stands twice in rows.json.")
    for row in found.rows:
        if (effect := last.get((row.kind, row.id))) is None:
            yield Finding("V22", None, f"{row.kind} {row.id} is in no entry of the pack.")
        elif (row.rev, row.digest()) != effect[1:]:
            sentence = f"{row.kind} {row.id} is {row.digest()} at rev {row.rev}"
            yield Finding(
                "V22", effect[0], f"{sentence}; its last entry left {effect[2]} at rev {effect[1]}."
            )
    wanted = set(demanded)
    for kind, object_id in sorted(wanted - held):
        yield Finding(
            "V22",
            last[kind, object_id][0] if (kind, object_id) in last else None,
            f"{kind} {object_id} is missing; the log knows it.",
        )
    for kind, object_id in sorted(held - wanted):
        yield Finding("V22", None, f"{kind} {object_id} does not belong to this pack.")
    yield from _check_movements(found, {f"{kind}:{object_id}" for kind, object_id in wanted}, told)


def _check_movements(found: Rows, wanted: set[str], told: Mapping[Voucher, str]) -> Iterator[Finding]:
    held = {one.by for one in found.movements}
    if len(held) != len(found.movements):
        yield Finding("V22", None, "One movement stands twice in rows.json.")
    for one in found.movements:
        if (said := told.get(one.by)) is None:
            yield Finding("V22", None, f"No entry of the pack vouches for a {one.kind} of {one.by[1]}.")
        elif (now := digest(one.view)) != said:
            yield Finding(
                "V22", None, f"A {one.kind} of {one.by[1]} is {now}; entry {one.by[0]} says {said}."
            )
    for voucher in sorted(told):
        if voucher[1] in wanted and voucher not in held:
            sentence = f"What the {voucher[2]} of {voucher[1]} stands for in entry {voucher[0]} is missing."
            yield Finding("V22", None, sentence)
