"""A bank at rest, as whoever examines it finds it: its database, its data directory, and what its clients were told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from audit.keys import load_public
from audit.report import Report
from audit.verify import verify
from policies.policy import FILES
from service.app import slices
from service.audit_trail.compare import Finding, compare
from service.compliance.books import BOOKS
from service.settings import Settings
from tests.bank import World
from tests.property.separation.oracle import Rules

INDEXED = text(
    "SELECT e.bytes FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id ORDER BY i.index"
)
DRAFTED = text(
    "SELECT d.version, f.key AS file, t.content FROM public.policy_draft d "
    "CROSS JOIN LATERAL jsonb_each_text(d.files) f JOIN public.policy_text t ON t.sha256 = f.value"
)
SENTENCES_MAX = 5

Heard = Mapping[str, Any]
"""What a client knows of an act: ``account``, ``key``, ``status``, ``receipt``, ``decision``, ``code``, whether it
was ``again`` in doubt before it was answered, or ``outcome`` "in doubt" if nobody ever answered it."""


@dataclass(frozen=True)
class Entries(Sequence[dict[str, Any]]):
    """Entries read when somebody looks at them: as bytes a quarter of a million fits into memory, as objects it does not."""

    contents: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.contents)

    def __getitem__(self, place: Any) -> Any:
        found = self.contents[place]
        return Entries(found) if isinstance(place, slice) else msgspec.json.decode(found)


@dataclass
class Finished:
    """A bank that nobody uses any more, whose log is published to its last entry.

    ``heard``: what its clients were told; ``undone``: entries of commits that failed, as whoever made them knows;
    ``turned``: a clock was wrong for a while, so that refusals could not be written (promise 12);
    ``memory``: of a verifier that looked in while the bank was at work.
    """

    settings: Settings
    admin_url: str
    heard: Sequence[Heard] = ()
    undone: Sequence[str] = ()
    memory: Path | None = None
    turned: bool = False
    contents: list[bytes] = field(default_factory=list)
    drafted: dict[str, dict[str, str]] = field(default_factory=dict)  # texts by file, of each policy drafted
    findings: list[Finding] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # that each look took

    async def read(self) -> None:
        """Read the log in its order, and hold the database against it as the doctor does."""
        slices()  # imported, every table is known
        engine = self.engine()
        try:
            async with engine.connect() as connection:
                self.contents = [row.bytes for row in await connection.execute(INDEXED)]
                for row in await connection.execute(DRAFTED):
                    self.drafted.setdefault(row.version, {})[row.file] = row.content
            async with engine.connect() as connection:
                self.findings = await compare(connection, self.settings.log_directory, BOOKS)
        finally:
            await engine.dispose()

    def engine(self) -> AsyncEngine:
        """Return the administrator's way into the database."""
        return create_async_engine(self.admin_url, poolclass=NullPool)

    async def wrong(self, question: str, sentence: str, **facts: Any) -> list[str]:
        """Return a sentence for each row that a question gives; none is right."""
        engine = self.engine()
        try:
            async with engine.connect() as connection:
                found = [row._asdict() for row in await connection.execute(text(question), facts)]
        finally:
            await engine.dispose()
        return [sentence.format(**row) for row in found]

    @property
    def entries(self) -> Sequence[dict[str, Any]]:
        """The entries of the log, in its order."""
        return Entries(self.contents)

    @cached_property
    def report(self) -> Report:
        """What the offline verifier says about the files and the clients' receipts."""
        receipts = [one["receipt"] for one in self.heard if one.get("receipt")]
        key = load_public(str(self.settings.public_key_file))
        return verify(self.settings.log_directory, key, receipts=receipts, state=self.memory)

    @cached_property
    def rules(self) -> dict[str, Rules]:
        """The texts of every policy the log was decided by, from where the bank keeps them."""
        return {version: Rules(texts) for version, texts in self.drafted.items()} | {
            f"sha256:{kept.name}": Rules({file: (kept / file).read_text("utf-8") for file in FILES})
            for kept in (self.settings.data / "policies").iterdir()
            if not kept.name.startswith("tmp-")
        }


def finished(world: World, heard: Sequence[Heard] = ()) -> Finished:
    """Return a bank under test as one that has finished; its log must have been published."""
    return Finished(world.bank.settings, world.bank.admin_url, heard)
