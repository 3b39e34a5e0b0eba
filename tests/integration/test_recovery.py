"""The drill: a bank is backed up, goes on, loses its database, gets an older one back, and brings its log forward."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit import tiles
from audit.report import Verdict
from service.audit_trail import recovery as trail
from service.audit_trail.recovery import CannotRecover, RecoveryNeeded, entries_of
from service.cli import Act, Exit, sign_in_and_act
from service.demo.access import actor_named
from service.people.signing_in import WrongPassword, sign_in
from service.recovery import replay
from service.settings import Settings
from tests import settling
from tests.bank import PASSWORD, World
from tests.conftest import Template
from tests.controls import INSERTED, USE, dealt_with_controls
from tests.deals import rows
from tests.keeping import findings, publish, verdict
from tests.recovering import (
    FIRST,
    REASON,
    SECOND,
    an_empty_database,
    backed_up,
    elsewhere,
    named_by,
    overwritten,
    recovered_by,
    restored,
    started,
)


@dataclass
class Lost:
    """A bank whose database is an older one than its log."""

    settings: Settings
    before: World  # as it was when the database was lost


@pytest.fixture
async def lost(ready_bank: World, template: Template, tmp_path: Path) -> AsyncIterator[Lost]:
    """Back a bank up in the middle of its deals, go on, lose the database, restore the backup."""
    await settling.captured(ready_bank)
    half_way = await settling.verified(ready_bank)
    found = await backed_up(ready_bank, tmp_path / "bank.backup")
    await settling.drain(ready_bank)
    await dealt_with_controls(ready_bank)
    await settling.settled(ready_bank)
    await half_way.cancel()
    await settling.drain(ready_bank)
    await publish(ready_bank)
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(ready_bank.bank.settings, tmp_path / "restored", url)
        await restored(settings, found)
        yield Lost(settings, ready_bank)


@pytest.fixture
async def behind(bank_world: World, template: Template, tmp_path: Path) -> AsyncIterator[Settings]:
    """Lose the database of a bank that did little since its backup."""
    found = await backed_up(bank_world, tmp_path / "bank.backup")
    await settling.set_up(bank_world)
    await publish(bank_world)
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        await restored(settings, found)
        yield settings


async def test_an_older_database_is_recognised_and_nothing_is_written(behind: Settings) -> None:
    with pytest.raises(RecoveryNeeded, match=r"it is an older one.*trennwand recover"):
        async with started(behind):
            pass


async def test_two_custodians_bring_the_log_forward_and_work_goes_on(lost: Lost) -> None:
    size = tiles.written_size(lost.settings.log_directory)

    asked = await recovered_by(lost.settings, FIRST, REASON)
    assert (asked.exit, asked.told["state"], asked.told["size"]) == (Exit.OK, "requested", size)
    with pytest.raises(RecoveryNeeded):
        async with started(lost.settings):
            pass
    done = await recovered_by(lost.settings, SECOND)
    assert (done.exit, done.told["state"], done.told["lagging"]) == (Exit.OK, "recovered", [])

    async with started(lost.settings) as here:
        assert await publish(here) > size
        assert await findings(here) == []
        report = verdict(here)
        assert (report.verdict, report.check("V27").status) == (Verdict.VERIFIED, "ok"), report.lines()
        for table, columns in INSERTED.items():
            query = f"SELECT {columns} FROM public.{table} ORDER BY {columns}"
            assert await rows(here, query) == await rows(lost.before, query), table
        (used,) = await rows(here, USE)
        assert (used.differs, used.owners) == (0, 4)
        await settling.drain(here)
        again = await settling.matched(here)
        settling.done(await again.settle("EUR", "preparation", "settler"))
        settling.done(await again.settle("EUR", "release", "releaser"))
        await publish(here)
        assert (verdict(here).verdict, await findings(here)) == (Verdict.VERIFIED, [])


async def test_D_02_one_person_does_not_do_both(behind: Settings) -> None:
    assert (await recovered_by(behind, FIRST, REASON)).exit is Exit.OK

    refused = await recovered_by(behind, FIRST)

    assert (refused.exit, refused.told["code"], refused.told["rule"]) == (Exit.REFUSED, "kept_apart", "D-02")
    assert refused.told["decision"]
    with pytest.raises(RecoveryNeeded, match="it is an older one"):  # nothing was brought forward
        async with started(behind):
            pass


async def test_only_a_custodian_takes_part(behind: Settings) -> None:
    for account in ("rights-admin", "compliance", "trader"):
        refused = await recovered_by(behind, account, REASON)
        assert (refused.exit, refused.told["code"]) == (Exit.REFUSED, "not_permitted")
    assert (await recovered_by(behind, FIRST, REASON)).exit is Exit.OK
    refused = await recovered_by(behind, "compliance")
    assert (refused.exit, refused.told["code"]) == (Exit.REFUSED, "not_permitted")


async def test_whoever_asks_says_why(behind: Settings) -> None:
    refused = await recovered_by(behind, FIRST)
    assert (refused.exit, refused.told["field"]) == (Exit.REFUSED, "reason")


async def test_no_act_gets_past_an_older_database_at_the_command_line(behind: Settings) -> None:
    act = Act("portfolio.propose", '{"name": "FX-NEW", "desk": "FX desk"}')
    with pytest.raises(RecoveryNeeded):
        await sign_in_and_act(behind, str(behind.database_url), "steward", PASSWORD, act)


async def test_a_recovery_that_was_interrupted_is_finished_by_the_next_run(
    behind: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await recovered_by(behind, FIRST, REASON)).exit is Exit.OK
    forward, parts = replay.bring_forward, 0

    async def until_the_power_fails(*told: Any) -> int:
        nonlocal parts
        parts += 1
        if parts > 1:
            raise OSError("no power")
        first, entries = told[2], told[3][:3]  # a part, and not a whole bundle
        return await forward(told[0], told[1], first, entries)

    with monkeypatch.context() as patched:
        patched.setattr(replay, "bring_forward", until_the_power_fails)
        patched.setattr(trail, "entries_of", lambda *_: iter([(_[1], list(next(entries_of(*_))[1]))] * 2))
        with pytest.raises(OSError, match="no power"):
            await recovered_by(behind, SECOND)
    with pytest.raises(RecoveryNeeded):
        async with started(behind):
            pass

    assert (await recovered_by(behind, SECOND)).told["lagging"] == []
    async with started(behind) as here:
        await publish(here)
        assert (verdict(here).verdict, await findings(here)) == (Verdict.VERIFIED, [])


async def test_a_sound_bank_has_nothing_to_recover(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    found = await backed_up(bank_world, tmp_path / "bank.backup")
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        await restored(settings, found)

        refused = await recovered_by(settings, FIRST, REASON)

        assert (refused.exit, refused.told["code"]) == (Exit.CONFLICT, "nothing_to_recover")


async def test_a_log_that_differs_from_the_database_is_not_brought_forward(behind: Settings) -> None:
    assert (await recovered_by(behind, FIRST, REASON)).exit is Exit.OK
    await overwritten(
        str(behind.database_url),
        "UPDATE public.audit_entry SET leaf = sha256(leaf) WHERE id = (SELECT entry_id FROM public.audit_index WHERE index = 3)",
    )
    with pytest.raises(CannotRecover, match="different entries at 3"):
        await recovered_by(behind, SECOND)


# What the log does not tell -------------------------------------------------------------------------


async def test_what_the_log_keeps_to_itself_lags_and_nobody_acts_on_it(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    found = await backed_up(bank_world, tmp_path / "bank.backup")
    body = {"name": "A newcomer", "unit": "Accounting"}
    person = settling.done(await settling.post(bank_world, "rights-requester", "/api/persons", body))["id"]
    await publish(bank_world)
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        await restored(settings, found)
        await recovered_by(settings, FIRST, REASON)

        done = await recovered_by(settings, SECOND)

        assert done.told["lagging"] == [f"person {person} at revision 1: the log keeps no name"]
        async with started(settings) as here:
            leaving = {"version": 1, "reason": "left the house"}
            refused = await settling.post(here, "rights-admin", f"/api/persons/{person}/disablement", leaving)
            assert settling.refused(refused)[:2] == (409, "row_lags")
            await publish(here)
            assert verdict(here).verdict is Verdict.VERIFIED
            assert [(one.kind, str(one.id)) for one in await findings(here)] == [("person", person)]

        wrong = await named_by(settings, FIRST, "person", person, "Somebody else")
        assert (wrong.exit, wrong.told["code"]) == (Exit.REFUSED, "not_that_name")
        refused_to = await named_by(settings, "rights-admin", "person", person, "A newcomer")
        assert (refused_to.exit, refused_to.told["code"]) == (Exit.REFUSED, "not_permitted")
        assert (await named_by(settings, FIRST, "person", person, "A newcomer")).exit is Exit.OK
        again = await named_by(settings, FIRST, "person", person, "A newcomer")
        assert (again.exit, again.told["code"]) == (Exit.REFUSED, "not_that_name")
        async with started(settings) as here:
            settling.done(
                await settling.post(here, "rights-admin", f"/api/persons/{person}/disablement", leaving)
            )
            await publish(here)
            assert (verdict(here).verdict, await findings(here)) == (Verdict.VERIFIED, [])


async def test_an_older_password_opens_nothing_but_the_choice_of_a_new_one(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    found = await backed_up(bank_world, tmp_path / "bank.backup")
    trader = await bank_world.as_("trader")
    new = {"password": "another long enough password", "current": PASSWORD}
    assert (await trader.client.put("/api/sessions/current/password", json=new)).status_code == 204
    account = (await actor_named(bank_world.bank, "steward")).account
    settling.done(
        await settling.post(
            bank_world, "rights-admin", f"/api/accounts/{account}/password-reset", {"version": 1}
        )
    )
    await publish(bank_world)
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        await restored(settings, found)
        await recovered_by(settings, FIRST, REASON)
        await recovered_by(settings, SECOND)
        async with started(settings) as here:
            signed_in = await sign_in(here.bank.gate, "trader", PASSWORD, origin="test")
            assert signed_in.answer["must_change_password"] is True
            with pytest.raises(WrongPassword):
                await sign_in(here.bank.gate, "steward", PASSWORD, origin="test")


# Lost files -----------------------------------------------------------------------------------------


async def test_files_that_lost_their_tail_get_it_from_the_database(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    await publish(bank_world)
    tail = tmp_path / "older-log"
    shutil.copytree(bank_world.bank.settings.log_directory, tail)
    await settling.set_up(bank_world)
    found = await backed_up(bank_world, tmp_path / "bank.backup")
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        await restored(settings, found)
        shutil.rmtree(settings.log_directory)
        shutil.copytree(tail, settings.log_directory)
        with pytest.raises(RecoveryNeeded, match="they lost their tail"):
            async with started(settings):
                pass

        await recovered_by(settings, FIRST, "the disk of the log was lost")
        assert (await recovered_by(settings, SECOND)).exit is Exit.OK

        async with started(settings) as here:
            await publish(here)
            assert (verdict(here).verdict, await findings(here)) == (Verdict.VERIFIED, [])


async def test_what_database_and_files_lost_alike_comes_from_another_copy_or_not_at_all(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    found = await backed_up(bank_world, tmp_path / "bank.backup")
    older = tmp_path / "older-log"
    shutil.copytree(bank_world.bank.settings.log_directory, older)
    await settling.set_up(bank_world)
    await publish(bank_world)
    mirror = bank_world.bank.settings.log_directory
    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        shutil.rmtree(settings.log_directory)
        shutil.copytree(older, settings.log_directory)
        await restored(settings, found)
        with pytest.raises(CannotRecover, match="give it with --from"):
            await recovered_by(settings, FIRST, REASON)

        assert (await recovered_by(settings, FIRST, REASON, mirror)).exit is Exit.OK
        assert (await recovered_by(settings, SECOND)).told["lagging"] == []

        async with started(settings) as here:
            await publish(here)
            assert (verdict(here).verdict, await findings(here)) == (Verdict.VERIFIED, [])


async def test_18_a_database_that_falls_behind_a_running_service_stops_its_writes(ready_bank: World) -> None:
    await publish(ready_bank)
    url, keeper = ready_bank.bank.admin_url, ready_bank.bank.keeper
    steward = await ready_bank.as_("steward")
    await overwritten(
        url, "CREATE TABLE public.older AS SELECT * FROM public.audit_index ORDER BY index DESC LIMIT 3"
    )
    await overwritten(url, "DELETE FROM public.audit_index i USING public.older o WHERE i.index = o.index")
    keeper.start()
    await until(lambda: keeper.failure is not None)

    answer = await steward.post("/api/portfolios", {"name": "FX-NEW", "desk": "FX desk"})

    assert settling.refused(answer) == (503, "log_silent", "log")
    assert answer.json()["decision"]
    assert (await ready_bank.anonymous().get("/health/ready")).status_code == 503

    await overwritten(url, "INSERT INTO public.audit_index SELECT * FROM public.older")
    await until(lambda: keeper.failure is None)
    settling.done(await steward.post("/api/portfolios", {"name": "FX-NEW", "desk": "FX desk"}))
    await keeper.stop()
    assert verdict(ready_bank).verdict is Verdict.VERIFIED


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for the background task to come to it."""
    for _ in range(2000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError
