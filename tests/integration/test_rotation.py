"""The log's key is changed by two custodians, and everybody who pins the old one follows."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from audit import note
from audit.keyring import Keyring
from audit.report import Status, Verdict
from audit.signer_keys import RotationUnderWay
from service import bank as banks
from service.__main__ import main
from service.audit_trail.sequencer import LogKeeper
from service.bank import Bank
from service.cli import verify_log
from service.demo.access import token_for
from service.gate import Done, UseCase
from service.kernel import embedded
from service.kernel.errors import AlreadyExists, IllegalTransition, KeptApart, NotPermitted, StaleVersion
from service.people.directory import actor_of_token
from service.rotation import ceremony
from service.rotation.ceremony import (
    ApproveRotation,
    RefuseRotation,
    RequestRotation,
    carry_out,
    open_rotation,
)
from tests.bank import PASSWORD, World
from tests.deals import rows
from tests.keeping import entries_in_database, findings, public_key, publish, verdict
from tests.playing import playground

CLONE = Path(__file__).parents[2]

CUSTODIAN, OTHER = "log-custodian", "other-log-custodian"


async def does(here: World, account: str, case: UseCase, command: Any) -> dict[str, Any]:
    actor = await actor_of_token(here.bank.offices, await token_for(here.bank, account))
    assert actor is not None
    done: Done = await here.bank.gate.perform(actor, case, command)
    return dict(done.answer)


async def requested(here: World, overlap: int = 5) -> dict[str, Any]:
    command = RequestRotation(reason="yearly change", overlap=overlap)
    return await does(here, CUSTODIAN, ceremony.request_rotation, command)


async def approved(here: World, overlap: int = 5) -> dict[str, Any]:
    asked = await requested(here, overlap)
    command = ApproveRotation(rotation=UUID(asked["id"]), version=asked["version"])
    return await does(here, OTHER, ceremony.approve_rotation, command)


async def made(here: World) -> dict[str, Any]:
    waiting = await open_rotation(here.bank.gate)
    assert waiting is not None
    return dict((await carry_out(here.bank.gate, here.bank.keeper, waiting["rotation"])).answer)


async def some_acts(here: World, count: int) -> dict[str, Any]:
    steward = await here.as_("steward")
    for number in range(count):
        size = await entries_in_database(here)
        answer = await steward.post("/api/portfolios", {"name": f"FX-{size}-{number}", "desk": "FX desk"})
        assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()["receipt"]
    return kept


async def test_two_custodians_change_the_key_and_the_old_pinned_one_verifies_all_of_it(
    bank_world: World,
) -> None:
    before = await some_acts(bank_world, 1)
    await approved(bank_world)
    told = await made(bank_world)

    directory = bank_world.bank.settings.log_directory
    ring = Keyring.load(directory / "keyring")
    assert (told["number"], told["digest"], told["state"]) == (1, ring.digest(1), "done")
    assert len(note.parse((directory / "checkpoint").read_bytes())[1]) == 2  # both sign during the overlap
    after = await some_acts(bank_world, 6)
    await publish(bank_world)

    assert len(note.parse((directory / "checkpoint").read_bytes())[1]) == 1
    report = verdict(bank_world, [before, after])
    assert report.line() == "VERIFIED (L1 self-signed)", report.lines()
    assert report.check("V19").status is report.check("V20").status is Status.OK
    assert await findings(bank_world) == []
    auditor = await bank_world.as_("auditor")
    assert (await auditor.get(f"/audit/v1/proof/{after['leaf']}")).status_code == 200
    newest = banks.open_key(bank_world.bank.settings).verifier
    assert newest == ring.all_keys[1] != public_key(bank_world)


async def test_every_step_is_an_entry_of_the_person_who_did_it(bank_world: World) -> None:
    await approved(bank_world)
    await made(bank_world)

    query = (
        "SELECT act, bytes FROM public.audit_entry WHERE act ~ '^(rotation|log.rotate)' ORDER BY recorded_at"
    )
    entries = [json.loads(row.bytes) for row in await rows(bank_world, query)]
    assert [one["act"] for one in entries] == ["rotation.request", "rotation.approve", "log.rotate"]
    first, second, third = (one["actor"]["person"] for one in entries)
    assert len({first, second, third}) == 3
    assert entries[1]["eff"][0]["prev"]
    assert entries[2]["data"]["number"] == 1


async def test_D_02_whoever_asked_for_a_new_key_does_not_approve_it(bank_world: World) -> None:
    asked = await requested(bank_world)
    command = ApproveRotation(rotation=UUID(asked["id"]), version=asked["version"])

    with pytest.raises(KeptApart) as refused:
        await does(bank_world, CUSTODIAN, ceremony.approve_rotation, command)
    assert refused.value.rule == "D-02"
    assert (await does(bank_world, OTHER, ceremony.approve_rotation, command))["state"] == "approved"


@pytest.mark.parametrize("account", ["compliance", "auditor", "rights-admin", "rights-owner", "trader"])
async def test_nobody_but_a_custodian_changes_the_key(bank_world: World, account: str) -> None:
    with pytest.raises(NotPermitted):
        await does(bank_world, account, ceremony.request_rotation, RequestRotation(reason="mine"))


async def test_one_change_at_a_time_and_only_by_its_table(bank_world: World) -> None:
    asked = await requested(bank_world)
    with pytest.raises(AlreadyExists):
        await requested(bank_world)
    with pytest.raises(StaleVersion):
        await does(
            bank_world,
            OTHER,
            ceremony.approve_rotation,
            ApproveRotation(rotation=UUID(asked["id"]), version=7),
        )
    back = RefuseRotation(rotation=UUID(asked["id"]), version=1, reason="a mistake")
    assert (await does(bank_world, CUSTODIAN, ceremony.refuse_rotation, back))["state"] == "refused"
    with pytest.raises(IllegalTransition):
        await does(
            bank_world,
            OTHER,
            ceremony.approve_rotation,
            ApproveRotation(rotation=UUID(asked["id"]), version=2),
        )
    assert await open_rotation(bank_world.bank.gate) is None
    assert banks.open_signer(bank_world.bank.settings).ring() == b""  # nothing was made
    assert (await requested(bank_world))["state"] == "requested"


async def test_stopped_after_the_key_changed_the_entry_follows_and_the_key_changes_once(
    bank_world: World,
) -> None:
    await approved(bank_world)
    await bank_world.bank.keeper.rotate(5)  # and the process is gone: no entry says so
    assert verdict(bank_world).verdict is Verdict.VERIFIED

    told = await made(bank_world)

    ring = Keyring.load(bank_world.bank.settings.log_directory / "keyring")
    assert (told["number"], len(ring.all_keys)) == (1, 2)
    assert verdict(bank_world).verdict is Verdict.VERIFIED


async def test_a_second_change_waits_for_the_end_of_the_overlap(bank_world: World) -> None:
    await approved(bank_world, overlap=8)
    await made(bank_world)
    await approved(bank_world)
    with pytest.raises(RotationUnderWay, match="retires at"):
        await made(bank_world)
    assert (await open_rotation(bank_world.bank.gate) or {})["state"] == "approved"

    await some_acts(bank_world, 8)
    assert (await made(bank_world))["number"] == 2
    assert verdict(bank_world).verdict is Verdict.VERIFIED


async def test_a_keeper_that_runs_beside_the_ceremony_signs_with_the_new_key_at_once(
    bank_world: World,
) -> None:
    settings = bank_world.bank.settings
    beside = LogKeeper(
        bank_world.bank.keeper.engine, banks.open_publisher(settings, banks.open_signer(settings))
    )
    await approved(bank_world, overlap=1)
    waiting = await open_rotation(bank_world.bank.gate)
    assert waiting is not None
    await carry_out(bank_world.bank.gate, beside, waiting["rotation"])
    await some_acts(bank_world, 2)
    await publish(bank_world)  # the keeper of the bank, which knew nothing of it

    assert verdict(bank_world).verdict is Verdict.VERIFIED
    assert verdict(bank_world).size == await entries_in_database(bank_world)


# The command line, beside a bank that works -------------------------------------------------------


@pytest.fixture
async def working(server: embedded.Server, tmp_path: Path) -> AsyncIterator[Bank]:
    """A bank whose keeper keeps its log."""
    async with playground(server.url(), tmp_path / "bank") as opened:
        yield opened.bank


async def trennwand(bank: Bank, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Run ``trennwand rotate-key`` as its user does: a process of its own, the password typed."""
    assert bank.settings.database_url is not None
    url = bank.settings.database_url.replace("+asyncpg", "")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", "rotate-key", *map(str, arguments), "--data", bank.settings.data, "--json",
        cwd=CLONE, env=os.environ | {"DATABASE_URL": url}, stdin=PIPE, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, err = await process.communicate(f"{PASSWORD}\n".encode())
    assert process.returncode is not None
    assert out, err.decode()
    return process.returncode, json.loads(out)


async def test_two_people_type_the_ceremony_beside_the_running_bank(working: Bank) -> None:
    asks, answers = ("--as", CUSTODIAN, "--password-stdin"), ("--as", OTHER, "--password-stdin")
    assert await trennwand(working, "show") == (0, {"rotation": "none"})
    code, asked = await trennwand(working, "request", *asks, "--reason", "yearly change", "--overlap", 3)
    assert (code, asked["state"]) == (0, "requested")
    _, waiting = await trennwand(working, "show")
    assert (waiting["rotation"], waiting["state"]) == (asked["id"], "requested")
    assert (await trennwand(working, "finish"))[0] == 1  # nobody approved it

    code, refused = await trennwand(working, "approve", *asks, "--rotation", asked["id"])
    assert (code, refused["rule"]) == (3, "D-02")
    code, told = await trennwand(working, "approve", *answers, "--rotation", asked["id"])

    assert (code, told["state"], told["number"]) == (0, "done", 1)
    await working.keeper.step()
    report = verify_log(working.settings)
    assert report.verdict is Verdict.VERIFIED, report.lines()
    assert report.check("V19").status is Status.OK
    assert working.keeper.failure is None
    code, asked = await trennwand(working, "request", *asks, "--reason", "again")
    code, told = await trennwand(
        working, "refuse", *answers, "--rotation", asked["id"], "--reason", "no need"
    )
    assert (code, told["state"]) == (0, "refused")


def test_rotate_key_needs_a_bank_and_a_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rotate-key", "show", "--data", str(tmp_path)]) == 1
    assert "no bank" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["rotate-key"])


def test_the_signer_says_how_it_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["--key", str(tmp_path / "k.pem"), "--state", str(tmp_path / "s"), "--origin", "a.b/c"]
    assert main(["signer", *own, "--socket", str(tmp_path / "sock")]) == 2
    assert "needs begin()" in capsys.readouterr().err
    assert main(["signer", *own, "--new"]) == 0
    assert capsys.readouterr().out.startswith("a.b/c+")
