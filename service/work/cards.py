"""What the slices of an office show of their objects beside its queue, and which of their acts are done by the handful.

The queue lies below the slices whose objects wait in it, so they bring their cards and their acts here.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.kernel.actor import Actor
from service.kernel.items import Item
from service.page_frame import History, Page, templates


@dataclass(frozen=True, slots=True)
class Beside:
    """What a card is made of: who looks, and at which item."""

    page: Page
    actor: Actor
    reads: AsyncSession
    history: History
    item: Mapping[str, Any]

    @property
    def subject(self) -> UUID:
        """The object that waits."""
        return UUID(self.item["subject"]["id"])

    @property
    def trade(self) -> UUID:
        """The deal it belongs to."""
        return UUID(self.item["trade"])


class Card(NamedTuple):
    """A template without a frame, the facts it shows, and the right to see them."""

    template: str
    needs: Action
    facts: Callable[[Beside], Awaitable[dict[str, Any]]]


class Handful(NamedTuple):
    """An act that is done for several objects at once: the name its command calls them by, and what it does.

    ``versions`` tells the version of each object that the reader sees now; without it that of the item's deal counts.
    """

    action: Action
    named: str
    told: str
    versions: Callable[[AsyncSession, Collection[UUID]], Awaitable[dict[UUID, int]]] | None = None


CARDS: Final[dict[Item, Card]] = {}
HANDFULS: Final[dict[Item, Handful]] = {}


async def shown(beside: Beside, onward: str) -> Markup | None:
    """Return the card of an item as markup, where its slice brought one that the reader may see."""
    card = CARDS.get(Item(beside.item["kind"]))
    if card is None or beside.item["subject"]["kind"] == "work_item" or not beside.page.may(card.needs):
        return None
    facts = await card.facts(beside)
    context = beside.page.context() | facts | {"onward": onward}
    return Markup(templates().get_template(card.template).render(context))  # noqa: S704  # escaped by the template
