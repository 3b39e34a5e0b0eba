"""The frame around HTML pages: who reads, in which language, what the last act came to, failures as pages."""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote, urlencode
from uuid import UUID

import jinja2
import msgspec
from litestar import Controller, MediaType, Request, Response, post
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.apart import Act
from policies.apart import refusal as apart_refusal
from policies.vocabulary import Action
from service import faces, page_forms
from service.acts import use_case_named
from service.dead_ends import pasts_of
from service.faces import Allows
from service.gate import Done, Gate
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, NotSignedIn, Refusal
from service.kernel.failures import unanswered
from service.kernel.identifiers import uuid7
from service.page_forms import command_fields, decoded, form_token, is_page, local_path, session_token
from service.ui import words
from service.ui.assets import address_of
from service.ui.cells import Cells
from service.ui.formats import BERLIN, Formats
from service.ui.languages import LANGUAGES, N_, Language, Words, known, preferred
from service.ui.navigation import DESKS, Place, menus_for, place_of, places_for, start_of

SERVICE: Final = Path(__file__).parent
THEMES: Final = {"light": N_("light"), "dark": N_("dark"), "system": N_("as the system")}
LANGUAGE_COOKIE: Final = "__Host-trennwand-language"
THEME_COOKIE: Final = "__Host-trennwand-theme"
KEYS_COOKIE: Final = "__Host-trennwand-keys"
SAID_COOKIE: Final = "__Host-trennwand-said"
SAID_BYTES_MAX: Final = 3_500
OF_DICTIONARIES: Final = frozenset(dir(dict))
DESK: Final = text("SELECT business_date, desk_clock FROM public.desk_time")


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of an act, on its way to the next page; ``values`` are what a refused form held."""

    good: bool
    action: str
    sentence: str = ""
    code: str = ""
    status: int = 200
    rule: str | None = None
    decision: str | None = None
    entry: str | None = None
    field: str | None = None
    form: str = ""
    values: dict[str, str] = msgspec.field(default_factory=dict)
    too_long: bool = False
    """Whether the form held more than is kept on the way: what was typed is lost."""


@dataclass(frozen=True, slots=True)
class Button:
    """An act the state allows and the policy gives; ``why_not`` says what in the history bars this person."""

    action: Action
    why_not: str | None = None


# Cookies -------------------------------------------------------------------------------------------


def cookie(name: str, value: str, *, seconds: int | None = None) -> Cookie:
    """Return a cookie that only this very host gets, over a secure way, and no script reads."""
    return Cookie(
        key=name, value=value, path="/", secure=True, httponly=True, samesite="lax", max_age=seconds
    )


def gone(name: str) -> Cookie:
    """Return what makes a browser forget the cookie."""
    return cookie(name, "", seconds=0)


def language_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Language:
    """Return the reader's choice, else the browser's wish."""
    chosen = known(connection.cookies.get(LANGUAGE_COOKIE))
    return chosen or preferred(connection.headers.get("accept-language", ""))


def said_before(connection: ASGIConnection[Any, Any, Any, Any]) -> Said | None:
    """Return what the last act came to, if it is still to be shown."""
    try:
        packed = base64.urlsafe_b64decode(connection.cookies.get(SAID_COOKIE, "").encode())
        return msgspec.json.decode(packed, type=Said)
    except (ValueError, msgspec.DecodeError):
        return None


def said_cookie(said: Said) -> Cookie:
    """Pack the result; a form too long for a cookie loses what was typed, never its message."""
    packed = base64.urlsafe_b64encode(msgspec.json.encode(said)).decode()
    if len(packed) > SAID_BYTES_MAX:
        short = msgspec.structs.replace(said, values={}, too_long=True, sentence=said.sentence[:500])
        packed = base64.urlsafe_b64encode(msgspec.json.encode(short)).decode()
    return cookie(SAID_COOKIE, packed, seconds=300)


# A page --------------------------------------------------------------------------------------------


class Strict(jinja2.StrictUndefined):
    """A name that a template was not given is a bug; an ``if`` without its ``else`` is nothing."""

    def __str__(self) -> str:  # type: ignore[override]  # the parent's never returns
        """Return nothing for an ``if`` that did not hold. Raises UndefinedError for everything else."""
        if (self._undefined_hint or "").startswith("the inline if-expression"):
            return ""
        return super().__str__()


class Templates(jinja2.Environment):
    """Where templates come from. Nearly all that they read are dictionaries, whose keys Jinja only tries second."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what a dot leads to, as Jinja does: an attribute, else a key."""
        if type(obj) is dict and attribute in obj and attribute not in OF_DICTIONARIES:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def templates() -> jinja2.Environment:
    """Return the templates of every slice and of the frame; everything put into one is escaped."""
    return Templates(
        loader=jinja2.FileSystemLoader(SERVICE),
        autoescape=True,
        undefined=Strict,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class Unread(NamedTuple):
    """What was typed into a field of a filter and cannot be read, and why not."""

    typed: str
    why: str


@dataclass(slots=True)
class Page:
    """One page for one reader: language, account, desk time, what the last act came to."""

    request: Request[Any, Any, Any]
    actor: Actor | None
    business_date: date | None = None
    desk_clock: time | None = None
    powers: frozenset[Action] = frozenset()
    form: Mapping[str, str] = field(default_factory=dict)
    language: Language = "en"
    said: Said | None = None
    unread: dict[str, Unread] = field(default_factory=dict)

    @property
    def gate(self) -> Gate:
        """The gate behind every act."""
        return cast("Gate", self.request.app.state.gate)

    @property
    def log_status(self) -> str:
        """How the log stands: every page says so while it is not as it should be."""
        return str(self.request.app.state.bank.silence().status)

    @property
    def demo(self) -> bool:
        """Whether this is a demo bank, which every page must show."""
        return bool(self.request.app.state.bank.settings.demo)

    @property
    def theme(self) -> str:
        """Light, dark, or as the reader's system has it."""
        chosen = self.request.cookies.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else "system"

    @property
    def keys(self) -> bool:
        """Whether single letters do something; a reader who speaks to the computer turns them off (WCAG 2.1.4)."""
        return self.request.cookies.get(KEYS_COOKIE) != "off"

    @property
    def seconds_left(self) -> int | None:
        """How long the session lasts if nothing is asked of it any more."""
        if self.actor is None or self.actor.session_left is None:
            return None
        return int(self.actor.session_left)

    @property
    def places(self) -> list[Place]:
        """Where the reader may go."""
        return [] if self.actor is None else places_for(self.powers)

    @property
    def path(self) -> str:
        """The address of this page with its filters: where an act comes back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def token(self) -> str:
        """What binds this page's forms to the session."""
        session = session_token(self.request)
        return "" if session is None else form_token(session)

    def here(self, **changed: str) -> str:
        """Return the address of this page with some of its query changed, by nothing taken out: the next page of a list."""
        kept = {name: value for name, value in self.request.query_params.items() if value}
        path = self.request.url.path.lstrip("/")  # "//here" would name a host
        asked = {name: value for name, value in (kept | changed).items() if value}
        return f"/{path}?{urlencode(asked)}" if asked else f"/{path}"

    def day_in(self, written: str, name: str) -> date | None:
        """Return the day that a filter names; one that cannot be read filters nothing, and its field says so."""
        try:
            return page_forms.day_in(written, name)
        except Malformed as malformed:
            self.unread[name] = Unread(written, str(malformed))
            return None

    def key(self) -> str:
        """Return a new idempotency key for one form: sent twice, it acts once."""
        return str(uuid7())

    def may(self, action: Action | str) -> bool:
        """Tell whether the reader's roles give this right at all."""
        return Action(action) in self.powers

    def options(self, codes: Iterable[str], named: Mapping[str, words.Status | str]) -> list[tuple[str, str]]:
        """Return codes with what they are called, in the order of their names: what a choice offers."""
        say = Words(self.language, words.NAMED)
        texts = {str(code): named.get(code, str(code)) for code in codes}
        pairs = [(code, say(text if isinstance(text, str) else text.text)) for code, text in texts.items()]
        return sorted(pairs, key=lambda pair: pair[1].casefold())

    def show(self, template: str, *, status: int = 200, **context: Any) -> Response[str]:
        """Render the page."""
        everything = self.context() | context
        body = templates().get_template(template).render(everything)
        shown = [gone(SAID_COOKIE)] if SAID_COOKIE in self.request.cookies else []
        return Response(
            body, status_code=status, media_type=MediaType.HTML, headers=faces.HEADERS, cookies=shown
        )

    def context(self) -> dict[str, Any]:
        """Return what every template finds."""
        say, settings = Words(self.language, words.NAMED), self.request.app.state.bank.settings
        return {
            "_": say,
            "ngettext": say.plural,
            "say": say,
            "fmt": Formats(self.language),
            "cell": Cells(self.language, say),
            "words": words,
            "options": self.options,
            "page": self,
            "said": self.said,
            "Action": Action,
            "entity": settings.entity_name,
            "languages": LANGUAGES,
            "menus": [] if self.actor is None else menus_for(self.actor.office, self.powers),
            "menu_place": place_of(self.request.url.path, self.places),
            "themes": THEMES,
            "asset": address_of,
            "desks": DESKS,
        }

    def back(self, path: str, said: Said | None = None, *cookies: Cookie) -> Redirect:
        """Send the reader on to a page of ours, with the result of the act to be shown there."""
        shown = [*cookies, said_cookie(said)] if said is not None else [*cookies]
        return Redirect(path, status_code=303, cookies=shown, headers=faces.HEADERS)


def bare_page(request: Request[Any, Any, Any]) -> Page:
    """Return a page without desk time: for failures and for readers who are not signed in."""
    state = request.scope.get("state", {})
    actor = state.get("actor")
    powers = frozenset() if actor is None else request.app.state.gate.policy.powers(actor.roles)
    return Page(
        request,
        actor,
        powers=frozenset() if actor is not None and actor.restricted else powers,
        form=state.get("form", {}),
        language=language_of(request),
        said=said_before(request),
    )


async def provide_page(request: Request[Any, Any, Any]) -> Page:
    """Dependency ``page``."""
    page = bare_page(request)
    if page.actor is not None:
        async with page.gate.offices[page.actor.office].connect() as connection:
            row = (await connection.execute(DESK)).one_or_none()
        now = page.gate.clock.now().astimezone(BERLIN)
        page.business_date = now.date() if row is None else row.business_date
        page.desk_clock = None if row is None else row.desk_clock
    return page


async def provide_history(reads: NamedDependency[AsyncSession]) -> AsyncIterator["History"]:
    """Dependency ``history``."""
    yield History(reads)


NOTHING: Final = ("", UUID(int=0))
"""No object beside the deal itself."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An object with the acts its state allows, its deal, and what its history rests on."""

    actions: Iterable[Action]
    trade: UUID | str | None = None
    related: Iterable[tuple[str, UUID | str]] = ()


@dataclass(slots=True)
class History:
    """Who did what to an object before: what keeps somebody from acting on it now."""

    reads: AsyncSession

    async def buttons(
        self,
        page: Page,
        actions: Iterable[Action],
        trade_id: UUID | str | None = None,
        related: Iterable[tuple[str, UUID | str]] = (),
    ) -> list[Button]:
        """Return the acts of ``actions`` that the reader's roles give, each with why this person may not."""
        return (await self.buttons_of(page, {"": Subject(actions, trade_id, related)}))[""]

    async def buttons_of(self, page: Page, subjects: Mapping[str, "Subject"]) -> dict[str, list[Button]]:
        """Return the same for each of several objects, in one statement however many they are."""
        assert page.actor is not None
        given = {
            name: [action for action in dict.fromkeys(one.actions) if page.may(action)]
            for name, one in subjects.items()
        }
        asked = [
            (name, None if one.trade is None else UUID(str(one.trade)), kind, UUID(str(object_id)))
            for name, one in subjects.items()
            if given[name]
            for kind, object_id in (*one.related, *([NOTHING] if one.trade is not None else []))
        ]
        connection = await self.reads.connection()
        acts: dict[str, list[Act]] = {name: [] for name in subjects}
        found = await pasts_of(connection, [(trade, kind, object_id) for _, trade, kind, object_id in asked])
        for (name, *_), past in zip(asked, found, strict=True):
            acts[name].extend(past.acts)
        now, policy = page.gate.clock.now(), page.gate.policy
        buttons: dict[str, list[Button]] = {}
        for name, possible in given.items():
            buttons[name] = []
            for action in possible:
                rule = apart_refusal(policy.apart, action, str(page.actor.person), acts[name], now)
                why_not = None if rule is None else f"{rule.why[0].upper()}{rule.why[1:]} ({rule.control})."
                buttons[name].append(Button(action, why_not))
        return buttons


# Acts ----------------------------------------------------------------------------------------------


async def perform_form(page: Page, action: str, form: Mapping[str, str], **more: Any) -> Done | Said:
    """Do the act that a form asks for, through the gate; a refusal comes back as what is to be shown.

    ``more``: fields of the command that a page puts together from its form, or from the file that came with it.
    """
    assert page.actor is not None
    gate, sent = page.gate, form.get("_form", "")
    try:
        case = use_case_named(action)
        key = faces.checked_key(form.get("_key", ""))
        command = decoded(case.command, command_fields(form, page.language) | more)
        return await gate.perform(page.actor, case, command, key=key)
    except Refusal as refusal:
        if refusal.decision is None and isinstance(refusal, Malformed):
            await gate.refuse(page.actor, known_action(action), refusal)
        return refused(action, refusal, sent, form)


def refused(action: str, refusal: Refusal, sent: str, form: Mapping[str, str]) -> Said:
    """Return a refusal as the next page shows it, beside the form with what was typed."""
    return Said(
        good=False,
        action=action,
        sentence=str(refusal),
        code=refusal.code,
        status=refusal.status,
        rule=refusal.rule,
        decision=refusal.decision,
        field=refusal.field,
        form=sent,
        values={name: value for name, value in form.items() if not name.startswith("_")},
    )


def done(action: str, outcome: Done) -> Said:
    """Return a done act as the next page shows it: with the entry that its receipt promises."""
    return Said(good=True, action=action, entry=outcome.answer.get("receipt", {}).get("entry"))


def known_action(action: str) -> Action:
    """Return the act of this name, or the right to act at all where there is none of that name."""
    return Action(action) if action in {each.value for each in Action} else Action.POWER_READ


class ActPages(Controller):
    """Every form that acts comes here; the gate decides."""

    path = "/acts"
    include_in_schema = False

    @post("/{action:str}", guards=[Allows(Action.POWER_READ)])
    async def perform(self, page: NamedDependency[Page], action: FromPath[str]) -> Redirect:
        """Do the act and go back to where the form stood, or on to what it made."""
        back = local_path(page.form.get("_back"))
        outcome = await perform_form(page, action, page.form)
        if isinstance(outcome, Said):
            return page.back(back, outcome)
        onward = page.form.get("_then", "").replace("{id}", quote(str(outcome.answer.get("id", ""))))
        return page.back(local_path(onward, back), done(action, outcome))


# Failures ------------------------------------------------------------------------------------------


def write_failure(request: Request[Any, Any, Any], failure: Exception) -> Response[Any]:
    """Exception handler: a page for people, problem+json for the interface."""
    if not is_page(request.url.path):
        return faces.write_problem(request, failure)
    refusal = request.scope["state"].get("refusal") or faces.as_refusal(failure) or unanswered(failure)
    page = bare_page(request)
    if isinstance(refusal, NotSignedIn):
        wanted = page.path if request.method == "GET" else page.form.get("_back", "/")
        return page.back(f"/sign-in?next={quote(local_path(wanted), safe='/')}")
    if page.actor is not None and page.actor.restricted:
        return page.back("/password")
    status = 500 if refusal is None else refusal.status
    return page.show("ui/templates/problem.html", status=status, refusal=refusal, code=status)


def dependencies() -> dict[str, Provide]:
    """Return what page handlers may ask for by name."""
    return {"page": Provide(provide_page), "history": Provide(provide_history)}


def first_page(page: Page) -> str:
    """Return where the reader's day begins."""
    return "/" if page.actor is None else start_of(page.actor.office, page.powers)


ROUTES = [ActPages]
