"""Before somebody goes: what of the open work would wait for nobody, and which acts nobody could do any more."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any
from uuid import UUID

from service.attempt import Attempt
from service.dead_ends import TOLD_MAX, left_alone, must_leave_somebody, unmanned
from service.kernel.database import Recorded
from service.kernel.items import Item
from service.roster import Holder


async def nobody_left(
    attempt: Attempt,
    roles: Collection[str],
    after: Callable[[Holder], Holder | None],
    accepted: str | None,
    *,
    forced: Recorded | None = None,
) -> dict[str, Any]:
    """Refuse what would leave nobody for open work, unless a reason is given; then compliance sees each item.

    ``roles``: what is lost; ``after``: what becomes of each account, None where it is closed or away;
    ``forced``: it happens anyway and nobody is asked, as when staff leave; compliance is told about this row too,
    if some act has nobody left. Returns what the answer warns of, empty if it is nothing. Raises DeadEnd.
    """
    connection = await attempt.session.connection()
    alone = await left_alone(connection, attempt.policy, attempt.now, roles, after)
    if accepted is None and forced is None:
        must_leave_somebody(alone)
    acts = await unmanned(connection, attempt.policy, attempt.now, roles, after)
    if not alone and not acts:
        return {}
    attempt.note(
        accept_dead_end=accepted,
        left_alone=[str(one.subject_id) for one in alone[:TOLD_MAX]] or None,
        unmanned=[act.value for act in acts] or None,
    )
    for one in alone[:TOLD_MAX]:
        attempt.open_item_about(
            Item.DEAD_END,
            one.subject_kind,
            one.subject_id,
            trade_id=one.trade_id,
            version=one.version,
            reason=one.kind.value,
        )
    if forced is not None and acts:
        attempt.open_item(Item.DEAD_END, forced, reason="unmanned")
    return {"left_alone": len(alone), "unmanned": [act.value for act in acts]}


def without_right(
    account: UUID, person: UUID, lost: Collection[str], *, own: bool = True
) -> Callable[[Holder], Holder | None]:
    """Return what becomes of everybody once ``account`` holds these roles no more.

    ``own``: they are the account's own, and whoever stands in for its ``person`` loses them too; else the account
    holds them for ``person``, who keeps them.
    """

    def after(holder: Holder) -> Holder:
        standing = holder.standing
        gone = set[str]()
        if own or holder.account == account:
            gone = {role for role in lost if standing.deputy_for.get(role) == str(person)}
        if own and holder.account == account:
            gone |= set(lost) - standing.deputy_for.keys()
        kept = {role: whose for role, whose in standing.deputy_for.items() if role not in gone}
        return replace(holder, standing=replace(standing, roles=standing.roles - gone, deputy_for=kept))

    return after


def without_person(person: object) -> Callable[[Holder], Holder | None]:
    """Return what becomes of everybody once this person is gone: of their own accounts, and of who stands in for them."""
    gone = str(person)

    def after(holder: Holder) -> Holder | None:
        if holder.standing.person == gone:
            return None
        lost = {role for role, whose in holder.standing.deputy_for.items() if whose == gone}
        standing = holder.standing
        kept = {role: whose for role, whose in standing.deputy_for.items() if role not in lost}
        return replace(holder, standing=replace(standing, roles=standing.roles - lost, deputy_for=kept))

    return after
