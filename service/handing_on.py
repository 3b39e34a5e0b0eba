"""Work handed on to nobody is seen before it waits: told to whoever hands it on, and to compliance.

A trader against the clock is not held up by how another office is staffed; but it does not stay unseen.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from audit.entry import leaf_hash, timestamp
from audit.note import SigningKey
from audit.receipt import issue
from policies.apart import Act
from policies.duties import ENTER
from service.attempt import Attempt, Command
from service.dead_ends import Waiting, nobody_for
from service.distance import NOWHERE, Origin
from service.kernel.actor import Actor
from service.kernel.direct import fetch, in_json
from service.kernel.items import Item

RECEIPT_DEADLINE_SECONDS = 60


RECORD = "SELECT public.act_recorded($1::bytea[], $2::text::jsonb, $3::text::jsonb, $4::text::jsonb, $5::text::jsonb)"


class NeverDecoded(Command, frozen=True, kw_only=True):
    """What somebody wanted who was refused before their command was read; the trade is the address's."""

    trade_id: UUID | None = None


async def store_entries(
    session: AsyncSession,
    entries: list[bytes],
    *,
    closed: Sequence[object] = (),
    handled: Sequence[object] = (),
    opened: Sequence[object] = (),
    answers: Sequence[object] = (),
) -> None:
    """Write entries and what they finish, take in hand and hand on, and answers under their callers' keys."""
    rest = (in_json(each) if each else None for each in (closed, handled, opened, answers))
    await fetch(session, RECORD, entries, *rest)


async def warnings_of(connection: AsyncConnection, attempts: Sequence[Attempt]) -> list[list[dict[str, Any]]]:
    """Return for each attempt the work it opens that nobody could do now; compliance gets an item for each."""
    opened = [[waiting_of(item) for item in attempt.opened] for attempt in attempts]
    every = [one for each in opened for one in each]
    if not every:
        return [[] for _ in attempts]
    done: dict[Waiting, tuple[Sequence[Act], Origin]] = {}
    for attempt, each in zip(attempts, opened, strict=True):
        persons = attempt.actor.standing().persons(attempt.policy, attempt.action)
        own = {row.id for row in attempt.rows}
        for one in each:
            scope = "object" if one.subject_id in own else "trade"
            acts = [Act(attempt.action, person, attempt.now, scope) for person in persons]
            done[one] = acts, entered_by(attempt)
    fresh = {row.id for attempt in attempts for row in attempt.rows if row.rev == 1}
    first = attempts[0]
    alone = set(await nobody_for(connection, first.policy, first.now, every, done, fresh, first.people_epoch))
    found = []
    for attempt, each in zip(attempts, opened, strict=True):
        found.append([told(attempt, one) for one in each if one in alone])
    return found


def entered_by(attempt: Attempt) -> Origin:
    """Return where an attempt enters a deal, if it does."""
    if attempt.action not in ENTER or attempt.actor.unit is None:
        return NOWHERE
    return Origin(frozenset({(str(attempt.actor.unit), attempt.actor.board)}))


def waiting_of(item: Mapping[str, Any]) -> Waiting:
    """Return the work that an attempt opens."""
    trade = item.get("trade")
    return Waiting(
        Item(item["kind"]),
        item["subject_kind"],
        UUID(item["subject"]),
        None if trade is None else UUID(trade),
        item.get("version"),
    )


def told(attempt: Attempt, one: Waiting) -> dict[str, Any]:
    """Open compliance's item about work that nobody is left for, and return what the caller is told."""
    attempt.open_item_about(
        Item.DEAD_END,
        one.subject_kind,
        one.subject_id,
        trade_id=one.trade_id,
        version=one.version,
        reason=one.kind.value,
    )
    return {
        "code": "dead_end",
        "item": one.kind.value,
        "action": one.action.value,
        "subject": {"kind": one.subject_kind, "id": str(one.subject_id)},
        "detail": f"Nobody can do {one.action.value} on this now; compliance has been told.",
    }


def receipts_for(
    signer: tuple[SigningKey, str, str | None], items: Sequence[tuple[UUID, bytes, Any]]
) -> list[dict[str, Any]]:
    """Return a signed receipt for each entry; ``signer``: the key, the log's origin, and the log's word for the key."""
    key, origin, certificate = signer
    leaves = [(str(entry_id), leaf_hash(entry), timestamp(at)) for entry_id, entry, at in items]
    return issue(key, origin, leaves, RECEIPT_DEADLINE_SECONDS, certificate)


def key_row(
    actor: Actor, key: str, digest_of_body: str, status: int, answer: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row that keeps an answer under the caller's key."""
    return {
        "account": str(actor.account),
        "key": key,
        "hash": digest_of_body,
        "status": status,
        "answer": in_json(answer),
    }
