"""What papers, outgoing messages and incoming ones promise."""

import hashlib
from pathlib import Path

from sqlalchemy import text

from service.channels import DONE, PART
from tests.promises.asking import checks
from tests.promises.finished import Finished

ALTERED = """
SELECT d.id, d.name FROM public.document d LEFT JOIN public.document_content c ON c.sha256 = d.sha256
WHERE c.sha256 IS NULL OR encode(sha256(c.content), 'hex') <> d.sha256 OR octet_length(c.content) <> d.size
"""
SENT = """
SELECT t.message_key AS name, t.sha256, t.state, c.medium FROM public.transmission t
JOIN public.confirmation_channel c ON c.id = t.channel_id
UNION ALL
SELECT p.message_key, p.sha256, p.state, 'file' FROM public.payment p
"""
CAME = (
    "SELECT name, sha256 FROM public.inbound_message UNION ALL SELECT name, sha256 FROM public.payment_status"
)
LEFT_LYING = """
SELECT m.id, m.name, m.state FROM public.inbound_message m WHERE m.state = 'waiting' AND NOT EXISTS (
  SELECT FROM public.work_item w WHERE w.subject_id = m.id AND w.closed_entry_id IS NULL)
UNION ALL
SELECT m.id, m.name, m.state FROM public.payment_status m WHERE m.state = 'waiting' AND NOT EXISTS (
  SELECT FROM public.work_item w WHERE w.subject_id = m.id AND w.closed_entry_id IS NULL)
"""


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def rows(bank: Finished, question: str) -> list[dict[str, str]]:
    engine = bank.engine()
    try:
        async with engine.connect() as connection:
            return [row._asdict() for row in await connection.execute(text(question))]
    finally:
        await engine.dispose()


@checks(21)
async def papers_are_their_bytes(bank: Finished) -> list[str]:
    """Each paper's bytes are there and hash to what its row says; the nightly check hashes them outside the database."""
    return await bank.wrong(ALTERED, "the bytes of {name} ({id}) are gone or others")


@checks(23)
async def messages_left_once(bank: Finished) -> list[str]:
    """What was delivered lies in one folder, under its one name, byte for byte; nothing else does."""
    files: dict[str, list[Path]] = {}
    for below in ("out", "payments"):
        for file in (bank.settings.data / "post" / below).rglob("*"):
            if file.is_file() and not file.name.endswith(PART):
                files.setdefault(file.name, []).append(file)
    told = {row["name"]: row for row in await rows(bank, SENT)}
    found = [f"{name} is no message of the bank" for name in files.keys() - told.keys()]
    found += [f"{name} left {len(copies)} times" for name, copies in files.items() if len(copies) > 1]
    for name, row in told.items():
        copies = files.get(name, [])
        if row["state"] == "delivered" and row["medium"] == "file" and not copies:
            found.append(f"{name} was told as delivered and never left")
        found += [f"{name} left as other bytes" for one in copies if digest(one) != row["sha256"]]
    return found


@checks(24)
async def nothing_from_outside_is_lost(bank: Finished) -> list[str]:
    """Each file that was taken in is filed, and what fits nothing waits as somebody's open work."""
    filed = {row["sha256"] for row in await rows(bank, CAME)}
    found = [
        f"{file.name} was taken in and not filed"
        for file in (bank.settings.data / "post" / "in").glob(f"*/{DONE}/*")
        if digest(file) not in filed
    ]
    return found + await bank.wrong(LEFT_LYING, "{name} ({id}) is {state}, and nobody is asked about it")
