"""Drafts of the policy: what each would change, whether the proof holds, what it would have decided."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from policies import changes, prose
from policies.people import Holder
from policies.policy import Policy, load, read
from policies.vocabulary import Action
from service.governance.lifecycle import DraftState
from service.governance.model import PolicyApproval, PolicyDraft, PolicyText
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.kernel.paging import paged
from service.people.model import Account

PUBLISHED = (DraftState.ACTIVE.value, DraftState.SUPERSEDED.value)
SIMULATED = timedelta(days=90)
LINES_MAX = 500
DECIDED = text("SELECT act, outcome, roles, rule, n FROM public.policy_decisions(:since)")
EVERYBODY = text("SELECT person_id, role FROM public.policy_people(:at)")
BARRED = text(
    "SELECT public.policy_barred(:act, CAST(:differs AS text[]), :by_trade, CAST(:days AS integer), :since)"
)


@cache
def shipped() -> Policy:
    """Return the release's own policy: version zero, whose hard rules no bank loosens."""
    return load()


async def holders(session: AsyncSession, now: datetime) -> list[Holder]:
    """Return every person by their id with every role that counts for them, whatever the way it came."""
    found: dict[str, Holder] = {}
    for row in await session.execute(EVERYBODY, {"at": now}):
        found.setdefault(str(row.person_id), Holder(str(row.person_id), "")).own.add(row.role)
    return [found[person] for person in sorted(found)]


async def objections(old: Policy, new: Policy, people: Iterable[Holder]) -> list[str]:
    """Return why the change must not be, with every proof run again; seconds of work, beside the event loop."""
    everyone = list(people)
    return await asyncio.to_thread(lambda: list(changes.objections(shipped(), old, new, everyone)))


async def simulated(session: AsyncSession, old: Policy, new: Policy, now: datetime) -> dict[str, Any]:
    """Decide the last 90 days again: which allowed acts would be refused, and which refused ones allowed."""
    since = now - SIMULATED
    refused: dict[str, int] = {}
    allowed: dict[str, int] = {}
    acts = {action.value: action for action in Action}
    decided = 0
    for row in await session.execute(DECIDED, {"since": since}):
        decided += row.n
        roles, action = row.roles or [], acts.get(row.act)
        if action is None:
            continue
        may = new.decide(roles, action).allowed
        if row.outcome == "allow" and old.decide(roles, action).allowed and not may:
            refused[row.act] = refused.get(row.act, 0) + row.n
        if row.outcome == "refuse" and row.rule == "P:absent" and may:
            allowed[row.act] = allowed.get(row.act, 0) + row.n
    for rule in changes.compared(old, new).apart.came:
        asked = {
            "act": rule.action.value,
            "differs": sorted(rule.differs),
            "by_trade": rule.scope == "trade",
            "days": rule.within_days,
            "since": since,
        }
        if count := await session.scalar(BARRED, asked):
            refused[rule.action.value] = refused.get(rule.action.value, 0) + count
    return {
        "since": plain_value(since),
        "decisions": decided,
        "would_refuse": refused,
        "would_allow": allowed,
    }


async def policy_of(session: AsyncSession, draft: PolicyDraft) -> Policy:
    """Return the policy that a draft holds."""
    rows = await session.execute(
        select(PolicyText.sha256, PolicyText.content).where(PolicyText.sha256.in_(draft.files.values()))
    )
    texts = {row.sha256: row.content.encode() for row in rows}
    return read({file: texts[digest] for file, digest in draft.files.items()})


async def policy_then(session: AsyncSession, now: Policy, version: str) -> Policy | None:
    """Return the policy of a version: the one in force, the release's own, or one that was put in force since."""
    for known in (now, shipped()):
        if known.version == version:
            return known
    wanted = select(PolicyDraft).where(PolicyDraft.version == version, PolicyDraft.state.in_(PUBLISHED))
    draft = await session.scalar(wanted.limit(1))
    return None if draft is None else await policy_of(session, draft)


async def drafts(session: AsyncSession, *, cursor: UUID | None, limit: int) -> dict[str, Any]:
    """Return a page of drafts, newest first."""
    wanted = select(PolicyDraft).order_by(PolicyDraft.id.desc()).limit(limit + 1)
    if cursor is not None:
        wanted = wanted.where(PolicyDraft.id < cursor)
    found = (await session.scalars(wanted)).all()
    return paged([draft_view(row) for row in found], limit)


async def draft_of(session: AsyncSession, draft: UUID) -> PolicyDraft:
    """Return a draft. Raises NotFound."""
    if (row := await session.get(PolicyDraft, draft)) is None:
        raise NotFound("policy draft")
    return row


async def names_of(session: AsyncSession, people: Collection[str]) -> dict[str, str]:
    """Return what each person's accounts are called, by the person's id."""
    wanted = (
        select(Account.person_id, Account.name)
        .where(Account.person_id.in_([UUID(person) for person in people]), Account.service.is_(False))
        .order_by(Account.name)
    )
    found: dict[str, list[str]] = {}
    for row in await session.execute(wanted):
        found.setdefault(str(row.person_id), []).append(row.name)
    return {person: ", ".join(names) for person, names in found.items()}


async def draft_shown(
    session: AsyncSession, policy: Policy, draft: PolicyDraft, now: datetime
) -> dict[str, Any]:
    """Return a draft with what it changes in both languages, the proof run again and the simulation.

    ``compared_with``: the policy in force; of what was put in force itself, the version it was drafted against.
    """
    new = await policy_of(session, draft)
    if draft.state in PUBLISHED:
        policy = await policy_then(session, policy, draft.base) or policy
    people = await holders(session, now)
    change = changes.compared(policy, new)
    by_id = changes.of_people(policy, new, people)
    names = await names_of(session, by_id)
    persons = {names.get(person, person): powers for person, powers in by_id.items()}
    approvals = await session.scalars(
        select(PolicyApproval.person_id)
        .where(PolicyApproval.draft_id == draft.id)
        .order_by(PolicyApproval.id)
    )
    return {
        **draft_view(draft),
        "approved_by": [str(person) for person in approvals],
        "compared_with": policy.version,
        "changes": {
            language: list(prose.changed(change, persons, language))[:LINES_MAX] for language in ("de", "en")
        },
        "objections": await objections(policy, new, people),
        "simulation": await simulated(session, policy, new, now),
    }


def draft_view(row: PolicyDraft) -> dict[str, Any]:
    """Return the draft as answers show it."""
    return {
        "id": str(row.id),
        "version": row.rev,
        "state": row.state,
        "base": row.base,
        "policy": row.version,
        "effective_at": plain_value(row.effective_at),
        "author": str(row.author_id),
        "reason": row.reason,
        "files": dict(row.files),
    }
