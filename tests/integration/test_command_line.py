"""The command line: the same gate, the same rights, and exit codes a script can rely on."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from audit.report import Verdict
from service.__main__ import main
from service.bank import Bank
from service.cli import Act, Exit, Outcome, doctor, sign_in_and_act, verify_log
from service.demo import keeping
from service.demo.keeping import Remembered
from service.demo.run import NotADemo, Wishes, run
from service.kernel import embedded
from service.running import CannotServe, alone, listening
from service.settings import Settings
from tests.bank import PASSWORD
from tests.playing import playground

CARELESS = ["fsync", "full_page_writes"]
"""What the server of the tests leaves out."""
BOOK = {"name": "FX-NEW", "desk": "FX desk"}


@pytest.fixture(scope="module")
async def bank(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """Give one bank to all tests here: each does something else in it."""
    async with playground(server.url(), tmp_path_factory.mktemp("bank")) as opened:
        yield opened.bank


async def act(bank: Bank, account: str, action: str, command: Any, **more: str) -> Outcome:
    """Do what ``trennwand act`` does, beside the running service."""
    written = command if isinstance(command, str) else json.dumps(command)
    word = more.pop("password", PASSWORD)
    asked = Act(action, written, more.get("key"))
    return await sign_in_and_act(bank.settings, bank.admin_url, account, word, asked)


async def test_an_act_is_done_with_the_accounts_own_rights_and_gets_a_receipt(bank: Bank) -> None:
    done = await act(bank, "steward", "portfolio.propose", BOOK)

    assert (done.exit, done.told["state"]) == (Exit.OK, "proposed")
    await bank.keeper.step()
    report = verify_log(bank.settings, [done.told["receipt"]])
    assert (report.verdict, report.check("V20").status) == (Verdict.VERIFIED, "ok")


async def test_the_same_key_gives_the_same_answer(bank: Bank) -> None:
    book = BOOK | {"name": "FX-KEYED"}
    first = await act(bank, "steward", "portfolio.propose", book, key="one")
    assert await act(bank, "steward", "portfolio.propose", book, key="one") == first


async def test_who_lacks_the_right_is_refused_and_the_refusal_is_recorded(bank: Bank) -> None:
    refused = await act(bank, "trader", "portfolio.propose", BOOK)

    assert (refused.exit, refused.told["code"]) == (Exit.REFUSED, "not_permitted")
    assert refused.told["decision"]


async def test_a_conflict_has_its_own_exit_code(bank: Bank) -> None:
    book = BOOK | {"name": "FX-TWICE"}
    assert (await act(bank, "steward", "portfolio.propose", book)).exit is Exit.OK
    assert (await act(bank, "steward", "portfolio.propose", book)).exit is Exit.CONFLICT


async def test_a_wrong_password_opens_nothing(bank: Bank) -> None:
    refused = await act(bank, "steward", "portfolio.propose", BOOK, password="not the password")
    assert (refused.exit, refused.told["code"]) == (Exit.REFUSED, "wrong_password")


@pytest.mark.parametrize(
    ("action", "command"),
    [
        ("portfolio.propose", '{"name": "A", "name": "B", "desk": "FX desk"}'),
        ("portfolio.propose", '{"name": "FX-X"}'),
        ("portfolio.propose", '{"name": "FX-X", "desk": "FX desk", "owner": "me"}'),
        ("portfolio.propose", "NaN"),
        ("portfolio.propose", "[]"),
        ("portfolio.invent", "{}"),
        ("session.open", '{"restricted": false}'),
    ],
)
async def test_a_command_is_read_as_strictly_as_a_body(bank: Bank, action: str, command: str) -> None:
    refused = await act(bank, "steward", action, command)
    assert (refused.exit, refused.told["status"]) == (Exit.REFUSED, 400)


async def test_the_doctor_names_a_setting_that_may_lose_answered_acts(bank: Bank) -> None:
    await bank.keeper.step()
    await set_commits(bank, "off")

    found = await doctor(bank.settings, bank.admin_url)

    assert (found.exit, found.told["wrong"]) == (Exit.FAILED, [*CARELESS, "synchronous_commit"])


async def set_commits(bank: Bank, how: str) -> None:
    engine = create_async_engine(bank.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        name = make_url(bank.admin_url).database
        await connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = {how}")
    await engine.dispose()


async def test_the_doctor_finds_nothing_but_the_careless_server_of_the_tests(bank: Bank) -> None:
    await bank.keeper.step()
    await set_commits(bank, "on")

    found = await doctor(bank.settings, bank.admin_url)

    assert found.told["wrong"] == CARELESS  # on a careful one it is content: test_production.py
    assert found.told["audit"] == "VERIFIED (L1 self-signed)"
    assert set(found.told["logins"].values()) == {"open"}


def test_a_command_nobody_knows_is_a_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["dance"],
        ["run", "--port", "x"],
        ["run", "--deals", "3"],
        ["act", "trade.verify"],
        [],
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == Exit.USAGE
    assert "usage: trennwand" in capsys.readouterr().err


def test_where_no_bank_is_nothing_is_started_or_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["serve"], ["doctor"]):
        assert main([*command, "--data", str(tmp_path / "none")]) == Exit.FAILED
    assert "trennwand run" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_one_service_at_a_time_keeps_the_log_of_a_directory(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(CannotServe, match="Another service"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_an_address_that_is_taken_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotServe, match="choose another with --port"):
            run(Settings(data=tmp_path), Wishes(port=port))
    assert not (tmp_path / "postgresql").exists()


def test_no_days_are_played_in_a_production_bank(tmp_path: Path) -> None:
    with pytest.raises(NotADemo):
        run(replace(Settings(data=tmp_path), demo=False), Wishes())


def test_first_passwords_are_random_and_survive_an_interrupted_start(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    made = keeping.first_passwords(settings)

    assert keeping.first_passwords(settings) == made
    assert len({word for word, _ in made.values()}) == len(made)
    assert all(one_time for _, one_time in made.values())
    assert keeping.passwords_file(settings).stat().st_mode & 0o777 == 0o600

    keeping.passwords_printed(settings)
    assert keeping.passwords_to_print(settings) == {}


def test_a_told_password_is_no_one_time_password_and_is_written_nowhere(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, demo_password=PASSWORD)

    assert set(keeping.first_passwords(settings).values()) == {(PASSWORD, False)}
    assert list(tmp_path.iterdir()) == []


def test_the_opening_is_remembered_whatever_is_told_later(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, business_date=date(2016, 12, 22))
    told = Remembered(opening="2026-10-27", deals=24, one_time_passwords=True)
    keeping.remember(settings, told)

    assert keeping.recall(settings) == told
