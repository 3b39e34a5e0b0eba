"""Every answer tells a browser what it may do with it: of every route, every method, every refusal, and of a fault."""

import re
from typing import Any

import pytest
from litestar import Litestar

from service.app import EVERYWHERE
from service.faces import BODY_BYTES_MAX
from service.people.directory import SignIns
from service.tables import METADATA
from tests.bank import World
from tests.deals import rows
from tests.visiting import stranger

UNUSED = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
SOMETHING = "01a203bb-e2aa-721d-be87-4f6ec1b5d94f"


def routes(app: Litestar) -> list[tuple[str, set[str], Any]]:
    """Return every address, with something in each place, the methods it knows and its handlers."""
    return [
        (re.sub(r"{[^}]*}", SOMETHING, route.path_format or "/"), set(route.methods) - {"OPTIONS"}, route.route_handlers)
        for route in app.routes
        if hasattr(route, "route_handlers")
    ]  # fmt: skip


def missing(answer: Any) -> list[str]:
    kept = answer.request.url.path.startswith("/static/") and answer.status_code == 200
    return [
        name
        for name, value in EVERYWHERE.items()
        if answer.headers.get_list(name) != [value] and not (kept and name == "cache-control")
    ]


async def everything(world: World) -> dict[str, int]:
    """Return how many rows every table has; what was read or refused adds to the log alone."""
    told = sorted(name for name in METADATA.tables if not name.startswith("audit_"))
    counts = ", ".join(f"(SELECT count(*) FROM public.{name}) AS {name}" for name in told)
    return dict((await rows(world, f"SELECT {counts}"))[0]._mapping)


async def test_every_route_answers_every_method_with_the_headers_and_fetching_changes_nothing(
    bank_world: World,
) -> None:
    trader = await bank_world.as_("trader")
    tried, before = 0, await everything(bank_world)
    async with bank_world.anonymous() as nobody:
        for path, methods, _ in routes(bank_world.app):
            unused = next(method for method in UNUSED if method not in methods)
            for method in (*sorted(methods), unused, "OPTIONS"):
                answer = await nobody.request(method, path)
                assert missing(answer) == [], (method, path, answer.status_code)
                assert answer.status_code != 500, (method, path)
                tried += 1
                if method == unused:
                    assert answer.status_code in (403, 404, 405, 415), (method, path, answer.status_code)
            if "GET" in methods and path.startswith("/api"):
                answer = await trader.client.get(path)
                assert missing(answer) == [], (path, answer.status_code)
    print(f"{tried} answers")
    assert tried > 800
    assert (
        await everything(bank_world) == before
    )  # what is fetched, and what a stranger asks for, changes nothing


async def test_every_kind_of_refusal_and_a_fault_carry_them_and_a_fault_says_nothing(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trader = await bank_world.as_("trader")
    large = b"x" * (BODY_BYTES_MAX + 1)
    json = {"Content-Type": "application/json", "Idempotency-Key": "one"}
    seen = []
    for method, path, more in (
        ("GET", "/api/powers", {}),
        ("POST", "/api/trades", {"content": b"{", "headers": json}),
        ("GET", "/api/powers", {"headers": {"Authorization": "Bearer nobody"}}),
        ("GET", "/api/entries", {}),
        ("GET", f"/api/trades/{SOMETHING}", {}),
        ("GET", "/nowhere", {}),
        ("PATCH", "/api/trades", {"content": b"{}", "headers": json}),
        ("POST", "/api/trades", {"content": large, "headers": json}),
        ("POST", "/api/trades", {"content": b"a=1", "headers": {"Content-Type": "text/plain"}}),
    ):
        answer = await trader.client.request(method, path, **more)
        assert missing(answer) == [], (method, path)
        seen.append(answer.status_code)
    assert seen == [200, 400, 401, 403, 404, 404, 405, 413, 415]

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password of the database is hunter2")

    monkeypatch.setattr(SignIns, "actor", broken)
    for path in ("/api/powers", "/api/trades"):
        answer = await trader.client.get(path)
        assert (answer.status_code, answer.json()["code"], missing(answer)) == (500, "internal", [])
        assert "hunter2" not in answer.text
        assert "RuntimeError" not in answer.text


async def test_a_page_that_breaks_says_nothing_either(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password of the database is hunter2")

    monkeypatch.setattr(SignIns, "actor", broken)
    visitor = stranger(bank_world)
    visitor.client.cookies.set("__Host-session", "anything", domain="bank.test")
    answer = await visitor.client.get("/trades")
    assert missing(answer) == []
    assert "hunter2" not in answer.text


def test_no_other_origin_is_let_in(bank_world: World) -> None:
    assert bank_world.app.cors_config is None
