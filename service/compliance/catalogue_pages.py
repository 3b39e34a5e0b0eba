"""The catalogue of controls, the access matrix and what was tried in vain, for people."""

from collections import Counter
from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import READS, Action
from service import page_forms
from service.compliance import access, catalogue, usage
from service.compliance.catalogue import Shown
from service.faces import Allows
from service.gate import Gate
from service.organisation.queries import today
from service.page_frame import Page

ROWS = 50


class ControlPages(Controller):
    """Every control that the product knows."""

    path = "/controls"
    include_in_schema = False

    @get("/", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def index(
        self,
        page: NamedDependency[Page],
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        family: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the controls; green only where a test is named after one and the log shows it at work."""
        state = page_forms.one_of(Shown, state_, "state")
        found = await catalogue.catalogue(reads, gate.policy)
        families = sorted({row["control"].partition("-")[0] for row in found})
        rows = [row for row in found if family in ("", row["control"].partition("-")[0])]
        return page.show(
            "compliance/templates/controls.html",
            rows=[row for row in rows if state is None or row["state"] == state],
            counts=Counter(row["state"] for row in rows),
            families=[(one, one) for one in families],
            family=family,
            state=state_,
            newest=catalogue.REFUSALS_MAX,
        )


class AccessPages(Controller):
    """Who may do what, who never may, and who tried."""

    path = "/"
    include_in_schema = False

    @get("/access", guards=[Allows(Action.REPORT_READ)])
    async def matrix(
        self,
        page: NamedDependency[Page],
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        role: FromQuery[str] = "",
        reading: FromQuery[str] = "",
    ) -> Response[str]:
        """Show which roles never meet, and what each role may do; one role alone if one is chosen."""
        policy = gate.policy
        roles = access.people_roles(policy)
        acts = access.may(policy, reads=bool(reading))
        return page.show(
            "compliance/templates/access.html",
            roles=roles,
            offices=policy.offices,
            apart=access.apart(policy),
            acts=[row for row in acts if not role or role in row["roles"]],
            reads=READS,
            proof=access.proved(policy),
            published=await access.published(reads),
            role=role if role in roles else "",
            reading=bool(reading),
            today=str(today(gate.clock.now())),
        )

    @get("/denials", guards=[Allows(Action.ENTRY_READ, sensitive=True)])
    async def denials(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        day: FromQuery[str] = "",
        since: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what was tried in vain, on a day or since one if it is chosen, grouped by who tried it."""
        on, earliest = page.day_in(day, "day"), page.day_in(since, "since")
        found = await access.denied(reads, day=on, since=earliest, cursor=cursor or None)
        return page.show(
            "compliance/templates/denials.html",
            found=found,
            rows=found["items"],
            next=found["next"],
            day=day,
            since=since,
        )

    @get("/unused-rights", guards=[Allows(Action.REPORT_READ, sensitive=True)])
    async def unused(
        self,
        page: NamedDependency[Page],
        gate: NamedDependency[Gate],
        reads: NamedDependency[AsyncSession],
        role: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the roles that their holders have had for a while and not used."""
        after = page_forms.id_in(cursor, "cursor")
        roles = access.people_roles(gate.policy)
        wanted, now = page_forms.among(roles, role, "role"), gate.clock.now()
        found = await usage.unused_rights(reads, gate.policy, now, role=wanted, after=after, limit=ROWS)
        return page.show(
            "compliance/templates/unused.html",
            rows=found["items"],
            next=found["next"],
            roles=roles,
            role=role,
            days=usage.UNUSED_AFTER.days,
        )


ROUTES = [ControlPages, AccessPages]
