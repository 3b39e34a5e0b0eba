"""What the command line does with a bank: serve it, act in it, bring it up to date, examine it."""

import argparse
import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from audit.keys import load_public
from audit.report import Report, Verdict
from audit.tiles import MalformedTile, MissingTile
from audit.verify import verify
from policies.policy import load
from policies.vocabulary import Action, Office
from service import bank as banks
from service import division, genesis, production, running
from service.acts import decoded, use_case_named
from service.app import slices
from service.audit_trail.compare import compare
from service.audit_trail.recovery import must_be_whole
from service.audit_trail.sequencer import PENDING, backlog
from service.compliance import evidence, rebuild
from service.compliance.books import BOOKS
from service.faces import check_json
from service.gate import USE_CASES, Gate
from service.in_force import policy_in_force
from service.kernel import embedded
from service.kernel.actor import THIS_MACHINE, Actor
from service.kernel.clock import SystemClock
from service.kernel.database import Offices
from service.kernel.errors import Refusal
from service.kernel.problems import problem
from service.migrations import schema
from service.migrations.guards import guard_statements
from service.migrations.logins import office_urls, passwords
from service.migrations.upgrade import ensure_database, upgrade
from service.people.directory import actor_of_token
from service.people.signing_in import sign_in
from service.settings import Settings
from service.tables import METADATA

ORIGIN = "command line"
CONFLICT = 409
LAGGING = text("SELECT kind, object_id, why FROM public.lagging_row WHERE righted_at IS NULL ORDER BY 1, 2")
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


class Exit(IntEnum):
    """What the command's exit code means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    CONFLICT = 4
    INTEGRITY = 5


class NoBank(RuntimeError):
    """There is no bank in this data directory yet."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to, and what it has to tell."""

    exit: Exit
    told: Mapping[str, Any]


def tell(asked: argparse.Namespace, outcome: Outcome) -> int:
    """Print what a command came to; return its exit code."""
    if asked.json:
        print(json.dumps(outcome.told, ensure_ascii=False, indent=1))
    else:
        for line in lines(outcome.told):
            print(line)
    return outcome.exit


def lines(told: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return an object as lines for people."""
    found: list[str] = []
    for name, value in told.items():
        if isinstance(value, Mapping):
            found += [f"{indent}{name}:", *lines(value, f"{indent}  ")]
        elif isinstance(value, list):
            found += [
                f"{indent}{name}: {'none' if not value else ''}".rstrip(),
                *(f"{indent}  {one}" for one in value),
            ]
        else:
            found.append(f"{indent}{name}: {value}")
    return found


# --- act


async def sign_in_and_act(
    settings: Settings, server_url: str, account: str, password: str, act: "Act"
) -> Outcome:
    """Sign in, do one act with the account's own rights, sign out."""
    return await signed_in(
        settings, server_url, account, password, lambda gate, actor: perform(gate, actor, act)
    )


async def signed_in(
    settings: Settings,
    server_url: str,
    account: str,
    password: str,
    do: Callable[[Gate, Actor], Awaitable[Outcome]],
    *,
    behind: bool = False,
) -> Outcome:
    """Sign in, do something, sign out."""
    slices()  # imported, they have named their use cases
    async with open_gate(settings, server_url, behind=behind) as gate:
        try:
            done = await sign_in(gate, account, password, origin=ORIGIN, device=THIS_MACHINE)
            token = str(done.answer["token"])
            actor = await actor_of_token(gate.offices, token, origin=ORIGIN, device=THIS_MACHINE)
            assert actor is not None
        except Refusal as refusal:
            return refused(refusal)
        outcome = await do(gate, actor)
        close = USE_CASES[Action.SESSION_CLOSE]
        await gate.perform(actor, close, close.command())
        return outcome


@dataclass(frozen=True, slots=True)
class Act:
    """What is typed: the name of an act, its command as JSON, and the key that makes a repetition harmless."""

    action: str
    data: str
    key: str | None = None


async def perform(gate: Gate, actor: Actor, act: Act) -> Outcome:
    """Do the act through the gate, decoded as strictly as a request's body."""
    try:
        check_json("application/json", act.data.encode())
        case = use_case_named(act.action)
        done = await gate.perform(actor, case, decoded(case.command, json.loads(act.data)), key=act.key)
    except Refusal as refusal:
        if refusal.decision is None:
            await gate.refuse(actor, Action.POWER_READ, refusal)
        return refused(refusal)
    return Outcome(Exit.OK, done.answer)


def refused(refusal: Refusal) -> Outcome:
    """Return the outcome of an expected no."""
    return Outcome(Exit.CONFLICT if refusal.status == CONFLICT else Exit.REFUSED, problem(refusal))


def must_be_a_bank(settings: Settings) -> None:
    """Raise NoBank before anything is started or made for a bank that does not exist."""
    if not logins_file(settings).exists() or not settings.public_key_file.exists():
        raise NoBank(f"There is no bank in {settings.data}: start one with `trennwand run`.")


def logins_file(settings: Settings) -> Path:
    """Return where the passwords of the offices' logins are kept."""
    return settings.data / "keys" / f"logins-{database_of(settings)}.json"


def database_of(settings: Settings) -> str:
    """Return the name of the bank's database, which is also the prefix of its roles."""
    return banks.DATABASE if settings.database_url is None else str(make_url(settings.database_url).database)


def addresses(settings: Settings, server_url: str) -> tuple[str, dict[Office, str]]:
    """Return where the administrator and each office reach a bank that is there."""
    database = database_of(settings)
    admin_url = make_url(server_url).set(database=database).render_as_string(hide_password=False)
    urls = office_urls(admin_url, database, passwords(logins_file(settings)))
    return admin_url, urls | dict(settings.office_urls)


async def joined(settings: Settings, server_url: str) -> tuple[str, dict[Office, str]]:
    """Return the same for a node that joins others. Raises SchemaDiffers if they are of another release."""
    admin_url, urls = addresses(settings, server_url)
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        await schema.must_be_ours(connection)
    await engine.dispose()
    return admin_url, urls


@contextlib.asynccontextmanager
async def open_gate(settings: Settings, server_url: str, *, behind: bool = False) -> AsyncIterator[Gate]:
    """Open the gate beside a running service, which alone keeps the log's files.

    Raises RecoveryNeeded if the database is behind those files, unless ``behind`` is what it is opened for.
    """
    offices = Offices(addresses(settings, server_url)[1], pool_size=2)
    try:
        if not behind:
            await must_be_whole(offices[Office.LOG], settings.log_directory, None)
        async with offices[Office.LOG].connect() as connection:
            policy = await policy_in_force(connection, load(), kept=settings.data / "policies")
        yield banks.open_gate(settings, offices, policy, SystemClock())
    finally:
        await offices.close()


# --- export and rebuild


async def export(
    settings: Settings, server_url: str, account: str, password: str, wish: evidence.Wish, out: Path | None
) -> Outcome:
    """Make an evidence pack with the account's own rights; only the service publishes, so it waits for that."""

    async def do(gate: Gate, actor: Actor) -> Outcome:
        try:
            done = await evidence.export(gate, settings, actor, wish)
        except Refusal as refusal:
            if refusal.decision is None:
                await gate.refuse(actor, Action.EVIDENCE_EXPORT, refusal)
            return refused(refusal)
        file = evidence.file_of(settings, actor, str(done.answer["sha256"]))
        if out is not None:
            file = Path(await asyncio.to_thread(shutil.copyfile, file, out))
        return Outcome(Exit.OK, {**done.answer, "file": str(file)})

    return await signed_in(settings, server_url, account, password, do)


WHOLE = {
    "balances": rebuild.balances_from_files,
    "limits": rebuild.limits_from_files,
    "rights": rebuild.all_rights_from_files,
}


def rebuild_from_files(
    settings: Settings,
    trade: UUID | None,
    account: UUID | None,
    as_of: datetime | None,
    whole: Literal["balances", "limits", "rights"] | None = None,
) -> Outcome:
    """Tell a deal, the rights of an account, or all of something as of an instant, from the files alone."""
    until, directory = as_of or SystemClock().now(), settings.log_directory
    try:
        if trade is not None:
            return Outcome(Exit.OK, rebuild.trade_from_files(directory, trade, until))
        if account is not None:
            return Outcome(Exit.OK, rebuild.rights_from_files(directory, account, until))
        return Outcome(Exit.OK, WHOLE[whole or "balances"](directory, until))
    except Refusal as refusal:
        return refused(refusal)
    except (MissingTile, MalformedTile) as broken:
        return Outcome(Exit.INTEGRITY, {"wrong": f"The log cannot be read: {broken}"})


async def check_rebuilt(settings: Settings, server_url: str) -> Outcome:
    """Rebuild every deal from the log and compare it with what is stored."""
    async with (
        open_gate(settings, server_url) as gate,
        gate.offices[Office.COMPLIANCE].connect() as connection,
    ):
        check = await rebuild.self_check(connection, settings.log_directory)
    told = {"entries": check.size, "deals": check.trades, "rows": check.rows, "differences": check.count}
    if not check.count:
        return Outcome(Exit.OK, told)
    return Outcome(Exit.INTEGRITY, told | {"found": [one.sentence for one in check.differences]})


# --- serve


async def serve(
    settings: Settings, server_url: str, port: int, first: running.Place | None, *, self_check: bool = False
) -> int:
    """Serve the bank until told to stop; ``self_check``: hold the books against the log now too.

    The ``first`` node brings the database up to this release and then lets others in, which change nothing of it.
    Raises CannotServe.
    """
    policy = load()
    with contextlib.closing(running.listening(settings.host, port)) as listener:
        if first is None:
            admin_url, urls = await joined(settings, server_url)
        else:
            admin_url, urls = await banks.prepare(settings, server_url, policy)
        assert await genesis.has_begun(admin_url), "a bank with keys has its genesis"
        async with banks.running(settings, admin_url, urls, policy=policy) as bank:
            await production.must_have_signed_policy(bank)
            async with (
                running.automatic_work(bank, self_check=self_check),
                running.serving(bank, listener) as address,
            ):
                if first is not None:
                    first.share()
                print(f"serving: {address}", flush=True)
                await running.until_stopped()
    return Exit.OK


async def must_be_safe(settings: Settings) -> None:
    """Raise NotForProduction if a production bank is to be served whole with anything unsafe."""
    await production.must_be_safe(settings, held(settings))


def held(settings: Settings) -> dict[Office, str]:
    """Return the logins that this process would hold of a bank with a database of its own; none of another."""
    return {} if settings.database_url is None else addresses(settings, settings.database_url)[1]


async def divide(settings: Settings, server_url: str) -> Outcome:
    """Bring the database up to this release and write a directory for each office's part."""
    _, urls = await banks.prepare(settings, server_url, load())
    await asyncio.to_thread(division.divide, settings, urls)
    places = [str(division.directory_of(settings.data, office)) for office in sorted(urls)]
    return Outcome(Exit.OK, {"parts": places})


# --- migrate


async def migrate(settings: Settings, server_url: str) -> Outcome:
    """Bring database, logins and rights up to this release."""
    policy = load()
    admin_url, _ = await banks.prepare(settings, server_url, policy)
    return Outcome(Exit.OK, {"database": make_url(admin_url).database, "policy": policy.version})


def check_migrations() -> Outcome:
    """Run all migrations on an empty database of their own and compare what came of it with the tables in code."""
    with tempfile.TemporaryDirectory() as folder:
        with embedded.start(Path(folder)) as server:
            differences = asyncio.run(_differences(server.url(), Path(folder)))
        embedded.erase(Path(folder))
    return Outcome(Exit.FAILED if differences else Exit.OK, {"differences": differences})


async def _differences(server_url: str, folder: Path) -> list[str]:
    url = await ensure_database(server_url, "compared")
    await upgrade(url, folder, load())
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.run_sync(_tables_that_differ)
        known = set(await connection.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")))
        walled = set(await connection.scalars(text("SELECT polrelid::regclass::text FROM pg_policy")))
    await engine.dispose()
    guards = list(guard_statements())
    named = {
        statement.split(" BEFORE ")[0].split(" AFTER ")[0].split()[-1]
        for statement in guards
        if " TRIGGER " in statement
    }
    walls = {statement.split()[4] for statement in guards if statement.startswith("CREATE POLICY")}
    differing = {f"trigger {name}" for name in known ^ named}
    differing |= {f"row policy of {table}" for table in {f"public.{one}" for one in walled} ^ walls}
    return found + [f"{what} is only on one side" for what in sorted(differing)]


def _tables_that_differ(connection: Connection) -> list[str]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": False}
    )
    return [
        str(difference) for difference in compare_metadata(context, METADATA) if not _is_alembics(difference)
    ]


def _is_alembics(difference: Any) -> bool:
    return bool(difference[0] == "remove_table" and difference[1].name == "alembic_version")


# --- doctor


async def doctor(settings: Settings, server_url: str) -> Outcome:
    """Examine the bank without changing it: the database's promises, each office's login, the log."""
    findings: dict[str, Any] = {}
    async with open_gate(settings, server_url, behind=True) as gate:
        keeper = gate.offices[Office.LOG]
        findings["database"] = await _database_facts(keeper)
        findings["logins"] = {
            office.value: await _login(engine) for office, engine in gate.offices.engines.items()
        }
        findings["entries waiting for an index"] = await backlog(keeper)
        findings["policy"] = gate.policy.version
        findings["rows that lag since a recovery"] = await _lagging(gate.offices[Office.COMPLIANCE])
    report = verify_log(settings)
    findings["audit"] = report.line()
    differing = await _rows_against_log(settings, server_url)
    findings["database against log"] = differing or "no difference"
    if not settings.demo:
        findings["unsafe for production"] = [
            str(one) for one in sorted(await production.unsafe(settings, held(settings)))
        ]
    unsafe = [name for name, value in SAFE.items() if findings["database"][name] != value]
    unsafe += findings.get("unsafe for production", [])
    shut = [office for office, found in findings["logins"].items() if found != "open"]
    if (settings.log_directory / PENDING).exists():
        shut.append("too few witnesses cosigned the newest checkpoint")
    if unsafe or shut:
        findings["wrong"] = [*unsafe, *shut]
    if report.verdict is not Verdict.VERIFIED or differing:
        return Outcome(Exit.INTEGRITY, findings)
    return Outcome(Exit.FAILED if unsafe or shut else Exit.OK, findings)


async def _lagging(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [f"{row.kind} {row.object_id}: {row.why}" for row in await connection.execute(LAGGING)]


async def _rows_against_log(settings: Settings, server_url: str) -> list[str]:
    """Hold every business row against what the log last said of it; return each contradiction in words."""
    url = settings.database_url or make_url(server_url).set(database=banks.DATABASE)
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await compare(connection, settings.log_directory, BOOKS)
    await engine.dispose()
    return [finding.sentence for finding in found]


async def _database_facts(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        names = ("server_version", *SAFE, "synchronous_standby_names")
        return {name: str(await connection.scalar(text(f"SHOW {name}"))) for name in names}


async def _login(engine: AsyncEngine) -> str:
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except OSError as failure:
        return str(failure)
    return "open"


def verify_log(settings: Settings, receipts: Sequence[Mapping[str, Any]] = ()) -> Report:
    """Verify the log's files offline, as anybody can who holds the public key."""
    return verify(settings.log_directory, load_public(str(settings.public_key_file)), receipts=receipts)
