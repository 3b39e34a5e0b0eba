"""A backup holds the bank and no key, and what is restored from it is what was signed."""

import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.report import Verdict
from service import backup
from service.__main__ import main
from service.audit_trail.recovery import CannotRecover
from service.backup import BrokenBackup, NotEmpty, kept_tables, opened
from service.cli import Exit
from tests import settling
from tests.bank import World
from tests.conftest import Template
from tests.deals import rows
from tests.keeping import findings, publish, verdict
from tests.recovering import an_empty_database, backed_up, elsewhere, restored, started


async def contents(here: World) -> dict[str, list[str]]:
    """Return every row of every kept table, as text."""
    found = {}
    for table in kept_tables():
        query = f"SELECT t::text AS row FROM public.{table.name} t ORDER BY 1"
        found[table.name] = [row.row for row in await rows(here, query)]
    return found


async def test_a_restored_bank_is_the_bank(ready_bank: World, template: Template, tmp_path: Path) -> None:
    await settling.settled(ready_bank)
    before = await contents(ready_bank)
    made = await backed_up(ready_bank, tmp_path / "bank.backup")
    published = await contents(ready_bank)

    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(ready_bank.bank.settings, tmp_path / "restored", url)
        shutil.rmtree(settings.log_directory)
        found = opened(made.path, made.sha256)
        await restored(settings, found, database_only=False)
        async with started(settings) as here:
            assert (await contents(here))["trade"] == before["trade"] != []
            now = await contents(here)
            later = {"audit_entry", "audit_pending"}  # the start itself
            assert {name: now[name] for name in now.keys() - later} == {
                name: published[name] for name in now.keys() - later
            }
            again = await settling.captured(here)
            settling.done(await again.do("verifier", "verification"))
            await publish(here)
            assert await findings(here) == []
            assert verdict(here).verdict is Verdict.VERIFIED, verdict(here).lines()


async def test_no_key_is_in_a_backup_and_only_its_owner_reads_it(bank_world: World, tmp_path: Path) -> None:
    made = await backed_up(bank_world, tmp_path / "bank.backup")

    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    with zipfile.ZipFile(made.path) as archive:
        names = archive.namelist()
        assert not [name for name in names if "keys" in name or "signer" in name]
        everything = b"".join(archive.read(name) for name in names)
    for secret in (bank_world.bank.settings.data / "keys").iterdir():
        if secret.suffix == ".pem":
            assert secret.read_bytes().splitlines()[1] not in everything
    assert b"PRIVATE KEY" not in everything


async def test_a_backup_overwrites_nothing(bank_world: World, tmp_path: Path) -> None:
    target = tmp_path / "bank.backup"
    target.write_text("something else")
    with pytest.raises(FileExistsError):
        await backed_up(bank_world, target)
    assert target.read_text() == "something else"


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Copy an archive member by member, changing or leaving out some; digests stay as they were."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
    return target


def resealed(source: Path, target: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    """Change a member and its digest in the manifest alike."""
    with zipfile.ZipFile(source) as old:
        content = change(old.read(member))
        manifest = json.loads(old.read("manifest.json"))
    manifest["members"][member] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    changed = {member: content, "manifest.json": json.dumps(manifest).encode()}
    return rewritten(source, target, changed.get)


async def test_a_wrong_truncated_or_edited_backup_is_refused_before_anything_is_restored(
    bank_world: World, tmp_path: Path
) -> None:
    made = await backed_up(bank_world, tmp_path / "bank.backup")
    whole, target = made.path.read_bytes(), tmp_path / "changed"

    def is_refused(content: bytes | Path, sentence: str) -> None:
        path = content if isinstance(content, Path) else target
        if isinstance(content, bytes):
            target.write_bytes(content)
        with pytest.raises(BrokenBackup, match=sentence):
            opened(path)

    is_refused(whole[: len(whole) // 2], "cut off or changed")
    is_refused(b"", "cut off or changed")
    is_refused(b"PK no archive", "cut off or changed")
    is_refused(tmp_path / "nowhere", "There is no file")
    flipped = bytearray(whole)
    with zipfile.ZipFile(made.path) as archive:  # inside a member: a header's time of day says nothing
        largest = max(archive.infolist(), key=lambda member: member.compress_size)
    flipped[largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2] ^= 1
    is_refused(bytes(flipped), "cut off or changed|was changed")
    edited = rewritten(made.path, target, lambda name, was: was + b"x" if name == "database/trade" else was)
    is_refused(edited, "database/trade is .* and was")
    left_out = rewritten(made.path, target, lambda name, was: None if name == "database/session" else was)
    is_refused(left_out, "exactly the members")
    with pytest.raises(BrokenBackup, match="not the backup asked for"):
        opened(made.path, "0" * 64)
    assert opened(made.path, made.sha256).size == made.size


async def test_rows_edited_with_their_digests_are_found_by_the_log(
    ready_bank: World, template: Template, tmp_path: Path
) -> None:
    made = await backed_up(ready_bank, tmp_path / "bank.backup")
    changed = resealed(
        made.path,
        tmp_path / "changed",
        "database/counterparty",
        lambda was: was.replace(settling.TERMS["counterparty"].encode(), b"529900DEMO00CPBNKA52"),
    )

    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(ready_bank.bank.settings, tmp_path / "restored", url)
        shutil.rmtree(settings.log_directory)
        with pytest.raises(BrokenBackup, match="not what the log says: counterparty"):
            await restored(settings, opened(changed), database_only=False)
        assert not settings.log_directory.exists()
        await backup.must_be_empty(url)


async def test_entries_edited_with_their_digests_are_not_those_of_the_checkpoint(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    made = await backed_up(bank_world, tmp_path / "bank.backup")
    changed = resealed(
        made.path,
        tmp_path / "changed",
        "log/entries",
        lambda was: was.replace(b"log.restart", b"log.restarT"),
    )

    async with an_empty_database(template.server_url) as url:
        settings = elsewhere(bank_world.bank.settings, tmp_path / "restored", url)
        shutil.rmtree(settings.log_directory)
        with pytest.raises(BrokenBackup, match="not those of its checkpoint"):
            await restored(settings, opened(changed), database_only=False)


async def test_a_backup_is_restored_into_an_empty_place_only(
    bank_world: World, template: Template, tmp_path: Path
) -> None:
    made = await backed_up(bank_world, tmp_path / "bank.backup")
    settings = bank_world.bank.settings

    with pytest.raises(NotEmpty, match="holds a log already"):
        backup.must_be_free(settings, database_only=False)
    with pytest.raises(NotEmpty, match="tables already"):
        await backup.must_be_empty(bank_world.bank.admin_url)
    async with an_empty_database(template.server_url) as url:
        foreign = elsewhere(settings, tmp_path / "restored", url)
        shutil.rmtree(foreign.log_directory / "tile")
        with pytest.raises(CannotRecover, match="fewer than the backup"):
            backup.must_continue(made, foreign.log_directory)


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.backup").write_bytes(b"no backup")
    data = ["--data", str(tmp_path / "data")]

    assert main(["restore", *data, str(tmp_path / "no.backup")]) == Exit.INTEGRITY
    assert "is no backup, or it was cut off" in capsys.readouterr().out
    assert main(["backup", *data, str(tmp_path / "new.backup")]) == Exit.FAILED
    assert "There is no bank" in capsys.readouterr().err
