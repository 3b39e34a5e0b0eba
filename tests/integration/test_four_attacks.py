"""A bank that has worked, somebody who owns its server, and an examiner with a copy of the log, Python and our key.

What they change, the examiner finds offline, by `python -m audit verify`: an altered entry, a cut tail, a restored
backup, an exchanged key. The copy is what the attacker hands over.
"""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from audit import keys, note, tiles
from audit.__main__ import main
from audit.checkpoint import Checkpoint
from audit.keyring import FILE_NAME, Keyring
from audit.note import SigningKey
from service import bank as banks
from service.audit_trail.sequencer import LogContradiction
from service.settings import Settings
from tests import settling
from tests.bank import World, world
from tests.conftest import Template, on
from tests.deals import by_force, captured, rows
from tests.keeping import publish

VERIFIED = "audit: VERIFIED (L1 self-signed)"


@dataclass
class Examiner:
    """Somebody with the log's public key from the first day and a memory of their own."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    key: str = ""

    def pin(self, settings: Settings) -> None:
        """Keep the key as it was published then."""
        self.key = settings.public_key_file.read_text(encoding="utf-8").strip()

    def verify(self, log: Path, *more: str) -> tuple[int, list[str]]:
        """Return the exit code and what was printed."""
        code = main(["verify", str(log), "--key", self.key, *more])
        return code, self.capsys.readouterr().out.splitlines()

    def remembering(self, log: Path) -> tuple[int, list[str]]:
        return self.verify(log, "--state", str(self.folder / "state.json"))


@pytest.fixture
def examiner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Examiner:
    return Examiner(tmp_path / "stick", capsys)


def handed_over(world: World, tmp_path: Path, name: str = "copy") -> Path:
    """Copy the published log as the examiner gets it."""
    return Path(shutil.copytree(world.bank.settings.log_directory, tmp_path / name))


def named(lines: list[str], index: int | None, *checks: str) -> bool:
    """Whether the first bad index and the checks that failed are told."""
    told = [line.removeprefix("first bad index ") for line in lines if line.startswith("first bad index ")]
    assert told == ([] if index is None else [str(index)]), lines
    assert [line.split()[0] for line in lines if line[4:10] == "failed"] == [*checks], lines
    return True


async def entries(world: World) -> list[bytes]:
    """Return what the database says the entries are."""
    query = "SELECT e.bytes FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id ORDER BY i.index"
    return [bytes(row.bytes) for row in await rows(world, query)]


async def test_01_an_entry_altered_with_the_guards_off_is_found_offline(
    ready_bank: World, examiner: Examiner, tmp_path: Path
) -> None:
    await settling.settled(ready_bank)
    size = await publish(ready_bank)
    examiner.pin(ready_bank.bank.settings)
    (release,) = await rows(
        ready_bank,
        "SELECT i.index, e.id, e.bytes FROM public.audit_entry e JOIN public.audit_index i ON i.entry_id = e.id "
        "WHERE e.act = 'settlement.release' ORDER BY i.index LIMIT 1",
    )
    assert examiner.verify(handed_over(ready_bank, tmp_path, "before"))[1][0] == VERIFIED
    (settler,) = await rows(ready_bank, "SELECT id, person_id FROM public.account WHERE name = 'settler'")
    told = json.loads(release.bytes)
    forged = release.bytes.replace(told["actor"]["person"].encode(), str(settler.person_id).encode()).hex()

    await by_force(  # session_replication_role = replica: no guard, no foreign key
        ready_bank,
        f"UPDATE public.audit_entry SET bytes = '\\x{forged}', leaf = sha256('\\x00{forged}'), "
        f"person = '{settler.person_id}' WHERE id = '{release.id}'",
    )

    log = handed_over(ready_bank, tmp_path)
    await write_bundles(ready_bank, log, size)
    code, lines = examiner.verify(log)
    assert (code, lines[0]) == (1, "audit: TAMPERED (L1 self-signed)")
    assert named(lines, release.index, "V7", "V13", "V16")

    shutil.rmtree(log / "tile")  # and if every tile is made to fit
    tiles.TileWriter(log).extend(0, await entries(ready_bank))
    code, lines = examiner.verify(log)
    assert code == 1
    assert named(lines, release.index, "V6", "V13", "V16")


async def write_bundles(world: World, log: Path, size: int) -> None:
    """Write the bundles anew from the database, so that entries and database agree."""
    lines = await entries(world)
    for number in range(-(-size // tiles.WIDTH)):
        width = tiles.width_of(0, number, size)
        part = lines[number * tiles.WIDTH :][:width]
        (log / tiles.bundle_path(number, width)).write_bytes(tiles.frame(part))


async def test_07_a_cut_tail_is_found_offline(ready_bank: World, examiner: Examiner, tmp_path: Path) -> None:
    cut = await publish(ready_bank)
    examiner.pin(ready_bank.bank.settings)
    older = handed_over(ready_bank, tmp_path, "older")
    await settling.settled(ready_bank)
    size = await publish(ready_bank)
    log = handed_over(ready_bank, tmp_path)
    assert examiner.remembering(log)[0] == 0

    code, lines = examiner.remembering(older)
    assert (code, lines[0]) == (1, "audit: TAMPERED (L1 self-signed)")
    assert named(lines, cut, "V25")
    assert any(f"had {size} entries" in line for line in lines)
    assert examiner.verify(older)[0] == 0, "an older state was lawful once: only who saw more knows"

    shutil.rmtree(log / "tile")
    shutil.copytree(older / "tile", log / "tile")
    code, lines = examiner.verify(log)
    assert (code, lines[0].split()[1]) == (2, "INCOMPLETE")
    assert f"first bad index {cut // tiles.WIDTH * tiles.WIDTH}" in lines


@dataclass
class Machine:
    """A bank that is opened, closed, backed up and restored, as whoever owns the server can."""

    template: Template
    settings: Settings
    name: str

    @asynccontextmanager
    async def open(self) -> AsyncIterator[World]:
        urls = {office: on(url, self.name) for office, url in self.template.urls.items()}
        async with banks.running(
            self.settings,
            on(self.template.admin_url, self.name),
            urls,
            policy=self.template.policy,
            keep_log=False,
        ) as bank:
            here = world(bank)
            yield here
            await here.close()

    async def command(self, *statements: str) -> None:
        engine = create_async_engine(
            self.template.server_url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        async with engine.connect() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)
        await engine.dispose()

    async def back_up(self) -> None:
        """Keep the database, and the whole data directory with files, signer and keys."""
        await self.command(f"CREATE DATABASE {self.name}_backup TEMPLATE {self.name}")
        shutil.copytree(self.settings.data, self.settings.data.with_name("backup"))

    async def restore_database(self) -> None:
        await self.command(
            f"DROP DATABASE {self.name} WITH (FORCE)",
            f"CREATE DATABASE {self.name} TEMPLATE {self.name}_backup",
        )

    def restore_files(self) -> None:
        shutil.rmtree(self.settings.data)
        shutil.copytree(self.settings.data.with_name("backup"), self.settings.data)


@pytest.fixture
async def machine(template: Template, tmp_path: Path) -> AsyncIterator[Machine]:
    shutil.copytree(template.settings.data, tmp_path / "bank")
    name = f"bank_{uuid4().hex}"
    made = Machine(template, replace(template.settings, data=tmp_path / "bank"), name)
    await made.command(f"CREATE DATABASE {name} TEMPLATE {make_url(template.admin_url).database}")
    yield made
    await made.command(*(f"DROP DATABASE IF EXISTS {one} WITH (FORCE)" for one in (name, f"{name}_backup")))


async def test_18_a_restored_backup_is_found_offline(
    machine: Machine, examiner: Examiner, tmp_path: Path
) -> None:
    examiner.pin(machine.settings)
    async with machine.open() as bank:
        await settling.set_up(bank)
    await machine.back_up()
    async with machine.open() as bank:
        lost = await captured(bank)
        await settling.settled(bank)
        seen = await publish(bank)
        assert examiner.remembering(handed_over(bank, tmp_path, "seen"))[0] == 0

    await machine.restore_database()
    with pytest.raises(LogContradiction, match="it is an older one"):
        async with machine.open():
            pass
    machine.restore_files()  # with the files and the signer it starts: by itself nothing is wrong
    async with machine.open() as bank:
        size = await publish(bank)
        shorter = handed_over(bank, tmp_path, "shorter")
        while size <= seen:
            await captured(bank)
            size = await publish(bank)
        longer = handed_over(bank, tmp_path, "longer")
        found = await rows(bank, f"SELECT id FROM public.trade WHERE id = '{lost['id']}'")

    assert found == []
    assert examiner.verify(shorter)[0] == examiner.verify(longer)[0] == 0
    code, lines = examiner.remembering(shorter)
    assert (code, lines[0]) == (1, "audit: TAMPERED (L1 self-signed)")
    assert any(line.startswith("V25 failed") for line in lines)
    code, lines = examiner.remembering(longer)
    assert code == 1
    assert named(lines, None, "V5")


async def test_22_an_exchanged_key_is_found_offline(
    ready_bank: World, examiner: Examiner, tmp_path: Path
) -> None:
    await settling.settled(ready_bank)
    await publish(ready_bank)
    settings = ready_bank.bank.settings
    examiner.pin(settings)
    log = handed_over(ready_bank, tmp_path)
    text, (ours,) = note.parse((log / "checkpoint").read_bytes())
    told = Checkpoint.parse(text)
    own = SigningKey(settings.origin, keys.generate())
    forged = str(replace(told, root=bytes(32)))

    for text in (str(told), forged):  # the same log, and another one
        (log / "checkpoint").write_bytes(note.sign(text, own))
        code, lines = examiner.verify(log)
        assert (code, lines[0].split()[1]) == (1, "TAMPERED")
        assert any(line.startswith("V3  failed") for line in lines)

    line = note.signature_line(ours.name, ours.key_id, own.sign(forged.encode()))  # our name, our key id
    (log / "checkpoint").write_text(f"{forged}\n{line}", encoding="utf-8")
    assert examiner.verify(log)[0] == 1

    Keyring.begin(own, told).save(log / FILE_NAME, tmp_path / "temporary")  # with a key ring of its own
    (log / "checkpoint").write_bytes(note.sign(str(told), own))
    code, lines = examiner.verify(log)
    assert code == 1
    assert any("V19" in line and "nothing leads from it" in line for line in lines)
