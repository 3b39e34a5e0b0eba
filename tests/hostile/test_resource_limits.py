"""No request, file or message takes more than its share: sizes, depths, numbers of things, entities and archives."""

import json
import tracemalloc
import zipfile
from io import BytesIO
from typing import Any

import pytest

from service.acts import ACTS_MAX
from service.faces import DOCUMENT_BYTES_MAX, bytes_max, is_batch
from service.importing.reading import read as read_deals
from service.importing.rows import UnreadableFile
from service.market.ecb import UnreadableFixings, read_fixings
from service.messages.recognise import recognised
from service.messages.terms import Unreadable
from service.page_forms import FORM_FIELDS_MAX
from service.trades.api import BATCH_MAX
from tests.bank import World
from tests.deals import TERMS
from tests.hostile.contract import described
from tests.hostile.feeds import DEFAULTS

JSON = {"Content-Type": "application/json", "Idempotency-Key": "one"}
SOMETHING = "01a203bb-e2aa-721d-be87-4f6ec1b5d94f"
MEGABYTE = 1024 * 1024


@pytest.fixture
async def contract(bank_world: World) -> dict[str, Any]:
    return await described(bank_world)


def addressed(path: str) -> str:
    return path if "{" not in path else path[: path.index("{")] + SOMETHING + path[path.index("}") + 1 :]


async def test_a_body_beyond_the_limit_of_its_route_is_refused_before_anything_else(
    bank_world: World, contract: dict[str, Any]
) -> None:
    """Whoever sends it, signed in or not, and whether or not its length was told."""
    posts = [path for path, under in contract["paths"].items() if "post" in under and path.startswith("/api")]
    assert len(posts) > 100

    async def unannounced(size: int) -> Any:
        for _ in range(0, size, 65_536):
            yield b" " * 65_536

    async with bank_world.anonymous() as nobody:
        for path in posts:
            limit = bytes_max(path)
            if limit < DOCUMENT_BYTES_MAX:
                answer = await nobody.post(addressed(path), content=b" " * (limit + 1), headers=JSON)
                assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large"), path
        stream = await nobody.post("/api/trades", content=unannounced(200 * MEGABYTE), headers=JSON)
        assert stream.status_code == 413
        nearly = await nobody.post("/api/trades", content=b" " * bytes_max("/api/trades"), headers=JSON)
        assert nearly.status_code == 400  # no JSON, but of a size to be looked at
    assert {path for path in posts if is_batch(path)} == {"/api/acts", "/api/trades/batch"}


async def test_a_list_has_so_many_items_and_a_page_so_many_rows(
    bank_world: World, contract: dict[str, Any]
) -> None:
    trader, reader = await bank_world.as_("trader"), await bank_world.as_("compliance")
    acts = [{"action": "trade.capture", "command": TERMS}] * (ACTS_MAX + 1)
    assert (await trader.post("/api/acts", acts)).status_code == 400
    assert (await trader.post("/api/trades/batch", [{}] * (BATCH_MAX + 1))).status_code == 400
    assert (await trader.post("/api/acts", [])).status_code == 400
    pages = 0
    for path, under in contract["paths"].items():
        names = {one["name"]: one for one in under.get("get", {}).get("parameters", [])}
        if "limit" not in names or not path.startswith("/api"):
            continue
        pages += 1
        schema = names["limit"]["schema"]
        assert (schema["minimum"], schema["maximum"]) == (1, 200), path
        for wrong in ("201", "0", "-1", "٣"):
            answer = await reader.client.get(addressed(path), params={"limit": wrong})
            assert answer.status_code in (400, 403), (path, wrong)
    assert pages > 40


async def test_depth_numbers_and_names_of_a_body_have_their_limits(bank_world: World) -> None:
    trader = await bank_world.as_("trader")
    for what, body in (
        ("objects in objects", b'{"a":' * 9_000 + b"1" + b"}" * 9_000),
        ("lists in lists", b"[" * 30_000 + b"]" * 30_000),
        ("a number without an end", b'{"rate": ' + b"9" * 60_000 + b"}"),
        ("as many keys as fit", b"{" + b",".join(b'"%d":1' % n for n in range(6_000)) + b"}"),
        ("a text without an end", json.dumps(TERMS | {"side_agreements": "x" * 60_000}).encode()),
    ):
        answer = await trader.client.post("/api/trades", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), what
    form = "&".join(f"a{number}=1" for number in range(FORM_FIELDS_MAX + 1))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    async with bank_world.anonymous() as nobody:
        assert (await nobody.post("/sign-in", content=form, headers=headers)).status_code == 400
        long = await nobody.get("/api/trades", params={"portfolio": "x" * 60_000})
        assert long.status_code == 401
    assert (await trader.client.get("/api/trades", params={"portfolio": "x" * 60_000})).status_code in (
        200,
        400,
    )


LAUGHS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"ha") for n in range(10))
ENTITIES = {
    "a billion laughs": b"<!DOCTYPE a [" + LAUGHS + b"]><a>&a9;</a>",
    "a file of the machine": b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    "an address of the network": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
    "a parameter entity": b'<!DOCTYPE a [<!ENTITY % e SYSTEM "http://127.0.0.1:1/x">%e;]><a/>',
    "elements without an end": b"<a>" * 200_000,
    "attributes without an end": b"<a " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>",
}


@pytest.mark.parametrize("what", ENTITIES)
def test_xml_expands_nothing_fetches_nothing_and_ends(what: str) -> None:
    tracemalloc.start()
    with pytest.raises(Unreadable) as refused:
        recognised(ENTITIES[what], "a message")
    with pytest.raises(UnreadableFile) as unread:
        list(read_deals(ENTITIES[what], DEFAULTS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "root:" not in f"{refused.value}{unread.value}"
    assert peak < 32 * MEGABYTE


def test_an_archive_that_unpacks_to_many_times_its_size_is_refused_before_it_is_read() -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rates.csv", b"0" * (96 * MEGABYTE))
    many = BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.csv", b"")
    assert len(bomb.getvalue()) < MEGABYTE
    tracemalloc.start()
    with pytest.raises(UnreadableFixings, match="unpacks to more"):
        read_fixings(bomb.getvalue())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80 * MEGABYTE
    with pytest.raises(UnreadableFixings):
        read_fixings(many.getvalue())
    with pytest.raises(UnreadableFile, match="archive"):
        list(read_deals(bomb.getvalue(), DEFAULTS))
