"""What the process says about requests: who did what and how it ended; never what somebody sent."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.journal import Lines, Requests, Sentences, Style
from service.watching import Watched
from tests.bank import PASSWORD, World
from tests.deals import TERMS
from tests.visiting import SAME_ORIGIN

SECRET = "s3cret"
STYLES: tuple[Style, ...] = ("json", "text")


class Heard:
    """Everything that a process says while a test goes on."""

    def __init__(self, style: Style) -> None:
        self.requests = io.BytesIO()
        self.said = io.StringIO()
        self.style = style
        self.handler = logging.StreamHandler(self.said)
        self.handler.setFormatter(Lines() if style == "json" else Sentences())

    def client(self, world: World, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Return a caller whose requests are told of."""
        watched = Watched(world.app, Requests(self.style, self.requests))
        transport = httpx.ASGITransport(app=watched, raise_app_exceptions=False)  # type: ignore[arg-type]
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(transport=transport, base_url="http://bank.test", headers=headers)

    def all(self) -> str:
        """Return every word."""
        return self.requests.getvalue().decode() + self.said.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines about requests."""
        return [json.loads(line) for line in self.requests.getvalue().splitlines()]


@pytest.fixture(params=STYLES)
def heard(request: pytest.FixtureRequest) -> Iterator[Heard]:
    """Listen to the whole process."""
    found = Heard(request.param)
    root = logging.getLogger()
    root.addHandler(found.handler)
    yield found
    root.removeHandler(found.handler)


async def signed_in(client: httpx.AsyncClient, account: str) -> str:
    answer = await client.post("/api/sessions", json={"account": account, "password": PASSWORD})
    return str(answer.json()["token"])


async def test_secrets_in_every_place_of_a_request_stand_in_no_line(ready_bank: World, heard: Heard) -> None:
    async with heard.client(ready_bank) as nobody:
        token = await signed_in(nobody, "trader")
        await nobody.post("/api/sessions", json={"account": f"{SECRET}-a", "password": f"{SECRET}-b"})
        await nobody.post(
            "/api/sessions", content=f"{SECRET} is no JSON", headers={"Content-Type": "text/plain"}
        )
        await nobody.get(f"/{SECRET}/{SECRET}?{SECRET}={SECRET}")
        await nobody.request(SECRET.upper(), "/api/trades")
        await nobody.post(
            "/sign-in",
            data={"account": SECRET, "password": SECRET},
            headers={**SAME_ORIGIN, "Cookie": SECRET},
        )
    carried = {
        "X-Request-Id": SECRET,
        "Traceparent": SECRET,
        "User-Agent": SECRET,
        "Referer": f"http://bank.test/{SECRET}",
        "Cookie": f"__Host-trennwand={SECRET}",
        "X-Forwarded-For": SECRET,
        "Accept-Language": SECRET,
    }
    async with heard.client(ready_bank, token, **carried) as trader:
        done = await trader.post("/api/trades", json=TERMS, headers={"Idempotency-Key": f"{SECRET}-key"})
        wrong = TERMS | {"rate": SECRET, SECRET: SECRET}
        await trader.post("/api/trades", json=wrong, headers={"Idempotency-Key": f"{SECRET}-key2"})
        await trader.get(f"/api/trades?{SECRET}={SECRET}")
        await trader.get(f"/api/trades/{SECRET}")
        await trader.get(f"/trades?book={SECRET}")
        await broken_inside(ready_bank, trader)
    async with heard.client(ready_bank, f"tw.front_office.{SECRET}") as stranger:
        assert (await stranger.get("/api/trades")).status_code == 401

    assert done.status_code == 201
    said = heard.all()
    assert SECRET not in said.lower()
    for one in (token, PASSWORD, TERMS["counterparty"], "FX-EUR"):
        assert one not in said
    assert "unhandled at /api/trades" in heard.said.getvalue()


async def broken_inside(world: World, trader: httpx.AsyncClient) -> None:
    """Meet a bug with a secret in hand: the driver's own words name the values that a statement was given."""
    engine = create_async_engine(world.bank.admin_url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE public.position_movement RENAME TO lost"))
    body = TERMS | {"side_agreements": f"{SECRET} {SECRET}"}
    answer = await trader.post("/api/trades", json=body, headers={"Idempotency-Key": f"{SECRET}-key3"})
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE public.lost RENAME TO position_movement"))
    await engine.dispose()
    assert answer.status_code == 500


async def test_a_line_tells_who_did_what_and_ties_it_to_the_entry(ready_bank: World) -> None:
    heard = Heard("json")
    async with heard.client(ready_bank) as nobody:
        token = await signed_in(nobody, "trader")
    async with heard.client(ready_bank, token) as trader:
        done = await trader.post("/api/trades", json=TERMS, headers={"Idempotency-Key": "mine"})
        path = f"/api/trades/{done.json()['id']}/verification"
        refused = await trader.post(path, json={"version": 1}, headers={"Idempotency-Key": "mine too"})
        await trader.get("/nowhere/at/all")
    signed, capture, verify, nowhere = heard.lines()

    assert (signed["route"], signed["status"], "actor" in signed) == ("/api/sessions", 201, False)
    assert capture.keys() == {
        "ts", "level", "event", "id", "method", "route", "status", "ms", "outcome", "actor", "office", "act", "req",
    }  # fmt: skip
    assert (capture["act"], capture["office"], capture["outcome"]) == (
        "trade.capture",
        "front_office",
        "done",
    )
    assert capture["id"] == done.headers["x-request-id"]
    assert (verify["outcome"], verify["code"]) == ("refused", "not_permitted")
    assert verify["decision"] == refused.json()["decision"]
    assert verify["route"] == "/api/trades/{trade}/verification"
    assert (nowhere["route"], nowhere["status"]) == ("none", 404)
    entries = await (await ready_bank.as_("compliance")).get("/api/entries", action="trade.capture")
    assert capture["actor"] in entries.text


def test_a_demo_is_quiet_about_requests_and_readable_about_faults() -> None:
    to = io.BytesIO()
    Requests("quiet", to).tell({"event": "request"})
    assert to.getvalue() == b""
    try:
        int(SECRET)
    except ValueError as failure:
        record = logging.LogRecord(
            "service.app",
            logging.ERROR,
            "",
            0,
            "unhandled at %s",
            ("/api/x",),
            (ValueError, failure, failure.__traceback__),
        )
    told = Sentences().format(record)
    assert told.startswith("ERROR service.app: unhandled at /api/x\n  ValueError\n    ")
    assert SECRET not in told


def test_foreign_libraries_are_told_by_their_fixed_words_and_no_line_is_broken_in_two() -> None:
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, f"Task failed\nfuture: {SECRET}", (), None)
    assert SECRET not in Lines().format(record)
    ours = logging.LogRecord("service.x", logging.ERROR, "", 0, "one\ntwo \x1b[31m\u2028", (), None)
    assert "\n" not in Sentences().format(ours)
    assert "\x1b" not in Sentences().format(ours)
