"""Rights and deputising that end by themselves: nobody can refuse that, so compliance hears of it in time."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from policies.periods import Period
from service.attempt import Attempt
from service.dead_ends import left_alone, unmanned
from service.deputies.lifecycle import DelegationState
from service.deputies.model import Delegation
from service.kernel.items import Item
from service.leaving import without_right
from service.people.lifecycle import GrantState
from service.people.model import Account, RoleGrant
from service.roster import Holder
from service.work.queries import waits


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends by itself: a right or a deputising, with what becomes of everybody then."""

    kind: str
    id: UUID
    at: datetime
    roles: Collection[str]
    after: Callable[[Holder], Holder | None]


async def warn_of_endings(attempt: Attempt) -> int:
    """Open an item for whatever ends soon and leaves nobody for open work or for an act; return how many are new.

    What ends together is judged together: each on top of those that end before it.
    """
    connection = await attempt.session.connection()
    gone: list[Ending] = []
    told = 0
    for one in await endings(attempt):
        gone.append(one)
        roles = {role for each in gone for role in each.roles}
        after = all_of(gone)
        alone = await left_alone(connection, attempt.policy, attempt.now, roles, after)
        acts = await unmanned(connection, attempt.policy, attempt.now, roles, after)
        if (alone or acts) and not await waits(attempt.session, Item.DEAD_END, one.id):
            attempt.open_item_about(Item.DEAD_END, one.kind, one.id, reason=f"ends_{one.at.date()}")
            told += 1
    return told


async def endings(attempt: Attempt) -> list[Ending]:
    """Return what ends within the notice, soonest first."""
    until = attempt.now + timedelta(days=attempt.policy.periods.number(Period.RIGHT_NOTICE_DAYS))
    grants = await attempt.session.execute(
        select(RoleGrant, Account.person_id)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            RoleGrant.state == GrantState.EXECUTED,
            RoleGrant.valid_until > attempt.now,
            RoleGrant.valid_until <= until,
        )
    )
    found = [
        Ending(
            RoleGrant.__tablename__,
            grant.id,
            grant.valid_until,
            (grant.role,),
            without_right(grant.account_id, person, {grant.role}),
        )
        for grant, person in grants
        if grant.valid_until is not None
    ]
    delegations = await attempt.session.execute(
        select(Delegation, Account.person_id)
        .join(Account, Account.id == Delegation.account_id)
        .where(
            Delegation.state == DelegationState.APPROVED,
            Delegation.valid_to > attempt.now,
            Delegation.valid_to <= until,
        )
    )
    found += [
        Ending(
            Delegation.__tablename__,
            row.id,
            row.valid_to,
            tuple(row.roles),
            without_right(row.deputy_id, person, row.roles, own=False),
        )
        for row, person in delegations
    ]
    return sorted(found, key=lambda one: (one.at, one.id))


def all_of(gone: Collection[Ending]) -> Callable[[Holder], Holder | None]:
    """Return what becomes of everybody once all of these have ended."""

    def after(holder: Holder) -> Holder | None:
        left: Holder | None = holder
        for one in gone:
            left = None if left is None else one.after(left)
        return left

    return after
