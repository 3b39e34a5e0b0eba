"""Who leads an office today: work that climbs to the own head is for them in person, wherever they have an account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Office
from service.kernel.actor import Actor
from service.kernel.items import ROUTES, Item

HEADS = text("SELECT office, person_id, sits_in FROM public.heads_today()")


@dataclass(frozen=True, slots=True)
class Head:
    """Somebody who leads a unit of an office's function, and an office in which they have an account."""

    person: UUID
    sits_in: Office


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of all offices as of today."""

    of: Mapping[Office, Sequence[Head]] = field(default_factory=dict)

    def told_in(self, kind: Item) -> Office | None:
        """Return where the head is told of unanswered work: in that office itself if they can, else where they sit."""
        home = ROUTES[kind].office
        places = [head.sits_in for head in self.of.get(home, ())]
        return home if home in places else next(iter(places), None)

    def persons(self, kind: Item) -> frozenset[str]:
        """Return the persons who answer for work of this kind that nobody did."""
        return frozenset(str(head.person) for head in self.of.get(ROUTES[kind].office, ()))


async def heads_today(session: AsyncSession) -> Heads:
    """Return who leads each office today, read once for any number of items."""
    found: dict[Office, list[Head]] = {}
    for row in await session.execute(HEADS):
        found.setdefault(Office(row.office), []).append(Head(row.person_id, Office(row.sits_in)))
    return Heads(found)


def answered_by(heads: Heads, kind: Item, reason: str | None) -> frozenset[str] | None:
    """Return the persons an item is for in person; None where it is for all whose roles do such work."""
    return heads.persons(Item(reason)) if kind is Item.ESCALATED_HEAD and reason is not None else None


def leads(heads: Heads, actor: Actor, reason: str) -> bool:
    """Tell whether the actor leads the office that left the work undone; a service leads nothing."""
    return not actor.service and str(actor.person) in heads.persons(Item(reason))
