"""One address for a bank whose offices run as processes of their own: each request goes to the office of its session.

The router holds no login, no key and no session. It reads from a token which office it names and hands the request
on, byte by byte; whether the token is good, that office decides. What needs no office (the door, the frame's files,
the contract) it answers itself, from the same application without any login.

Whose account signs in where, every office can tell, and each is asked: more than half of those that answer must agree.
So no single office, even one that somebody took over, draws the passwords of another one's people to itself.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote

import httpx
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Receive, Scope, Send

from policies.vocabulary import Office
from service import faces, page_forms
from service.afar import INSIDE, INSIDE_HEADER, client_of
from service.kernel.errors import OfficeSilent, Refusal
from service.people.authentication import office_of_token

ANSWER: Final = httpx.Timeout(120.0, connect=2.0)  # an evidence pack takes its time
SIGN_IN: Final = {"/api/sessions": "api", "/demo-desk": "web", "/sign-in": "web"}
OWN: Final = ("/sign-in", "/health/", "/static", "/api/openapi.json", "/api/inside")
"""Where no session counts: answered here, by nobody's office."""
NOT_HANDED_ON: Final = frozenset(
    {
        b"connection",
        b"forwarded",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-for",
        b"x-forwarded-proto",
    }
)


class NoMajority(Refusal):
    """503. The offices do not agree on whose account this is, so nobody gets its password."""

    status = 503


class Router:
    """The ASGI application at the bank's one address."""

    def __init__(self, own: ASGIApp, sockets: Path, offices: Iterable[Office]) -> None:
        """``own`` answers what needs no office; each of ``offices`` listens in ``sockets``."""
        self.own = own
        self.clients = {office: client_of(sockets, office, ANSWER) for office in offices}

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self.clients.values():
            await client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to whom it belongs."""
        if scope["type"] != ScopeType.HTTP:
            await self.own(scope, receive, send)
            return
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != INSIDE_HEADER.encode()]
        path = scope["path"].rstrip("/")
        if scope["method"] == "POST" and path in SIGN_IN:
            await self._sign_in(scope, receive, send, SIGN_IN[path])
            return
        if path == "/health/ready":
            await self._ready(send)
            return
        token = None if scope["path"].startswith(OWN) else page_forms.token_of(scope)[0]
        office = None if token is None else office_of_token(token)
        if office is None:
            await self.own(scope, receive, send)
        else:
            await self._hand_on(office, scope, receive, send)

    async def _sign_in(self, scope: HTTPScope, receive: Receive, send: Send, face: str) -> None:
        """Bring a sign-in to the account's office; what cannot be read or is nobody's is refused here."""
        try:
            body = await faces.whole_body(receive, faces.BODY_BYTES_MAX)
            office = await self.office_named(account_in(body, face))
        except NoMajority as undecided:
            await self._refuse(undecided, scope, receive, send)
            return
        except faces.BodyTooLarge as large:
            await self._refuse(large, scope, receive, send)
            return
        if office is None:
            await self.own(scope, _replaying(body), send)
            return
        status = await self._hand_on(office, scope, _replaying(body), send)
        if face == "web" and status == 303:  # noqa: PLR2004 - on to the next page: signed in
            await self._end_before(scope, office)

    async def _end_before(self, scope: Scope, now: Office) -> None:
        """End the session that the browser held at another office, as signing in there would have."""
        token = page_forms.token_of(scope)[0]
        office = None if token is None else office_of_token(token)
        if office is not None and office is not now and office in self.clients:
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            try:
                await self.clients[office].delete("/api/sessions/current", headers=headers)
            except httpx.HTTPError:
                return  # it ends by itself, and the browser has forgotten it

    async def office_named(self, account: str | None) -> Office | None:
        """Return where an account signs in, by the word of more than half of the offices. Raises NoMajority."""
        if account is None:
            return None
        asked = [office for office in self.clients if office is not Office.LOG]
        answers = await asyncio.gather(*(self._ask(office, account) for office in asked))
        said = [one for heard, one in answers if heard]
        if not said:
            raise NoMajority("No office answers just now. Try again later.")
        ((most, times),) = Counter(said).most_common(1)
        if times * 2 <= len(said):
            raise NoMajority("The offices do not agree on whose account this is. Tell the administrators.")
        return most

    async def _ask(self, office: Office, account: str) -> tuple[bool, Office | None]:
        try:
            answer = await self.clients[office].get(
                "/api/inside/office", params={"account": account}, headers=INSIDE, timeout=5.0
            )
            answer.raise_for_status()
            named = answer.json()["office"]
            return True, None if named is None else Office(named)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return False, None

    async def _ready(self, send: Send) -> None:
        """Tell which offices are ready; the bank is as long as its log is."""
        states = dict(
            await asyncio.gather(*(self._ready_of(office, client) for office, client in self.clients.items()))
        )
        ready = states.get(Office.LOG) == "ready"
        told = {"status": "ready" if ready else "not ready", "offices": dict(sorted(states.items()))}
        body = json.dumps(told).encode()
        head = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200 if ready else 503, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _ready_of(self, office: Office, client: httpx.AsyncClient) -> tuple[Office, str]:
        try:
            answer = await client.get("/health/ready", timeout=5.0)
        except httpx.HTTPError:
            return office, "silent"
        return office, "ready" if answer.status_code == 200 else "not ready"  # noqa: PLR2004

    async def _hand_on(self, office: Office, scope: HTTPScope, receive: Receive, send: Send) -> int:
        """Hand the request to an office and its answer back; return the status. What the office does not take is a 503."""
        if office not in self.clients:
            return await self._refuse(OfficeSilent(office.value), scope, receive, send)
        client = self.clients[office]
        request = client.build_request(
            scope["method"],
            httpx.URL(f"http://{office}").copy_with(raw_path=target_of(scope)),
            headers=handed_on(scope),
            content=_body_of(receive) if _has_body(scope) else None,
        )
        try:
            response = await client.send(request, stream=True)
        except httpx.HTTPError:
            return await self._refuse(OfficeSilent(office.value), scope, receive, send)
        try:
            headers = [
                (name.lower(), value)
                for name, value in response.headers.raw
                if name.lower() not in NOT_HANDED_ON
            ]
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            async for chunk in response.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await response.aclose()
        return response.status_code

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> int:
        """Refuse as every face does: a page for people, problem+json for the interface."""
        told = cast("Scope", {**scope, "state": {"unreachable": refusal}})
        await self.own(told, receive, send)
        return refusal.status


def account_in(body: bytes, face: str) -> str | None:
    """Return the account that a sign-in names, read as its office will read it; None if it cannot be."""
    try:
        if face == "api":
            told: Any = json.loads(body)
            account = told.get("account") if isinstance(told, Mapping) else None
        else:
            account = dict(parse_qsl(body.decode("ascii"), encoding="utf-8", errors="strict")).get("account")
            account = None if account is None else account.strip()[:64]
    except (ValueError, RecursionError):
        return None
    return account if isinstance(account, str) and 0 < len(account) <= 64 and account.isprintable() else None  # noqa: PLR2004


def target_of(scope: HTTPScope) -> bytes:
    """Return path and query as they were asked for."""
    raw = scope.get("raw_path")
    path = bytes(raw) if raw else quote(scope["path"]).encode()
    query = scope["query_string"]
    return path + (b"?" + query if query else b"")


def handed_on(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers for the office: no word about this way itself, and whom the request came from."""
    client = scope.get("client")
    source = (client[0] if client else "unknown").encode("latin-1", "replace")
    kept = [(name, value) for name, value in scope["headers"] if name not in NOT_HANDED_ON]
    return [*kept, (b"x-forwarded-for", source)]


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


async def _body_of(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise httpx.ReadError("the caller went away")
        yield message.get("body") or b""
        if not message.get("more_body"):
            return


def _replaying(body: bytes) -> Receive:
    async def replay() -> HTTPReceiveMessage:
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
