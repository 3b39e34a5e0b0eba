"""A natural person as compliance and audit see them: roles over time, units, deputies, absences, acts and refusals."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from policies.policy import Policy
from policies.separation import conflicts
from policies.vocabulary import Action
from service.absences.queries import absences
from service.audit_trail.model import AuditEffect, AuditEntry
from service.compliance.queries import ANONYMOUS
from service.deputies.model import Delegation
from service.deputies.queries import view as delegation_view
from service.kernel.database import plain_value
from service.kernel.errors import NotFound
from service.organisation.model import Unit
from service.people.lifecycle import GrantState
from service.people.model import Account, Membership, Person, RoleGrant
from service.people.queries import accounts_of, person_view, roles_counting, staff_events

ROWS_MAX = 200
WAS_IN_FORCE = (GrantState.EXECUTED, GrantState.REVOKED)


async def dossier(
    session: AsyncSession, policy: Policy, powers: Collection[Action], person_id: UUID, now: datetime
) -> dict[str, Any]:
    """Return everything that is kept of a person; what the reader has no right to is left out. Raises NotFound."""
    person = await session.get(Person, person_id)
    if person is None:
        raise NotFound("person")
    accounts = await accounts_of(session, person_id)
    counting = await roles_counting(session, person_id, now)
    found = person_view(person, accounts) | {
        "units": await units_of(session, person_id),
        "roles": await roles_of(session, accounts),
        "conflicts": [
            {"control": one.control, "severity": one.severity, "why": one.why}
            for one in conflicts(policy, sorted(counting & set(policy.roles)))
        ],
        "delegations": await delegations_of(session, accounts, now),
        "events": (await staff_events(session, person=person_id, limit=ROWS_MAX))["items"],
        "entries": await counted(session, accounts),
    }
    if Action.ABSENCE_READ in powers:
        found["absences"] = (await absences(session, policy.periods, person=person_id, limit=ROWS_MAX))[
            "items"
        ]
    return found


async def units_of(session: AsyncSession, person_id: UUID) -> list[dict[str, Any]]:
    """Return the units a person belonged to, oldest first, each with the days from and until."""
    wanted = (
        select(Membership.valid_from, Unit.id, Unit.name, Unit.function_class)
        .join(Unit, Unit.id == Membership.unit_id)
        .where(Membership.person_id == person_id)
        .order_by(Membership.valid_from, Membership.id)
    )
    found = (await session.execute(wanted)).all()
    ends = [row.valid_from for row in found[1:]]
    return [
        {
            "unit": str(row.id),
            "name": row.name,
            "function_class": row.function_class,
            "from": None if row.valid_from == date.min else row.valid_from.isoformat(),
            "until": None if end is None else end.isoformat(),
        }
        for row, end in zip(found, [*ends, None], strict=True)
    ]


async def roles_of(session: AsyncSession, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """Return every right that was ever asked for a person's accounts, with the span in which it counted."""
    names = {account.id: account.name for account in accounts}
    wanted = select(RoleGrant).where(RoleGrant.account_id.in_(names)).order_by(RoleGrant.id.desc())
    grants = (await session.scalars(wanted.limit(ROWS_MAX))).all()
    told: dict[UUID, list[AuditEffect]] = defaultdict(list)
    effects = select(AuditEffect).where(
        AuditEffect.kind == RoleGrant.__tablename__, AuditEffect.id.in_([grant.id for grant in grants])
    )
    for effect in await session.scalars(effects.order_by(AuditEffect.rev)):
        told[effect.id].append(effect)
    return [
        {
            "grant": str(grant.id),
            "account": str(grant.account_id),
            "account_name": names[grant.account_id],
            "role": grant.role,
            "state": grant.state,
            "reason": grant.reason,
            **span_of(grant, told[grant.id]),
        }
        for grant in grants
    ]


def span_of(grant: RoleGrant, told: Sequence[AuditEffect]) -> dict[str, str | None]:
    """Return from when until when a right counted, and the entries that say so; nothing for one that never did."""
    founded = told[:1] if told and told[0].act != Action.GRANT_REQUEST else []
    begun = next((one for one in [*founded, *told] if founded or one.act == Action.GRANT_EXECUTE), None)
    if grant.state not in WAS_IN_FORCE or begun is None:
        return {"from": None, "until": None, "entry": str(told[-1].entry_id) if told else None}
    begins = max(filter(None, (begun.at, grant.valid_from)))
    ends = told[-1].at if grant.state == GrantState.REVOKED else grant.valid_until
    if ends is not None and grant.valid_until is not None:
        ends = min(ends, grant.valid_until)
    return {
        "from": str(plain_value(begins)),
        "until": None if ends is None else str(plain_value(ends)),
        "entry": str(told[-1].entry_id),
    }


async def delegations_of(
    session: AsyncSession, accounts: Sequence[Account], now: datetime
) -> list[dict[str, Any]]:
    """Return the duties a person gave and took, newest first."""
    own = [account.id for account in accounts]
    giver, deputy = aliased(Account), aliased(Account)
    wanted = (
        select(Delegation, giver.name, giver.office, deputy.name)
        .join(giver, giver.id == Delegation.account_id)
        .join(deputy, deputy.id == Delegation.deputy_id)
        .where(or_(Delegation.account_id.in_(own), Delegation.deputy_id.in_(own)))
        .order_by(Delegation.id.desc())
        .limit(ROWS_MAX)
    )
    return [
        delegation_view(row, names, now) | {"given": row.account_id in own}
        for row, *names in (await session.execute(wanted)).all()
    ]


async def counted(session: AsyncSession, accounts: Sequence[Account]) -> Mapping[str, int]:
    """Return how many entries tell of something a person did, and of something they were refused."""
    names = [name for account in accounts for name in (str(account.id), f"{ANONYMOUS}{account.id}")]
    wanted = (
        select(AuditEntry.outcome, func.count())
        .where(AuditEntry.account.in_(names))
        .group_by(AuditEntry.outcome)
    )
    found = {row[0]: row[1] for row in await session.execute(wanted)}
    return {"allow": found.get("allow", 0), "refuse": found.get("refuse", 0)}
