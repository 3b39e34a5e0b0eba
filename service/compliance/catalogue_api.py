"""The catalogue of controls, the access matrix and what was tried in vain, over JSON."""

from typing import Any
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.compliance import access, catalogue
from service.faces import Allows
from service.gate import Gate


class ControlApi(Controller):
    """Every control that the product knows."""

    path = "/api/controls"
    tags = ("log",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self, gate: NamedDependency[Gate], reads: NamedDependency[AsyncSession]
    ) -> dict[str, Any]:
        """List the controls with paragraph, rules, tests and the newest evidence."""
        return {"items": await catalogue.catalogue(reads, gate.policy), "next": None}


class AccessApi(Controller):
    """Who may do what, and who never may."""

    path = "/api/access"
    tags = ("people",)

    @get(guards=[Allows(Action.REPORT_READ)])
    async def show(self, gate: NamedDependency[Gate], reads: NamedDependency[AsyncSession]) -> dict[str, Any]:
        """Tell what each role may do, which roles never meet, and that the proof holds."""
        return {
            "acts": access.may(gate.policy, reads=True),
            "apart": access.apart(gate.policy),
            "proof": access.proved(gate.policy),
            "published": await access.published(reads),
        }


class DenialApi(Controller):
    """What was tried in vain."""

    path = "/api/denials"
    tags = ("log",)

    @get(guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self, reads: NamedDependency[AsyncSession], account: FromQuery[UUID | None] = None
    ) -> dict[str, Any]:
        """List the newest refusals grouped by who tried what, and by the rule that refused it."""
        return {"items": await access.denied(reads, account=account), "next": None}


ROUTES = [ControlApi, AccessApi, DenialApi]
