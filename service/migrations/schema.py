"""Which schema a database has: a digest over the frozen statements that made it, compared at start-up, told in the log."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command
from service.compliance import retention
from service.compliance.sealing import keep_document
from service.gate import Gate, use_case
from service.kernel.actor import Actor

SQL: Final = Path(__file__).parent / "sql"
STEPS: Final = (
    (
        "0001",
        (
            "tables.sql",
            "functions.sql",
            "deputies.sql",
            "organisation.sql",
            "absences.sql",
            "sessions.sql",
            "limits.sql",
            "totals.sql",
            "market.sql",
            "importing.sql",
            "documents.sql",
            "settlement.sql",
            "supervision.sql",
            "cases.sql",
            "work.sql",
            "governance.sql",
            "guards.sql",
        ),
    ),
)
"""Each revision with the files of statements it runs; a later release adds a step and never edits one."""

STORED = text("SELECT revision, digest FROM public.schema_epoch")
STORE = text("INSERT INTO public.schema_epoch (revision, digest) VALUES (:revision, :digest)")
FORGET = text("DELETE FROM public.schema_epoch")
NEWEST = text(
    "SELECT bytes FROM public.audit_entry WHERE act = 'schema.publish' AND outcome = 'allow' "
    "ORDER BY recorded_at DESC LIMIT 1"
)


class SchemaDiffers(RuntimeError):
    """The database was made by another release than this one."""


@cache
def texts() -> dict[str, bytes]:
    """Return every file of statements by its name in the log."""
    return {f"{revision}-{file}": (SQL / file).read_bytes() for revision, files in STEPS for file in files}


@cache
def version(upto: str = STEPS[-1][0]) -> str:
    """Return the digest of a revision: over names, lengths and bytes of all files up to it.

    Raises SchemaDiffers for a revision that this release does not know.
    """
    if upto not in {revision for revision, _ in STEPS}:
        raise SchemaDiffers(differs(upto, "of a later release"))
    digest = hashlib.sha256()
    for name, content in texts().items():
        if name.partition("-")[0] <= upto:
            digest.update(f"{name}\n{len(content)}\n".encode("ascii") + content)
    return f"sha256:{digest.hexdigest()}"


def differs(revision: str, digest: str) -> str:
    """Return what to tell whoever starts this release on another one's database."""
    return (
        f"The database has the schema {revision} ({digest[:23]}) of another release; this one brings "
        f"{STEPS[-1][0]} ({version()[:23]}). Start the release that made it; a demo bank begins anew with --fresh."
    )


async def must_be_ours(connection: AsyncConnection) -> None:
    """Raise SchemaDiffers unless the database is empty or was made by these very statements, up to its revision."""
    made = await connection.scalar(text("SELECT to_regclass('public.alembic_version') IS NOT NULL"))
    if not made:
        return
    told = await connection.scalar(text("SELECT to_regclass('public.schema_epoch') IS NOT NULL"))
    row = (await connection.execute(STORED)).one_or_none() if told else None
    if row is None:
        raise SchemaDiffers(differs("unknown", "without a digest"))
    if row.digest != version(row.revision):
        raise SchemaDiffers(differs(row.revision, row.digest))


async def store(connection: AsyncConnection) -> None:
    """Write down which schema the database has now."""
    await connection.execute(FORGET)
    await connection.execute(STORE, {"revision": STEPS[-1][0], "digest": version()})


# In the log ----------------------------------------------------------------------------------------


class PublishSchema(Command, frozen=True, kw_only=True):
    """The schema this release brings is in force."""


@use_case(Action.SCHEMA_PUBLISH)
async def publish_schema(attempt: Attempt, command: PublishSchema) -> Changed:
    """Record which schema is in force from here on, with the statements as filed documents, and the retention plan."""
    assert command is not None
    attempt.data.update(facts())
    return Changed({"schema": version()})


def facts() -> dict[str, Any]:
    """Return what the log keeps of a schema."""
    return {
        "schema": version(),
        "revision": STEPS[-1][0],
        "texts": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for name, content in texts().items()
        },
        "retention": retention.plan(),
    }


async def explain(gate: Gate, keeper: Actor) -> None:
    """Record the schema, if the log does not know it as the newest."""
    async with gate.offices[Office.LOG].connect() as connection:
        newest = await connection.scalar(NEWEST)
    if newest is None or json.loads(newest)["data"]["schema"] != version():
        await gate.perform(keeper, publish_schema, PublishSchema())


def keep_texts(data: Path) -> None:
    """Keep the statements as documents: a later release may still have to show them."""
    for content in texts().values():
        keep_document(data, content)
