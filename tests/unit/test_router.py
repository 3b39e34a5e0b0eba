"""Whose word counts when the router asks where an account signs in, and what it hands on."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from policies.vocabulary import Office
from service.page_forms import SESSION_COOKIE
from service.router import NoMajority, Router, account_in, handed_on

FRONT, BACK, LEGAL, CREDIT = Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.LEGAL, Office.CREDIT


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError(scope, receive, send)


def router(**says: Office | int | None) -> Router:
    """Return a router whose offices answer so; a number is a status instead of an answer."""
    made = Router(nobody, Path("/nowhere"), [Office(name) for name in says])
    for name, said in says.items():
        answer = httpx.Response(said) if isinstance(said, int) else httpx.Response(200, json={"office": said})
        transport = httpx.MockTransport(lambda _, answer=answer: answer)
        made.clients[Office(name)] = httpx.AsyncClient(transport=transport, base_url="http://office.test")
    return made


async def test_an_account_signs_in_where_the_offices_say_it_does() -> None:
    assert await router(front_office=BACK, back_office=BACK, legal=BACK).office_named("verifier") is BACK
    assert await router(front_office=None, back_office=None, legal=None).office_named("nobody") is None


async def test_one_office_that_lies_draws_no_password_to_itself() -> None:
    lying = router(front_office=FRONT, back_office=BACK, legal=BACK, credit=BACK)
    assert await lying.office_named("verifier") is BACK
    while_it_is_down = router(front_office=FRONT, back_office=503, legal=BACK, credit=BACK)
    assert await while_it_is_down.office_named("verifier") is BACK
    with_nobody = router(front_office=FRONT, back_office=None, legal=None)
    assert await with_nobody.office_named("nobody-at-all") is None


async def test_where_no_majority_agrees_nobody_gets_the_password() -> None:
    for divided in (
        router(front_office=FRONT, back_office=BACK),
        router(front_office=FRONT, legal=LEGAL, credit=CREDIT),
        router(front_office=503, back_office=500),
    ):
        with pytest.raises(NoMajority):
            await divided.office_named("verifier")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"account": 1}',
        b'{"account": ""}',
        b'{"account": "a\\u0000b"}',
        b"\xff",
        b"[" * 9000,
    ],
)
def test_a_sign_in_that_names_no_account_is_nobodys(body: bytes) -> None:
    assert account_in(body, "api") is None


def test_an_account_is_read_as_its_office_will_read_it() -> None:
    assert account_in(json.dumps({"account": "trader", "password": "x"}).encode(), "api") == "trader"
    assert account_in(b"account=+trader+&password=x", "web") == "trader"


def test_what_was_said_of_the_way_before_is_not_handed_on() -> None:
    headers = [(b"host", b"bank"), (b"x-forwarded-for", b"1.2.3.4"), (b"connection", b"close"), (b"te", b"x")]
    scope: Any = {"headers": headers, "client": ("192.0.2.7", 4711)}
    assert handed_on(scope) == [(b"host", b"bank"), (b"x-forwarded-for", b"192.0.2.7")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/health", b""), ("GET", "/backlog", b""), ("POST", "/demo-desk", b"account=compliance")],
)
async def test_what_belongs_to_an_office_is_brought_there(method: str, path: str, body: bytes) -> None:
    asked: list[str] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"office": "compliance"})

    made = router(compliance=Office.COMPLIANCE)
    transport = httpx.MockTransport(answering)
    made.clients[Office.COMPLIANCE] = httpx.AsyncClient(transport=transport, base_url="http://office.test")
    session = b"tw.compliance.token" if method == "GET" else b""
    headers = [(b"cookie", SESSION_COOKIE.encode() + b"=" + session), (b"content-length", b"%d" % len(body))]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 4000),
        "scheme": "http",
        "state": {},
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_: Any) -> None:
        pass

    with suppress(httpx.StreamConsumed):  # what the office would answer is no matter here
        await made(cast("Any", scope), receive, send)
    assert asked[-1] == path
