"""Visits to the pages as a browser without scripts makes them: cookies, forms as they stand in the page, redirects."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

from service.demo.access import token_for
from service.page_forms import SESSION_COOKIE
from tests.bank import PASSWORD, World

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
TICKET = {
    "side": "buy",
    "base": "EUR",
    "quote": "USD",
    "base_amount": "1.5M",
    "rate": "1.1650",
    "value_date": "",
}
TICKETS = ("trade.capture", "trade.resubmit", "amendment.request")
ENTER, CHECK = {"_do": "enter"}, {"_do": "check"}


@dataclass
class Form:
    """A form as it stands in a page, with what its fields hold."""

    action: str
    id: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class Sheet(HTMLParser):
    """A page taken apart: its forms, its links, its text."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: Form | None = None
        self._select: str | None = None
        self._address = answer.url.path
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(facts.get("action", self._address), facts.get("id", ""))
            if facts.get("method") == "post":
                self.forms.append(self._open)
        elif tag == "a":
            self.links.append(facts.get("href", ""))
        elif self._open is not None and tag == "input" and facts.get("type") != "checkbox":
            self._open.fields[facts["name"]] = facts.get("value", "")
        elif self._open is not None and tag == "textarea":
            self._open.fields[facts["name"]] = ""
        elif self._open is not None and tag == "select":
            self._select = facts["name"]
            self._open.fields[self._select] = ""
            self._open.choices[self._select] = []
        elif self._open is not None and tag == "option" and self._select is not None:
            self._open.choices[self._select].append(facts["value"])
            if "selected" in facts:
                self._open.fields[self._select] = facts["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """What a reader reads, in one line."""
        return re.sub(r"\s+", " ", " ".join(self.words))

    def form(self, action: str) -> Form:
        """Return the form that acts there. Raises LookupError with those there are."""
        for one in self.forms:
            if action in (one.action, one.id):
                return one
        raise LookupError(f"{action} is not among {[(one.action, one.id) for one in self.forms]}")

    def offers(self, action: str) -> bool:
        """Tell whether the page holds a form for the act."""
        return any(one.action == f"/acts/{action}" for one in self.forms)


@dataclass
class Visitor:
    """Somebody in front of the pages."""

    client: httpx.AsyncClient

    async def get(self, path: str, **query: str) -> Sheet:
        """Open a page that must be there."""
        answer = await self.client.get(path, params=query or None)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return Sheet(answer)

    async def send(self, form: Form, **fields: str) -> httpx.Response:
        """Send a form as the browser would; the redirect is not followed."""
        body = form.fields | fields
        return await self.client.post(form.action, data=body, headers=SAME_ORIGIN)

    async def bring(self, form: Form, name: str, content: bytes, media_type: str, /, **fields: str) -> Sheet:
        """Send a form with a file and read the page it leads to."""
        body = {name: value for name, value in (form.fields | fields).items() if name != "file"}
        file = {"file": (name, content, media_type)}
        answer = await self.client.post(form.action, data=body, files=file, headers=SAME_ORIGIN)
        assert answer.status_code == 303, (answer.status_code, answer.text[:2000])
        return await self.get(answer.headers["location"])

    async def submit(self, form: Form, **fields: str) -> Sheet:
        """Send a form and read the page it leads to; a refused ticket is answered by itself."""
        answer = await self.send(form, **fields)
        if form.id in TICKETS and 400 <= answer.status_code < 500:
            return Sheet(answer)
        assert answer.status_code == 303, (answer.status_code, answer.text[:2000])
        return await self.get(answer.headers["location"])

    async def act(self, path: str, action: str, **fields: str) -> Sheet:
        """Open a page, fill in the form of an act, send it, and read what came of it."""
        return await self.submit((await self.get(path)).form(action), **fields)


def stranger(world: World, language: str = "en") -> Visitor:
    """Return a visitor who is not signed in."""
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False)  # type: ignore[arg-type]
    headers = {"Accept-Language": language}
    return Visitor(httpx.AsyncClient(transport=transport, base_url="https://bank.test", headers=headers))


async def signed_in(world: World, account: str, *, language: str = "en") -> Visitor:
    """Return a visitor whose browser holds a session of the account."""
    visitor = stranger(world, language)
    token = await token_for(world.bank, account)
    visitor.client.cookies.set(SESSION_COOKIE, token, domain="bank.test", path="/")
    return visitor


async def at_the_door(
    world: World, account: str, password: str = PASSWORD, **fields: str
) -> tuple[Visitor, httpx.Response]:
    """Sign in by the form; return the visitor and the answer."""
    visitor = stranger(world)
    door = (await visitor.get("/sign-in", account=account)).form("/sign-in")
    return visitor, await visitor.send(door, password=password, **fields)


def held(visitor: Visitor) -> dict[str, Any]:
    """Return the cookies the visitor's browser keeps."""
    return dict(visitor.client.cookies)


def chosen(sheet: Sheet) -> dict[str, str]:
    """Return a ticket filled in with the first counterparty and the first book."""
    form = sheet.form("trade.capture")
    return TICKET | {name: form.choices[name][-1] for name in ("counterparty", "portfolio")}


async def struck(trader: Visitor, **changed: str) -> Sheet:
    """Strike a deal by the ticket and return the page that follows."""
    ticket = await trader.get("/trades/new")
    return await trader.submit(ticket.form("trade.capture"), **chosen(ticket) | ENTER | changed)


def deal_in(sheet: Sheet) -> str:
    """Return the id of the deal a page shows."""
    found = re.search(r"\bId ([0-9a-f-]{36})", sheet.text)
    assert found is not None, sheet.text
    return found.group(1)
