"""What must hold after the fault run, asked of the database, the published files and the clients' receipts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from audit.keys import load_public
from audit.verify import verify
from service.audit_trail.compare import compare
from service.compliance.books import BOOKS
from service.settings import Settings

GAPS = """
SELECT coalesce(max(index) + 1, 0) - count(*) + (SELECT count(*) FROM public.audit_pending)
     + (SELECT count(*) FROM public.audit_entry) - count(*) + abs((SELECT next_index FROM public.audit_state) - count(*))
FROM public.audit_index
"""
REORDERED = """
SELECT count(*) FROM (
  SELECT i.index, lag(i.index) OVER chain AS before, f.rev, lag(f.rev) OVER chain AS rev_before
  FROM public.audit_effect f JOIN public.audit_index i ON i.entry_id = f.entry_id
  WINDOW chain AS (PARTITION BY f.kind, f.id ORDER BY f.rev)
) AS step
WHERE index < before OR rev <> coalesce(rev_before, 0) + 1
"""
# Each batch of indices is one transaction: a second leader's would lie between those of the first.
SECOND_LEADERS = """
SELECT count(*) FROM (
  SELECT max(index) - min(index) + 1 - count(*) AS foreign_indices FROM public.audit_index GROUP BY xmin::text
) AS batch
WHERE foreign_indices <> 0
"""
IN_LOG = """
SELECT count(*) FROM unnest(CAST(:ids AS uuid[]), CAST(:leaves AS text[])) AS told(id, leaf)
LEFT JOIN (public.audit_entry e JOIN public.audit_index i ON i.entry_id = e.id)
  ON e.id = told.id AND (told.leaf IS NULL OR told.leaf = encode(e.leaf, 'hex'))
WHERE i.index IS NULL
"""
THERE = "SELECT count(*) FROM public.audit_entry WHERE id = ANY(CAST(:ids AS uuid[]))"


@dataclass(frozen=True)
class Told:
    """What was found. All numbers from ``gaps`` to ``findings`` must be 0."""

    acts: Mapping[str, int]
    acknowledged: int
    refused: Mapping[str, int]
    entries: int
    batches_of_indices: int
    gaps: int
    reordered_chains: int
    acknowledged_missing: int
    refusals_missing: int
    rolled_back_present: int
    second_leaders: int
    findings: int
    receipts: str
    verdict: str


MUST_BE_0 = (
    "gaps",
    "reordered_chains",
    "acknowledged_missing",
    "refusals_missing",
    "rolled_back_present",
    "second_leaders",
    "findings",
)


def is_whole(told: Mapping[str, Any]) -> bool:
    """Whether nothing is wrong."""
    return not any(told[name] for name in MUST_BE_0) and told["verdict"].startswith("VERIFIED")


async def examine(
    settings: Settings,
    admin_url: str,
    answers: Sequence[Mapping[str, Any]],
    lost: Sequence[Mapping[str, Any]],
) -> Told:
    """Hold the database, the files and every receipt together."""
    receipts = [one["receipt"] for one in answers if one["receipt"]]
    decisions = [one["decision"] for one in answers if one["decision"]]
    rolled_back = [entry for one in lost for entry in one["entries"]]
    engine = create_async_engine(admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        gaps = await asked(connection, GAPS)
        reordered = await asked(connection, REORDERED)
        leaders = await asked(connection, SECOND_LEADERS)
        leaves = [receipt["leaf"] for receipt in receipts]
        missing = await asked(
            connection, IN_LOG, ids=[receipt["entry"] for receipt in receipts], leaves=leaves
        )
        unrefused = await asked(connection, IN_LOG, ids=decisions, leaves=[None] * len(decisions))
        present = await asked(connection, THERE, ids=rolled_back)
        batches = await asked(connection, "SELECT count(DISTINCT xmin::text) FROM public.audit_index")
        entries = await asked(connection, "SELECT count(*) FROM public.audit_entry")
    async with engine.connect() as connection:
        findings = await compare(connection, settings.log_directory, BOOKS)
    await engine.dispose()
    report = verify(settings.log_directory, load_public(str(settings.public_key_file)), receipts=receipts)
    return Told(
        acts=dict(sorted(Counter(one["act"] for one in answers).items())),
        acknowledged=len(receipts),
        refused=dict(sorted(Counter(one["code"] for one in answers if not one["receipt"]).items())),
        entries=entries,
        batches_of_indices=batches,
        gaps=gaps + abs(entries - (report.size or 0)),
        reordered_chains=reordered,
        acknowledged_missing=missing,
        refusals_missing=unrefused,
        rolled_back_present=present,
        second_leaders=leaders,
        findings=len(findings),
        receipts=report.check("V20").sentence,
        verdict=report.line(),
    )


async def asked(connection: AsyncConnection, question: str, **facts: Any) -> int:
    """Return the number that answers a question."""
    return int(await connection.scalar(text(question), facts) or 0)
