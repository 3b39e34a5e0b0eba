"""What the database lets an office read and write so that it can do its acts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.rows import Row, rows
from policies.vocabulary import READS, Action

FILE: Final = "tables.csv"
HEADER: Final = ("action", "table", "verb", "columns")
WHOLE: Final = "*"
OWNER_ONLY: Final = re.compile(
    r"\A(apart_pair|audit_[a-z_]+|[a-z]+_total|credential|deal_counter|deal_number|idempotency_key|item_route|limit_use|office_[a-z_]+|policy_epoch|policy_line|role_conflict|session|total_mark)\Z"
)
"""Tables that offices reach through owner-defined functions alone, so that no row may name them."""


class Verb(StrEnum):
    """What a grant allows. There is no delete: a mistake is reversed, never removed."""

    INSERT = "insert"
    SELECT = "select"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class TableRow:
    """``action`` needs ``verb`` on ``table``; no columns means the whole table."""

    action: Action
    table: str
    verb: Verb
    columns: tuple[str, ...]


def parse(content: bytes) -> tuple[TableRow, ...]:
    """Rows of ``tables.csv`` in the order of the file."""
    found: list[TableRow] = []
    seen: set[tuple[Action, str, Verb]] = set()
    for row in rows(FILE, content, HEADER):
        table_row = _table_row(row)
        if (key := (table_row.action, table_row.table, table_row.verb)) in seen:
            raise row.error(f"second row of {table_row.action} for {table_row.verb} on {table_row.table}")
        seen.add(key)
        found.append(table_row)
    return tuple(found)


def _table_row(row: Row) -> TableRow:
    act, table, verb_cell, columns_cell = row.expect(len(HEADER))
    action, verb = row.word(Action, act), row.word(Verb, verb_cell)
    if OWNER_ONLY.match(row.name("table", table)):
        raise row.error(f"{table} is reached through owner-defined functions alone")
    columns = () if columns_cell == WHOLE else row.words("columns", columns_cell)
    for column in columns:
        row.name("column", column)
    if verb is Verb.UPDATE and not columns:
        raise row.error("an update names its columns")
    if verb is Verb.INSERT and columns:
        raise row.error("an insert writes whole rows")
    if action in READS and verb is not Verb.SELECT:
        raise row.error(f"{action} changes nothing and needs no {verb}")
    return TableRow(action, table, verb, columns)
