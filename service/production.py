"""What a production bank refuses to be served with: every unsafe setting at once, each with what to do about it.

A demo bank may be careless, for nobody trusts it. What cannot be looked at from here (a setting that the login may not
see, a clock that only the machine below knows) is not refused; ``trennwand doctor`` tells the same list.
"""

import asyncio
import ctypes
import os
import stat
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from policies.vocabulary import Office
from service.bank import Bank
from service.dashboards.health import checkpoint_in
from service.kernel.clock import SystemClock
from service.people.authentication import COMMON, LENGTH_MIN
from service.settings import DEMO_LEI, Settings, asyncpg_url

CLOCKS_APART_SECONDS_MAX: Final = 1.0
CONNECT_SECONDS: Final = 10.0
UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
DURABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
}
DEBUGGING: Final = (
    "LITESTAR_DEBUG",
    "PYTHONASYNCIODEBUG",
    "PYTHONDEVMODE",
    "PYTHONINSPECT",
    "PYTHONOPTIMIZE",
)
TABLES: Final = text("SELECT to_regclass('public.counterparty') IS NOT NULL")
DEMO_BANK: Final = text("SELECT EXISTS (SELECT FROM public.counterparty WHERE lei = :lei)")
POWERS: Final = text(
    "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
)
DIRECTORY: Final = text(
    "SELECT CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'MEMBER') "
    "THEN current_setting('data_directory') END"
)
POLICY_ENTRY: Final = text(
    "SELECT i.index FROM public.audit_entry e LEFT JOIN public.audit_index i ON i.entry_id = e.id "
    "WHERE e.act = 'policy.publish' AND e.outcome = 'allow' ORDER BY e.recorded_at DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True, order=True)
class Unsafe:
    """A setting that production refuses, why, and what to do."""

    setting: str
    why: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.why}"


class NotForProduction(RuntimeError):
    """The bank is not served with these settings; all of them are named."""

    def __init__(self, found: list[Unsafe]) -> None:
        super().__init__(
            f"This bank is for production and {len(found)} of its settings are not safe:"
            + "".join(f"\n  {one}" for one in sorted(found))
        )
        self.found = found


async def must_be_safe(
    settings: Settings,
    urls: Mapping[Office, str],
    offices: tuple[Office, ...] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Raise NotForProduction if a production bank is to be served with anything unsafe; a demo bank may be.

    ``urls``: the logins this process holds. ``offices``: the part it serves; none for the whole bank.
    """
    if settings.demo:
        return
    if found := await unsafe(settings, urls, offices, environment):
        raise NotForProduction(found)


async def unsafe(
    settings: Settings,
    urls: Mapping[Office, str],
    offices: tuple[Office, ...] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[Unsafe]:
    """Return everything about a bank that production refuses."""
    found = [
        *of_demo(settings, offices),
        *of_web(settings),
        *of_process(settings, offices, environment),
        *of_files(settings, offices),
        *of_passwords(settings, urls),
    ]
    if settings.clock == "kernel" and clock_state() == UNSYNCHRONISED:
        found.append(
            Unsafe(
                "clock",
                "the kernel says that nothing keeps its clock; run chrony or another NTP service, "
                'or say clock = "elsewhere" if the machine below keeps it',
            )
        )
    whole = offices is None and settings.database_url is not None
    places = dict(urls) | ({None: settings.database_url} if whole else {})
    for office, url in places.items():
        found += await of_login(settings, office, asyncpg_url(str(url)))
    return list(dict.fromkeys(found))


def of_demo(settings: Settings, offices: tuple[Office, ...] | None) -> Iterator[Unsafe]:
    """Find what belongs to the demo bank: its name, its identifiers, its accounts, its database."""
    for name, demo in (
        ("entity_lei", DEMO_LEI),
        ("entity_name", "Demo Bank"),
        ("origin", "trennwand.demo/log"),
    ):
        if getattr(settings, name) == demo:
            yield Unsafe(name, f"{demo} is the demo bank's; name your own before the bank is founded")
    if (settings.data / "demo.json").exists() or (settings.data / "keys" / "first-passwords.json").exists():
        yield Unsafe(
            "data",
            f"{settings.data} was founded as a demo bank, whose accounts and passwords many know; "
            "found another one in an empty directory",
        )
    if settings.database_url is None and offices is None:
        yield Unsafe(
            "DATABASE_URL",
            "the embedded database shares machine, user and disk with the service; "
            "name a PostgreSQL of its own, 15 or newer",
        )


def of_web(settings: Settings) -> Iterator[Unsafe]:
    """Find what would carry passwords and tokens in the clear, or show more than is meant."""
    if settings.front is None or not settings.front.startswith("https://"):
        yield Unsafe(
            "front",
            "the service speaks plain HTTP; put something that speaks TLS before it and name its address, "
            'such as front = "https://trennwand.example"',
        )
    for name, host in (("host", settings.host), ("metrics", settings.metrics and settings.metrics[0])):
        if host and listens_everywhere(host):
            yield Unsafe(
                name, f"{host} listens on every network of the machine; name the one address that is meant"
            )


def listens_everywhere(host: str) -> bool:
    """Tell whether an address stands for all of a machine's."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def of_process(
    settings: Settings, offices: tuple[Office, ...] | None, environment: Mapping[str, str]
) -> Iterator[Unsafe]:
    """Find what this process should not be: a debugged one, one without its assertions, one that holds every login."""
    for name in DEBUGGING:
        if environment.get(name, "0") not in ("", "0"):
            yield Unsafe(
                name, "debugging tells secrets and -O removes checks; take it out of the environment"
            )
    if sys.flags.dev_mode or not __debug__:
        yield Unsafe("python", "the interpreter runs with -X dev or -O; start it without")
    if offices is None and not settings.one_process:
        yield Unsafe(
            "one_process",
            "every office's login is held by one user of the system; run a process for each office "
            "(`trennwand divide`, `serve --offices`), or say one_process = true if that is accepted",
        )


def of_files(settings: Settings, offices: tuple[Office, ...] | None) -> Iterator[Unsafe]:
    """Find secrets that others can read, and, in the part of an office, secrets of others that it can read."""
    keys = settings.data / "keys"
    secret = [settings.data, keys, settings.data / "trennwand.toml", settings.data / "login"]
    secret += sorted(keys.rglob("*")) if keys.is_dir() else []
    for path in secret:
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed_of(path):
            yield Unsafe(
                str(path), "others than its owner can read it; take their rights away (chmod go-rwx)"
            )
        if path.exists() and path.stat().st_uid not in (os.geteuid(), 0):
            yield Unsafe(str(path), "it belongs to another user, who can change it; give it to the service's")
    for office in Office if offices is not None else ():
        login = settings.data / ".." / office.value / "login"
        if office not in (offices or ()) and os.geteuid() != 0 and os.access(login, os.R_OK):
            yield Unsafe(
                str(login.resolve()),
                "the login of another office; give each part a user of the system of its own",
            )
    if offices is not None and os.geteuid() == 0:
        yield Unsafe(
            "user", "this part runs as root, who can read every office's login; give it a user of its own"
        )


def allowed_of(path: Path) -> int:
    """Return which rights others may have: to read settings that hold no secret, nothing else."""
    if path.name == "trennwand.toml" and "password" not in path.read_text(encoding="utf-8"):
        return stat.S_IRGRP | stat.S_IROTH
    return 0


def of_passwords(settings: Settings, urls: Mapping[Office, str]) -> Iterator[Unsafe]:
    """Find database passwords that are weak, or that two logins have."""
    named = {f"DATABASE_URL_{office.name}": url for office, url in urls.items()}
    if settings.database_url is not None:
        named["DATABASE_URL"] = settings.database_url
    words: dict[str, str] = {}
    for name, url in named.items():
        there = make_url(url)
        password = None if there.password is None else str(there.password)
        if password is not None and is_weak(password, there.username or ""):
            yield Unsafe(
                name, f"its password is easy to guess; give the login {LENGTH_MIN} random characters"
            )
        if password is not None:
            words[name] = password
    shared = {word for word, times in Counter(words.values()).items() if times > 1}
    for name, word in words.items():
        if word in shared:
            yield Unsafe(name, "another login has the same password; give each its own")


def is_weak(password: str, user: str) -> bool:
    """Tell whether a password could be guessed."""
    return (
        len(password) < LENGTH_MIN
        or password.casefold() in COMMON
        or (bool(user) and user.casefold() in password.casefold())
        or len(set(password)) < LENGTH_MIN // 3
    )


def clock_state() -> int | None:
    """Return what the kernel says of its clock; None where it cannot be asked."""
    try:
        return int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))
    except (AttributeError, OSError, TypeError):
        return None


# The database ----------------------------------------------------------------------------------------


async def of_login(settings: Settings, office: Office | None, url: str) -> list[Unsafe]:
    """Look at the database as one login sees it; ``office`` is none for the administrator's."""
    name = "DATABASE_URL" if office is None else f"DATABASE_URL_{office.name}"
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_SECONDS})
    try:
        async with engine.connect() as connection:
            return [one async for one in _of_connection(settings, office, name, connection)]
    except (SQLAlchemyError, OSError) as failure:
        return [
            Unsafe(name, f"the database cannot be looked at ({type(failure).__name__}); let it be reached")
        ]
    finally:
        await engine.dispose()


async def _of_connection(
    settings: Settings, office: Office | None, name: str, connection: AsyncConnection
) -> AsyncIterator[Unsafe]:
    for setting, good in DURABLE.items():
        value = str(await connection.scalar(text(f"SHOW {setting}")))
        if value not in good:
            yield Unsafe(setting, f"{value} at {name}: what is answered could be lost; set it to {good[0]}")
    powers = (await connection.execute(POWERS)).one()
    if powers.rolsuper or powers.rolbypassrls:
        yield Unsafe(
            name, "a superuser is above every wall in the database; use a login that may create roles at most"
        )
    elif office is not None and powers.rolcreaterole:
        yield Unsafe(name, "an office's login may create others; take CREATEROLE from it")
    now: datetime = await connection.scalar(text("SELECT clock_timestamp()"))
    apart = abs((SystemClock().now() - now).total_seconds())
    if apart > CLOCKS_APART_SECONDS_MAX:
        yield Unsafe("clock", f"it is {apart:.1f} seconds from the database's; have both follow one source")
    if office is None:
        if await connection.scalar(TABLES) and await connection.scalar(DEMO_BANK, {"lei": DEMO_LEI}):
            yield Unsafe(
                name, "the demo bank stands in this database; found another one in an empty database"
            )
        directory = await connection.scalar(DIRECTORY)
        if directory is not None and are_nested(settings.data, Path(directory)):
            yield Unsafe(
                str(settings.data / "keys"),
                f"keys lie where the database's files do ({directory}); keep them on another disk and machine",
            )


def are_nested(one: Path, other: Path) -> bool:
    """Tell whether a directory is within another one, in either order."""
    one, other = one.resolve(), other.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)


async def must_have_signed_policy(bank: Bank) -> None:
    """Raise NotForProduction unless the policy in force stands in a signed checkpoint; what waits is signed first."""
    if bank.settings.demo:
        return
    await bank.keeper.step()
    async with bank.offices[Office.LOG].connect() as connection:
        index = await connection.scalar(POLICY_ENTRY)
    signed = await asyncio.to_thread(checkpoint_in, bank.settings)
    if index is None or signed is None or index >= signed["size"]:
        raise NotForProduction(
            [
                Unsafe(
                    "policy",
                    "no signed checkpoint covers the policy in force; let signer and witnesses be reached",
                )
            ]
        )
