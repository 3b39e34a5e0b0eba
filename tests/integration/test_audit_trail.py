"""The log's own home: sequenced by membership, published in steps that can be repeated, held against the books."""

import asyncio
import json
import shutil
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from audit import tiles
from audit.report import Verdict
from audit.signer import FileSigner
from policies.vocabulary import Office
from service import bank as banks
from service.audit_trail import sequencer
from service.audit_trail.sequencer import FENCE, LogContradiction, LogKeeper, Publisher, backlog, sequence
from tests import settling
from tests.bank import World
from tests.deals import by_force, rows
from tests.intruders import Intruder, append, engine_of, intruder_of, login_of
from tests.keeping import entries_in_database, findings, publish, verdict

VERIFIED = "VERIFIED (L1 self-signed)"


def publisher_of(world: World, directory: Path | None = None) -> Publisher:
    """Return a publisher as a process has it that starts now."""
    settings = world.bank.settings
    signer = FileSigner(world.bank.gate.key, settings.signer_state_file, settings.origin)
    return Publisher(directory or settings.log_directory, signer, settings.origin)


def engine(world: World) -> AsyncEngine:
    """Return the sequencer's own login."""
    return world.bank.offices[Office.LOG]


async def indices(world: World) -> dict[UUID, int]:
    """Return the place of every entry that has one."""
    found = await rows(world, "SELECT entry_id, index FROM public.audit_index ORDER BY index")
    return {row.entry_id: row.index for row in found}


async def some_entries(world: World, count: int) -> Intruder:
    """Append lawful entries of the front office."""
    office = await intruder_of(world, Office.FRONT_OFFICE)
    await office.append(*(office.line() for _ in range(count)))
    return office


async def test_the_books_and_the_log_of_a_working_bank_tell_the_same_story(ready_bank: World) -> None:
    await settling.settled(ready_bank)
    cancelled = await settling.verified(ready_bank)
    await settling.drain(ready_bank)
    await cancelled.cancel()
    await settling.drain(ready_bank)
    unpublished = await findings(ready_bank)

    await publish(ready_bank)

    assert unpublished == []
    assert await findings(ready_bank) == []
    assert verdict(ready_bank).line() == VERIFIED, verdict(ready_bank).lines()


# Sequencing ---------------------------------------------------------------------------------------


async def test_50_a_transaction_that_commits_late_is_not_skipped(bank_world: World) -> None:
    office = await some_entries(bank_world, 1)
    late, early = office.line(), office.line()
    async with office.open() as slow:
        await append(slow, late)
        await office.append(early)
        await sequence(engine(bank_world))
        assert UUID(early["id"]) in await indices(bank_world)
        assert UUID(late["id"]) not in await indices(bank_world)

    assert await sequence(engine(bank_world)) == 1

    places = await indices(bank_world)
    assert places[UUID(late["id"])] == places[UUID(early["id"])] + 1
    await publish(bank_world)
    assert (verdict(bank_world).line(), await findings(bank_world)) == (VERIFIED, [])


async def test_indices_have_no_gaps_where_acts_were_rolled_back(bank_world: World) -> None:
    office = await some_entries(bank_world, 1)
    for _ in range(3):
        async with office.open() as connection:
            await append(connection, office.line())
            await connection.rollback()
        await office.append(office.line())
        await sequence(engine(bank_world))

    places = await indices(bank_world)

    assert sorted(places.values()) == list(range(len(places)))
    assert len(places) == await entries_in_database(bank_world)


async def test_of_two_sequencers_only_one_leads(bank_world: World) -> None:
    await some_entries(bank_world, 3)
    async with engine(bank_world).connect() as leader:
        assert await leader.scalar(FENCE) is not None
        before = await backlog(engine(bank_world))

        assert await sequence(engine(bank_world)) == 0
        assert await backlog(engine(bank_world)) == before
        await leader.rollback()  # as when its connection is lost: the lead is lost with it

    assert await sequence(engine(bank_world)) == before


async def test_sequencers_in_parallel_give_each_entry_one_place(bank_world: World) -> None:
    office = await some_entries(bank_world, 1)
    url = bank_world.bank.offices[Office.LOG].url.render_as_string(hide_password=False)
    done = asyncio.Event()

    async def keep_sequencing() -> int:
        given = 0
        async with engine_of(url) as own:
            while not done.is_set():
                given += await sequence(own)
        return given

    nodes = [asyncio.create_task(keep_sequencing()) for _ in range(3)]
    for _ in range(40):
        await office.append(*(office.line() for _ in range(5)))
    done.set()
    given = sum(await asyncio.gather(*nodes)) + await sequence(engine(bank_world))

    places = await indices(bank_world)
    assert sorted(places.values()) == list(range(len(places)))
    assert len(places) == await entries_in_database(bank_world)
    assert given >= 200
    await publish(bank_world)
    assert verdict(bank_world).line() == VERIFIED


async def test_51_an_outbox_processed_twice_gives_no_second_place(bank_world: World) -> None:
    await publish(bank_world)
    before = await indices(bank_world)
    await by_force(bank_world, f"INSERT INTO public.audit_pending (entry_id) VALUES ('{min(before)}')")

    with pytest.raises(IntegrityError):
        await sequence(engine(bank_world))

    assert await indices(bank_world) == before
    (found,) = await findings(bank_world)
    assert (found.id, "waits for another" in found.sentence) == (min(before), True)
    await by_force(bank_world, "DELETE FROM public.audit_pending")


# Publishing: stopped after each step, started again -----------------------------------------------


@pytest.mark.parametrize("stopped_after", ["commit", "index", "files", "signer"])
async def test_whatever_step_is_the_last_the_next_start_goes_on(
    bank_world: World, monkeypatch: pytest.MonkeyPatch, stopped_after: str
) -> None:
    await publish(bank_world)
    published = verdict(bank_world).size
    await some_entries(bank_world, 3)
    stopped = publisher_of(bank_world)
    if stopped_after != "commit":
        await sequence(engine(bank_world))
    if stopped_after in ("files", "signer"):
        await stopped.integrate(engine(bank_world))
    if stopped_after == "signer":
        with monkeypatch.context() as patched:
            patched.setattr(sequencer, "replace", no_disk)
            with pytest.raises(OSError, match="no disk"):
                await stopped.publish()
    in_between = verdict(bank_world)
    assert (in_between.line(), in_between.size) == (VERIFIED, published)

    started = publisher_of(bank_world)
    await LogKeeper(engine(bank_world), started).step()

    assert verdict(bank_world).line() == VERIFIED
    assert verdict(bank_world).size == started.published_size == await entries_in_database(bank_world)
    assert await findings(bank_world) == []


def no_disk(*_: object) -> None:
    """Fail as a full or lost disk does."""
    raise OSError("no disk")


async def test_stopped_at_any_file_the_same_files_come_out(
    bank_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await publish(bank_world)
    await some_entries(bank_world, 300)  # over the edge of a bundle and its tiles
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(bank_world.bank.settings.log_directory, undisturbed)
    await sequence(engine(bank_world))
    signer_state = bank_world.bank.settings.signer_state_file.read_bytes()
    await LogKeeper(engine(bank_world), publisher_of(bank_world, undisturbed)).step()
    bank_world.bank.settings.signer_state_file.write_bytes(signer_state)

    write, stops = tiles.write_once, 0
    while True:
        room = [1]  # one file, then the process is gone

        def write_one(path: Path, data: bytes, temporary: Path, room: list[int] = room) -> None:
            if not path.exists():
                if not room:
                    raise OSError("gone")
                room.pop()
            write(path, data, temporary)

        with monkeypatch.context() as patched:
            patched.setattr(tiles, "write_once", write_one)
            try:
                await publisher_of(bank_world).integrate(engine(bank_world))
            except OSError:
                stops += 1
                continue
        break
    await LogKeeper(engine(bank_world), publisher_of(bank_world)).step()

    assert stops >= 4
    assert verdict(bank_world).line() == VERIFIED
    assert contents(bank_world.bank.settings.log_directory) == contents(undisturbed)


def contents(directory: Path) -> dict[str, bytes]:
    """Return every published file that a log of this size needs, by its path."""
    size = tiles.written_size(directory)
    width = tiles.width_of(0, size // 256, size)
    names = [
        "checkpoint",
        tiles.bundle_path(0), tiles.tile_path(0, 0), tiles.tile_path(1, 0, 1),
        tiles.bundle_path(size // 256, width), tiles.tile_path(0, size // 256, width),
    ]  # fmt: skip
    return {name: (directory / name).read_bytes() for name in names}


async def test_publishing_again_changes_nothing(bank_world: World) -> None:
    await publish(bank_world)
    directory = bank_world.bank.settings.log_directory
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()}

    await LogKeeper(engine(bank_world), publisher_of(bank_world)).step()
    await publish(bank_world)

    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()} == before


# Starting: nobody goes on with two memories -------------------------------------------------------


async def test_18_a_restored_database_is_refused_before_an_index_is_given_anew(bank_world: World) -> None:
    await publish(bank_world)
    await some_entries(bank_world, 5)
    size = await publish(bank_world)
    lost = f"(SELECT entry_id FROM public.audit_index WHERE index >= {size - 2})"
    await by_force(
        bank_world,
        f"DELETE FROM public.audit_effect WHERE entry_id IN {lost}",
        f"DELETE FROM public.audit_entry WHERE id IN {lost}",
        f"DELETE FROM public.audit_index WHERE index >= {size - 2}",
        f"UPDATE public.audit_state SET next_index = {size - 2}",
    )
    await some_entries(bank_world, 1)
    before = await indices(bank_world)

    with pytest.raises(LogContradiction, match="it is an older one"):
        await publish(bank_world)

    assert await indices(bank_world) == before
    assert [(one.index, "older one" in one.sentence) for one in await findings(bank_world)] == [
        (size - 2, True)
    ]
    bank = bank_world.bank
    urls = {
        office: own.url.render_as_string(hide_password=False) for office, own in bank.offices.engines.items()
    }
    with pytest.raises(LogContradiction):
        async with banks.running(bank.settings, bank.admin_url, urls, policy=bank.policy):
            pass
    await put_right(bank_world, size)


async def put_right(world: World, size: int) -> None:
    """Put the entries back from the files, as a recovery would, so that the bank can close."""
    reader = tiles.TileReader(world.bank.settings.log_directory)
    await by_force(world, "DELETE FROM public.audit_pending")
    for index in (size - 2, size - 1):
        entry = json.loads(reader.entry(index, size))
        blob = reader.entry(index, size).hex()
        await by_force(
            world,
            "INSERT INTO public.audit_entry SELECT "
            f"'{entry['id']}', sha256('\\x00{blob}'), '\\x{blob}', office, act, outcome, account, person, trade_id, "
            "recorded_at FROM public.audit_entry LIMIT 1",
            f"INSERT INTO public.audit_index VALUES ({index}, '{entry['id']}')",
            f"UPDATE public.audit_state SET next_index = {size}",
        )


async def test_19_a_signer_that_forgot_what_is_published_is_refused(bank_world: World) -> None:
    await publish(bank_world)
    memory = bank_world.bank.settings.signer_state_file
    older = memory.read_bytes()
    await some_entries(bank_world, 1)
    await publish(bank_world)
    newer = memory.read_bytes()

    memory.write_bytes(older)
    with pytest.raises(LogContradiction, match="none may be ahead"):
        publisher_of(bank_world)
    memory.write_bytes(newer)
    publisher_of(bank_world)


async def test_files_that_lost_what_was_signed_are_refused(bank_world: World, tmp_path: Path) -> None:
    await publish(bank_world)
    directory = bank_world.bank.settings.log_directory
    shutil.copytree(directory, tmp_path / "older")
    await some_entries(bank_world, 1)
    await publish(bank_world)

    with pytest.raises(LogContradiction, match="none may be ahead"):
        publisher_of(bank_world, tmp_path / "older")
    size = tiles.written_size(directory)
    tile = directory / tiles.tile_path(0, 0, size)
    shutil.copytree(directory, tmp_path / "other")
    (tmp_path / "other" / tile.relative_to(directory)).write_bytes(bytes(32 * size))
    with pytest.raises(LogContradiction, match="not those that were signed"):
        publisher_of(bank_world, tmp_path / "other")


async def test_another_past_in_the_database_is_refused(bank_world: World) -> None:
    await some_entries(bank_world, 2)
    size = await publish(bank_world)
    last = f"(SELECT entry_id FROM public.audit_index WHERE index = {size - 1})"
    (kept,) = await rows(bank_world, f"SELECT id, bytes FROM public.audit_entry WHERE id = {last}")
    await by_force(bank_world, f"UPDATE public.audit_entry SET bytes = '{{}}' WHERE id = '{kept.id}'")

    with pytest.raises(LogContradiction, match=f"different entries at {size - 1}"):
        await publish(bank_world)

    original = f"UPDATE public.audit_entry SET bytes = '\\x{kept.bytes.hex()}' WHERE id = '{kept.id}'"
    await by_force(bank_world, original)
    await publish(bank_world)


async def test_readiness_turns_red_while_the_log_cannot_be_kept(
    bank_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bank_world.anonymous() as client:
        with monkeypatch.context() as patched:
            patched.setattr(sequencer, "replace", no_disk)
            bank_world.bank.keeper.start()
            await until(lambda: bank_world.bank.keeper.failure is not None)
            red = await client.get("/health/ready")
        await until(lambda: bank_world.bank.keeper.failure is None)
        green = await client.get("/health/ready")
    await bank_world.bank.keeper.stop()

    assert (red.status_code, red.json()["reason"]) == (503, "log not writable: OSError")
    assert green.status_code == 200
    assert verdict(bank_world).verdict is Verdict.VERIFIED


async def test_a_refusal_that_cannot_be_recorded_is_not_given(bank_world: World) -> None:
    trader = await bank_world.as_("trader")
    login = login_of(bank_world, Office.FRONT_OFFICE)
    before = await entries_in_database(bank_world)
    path, body = f"/api/trades/{uuid4()}/verification", {"version": 1}

    await by_force(bank_world, f'REVOKE EXECUTE ON FUNCTION public.audit_append(bytea[]) FROM "{login}"')
    unrecorded = await trader.post(path, body)
    await by_force(bank_world, f'GRANT EXECUTE ON FUNCTION public.audit_append(bytea[]) TO "{login}"')
    recorded = await trader.post(path, body)

    assert (unrecorded.status_code, unrecorded.json().get("decision")) == (500, None)
    assert recorded.status_code == 403
    assert await entries_in_database(bank_world) == before + 1


async def until(true: object) -> None:
    """Wait until something is true."""
    assert callable(true)
    for _ in range(100):
        if true():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError
