"""A person's accounts on one page, for those who open them, help out with passwords, and end what has to end."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action, Office
from service import page_frame
from service.faces import Allows
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import Refusal
from service.organisation.queries import today, units
from service.page_forms import decoded
from service.page_frame import Button, Page
from service.people import queries
from service.people.rights import WITHOUT_PEOPLE
from service.people.use_cases import ResetPassword, reset_password

OWN = "Somebody else must do this for you."
LEFT = "This person has left; nothing is opened for them."
ACTS = (
    *(Action.ACCOUNT_ASSIGN, Action.ACCOUNT_OPEN, Action.PASSWORD_RESET),
    *(Action.PERSON_DISABLE, Action.PERSON_MOVE, Action.SESSION_END),
)


class AccountPages(Controller):
    """What one natural person signs in with, and where they are signed in."""

    path = "/persons/{person:uuid}/accounts"
    include_in_schema = False

    @get("/", guards=[Allows(Action.PERSON_READ, sensitive=True)])
    async def show(
        self, page: NamedDependency[Page], reads: NamedDependency[AsyncSession], person: FromPath[UUID]
    ) -> Response[str]:
        """Show the person's accounts with what the reader may do about them."""
        found = await queries.person_by(reads, person)
        own = [UUID(account["id"]) for account in found["accounts"]]
        names = {account["id"]: account["name"] for account in found["accounts"]}
        ends = page.may(Action.SESSION_END)
        return page.show(
            "people/templates/accounts.html",
            person=found,
            names=names,
            units={one["id"]: one["name"] for one in await units(reads, today(page.gate.clock.now()))},
            offices=[office.value for office in Office if office not in WITHOUT_PEOPLE],
            services=await queries.services_owned(reads),
            sessions=await queries.sessions_of(reads, own) if ends else [],
            buttons=buttons_for(page, found),
        )

    @post("/{account:uuid}/password", guards=[Allows(Action.PASSWORD_RESET)])
    async def reset(
        self,
        gate: NamedDependency[Gate],
        actor: NamedDependency[Actor],
        page: NamedDependency[Page],
        person: FromPath[UUID],
        account: FromPath[UUID],
    ) -> Response[str] | Redirect:
        """Show the one-time password on this one answer; it goes through no cookie and is kept nowhere."""
        form = f"password.reset:{account}"
        try:
            command = decoded(ResetPassword, {"account": account, "version": page.form.get("version")})
            outcome = await gate.perform(actor, reset_password, command)
        except Refusal as refusal:
            return page.back(
                f"/persons/{person}/accounts",
                page_frame.refused(Action.PASSWORD_RESET, refusal, form, page.form),
            )
        return page.show("people/templates/one_time.html", person=person, **shown(outcome.answer))


def shown(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a reset."""
    return {"password": answer["one_time_password"], "entry": answer["receipt"]["entry"]}


def buttons_for(page: Page, person: dict[str, Any]) -> dict[str, Button]:
    """Return the acts that the reader's roles give, each with why not this reader or not this person."""
    assert page.actor is not None
    own, buttons = person["id"] == str(page.actor.person), {}
    for act in ACTS:
        if page.may(act):
            why = OWN if own and act is not Action.ACCOUNT_OPEN else LEFT if person["disabled"] else None
            buttons[act.value] = Button(act, why)
    return buttons


ROUTES = [AccountPages]
