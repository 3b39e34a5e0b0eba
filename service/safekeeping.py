"""Commands that keep the bank safe: back it up, restore it, bring its log forward, witness another log."""

import argparse
import asyncio
import getpass
import shutil
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.engine import make_url

from audit import witness_command
from audit.keys import UnusableKey
from policies.policy import load
from policies.vocabulary import Action, Office
from service import backup, cli, genesis, running
from service import bank as banks
from service import settings as told_settings
from service.backup import Backup, BrokenBackup, NotEmpty
from service.cli import Exit, Outcome
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, Refusal
from service.kernel.texts import Reason
from service.matrix import Operates
from service.migrations.logins import quoted
from service.migrations.upgrade import ensure_database
from service.people.directory import service_actor
from service.pulse import RecordBackup, record_backup
from service.recovery import ceremony
from service.running import CannotServe
from service.settings import Settings

NEXT = (
    "Bring the log's private keys and the signer's memory into keys/ from where they are kept; then "
    "`trennwand serve`, which says whether the log must be brought forward."
)


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add what keeps the bank safe to the command line."""
    made = commands.add_parser("backup", parents=[common], help="copy the bank into one file, while it works")
    made.add_argument("file", type=Path, metavar="FILE")
    made.set_defaults(run=run_backup, stands=Action.LOG_BACKUP)

    restored = commands.add_parser("restore", parents=[common], help="restore a backup into an empty place")
    restored.add_argument("file", type=Path, metavar="FILE")
    restored.add_argument("--sha256", metavar="HEX", help="only this very file, as `backup` told it")
    restored.add_argument(
        "--database-only", action="store_true", help="the log's files survived; leave them as they are"
    )
    restored.set_defaults(run=run_restore, stands=Operates("needs the database's administrator"))

    recover = commands.add_parser(
        "recover", parents=[common], help="bring a lost log forward: two log custodians, one after the other"
    )
    recover.add_argument("--as", dest="account", required=True, metavar="ACCOUNT", help="a log custodian")
    recover.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    recover.add_argument("--reason", metavar="TEXT", help="of whoever asks for it; it stands in the log")
    recover.add_argument(
        "--from",
        dest="copy",
        type=Path,
        metavar="DIR",
        help="another copy of the log's directory, which holds more",
    )
    recover.add_argument(
        "--name", type=named_row, metavar="KIND:ID=NAME", help="give a row that lags the name it had"
    )
    recover.set_defaults(
        run=run_recover, stands=(Action.RECOVERY_REQUEST, Action.LOG_RECOVER, Action.RECOVERY_COMPLETE)
    )

    witness = commands.add_parser("witness", help="witness another log, on a machine of other administrators")
    witness_command.add_arguments(witness)
    witness.set_defaults(run=run_witness, stands=Operates("another bank's log, seen from outside"))


# Backup --------------------------------------------------------------------------------------------


def run_backup(asked: argparse.Namespace) -> int:
    """Command ``backup``."""
    settings = told_settings.load(asked.data)
    cli.must_be_a_bank(settings)
    with banks.database_server(settings) as server_url:
        return cli.tell(asked, running.run(make_backup(settings, server_url, asked.file)))


async def make_backup(settings: Settings, server_url: str, target: Path) -> Outcome:
    """Write the backup, and the entry that says so."""
    admin_url = make_url(server_url).set(database=cli.database_of(settings))
    async with cli.open_gate(settings, server_url) as gate:
        where = admin_url.render_as_string(hide_password=False)
        try:
            made = await backup.make(settings, where, gate.policy, target, gate.clock.now())
        except FileExistsError:
            return Outcome(Exit.CONFLICT, {"wrong": f"{target} exists."})
        keeper = await service_actor(gate.offices, Office.LOG)
        told = RecordBackup(sha256=made.sha256, bytes=made.bytes, entries=made.size)
        await gate.perform(keeper, record_backup, told)
    return Outcome(Exit.OK, {"file": str(target), **msgspec.structs.asdict(told)})


# Restore -------------------------------------------------------------------------------------------


def run_restore(asked: argparse.Namespace) -> int:
    """Command ``restore``."""
    with running.alone(asked.data):
        try:
            found = backup.opened(asked.file, asked.sha256)
            settings = told_settings.load(asked.data)
            backup.must_be_free(settings, database_only=asked.database_only)
            if asked.database_only:
                backup.must_continue(found, settings.log_directory)
            backup.write_files(found, asked.data)
            settings = told_settings.load(asked.data)
            with banks.database_server(settings) as server_url:
                running.run(restore(settings, server_url, found, database_only=asked.database_only))
        except BrokenBackup as broken:
            return cli.tell(asked, Outcome(Exit.INTEGRITY, {"wrong": str(broken)}))
        except NotEmpty as taken:
            return cli.tell(asked, Outcome(Exit.CONFLICT, {"wrong": str(taken)}))
    told = {"entries": found.size, "made at": found.manifest["made_at"], "next": NEXT}
    return cli.tell(asked, Outcome(Exit.OK, told))


async def restore(settings: Settings, server_url: str, found: Backup, *, database_only: bool) -> None:
    """Fill an empty database and write the log's files, unless what comes out is not what was signed.

    Stopped on the way: the database is not empty any more or has no log beside it; begin again with an empty one.
    Raises NotEmpty, BrokenBackup; then the database is empty as before, and no log is written.
    """
    policy = load()
    database = cli.database_of(settings)
    admin_url = make_url(server_url).set(database=database).render_as_string(hide_password=False)
    if settings.database_url is None:
        await ensure_database(server_url, database)
    await backup.must_be_empty(admin_url)
    draft = backup.staging(settings.data)
    try:
        await asyncio.to_thread(backup.write_log, found, draft)
        try:
            await banks.prepare(settings, server_url, policy)
            await backup.load_tables(found, admin_url, quoted(f"{database}_owner"))
            await backup.must_tell_one_story(admin_url, draft, settings.public_key_file)
        except BaseException:
            await backup.clear(admin_url)
            raise
        if not database_only:
            shutil.rmtree(draft / "tmp", ignore_errors=True)
            if settings.log_directory.exists():
                settings.log_directory.rmdir()
            draft.rename(settings.log_directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


# Recovery ------------------------------------------------------------------------------------------


def run_recover(asked: argparse.Namespace) -> int:
    """Command ``recover``."""
    settings = told_settings.load(asked.data)
    cli.must_be_a_bank(settings)
    word = (
        sys.stdin.readline().rstrip("\n") if asked.password_stdin else getpass.getpass(f"{asked.account}: ")
    )
    with running.alone(settings.data), banks.database_server(settings) as server_url:
        return cli.tell(
            asked,
            running.run(
                recover(settings, server_url, asked.account, word, asked.reason, asked.copy, asked.name)
            ),
        )


def named_row(told: str) -> tuple[str, UUID, str]:
    """Read which row has which name."""
    row, _, name = told.partition("=")
    kind, _, object_id = row.partition(":")
    if kind not in ("person", "account") or not name:
        raise argparse.ArgumentTypeError(f"{told!r} is not person:ID=NAME or account:ID=NAME")
    return kind, UUID(object_id), name


async def recover(
    settings: Settings,
    server_url: str,
    account: str,
    password: str,
    reason: str | None,
    copy: Path | None = None,
    name: tuple[str, UUID, str] | None = None,
) -> Outcome:
    """Take part in a recovery: the first custodian asks for it, another carries it out. Later: give a row its ``name``.

    Raises CannotRecover.
    """
    database = cli.database_of(settings)
    place = ceremony.Place(
        settings.log_directory,
        banks.open_signer(settings),
        make_url(server_url).set(database=database).render_as_string(hide_password=False),
        quoted(f"{database}_owner"),
        copy,
    )

    async def do(gate: Gate, actor: Actor) -> Outcome:
        keeper = await service_actor(gate.offices, Office.LOG)
        await gate.perform(keeper, genesis.restart_log, genesis.RestartLog())
        try:
            if name is not None:
                done = await ceremony.give_name(gate, actor, place, *name)
            else:
                done = await ceremony.take_part(gate, actor, place, _checked(reason))
        except Refusal as refusal:
            if refusal.decision is None:
                await gate.refuse(actor, Action.RECOVERY_REQUEST, refusal)
            return cli.refused(refusal)
        return Outcome(Exit.OK, done.answer)

    return await cli.signed_in(settings, server_url, account, password, do, behind=True)


def _checked(reason: str | None) -> str | None:
    """Return a reason that can stand in the log; whoever only confirms gives none. Raises Malformed."""
    try:
        return None if reason is None else msgspec.convert(reason, Reason)
    except msgspec.ValidationError as wrong:
        raise Malformed(str(wrong), field="reason") from wrong


# Witness -------------------------------------------------------------------------------------------


def run_witness(asked: argparse.Namespace) -> int:
    """Command ``witness``: the same as ``python -m audit witness``."""
    try:
        return witness_command.run(asked)
    except (witness_command.WrongUsage, UnusableKey) as wrong:
        raise CannotServe(str(wrong)) from wrong
