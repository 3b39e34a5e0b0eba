"""Signing in and out, and one's own account, for people."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import READS, Action
from service import page_forms, page_frame
from service.faces import Allows, device_of
from service.gate import Gate
from service.kernel.actor import THIS_MACHINE, Actor
from service.kernel.errors import Malformed, NotFound, Refusal
from service.kernel.identifiers import uuid7
from service.organisation.queries import today, units
from service.page_frame import Button, History, Page, Said, Subject
from service.people import account_pages, queries
from service.people.authentication import LENGTH_MAX, LENGTH_MIN
from service.people.lifecycle import GRANT, GrantState
from service.people.sessions import CloseSession, close_session
from service.people.signing_in import choose_password, sign_in, sign_in_to_demo
from service.ui.languages import N_
from service.ui.navigation import DESKS
from service.ui.reasons import reason_in

ROWS = 50
FIRST_DESKS = {
    "trader": N_("Strike a deal and see what the other offices make of it."),
    "verifier": N_("Check what trading entered, or send it back."),
    "compliance": N_("See every act and every refusal, with its proof."),
}
"""The three desks to begin with in the demo bank, and what can be done there."""
AT_ONCE = frozenset(account for roles in DESKS.values() for desk in roles for account in desk.accounts)
NAME_PART_MAX = 100


class RepeatedOtherwise(Malformed):
    """400. The two entries of the new password differ."""


class PeoplePages(Controller):
    """The door and the own account."""

    path = "/"
    include_in_schema = False

    @get("/", opt={"public": True})
    async def home(self, request: Request[Any, Any, Any], page: NamedDependency[Page]) -> Response[str]:
        """Say what this is and offer the desks."""
        return page.show(
            "ui/templates/home.html",
            start=page_frame.first_page(page),
            at_once=opens_at_once(request),
            first=FIRST_DESKS,
        )

    @get("/sign-in", opt={"public": True})
    async def door(
        self,
        page: NamedDependency[Page],
        account: FromQuery[str] = "",
        wanted: Annotated[str, QueryParameter(name="next")] = "",
    ) -> Response[str]:
        """Show the sign-in form; a demo desk's link fills in its account."""
        return door(page, account[:64], wanted)

    @post("/sign-in", opt={"public": True})
    async def enter(
        self, request: Request[Any, Any, Any], gate: NamedDependency[Gate], page: NamedDependency[Page]
    ) -> Response[str] | Redirect:
        """Open a session under a new token; the one held before ends, first if this machine's address changed."""
        before = await left_elsewhere(gate, page)
        account, wanted = page.form.get("account", "").strip(), page.form.get("next", "")
        try:
            password, device = page.form.get("password", "")[:256], device_of(request.scope)
            opened = await sign_in(gate, account[:64], password, origin="web", device=device)
        except Refusal as refusal:
            page.said = page_frame.refused(Action.SESSION_OPEN, refusal, "sign-in", {"account": account})
            return door(page, account, wanted, status=refusal.status)
        if before is not None:
            await gate.perform(before, close_session, CloseSession(), key=str(uuid7()))
        onward = page_forms.local_path(wanted, "/start")
        if opened.answer["must_change_password"]:
            onward = "/password"
        return page.back(onward, None, page_frame.cookie(page_forms.SESSION_COOKIE, opened.answer["token"]))

    @post("/demo-desk", opt={"public": True})
    async def demo_desk(
        self, request: Request[Any, Any, Any], gate: NamedDependency[Gate], page: NamedDependency[Page]
    ) -> Redirect:
        """Sit down at a desk of the demo bank without a password; its entry says that it was so."""
        account = page.form.get("account", "")
        if not opens_at_once(request) or account not in AT_ONCE:
            raise NotFound("address")
        before = await left_elsewhere(gate, page)
        device = device_of(request.scope)
        opened = await sign_in_to_demo(gate, account, origin="demo", device=device)
        if before is not None:
            await gate.perform(before, close_session, CloseSession(), key=str(uuid7()))
        token = page_frame.cookie(page_forms.SESSION_COOKIE, opened.answer["token"])
        return page.back("/start", None, token)

    @get("/start", guards=[Allows(Action.POWER_READ)])
    async def start(self, page: NamedDependency[Page]) -> Redirect:
        """Go to where the reader's day begins."""
        return page.back(page_frame.first_page(page))

    @post("/sign-out", opt={"public": True})
    async def leave(self, gate: NamedDependency[Gate], page: NamedDependency[Page]) -> Redirect:
        """End the session; one that has ended already is forgotten all the same."""
        if page.actor is not None:
            await gate.perform(page.actor, close_session, CloseSession(), key=str(uuid7()))
        said = Said(good=True, action=Action.SESSION_CLOSE, sentence=N_("You are signed out."))
        return page.back("/", said, page_frame.gone(page_forms.SESSION_COOKIE))

    @get("/account", guards=[Allows(Action.POWER_READ)])
    async def account(
        self, page: NamedDependency[Page], actor: NamedDependency[Actor], reads: NamedDependency[AsyncSession]
    ) -> Response[str]:
        """Show who one is here, where one is signed in, and what one may do."""
        return page.show(
            "people/templates/account.html",
            reason=lambda text: reason_in(text, page.language),
            rights={action: page.gate.policy.decide(actor.roles, action) for action in sorted(page.powers)},
            reads=READS,
            sessions=await queries.sessions_of(reads, [actor.account]),
            close=Button(Action.SESSION_CLOSE),
        )

    @get("/password", guards=[Allows(Action.PASSWORD_CHANGE)])
    async def password(self, page: NamedDependency[Page]) -> Response[str]:
        """Show the form for a new password."""
        return page.show("people/templates/password.html", shortest=LENGTH_MIN, longest=LENGTH_MAX)

    @post("/password", guards=[Allows(Action.PASSWORD_CHANGE)])
    async def choose(
        self, gate: NamedDependency[Gate], actor: NamedDependency[Actor], page: NamedDependency[Page]
    ) -> Redirect:
        """Keep the new password; every session of the account ends, this one too."""
        new = page.form.get("password", "")
        try:
            if new != page.form.get("again", ""):
                raise RepeatedOtherwise("The two entries differ; nothing was changed.", field="again")
            await choose_password(gate, actor, new, page.form.get("current"))
        except Refusal as refusal:
            return page.back(
                "/password", page_frame.refused(Action.PASSWORD_CHANGE, refusal, "password.change", {})
            )
        sentence = N_("The password is changed and every session has ended. Sign in with the new one.")
        said = Said(good=True, action=Action.PASSWORD_CHANGE, sentence=sentence)
        return page.back(f"/sign-in?account={actor.name}", said, page_frame.gone(page_forms.SESSION_COOKIE))


class RightPages(Controller):
    """Who holds which role, and the three steps to it."""

    path = "/rights"
    include_in_schema = False

    @get("/", guards=[Allows(Action.GRANT_READ, sensitive=True)])
    async def index(
        self,
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        history: NamedDependency[History],
        state_: Annotated[str, QueryParameter(name="state")] = "",
        role: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the grants with the steps that are left to the reader."""
        state = page_forms.one_of(GrantState, state_, "state")
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.grants(reads, state=state, role=role or None, cursor=after, limit=ROWS)
        subjects = {}
        for row in found["items"]:
            possible = GRANT.actions_from(GrantState(row["state"]))
            subjects[row["id"]] = Subject(possible, related=[("role_grant", row["id"])])
        buttons = await history.buttons_of(page, subjects)
        return page.show(
            "people/templates/rights.html",
            rows=found["items"],
            next=found["next"],
            buttons=buttons,
            request=Button(Action.GRANT_REQUEST),
            states=list(GrantState),
            roles=[each for each in page.gate.policy.roles if not each.startswith("svc_")],
            state=state_,
            role=role,
        )


class RequestPages(Controller):
    """A manager asks for a right of one of their people."""

    path = "/rights/request"
    include_in_schema = False

    @get("/", guards=[Allows(Action.GRANT_REQUEST)])
    async def ask(self, page: NamedDependency[Page]) -> Response[str]:
        """Show the form; what becomes of the request, its holder learns."""
        return page.show(
            "people/templates/request_right.html",
            request=Button(Action.GRANT_REQUEST),
            roles=[each for each in page.gate.policy.roles if not each.startswith("svc_")],
        )


class StaffEventPages(Controller):
    """Who joined, moved, left or applied, as it was reported."""

    path = "/staff-events"
    include_in_schema = False

    @get("/", guards=[Allows(Action.PERSON_READ, sensitive=True)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the events, newest first."""
        found = await queries.staff_events(reads, cursor=page_forms.id_in(cursor, "cursor"), limit=ROWS)
        day = today(gate.clock.now())
        return page.show(
            "people/templates/staff_events.html",
            rows=found["items"],
            next=found["next"],
            record=Button(Action.STAFF_EVENT_RECORD),
            units={unit["id"]: unit["name"] for unit in await units(reads, day)},
            day=day.isoformat(),
        )


class PersonListPages(Controller):
    """The natural persons of the bank."""

    path = "/persons"
    include_in_schema = False

    @get("/", guards=[Allows(Action.PERSON_READ, sensitive=True)])
    async def index(
        self,
        gate: NamedDependency[Gate],
        page: NamedDependency[Page],
        reads: NamedDependency[AsyncSession],
        named: FromQuery[str] = "",
        unit: FromQuery[str] = "",
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show the persons with their accounts, oldest first."""
        found = await queries.persons(
            reads,
            unit=page_forms.id_in(unit, "unit"),
            named=named.strip()[:NAME_PART_MAX] or None,
            cursor=page_forms.id_in(cursor, "cursor"),
            limit=ROWS,
        )
        return page.show(
            "people/templates/persons.html",
            rows=found["items"],
            next=found["next"],
            units={one["id"]: one["name"] for one in await units(reads, today(gate.clock.now()))},
            named=named,
            unit=unit,
            register=Button(Action.PERSON_REGISTER),
        )


class SessionReviewPages(Controller):
    """Identities in use on two devices."""

    path = "/session-reviews"
    include_in_schema = False

    @get("/", guards=[Allows(Action.SESSION_REVIEW)])
    async def index(
        self,
        page: NamedDependency[Page],
        actor: NamedDependency[Actor],
        reads: NamedDependency[AsyncSession],
        cursor: FromQuery[str] = "",
    ) -> Response[str]:
        """Show what waits for a finding; nobody looks into their own identity."""
        after = page_forms.id_in(cursor, "cursor")
        found = await queries.second_devices(reads, cursor=after, limit=ROWS)
        why = "This is your own identity; somebody else looks into it (D-16)."
        return page.show(
            "people/templates/session_reviews.html",
            rows=found["items"],
            next=found["next"],
            buttons={
                row["id"]: Button(Action.SESSION_REVIEW, why if row["person"] == str(actor.person) else None)
                for row in found["items"]
            },
        )


def opens_at_once(request: Request[Any, Any, Any]) -> bool:
    """Tell whether desks open without a password: in a demo bank, for who sits at the machine it runs on.

    The name in the address must be this machine's own too: behind another one stands a proxy, or a stranger's page.
    """
    here = request.url.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(request.app.state.bank.settings.demo) and here and device_of(request.scope) == THIS_MACHINE


async def left_elsewhere(gate: Gate, page: Page) -> Actor | None:
    """Return who was signed in here until now; a session of another device is ended at once."""
    before = page.actor if page.actor is not None and page.actor.session is not None else None
    if before is not None and before.elsewhere is not None:
        await gate.perform(before, close_session, CloseSession(), key=str(uuid7()))
        return None
    return before


def door(page: Page, account: str, wanted: str, status: int = 200) -> Response[str]:
    """Return the sign-in form."""
    return page.show(
        "people/templates/sign_in.html",
        status=status,
        account=account,
        wanted=page_forms.local_path(wanted, ""),
    )


ROUTES = [
    *(PeoplePages, PersonListPages, RightPages, RequestPages, SessionReviewPages, StaffEventPages),
    *account_pages.ROUTES,
]
