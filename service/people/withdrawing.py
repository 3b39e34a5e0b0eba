"""What ends when somebody moves or leaves, and what they leave behind that somebody else must answer for."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from service.attempt import Attempt
from service.kernel.errors import NotPermitted
from service.kernel.items import Item
from service.leaving import nobody_left, without_person, without_right
from service.organisation.chart import meetings
from service.organisation.queries import chart_on, homes_of, today
from service.people.lifecycle import GrantState
from service.people.model import Account, Person, RoleGrant
from service.people.queries import accounts_of, roles_counting

END_ALL = text("SELECT public.sessions_end_of(:account, :why)")
OPEN = (GrantState.REQUESTED, GrantState.APPROVED, GrantState.EXECUTED)


class LeadsOtherwise(NotPermitted):
    """403. Whoever leads trading moves to what controls it, or the reverse, only once somebody else leads (SEG-01)."""

    rule = "SEG-01"


async def withdraw_everything(attempt: Attempt, person: Person, why: str) -> int:
    """End every right, asked for or in force, every session and every token of a person; return how many rights."""
    held = await attempt.session.scalars(
        select(RoleGrant)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(Account.person_id == person.id, RoleGrant.state.in_(OPEN))
        .order_by(RoleGrant.id)
        .with_for_update(of=RoleGrant)
    )
    ended = 0
    for grant in held.all():
        attempt.close_item(Item.GRANT_APPROVE, grant.id)
        attempt.close_item(Item.GRANT_EXECUTE, grant.id)
        attempt.change(grant, state=GrantState.REVOKED.value)
        ended += 1
    for account in await accounts_of(attempt.session, person.id):
        await attempt.session.execute(END_ALL, {"account": account.id, "why": why})
    await attempt.session.flush()
    return ended


async def must_lead_nothing_apart(attempt: Attempt, person: Person, unit: UUID) -> None:
    """Raise LeadsOtherwise if the person would then answer for trading and for what controls it, by what they lead."""
    chart = await chart_on(attempt.session, today(attempt.now))
    homes = dict(await homes_of(attempt.session, chart))
    if person.id not in homes:
        return
    homes[person.id] = unit
    if found := meetings(chart, homes, attempt.policy.lines):
        raise LeadsOtherwise(f"Somebody else must lead those units first: {found[0].why}.", field="unit")


async def warn_of_going(attempt: Attempt, person: Person) -> dict[str, Any]:
    """Tell compliance what waits for nobody once this person's rights are gone; nobody is kept because of it."""
    roles = await roles_counting(attempt.session, person.id, attempt.now, services=False)
    return await nobody_left(attempt, roles, without_person(person.id), None, forced=person)


async def hand_over(attempt: Attempt, person: Person, *, but: UUID | None = None) -> dict[str, Any]:
    """Tell compliance which units have lost their head and which service accounts their owner; ``but``: the new unit.

    A unit below ``but`` may well be led by who moved up; whoever left leads and owns nothing.
    """
    chart = await chart_on(attempt.session, today(attempt.now))
    units = [line.unit for line in chart.values() if person.id in line.answering and line.unit != but]
    owned = (
        await attempt.session.scalars(
            select(Account.id).where(Account.owner_id == person.id, Account.disabled.is_(False))
        )
    ).all()
    for unit in units:
        attempt.open_item_about(Item.DEAD_END, "unit", unit, reason="headless")
    for account in owned:
        attempt.open_item_about(Item.DEAD_END, "account", account, reason="ownerless")
    if not units and not owned:
        return {}
    told = {"units": [str(unit) for unit in units], "accounts": [str(account) for account in owned]}
    attempt.note(hand_over=told)
    return {"hand_over": told}


async def warn_of_right(attempt: Attempt, grant: RoleGrant, accepted: str | None) -> dict[str, Any]:
    """Refuse to end a right that open work waits for, unless a reason is given. Raises DeadEnd."""
    if grant.state != GrantState.EXECUTED:
        return {}
    account = await attempt.session.get_one(Account, grant.account_id)
    after = without_right(account.id, account.person_id, {grant.role})
    return await nobody_left(attempt, [grant.role], after, accepted)
