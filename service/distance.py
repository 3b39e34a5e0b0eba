"""How far people stand from trading, and from what an object comes from: what a control asks beside roles and history.

The rules are those that the gate enforces (``policies.independence``, ``policies.cooling_off``); here they are asked
for many people and many objects at once, before anybody acts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.cooling_off import Former, barred
from policies.duties import ENTER
from policies.independence import Standing, shortfall
from policies.policy import Policy
from policies.vocabulary import Action

ORIGINS: Final = text(
    "SELECT n, fact, unit_id, board FROM public.origins_of(CAST(:trades AS uuid[]), CAST(:kinds AS text[]), "
    "CAST(:ids AS uuid[]), CAST(:entering AS text[]))"
)


@dataclass(frozen=True, slots=True)
class Distance:
    """Where a person stands today: unit, class and board member above it; ``former``: units left, by class and day.

    ``trading_line``: somebody above the own unit answers for trading too. ``applied``: desks applied to.
    """

    unit: str
    function_class: str
    board: str | None
    trading_line: bool
    former: Mapping[str, Former] = field(default_factory=dict)
    applied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """What an object comes from: who entered its deal, as units with their board members, and the desks it belongs to."""

    entered: frozenset[tuple[str | None, str | None]] = frozenset()
    desks: frozenset[str] = frozenset()


NOWHERE: Final = Origin()


def far_enough(policy: Policy, action: Action, there: Distance | None, origin: Origin, today: date) -> bool:
    """Tell whether somebody stands far enough from trading and from former units for ``action`` on the object."""
    rule = policy.independence.get(action)
    if rule is None:
        return True
    if there is None:
        return False
    standing = Standing(there.unit, there.function_class, there.board, there.trading_line, origin.entered)
    former = [left for unit, left in there.former.items() if unit in origin.desks]
    return (
        shortfall(rule.level, standing) is None
        and barred(policy.cooling_off, there.function_class, former, today) is None
        and not there.applied & origin.desks
    )


def distance_of(row: Row[Any]) -> Distance:
    """Return how a person stands today, from a row that tells it."""
    return Distance(
        str(row.unit_id),
        row.function_class,
        row.board,
        row.trading_line,
        {one["unit"]: Former(one["class"], date.fromisoformat(one["left_on"])) for one in row.former or ()},
        frozenset(str(desk) for desk in row.applied or ()),
    )


async def origins(
    connection: AsyncConnection, objects: Sequence[tuple[UUID | None, str, UUID]]
) -> list[Origin]:
    """Return for each object, told by its deal, kind and id, what it comes from."""
    if not objects:
        return []
    asked = {
        "trades": [trade for trade, _, _ in objects],
        "kinds": [kind for _, kind, _ in objects],
        "ids": [object_id for _, _, object_id in objects],
        "entering": [act.value for act in ENTER],
    }
    return origins_in((await connection.execute(ORIGINS, asked)).all(), len(objects))


def origins_in(rows: Sequence[Row[Any]], count: int) -> list[Origin]:
    """Return what each of so many objects comes from, as told by rows that name them by their place from 1 on."""
    entered: list[set[tuple[str | None, str | None]]] = [set() for _ in range(count)]
    desks: list[set[str]] = [set() for _ in range(count)]
    for row in rows:
        unit = None if row.unit_id is None else str(row.unit_id)
        if row.fact == "entered":
            entered[row.n - 1].add((unit, row.board))
        elif unit is not None:
            desks[row.n - 1].add(unit)
    return [Origin(frozenset(by), frozenset(own)) for by, own in zip(entered, desks, strict=True)]
