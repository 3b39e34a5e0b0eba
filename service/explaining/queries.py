"""Explanations: of an act on an object before it is tried, and of a decision after it was made."""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from policies.apart import Act
from policies.policy import Policy
from policies.standing import Judgement, judge
from policies.vocabulary import Action, Office
from service.attempt import Attempt, Desk
from service.dead_ends import bench
from service.distance import origins
from service.explaining.again import decided_again
from service.explaining.timing import standing_now
from service.gate import Gate
from service.kernel.actor import Actor
from service.kernel.database import Base, Recorded, plain_value
from service.kernel.errors import CoolingOff, Malformed, NotFound, NotIndependent, Refusal
from service.kernel.identifiers import uuid7
from service.parties.model import Portfolio
from service.roster import Holder
from service.trades.model import Trade
from service.trades.queries import in_sight

SUBJECT = text("SELECT trade_id, related_kind, related_id FROM public.subject_of(:kind, :id)")
PLACES = text("SELECT entry_id, index FROM public.places_of(CAST(:entries AS uuid[]))")
DECISION = text("SELECT bytes, index FROM public.decision_of(:id)")
HISTORY = text(
    "SELECT trade_id, kind, id, act, person, at, entry_id FROM public.history_of("
    "CAST(:trades AS uuid[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[]))"
)
SEE_ALL = frozenset({Office.ADMINISTRATION, Office.COMPLIANCE, Office.INTERNAL_AUDIT})
"""Offices that may ask about everybody; the others about their own people."""
READ_ALL = frozenset({Office.COMPLIANCE, Office.INTERNAL_AUDIT})


class UnknownKind(Malformed):
    """400. There are no objects of this kind."""


async def explanation(
    reads: AsyncSession, gate: Gate, actor: Actor, action: Action, kind: str, object_id: UUID, who: str | None
) -> dict[str, Any]:
    """Return who can do ``action`` to the object now, and why the reader, or ``who``, can or cannot.

    Raises NotFound for an object or a person that the reader may not know.
    """
    policy, now = gate.policy, gate.clock.now()
    trade, related = await subject_of(reads, actor, kind, object_id)
    asked = {
        "trades": [] if trade is None else [trade],
        "kinds": [one for one, _ in related],
        "ids": [one for _, one in related],
    }
    rows = (await reads.execute(HISTORY, asked)).all()
    history = [
        Act(row.act, row.person, row.at, "object" if (row.kind, row.id) in related else "trade")
        for row in rows
    ]
    connection = await reads.connection()
    there = await bench(connection, policy, now, {action})
    (origin,) = await origins(connection, [(trade, kind, object_id)])
    standing = actor.standing()
    if who is not None:
        standing = (await holder_named(reads, policy, actor, who, now)).standing
    verdict = judge(policy, standing, action, history, now)
    close = await too_close(reads, gate, actor, verdict, standing.person, asked) if verdict.allowed else None
    entries = [row.entry_id for row, act in zip(rows, history, strict=True) if act in verdict.used]
    able_people = there.able(action, history, origin)
    return {
        "action": action.value,
        "subject": {"kind": kind, "id": str(object_id), "trade": None if trade is None else str(trade)},
        "policy": policy.version,
        "person": actor.name if who is None else who,
        **verdict_view(policy, verdict, await places(reads, entries)),
        **({} if close is None else too_close_view(policy, action, close)),
        "now": await standing_now(reads, policy, action, kind, object_id, trade),
        "who_can": who_can(able_people, actor),
        "demands": [
            {
                "rule": rule.control,
                "differs": sorted(rule.differs),
                "scope": rule.scope,
                "within_days": rule.within_days,
                "source": rule.source,
                "sentence": rule.why,
            }
            for rule in policy.apart
            if rule.action == action
        ],
    }


async def too_close(
    reads: AsyncSession, gate: Gate, actor: Actor, verdict: Judgement, person: str, asked: Mapping[str, Any]
) -> Refusal | None:
    """Return what keeps a person from the act by too little distance from trading or from a former unit."""
    now = gate.clock.now()
    tried = Attempt(
        reads,
        replace(actor, person=UUID(person)),
        verdict.decision,
        gate.policy,
        now,
        Desk(now.date(), now.time()),
        uuid7(),
    )
    try:
        await tried.stand_apart(asked)
    except (NotIndependent, CoolingOff) as refusal:
        return refusal
    return None


def too_close_view(policy: Policy, action: Action, close: Refusal) -> dict[str, Any]:
    """Return a refusal for too little distance as answers show it, with its paragraph."""
    level = policy.independence.get(action)
    cooling = next((rule for rule in policy.cooling_off if rule.control == close.rule), None)
    source = cooling.source if cooling is not None else None if level is None else level.source
    return {"allowed": False, "rule": close.rule, "sentence": str(close), "source": source}


async def subject_of(
    reads: AsyncSession, actor: Actor, kind: str, object_id: UUID
) -> tuple[UUID | None, list[tuple[str, UUID]]]:
    """Return the deal an object belongs to and everything its history rests on, if the reader may see it."""
    kinds = {m.class_.__tablename__ for m in Base.registry.mappers if issubclass(m.class_, Recorded)}
    if kind not in kinds:
        raise UnknownKind("There are no objects of this kind.", field="kind")
    try:
        async with reads.begin_nested():
            seen = await reads.scalar(
                text(f'SELECT true FROM public."{kind}" WHERE id = :id'),  # noqa: S608 - a table of ours
                {"id": object_id},
            )
    except DBAPIError:
        seen = None  # what the office's login may not read, its people do not know
    if not seen:
        raise NotFound("object")
    found = (await reads.execute(SUBJECT, {"kind": kind, "id": object_id})).all()
    trade: UUID | None = next((row.trade_id for row in found if row.trade_id is not None), None)
    if trade is not None and actor.office is Office.FRONT_OFFICE:
        own = select(Trade.id).join(Portfolio, Portfolio.id == Trade.portfolio_id).where(Trade.id == trade)
        if await reads.scalar(own.where(in_sight(actor))) is None:
            raise NotFound("object")
    return trade, [(row.related_kind, row.related_id) for row in found]


async def holder_named(reads: AsyncSession, policy: Policy, actor: Actor, who: str, now: datetime) -> Holder:
    """Return the account of this name or id with what it can do now. Raises NotFound."""
    everybody = await bench(await reads.connection(), policy, now, frozenset(Action))
    for holder in everybody.people:
        if who in (holder.name, str(holder.account)) and (
            actor.office in SEE_ALL or holder.office == actor.office.value
        ):
            return holder
    raise NotFound("account")


def who_can(people: Sequence[Holder], actor: Actor) -> dict[str, Any]:
    """Return who can act: by name in the own office, of other offices how many, unless the reader may know all."""
    named = [
        holder.name for holder in people if actor.office in SEE_ALL or holder.office == actor.office.value
    ]
    offices: dict[str, int] = {}
    for holder in people:
        offices[holder.office] = offices.get(holder.office, 0) + 1
    return {"names": named, "offices": offices}


def verdict_view(policy: Policy, verdict: Judgement, used: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a judgement as answers show it."""
    return {
        "allowed": verdict.allowed,
        "rule": verdict.rule,
        "source": source_of(policy, verdict.decision.action, verdict.rule)[0],
        "sentence": verdict.sentence,
        "deputy_for": verdict.acts_for,
        "history": list(used),
    }


def source_of(policy: Policy, action: Action | str, rule: str) -> tuple[str | None, str | None]:
    """Return the paragraph a rule rests on and its sentence, as the policy in force words it."""
    for right in policy.rights:
        if right.rule == rule:
            return f"policy.csv, line {right.line}", right.reason
    for apart in policy.apart:
        if (apart.control, apart.action) == (rule, action):
            return apart.source, apart.why
    for kept in policy.separation:
        if kept.control == rule:
            return kept.source, kept.why
    level = policy.independence.get(Action(action)) if action in {act.value for act in Action} else None
    if level is not None and level.control == rule:
        return level.source, level.why
    for cooling in policy.cooling_off:
        if cooling.control == rule:
            return cooling.source, cooling.why
    return None, None


async def places(reads: AsyncSession, entries: Collection[UUID]) -> list[dict[str, Any]]:
    """Return entries with their places in the log."""
    if not entries:
        return []
    rows = (await reads.execute(PLACES, {"entries": list(dict.fromkeys(entries))})).all()
    known = {row.entry_id: row.index for row in rows}
    return [{"entry": str(one), "seq": known.get(one)} for one in dict.fromkeys(entries)]


async def decision(reads: AsyncSession, gate: Gate, actor: Actor, decision_id: UUID) -> dict[str, Any]:
    """Return a decision with its rules, sources, history and policy version. Raises NotFound.

    Everybody sees the decisions about their own acts; compliance and internal audit see all.
    """
    row = (await reads.execute(DECISION, {"id": decision_id})).one_or_none()
    told = None if row is None else json.loads(row.bytes)
    if row is None or told is None:
        raise NotFound("decision")
    if actor.office not in READ_ALL and told["actor"]["person"] != str(actor.person):
        raise NotFound("decision")
    data = told.get("data", {})
    because = [UUID(one) for one in (*data.get("four_eyes", ()), *str(data.get("because", "")).split())]
    rules = []
    for rule in told["decision"]["rules"]:
        source, sentence = source_of(gate.policy, told["act"], rule)
        rules.append({"rule": rule, "source": source, "sentence": sentence})
    return {
        "id": str(decision_id),
        "seq": row.index,
        "at": plain_value(told["ts"]),
        "action": told["act"],
        "outcome": told["decision"]["outcome"],
        "code": data.get("code"),
        "roles": told["actor"]["roles"],
        "person": told["actor"]["person"],
        "deputy_for": told["actor"].get("deputy_for"),
        "trade": told.get("links", {}).get("trade"),
        "policy": told["decision"]["policy"],
        "policy_in_force": told["decision"]["policy"] == gate.policy.version,
        "rules": rules,
        "history": await places(reads, because),
        "again": await asyncio.to_thread(decided_again, told, gate.kept, gate.policy),
    }
