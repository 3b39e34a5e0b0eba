"""How far from trading whoever does a control must stand, and which units no one person answers for together.

Pure. The database says how the acting person stands to trading on the day; this module says whether that is far
enough for the act (BTO Tz. 2 with explanation, MR26).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.duties import ANSWER, CONTROL
from policies.rows import Row, rows
from policies.vocabulary import READS, Action, Office

FILE: Final = "independence.csv"
HEADER: Final = ("control", "action", "level", "source", "why")
LINES_FILE: Final = "lines.csv"
LINES_HEADER: Final = ("control", "left", "right", "source", "why")
SEGREGATION: Final = re.compile(r"\ASEG-[0-9]{2}\Z")
CONTROLS: Final = CONTROL | ANSWER | {Action.EXCESS_CLOSE, Action.LIMIT_VOTE}
"""Every act by which one person controls or decides what another did: each has its level."""


class Level(StrEnum):
    """How far apart: another person, another unit than trading's, or an area apart from trading up to the board."""

    PERSON = "PERSON"
    UNIT = "UNIT"
    AREA = "AREA"


@dataclass(frozen=True, slots=True)
class IndependenceRule:
    """``action`` takes somebody who stands this far from trading."""

    control: str
    action: Action
    level: Level
    source: str
    why: str
    line: int


@dataclass(frozen=True, slots=True)
class LineRule:
    """No manager and no board member answers for a unit of class ``left`` and for one of class ``right``."""

    control: str
    left: Office
    right: Office
    source: str
    why: str
    line: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to trading on the day of the act; units and board members by id.

    ``in_trading_line``: a manager or board member above the own unit answers for a trading unit too.
    ``entered``: the units of those who entered the deal, each with the board member it had then.
    """

    unit: str | None
    function_class: str | None
    board: str | None
    in_trading_line: bool
    entered: Collection[tuple[str | None, str | None]] = ()


def shortfall(level: Level, standing: Standing) -> str | None:
    """Why somebody who stands like this is not far enough from trading for the level; None: far enough."""
    if level is Level.PERSON:
        return None
    if standing.unit is None:
        return "whoever does it belongs to no unit"
    if standing.function_class == Office.FRONT_OFFICE:
        return "it is done outside trading, and this is a unit of trading"
    if any(unit == standing.unit for unit, _ in standing.entered):
        return "the deal was entered from this very unit"
    return _in_trading_line(standing) if level is Level.AREA else None


def _in_trading_line(standing: Standing) -> str | None:
    if standing.in_trading_line:
        return "it is done in an area apart from trading up to the board, and this unit is in trading's line"
    if any(board is not None and board == standing.board for _, board in standing.entered):
        return "the board member who answered for the deal's desk answers for this unit"
    return None


def parse(content: bytes) -> Mapping[Action, IndependenceRule]:
    """Rules of ``independence.csv`` by their act."""
    found: dict[Action, IndependenceRule] = {}
    for row in rows(FILE, content, HEADER):
        control, act, level, source, why = row.expect(len(HEADER))
        action = row.word(Action, act)
        if action in READS:
            raise row.error(f"{action} changes nothing and controls nothing")
        if action in found:
            raise row.error(f"second row of {action}")
        found[action] = IndependenceRule(
            _segregation(row, control), action, row.word(Level, level), source, why, row.line
        )
    return found


def parse_lines(content: bytes) -> tuple[LineRule, ...]:
    """Rules of ``lines.csv`` in the order of the file."""
    found: list[LineRule] = []
    for row in rows(LINES_FILE, content, LINES_HEADER):
        control, left, right, source, why = row.expect(len(LINES_HEADER))
        rule = LineRule(
            _segregation(row, control), row.word(Office, left), row.word(Office, right), source, why, row.line
        )
        if rule.left == rule.right:
            raise row.error(f"{left} cannot be apart from itself")
        if any({rule.left, rule.right} == {one.left, one.right} for one in found):
            raise row.error(f"second row of {left} and {right}")
        found.append(rule)
    return tuple(found)


def without_level(rules: Iterable[Action]) -> list[Action]:
    """Controls that no row gives a level."""
    return sorted(CONTROLS - set(rules))


def _segregation(row: Row, control: str) -> str:
    if SEGREGATION.match(control) is None:
        raise row.error(f"{control!r} is no control of the form SEG-01")
    return control
