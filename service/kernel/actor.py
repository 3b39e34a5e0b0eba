"""Who is acting: one natural person through one account, with the roles that account holds now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from uuid import UUID

from policies.standing import Standing
from policies.vocabulary import Office

THIS_MACHINE = "this machine"
"""The device of whoever works where the service runs, by whatever face."""


@dataclass(frozen=True, slots=True)
class Away:
    """The block of absence that keeps somebody out; ``told``: an attempt to get in is under review already."""

    absence: UUID
    until: date
    told: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The session was opened on another device than it is used on; ``told``: that is under review already (A-10)."""

    told: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting account with what the log freezes about it.

    ``person`` is the natural person: separation is decided by it, whatever account was used.
    ``restricted``: signed in by a one-time password, good only for choosing a real one.
    ``service``: an office's automatic account, never a second pair of eyes; ``owner`` answers for it.
    ``session_left``: seconds that the session lasts from now without another request.
    ``deputy_for``: of the roles, those held for somebody else, with the person whose they are.
    """

    person: UUID
    account: UUID
    name: str
    office: Office
    roles: frozenset[str]
    unit: UUID | None = None
    board: str | None = None
    session: UUID | None = None
    restricted: bool = False
    service: bool = False
    origin: str = field(default="api")
    deputy_for: Mapping[str, UUID] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    owner: UUID | None = None
    away: Away | None = None
    elsewhere: Elsewhere | None = None
    session_left: float | None = field(default=None, compare=False)

    def standing(self) -> Standing:
        """Return the actor as separation sees them."""
        return Standing(
            str(self.person),
            self.roles,
            {role: str(person) for role, person in self.deputy_for.items()},
            None if self.owner is None else str(self.owner),
        )

    def frozen_view(self, acts_for: str | None = None) -> dict[str, object]:
        """Return what the log entry keeps about the actor: opaque ids and roles, never a name.

        ``acts_for``: the person whose deputy the actor is in this act.
        """
        view: dict[str, object] = {
            "account": str(self.account),
            "office": self.office.value,
            "person": str(self.person),
            "roles": sorted(self.roles),
            "type": "service" if self.service else "human",
        }
        if self.unit is not None:
            view["unit"] = str(self.unit)
        if self.board is not None:
            view["board"] = self.board
        if acts_for is not None:
            view["deputy_for"] = acts_for
        if self.owner is not None:
            view["owner"] = str(self.owner)
        if self.session is not None:
            view["sess"] = str(self.session)
        return view
