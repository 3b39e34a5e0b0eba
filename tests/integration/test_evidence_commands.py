"""Evidence and the past from the command line: beside the service, with an account's own rights."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from audit.__main__ import main as audit
from service import cli
from service.__main__ import main, moment
from service.cli import Exit
from service.compliance.evidence import Wish
from service.settings import Settings
from tests import settling
from tests.bank import PASSWORD, World
from tests.deals import by_force
from tests.keeping import publish

REASON = "asked for by the supervisor"


def beside(world: World) -> Settings:
    """The settings of a process beside the service."""
    bank = world.bank
    urls = {
        office: engine.url.render_as_string(hide_password=False)
        for office, engine in bank.offices.engines.items()
    }
    return replace(bank.settings, database_url=bank.admin_url, office_urls=urls)


@pytest.fixture
async def trade(ready_bank: World) -> UUID:
    deal = await settling.verified(ready_bank)
    await settling.drain(ready_bank)
    await publish(ready_bank)
    return UUID(deal.id)


async def test_an_examiner_leaves_with_one_file_and_verifies_it_elsewhere(
    ready_bank: World, trade: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, out = beside(ready_bank), tmp_path / "stick.zip"
    wish = Wish("trade", REASON, trade=trade)
    done = await cli.export(settings, ready_bank.bank.admin_url, "compliance", PASSWORD, wish, out)

    assert (done.exit, done.told["verdict"], done.told["file"]) == (Exit.OK, "VERIFIED", str(out))
    assert audit(["verify", str(out), "--key", str(settings.public_key_file)]) == 0
    assert capsys.readouterr().out.startswith("audit: VERIFIED (L1 self-signed)")
    assert audit(["verify", str(out), "--key", str(settings.public_key_file), "--state", "x"]) == 64


async def test_all_rows_leave_beside_a_working_service_and_are_reconciled_elsewhere(
    ready_bank: World, trade: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, out = beside(ready_bank), tmp_path / "rows.ndjson"
    ready_bank.bank.keeper.start()
    done = await cli.export(
        settings, ready_bank.bank.admin_url, "auditor", PASSWORD, Wish("rows", REASON), out
    )
    await ready_bank.bank.keeper.stop()
    arguments = [
        "verify",
        str(settings.log_directory),
        "--key",
        str(settings.public_key_file),
        "--rows",
        str(out),
    ]

    assert (done.exit, done.told["file"]) == (Exit.OK, str(out))
    assert audit(arguments) == 0, capsys.readouterr().out
    assert "V22 ok" in capsys.readouterr().out
    out.write_bytes(out.read_bytes().replace(b'"verified"', b'"returned"'))
    assert audit(arguments) == 1
    assert trade


async def test_who_lacks_the_right_takes_nothing_out(ready_bank: World, trade: UUID) -> None:
    wish = Wish("trade", REASON, trade=trade)
    refused = await cli.export(beside(ready_bank), ready_bank.bank.admin_url, "trader", PASSWORD, wish, None)

    assert (refused.exit, refused.told["code"]) == (Exit.REFUSED, "not_permitted")
    assert refused.told["decision"]
    assert not (ready_bank.bank.settings.data / "evidence").exists()


async def test_the_past_is_told_from_the_files_and_the_check_compares_it(
    ready_bank: World, trade: UUID
) -> None:
    settings = beside(ready_bank)
    told = cli.rebuild_from_files(settings, trade, None, None)
    assert (told.exit, told.told["rows"]["trade_control"][0]["state"]) == (Exit.OK, "verified")
    early = cli.rebuild_from_files(settings, trade, None, datetime(2020, 1, 1, tzinfo=UTC))
    assert (early.exit, early.told["code"]) == (Exit.REFUSED, "not_found")
    assert cli.rebuild_from_files(settings, None, None, None).told["items"]

    check = await cli.check_rebuilt(settings, ready_bank.bank.admin_url)
    assert (check.exit, check.told["deals"], check.told["differences"]) == (Exit.OK, 1, 0)
    await by_force(ready_bank, "UPDATE trade_control SET state = 'cancelled'")
    check = await cli.check_rebuilt(settings, ready_bank.bank.admin_url)
    assert (check.exit, check.told["differences"]) == (Exit.INTEGRITY, 1)


async def test_a_log_that_cannot_be_read_is_said_and_no_crash(ready_bank: World, trade: UUID) -> None:
    (ready_bank.bank.settings.log_directory / "checkpoint").unlink()

    assert cli.rebuild_from_files(ready_bank.bank.settings, trade, None, None).exit is Exit.INTEGRITY


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "--trade", "0" * 32, "--as", "compliance"],
        ["export", "--reason", "x", "--as", "compliance"],
        ["export", "--trade", "0" * 32, "--person", "0" * 32, "--reason", "x", "--as", "compliance"],
        ["export", "--trade", "five", "--reason", "x", "--as", "compliance"],
        ["export", "--from", "noon", "--to", "2026-10-27", "--reason", "x", "--as", "compliance"],
        ["export", "--rows", "--trade", "0" * 32, "--reason", "x", "--as", "compliance"],
        ["rebuild"],
        ["rebuild", "--rights", "--balances"],
        ["rebuild", "--trade", "0" * 32, "--as-of", "2026-10-27T10:00:00"],
    ],
)
def test_a_command_that_makes_no_sense_is_a_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == Exit.USAGE
    assert "usage: trennwand" in capsys.readouterr().err


def test_a_day_is_its_first_moment() -> None:
    assert moment("2026-10-27") == datetime(2026, 10, 27, tzinfo=UTC)


async def test_the_printed_past_is_json_for_programs(
    ready_bank: World, trade: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ready_bank.bank.settings.data

    assert main(["rebuild", "--data", str(data), "--trade", str(trade), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["trade"]["proved"] is True


async def test_who_could_do_what_is_printed(
    ready_bank: World, trade: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ready_bank.bank.settings.data

    assert main(["rebuild", "--data", str(data), "--rights", "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert {"trade.capture"} < {act for one in told["items"] for act in one["acts"]}
    assert told["policy"] == ready_bank.bank.policy.version
    assert trade
