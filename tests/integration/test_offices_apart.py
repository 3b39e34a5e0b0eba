"""One process for each office behind one address: the whole product works, and no process knows more than its own."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from audit.report import Verdict
from policies.vocabulary import Office
from service import division, part, split
from service.__main__ import main
from service.app import create_app
from service.cli import verify_log
from service.page_forms import SESSION_COOKIE
from service.settings import BadSettings
from tests.bank import World
from tests.conftest import Template, a_copy
from tests.parted import PartedWorld, parted, urls_of
from tests.settling import TERMS, VALUE_DATE, Deal, done, on_business_date, post, set_up


@pytest.fixture(scope="module")
async def world(template: Template, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give one bank to all tests here."""
    async with a_copy(template, tmp_path_factory.mktemp("bank") / "data") as opened:
        await set_up(opened)
        yield opened


@pytest.fixture(scope="module")
async def offices(world: World) -> AsyncIterator[PartedWorld]:
    """Give the bank with a process for each office."""
    async with parted(world) as apart:
        yield apart


# The whole way of a deal ----------------------------------------------------------------------------


async def test_a_deal_goes_from_capture_to_the_books_through_one_process_for_each_office(
    offices: PartedWorld,
) -> None:
    answer = done(await post(offices, "trader", "/api/trades", TERMS))
    deal = Deal(offices, answer["id"])
    done(await deal.do("verifier", "verification"))
    await offices.work_done()
    done(await deal.confirm("dispatch"))
    ours = (await deal.confirmation())["ours"]
    done(await deal.confirm("counter", fields=ours | {"reference": "CP 4711"}))
    assert done(await deal.confirm("match"))["state"] == "matched"
    await offices.work_done()
    for currency in await deal.legs():
        done(await deal.settle(currency, "preparation", "settler"))
        done(await deal.settle(currency, "release", "releaser"))
    await on_business_date(offices, VALUE_DATE)
    for currency in await deal.legs():
        done(await deal.settle(currency, "completion", "other-settler"))
    await offices.work_done()

    assert {leg["state"] for leg in (await deal.legs()).values()} == {"settled"}
    journals = (await (await offices.as_("accountant")).get("/api/journals", trade=deal.id)).json()["items"]
    assert len(journals) >= 3
    report = verify_log(offices.bank.settings, [answer["receipt"]])
    assert (report.verdict, report.check("V20").status) == (Verdict.VERIFIED, "ok")


async def test_a_person_signs_in_and_works_in_the_browser_at_the_one_address(offices: PartedWorld) -> None:
    token = (await offices.as_("verifier")).client.headers["authorization"].split()[1]
    async with offices.anonymous({"Cookie": f"{SESSION_COOKIE}={token}"}) as browser:
        queue = await browser.get("/work")
    async with offices.anonymous() as stranger:
        door, style = await stranger.get("/sign-in"), await stranger.get("/static/trennwand.css")
        sent_on = await stranger.get("/work")

    assert (queue.status_code, door.status_code, style.status_code) == (200, 200, 200)
    assert urlsplit(sent_on.headers["location"]).path == "/sign-in"


async def test_nobody_outside_asks_what_the_processes_ask_each_other(offices: PartedWorld) -> None:
    async with offices.anonymous({"trennwand-inside": "1"}) as stranger:
        for path in ("/api/inside/silence", "/api/inside/office?account=trader", "/api//inside/silence"):
            assert (await stranger.get(path)).status_code in (401, 404), path


async def test_a_password_that_is_wrong_and_an_account_nobody_has_are_refused_alike(
    offices: PartedWorld,
) -> None:
    async with offices.anonymous() as stranger:
        answers = [
            await stranger.post("/api/sessions", json={"account": account, "password": "not the right one"})
            for account in ("trader", "nobody-at-all")
        ]
    said = [{name: value for name, value in one.json().items() if name != "decision"} for one in answers]
    assert said[0] == said[1]
    assert [one.status_code for one in answers] == [401, 401]


async def test_each_process_knows_its_own_login_and_no_other(offices: PartedWorld) -> None:
    urls = urls_of(offices)
    for office in Office:
        process = Path("/proc") / str(offices.process_of(office))
        inherited = (process / "environ").read_bytes()
        others = [url for other, url in urls.items() if other is not office]
        assert not [url for url in others if urlsplit(url).password.encode() in inherited], office  # type: ignore[union-attr]
        assert b"DATABASE_URL" not in inherited


async def test_one_dead_office_leaves_the_others_serving(offices: PartedWorld) -> None:
    legal = await offices.as_("legal")
    token = legal.client.headers["authorization"].split()[1]
    assert (await legal.get("/api/powers")).status_code == 200

    offices.kill(Office.LEGAL)

    answer = await legal.get("/api/powers")
    assert (answer.status_code, answer.json()["code"]) == (503, "office_silent")
    async with offices.anonymous({"Cookie": f"{SESSION_COOKIE}={token}"}) as browser:
        page = await browser.get("/work")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (503, "text/html")
    done(await post(offices, "other-trader", "/api/trades", TERMS | {"base_amount": "2000000.00"}))
    assert (await (await offices.as_("auditor")).get("/api/entries")).status_code == 200
    async with offices.anonymous() as client:
        told = (await client.get("/health/ready")).json()
    assert told["offices"]["legal"] == "silent"
    assert told["status"] == "ready"


# One part alone -------------------------------------------------------------------------------------


async def test_a_process_of_one_office_says_of_others_that_it_does_not_serve_them(
    world: World, tmp_path: Path
) -> None:
    here = moved_away(world, tmp_path, Office.FRONT_OFFICE)
    settings, urls = division.part_of(here, [Office.FRONT_OFFICE], {})
    async with part.running(settings, urls, None) as front:
        assert set(front.offices.engines) == {Office.FRONT_OFFICE}
        app = create_app(front)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://front.test") as client:
            for account, status in (("trader", 200), ("verifier", 421), ("auditor", 421)):
                token = (await world.as_(account)).client.headers["authorization"].split()[1]
                bearer = {"Authorization": f"Bearer {token}"}
                answer = await client.get("/api/trades", headers=bearer)
                page = await client.get("/trades", headers={"Cookie": f"{SESSION_COOKIE}={token}"})
                assert (answer.status_code, page.status_code) == (status, status), account
                if status == 421:
                    office = {"verifier": "back_office", "auditor": "internal_audit"}[account]
                    assert (answer.json()["code"], office in answer.json()["detail"]) == ("misdirected", True)
                    assert office in page.text


def moved_away(world: World, place: Path, office: Office) -> Path:
    """Return an office's directory where nothing else of the bank is in reach."""
    division.divide(world.bank.settings, urls_of(world))
    return Path(shutil.copytree(division.directory_of(world.bank.settings.data, office), place / "alone"))


async def test_an_offices_directory_holds_its_own_login_and_no_key_of_the_log(
    world: World, tmp_path: Path
) -> None:
    words = {office: urlsplit(url).password for office, url in urls_of(world).items()}
    log_key = world.bank.settings.private_key_file.read_bytes()
    for office in split.PEOPLE:
        place = division.directory_of(world.bank.settings.data, office)
        division.divide(world.bank.settings, urls_of(world))
        found = b"".join(
            file.read_bytes()
            for file in place.rglob("*")
            if file.is_file() and not any(one.is_symlink() for one in (file, *file.parents))
        )
        held = {other for other, word in words.items() if word is not None and word.encode() in found}
        assert held == {office}
        assert log_key not in found


async def test_a_process_that_was_told_more_than_its_own_login_does_not_start(
    world: World, tmp_path: Path
) -> None:
    here = moved_away(world, tmp_path, Office.FRONT_OFFICE)
    for more in ("DATABASE_URL", "DATABASE_URL_BACK_OFFICE"):
        with pytest.raises(BadSettings, match=more):
            division.part_of(here, [Office.FRONT_OFFICE], {more: "postgresql://somebody@host/bank"})
    with pytest.raises(BadSettings, match="no office's part"):
        division.part_of(tmp_path / "empty", [Office.BACK_OFFICE], {})


def test_an_office_nobody_knows_is_a_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["serve", "--offices", "front_office,trading"])
    assert left.value.code == 2
    assert "names no offices" in capsys.readouterr().err
