"""Who is acting: one natural person through one account, with the roles that account holds now."""

from dataclasses import dataclass, field
from uuid import UUID

from policies.vocabulary import Office


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting account with what the log freezes about it.

    ``person`` is the natural person: separation is decided by it, whatever account was used.
    ``restricted``: signed in by a one-time password, good only for choosing a real one.
    ``service``: an office's automatic account, never a second pair of eyes.
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

    def frozen_view(self) -> dict[str, object]:
        """Return what the log entry keeps about the actor: opaque ids and roles, never a name."""
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
        if self.session is not None:
            view["sess"] = str(self.session)
        return view
