"""The back office's rules for the desks as they stand on a day, and all of them as people read them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, Uuid, column, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from service.desks.lifecycle import RuleState
from service.desks.model import DeskRule
from service.kernel.database import plain_facts
from service.kernel.direct import fetch

CUT_OFF, MANDATE = "cut_off", "mandate"
UNIT = table("unit", column("id", Uuid()), column("name"), column("function_class"), schema="public")
PERSON = table("person", column("id", Uuid()), column("name"), schema="public")
ACCOUNT = table(
    "account",
    *(column("id", Uuid()), column("person_id", Uuid())),
    *(column("name"), column("office"), column("service"), column("disabled")),
    schema="public",
)


RULES = (
    "SELECT rule, product, desk_id, at, person_id, locations, max_eur, valid_to FROM public.desk_rule "
    "WHERE state = 'in_force' AND valid_from <= $1 ORDER BY id DESC"
)


class Rule(NamedTuple):
    """What a rule in force says; see ``DeskRule``."""

    rule: str
    product: str | None
    desk_id: UUID | None
    at: time | None
    person_id: UUID | None
    locations: Collection[str] | None
    max_eur: Decimal | None
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class DeskRules:
    """Every rule in force that has begun by the day, newest first."""

    rules: Sequence[Rule]
    day: date = date.max

    def cut_off(self, product: str, desk_id: UUID | None) -> time | None:
        """Return from when on a deal is late, time of day in Berlin: the desk's own, else everybody's."""
        found = [rule for rule in self.rules if rule.rule == CUT_OFF and rule.product == product]
        own = next((rule for rule in found if rule.desk_id is not None and rule.desk_id == desk_id), None)
        chosen = own or next((rule for rule in found if rule.desk_id is None), None)
        return None if chosen is None else chosen.at

    def mandate_eur(self, person_id: UUID, location: str, product: str) -> Decimal | None:
        """Return up to how much, in EUR, a person may strike such a deal there; None without a mandate.

        The newest mandate that names the product, or none, stands in the place of every earlier one: one that
        has ended, or that leaves out the place, leaves no mandate there.
        """
        for rule in self.rules:
            if rule.rule == MANDATE and rule.person_id == person_id and rule.product in (None, product):
                has_ended = rule.valid_to is not None and rule.valid_to < self.day
                return None if has_ended or location not in (rule.locations or ()) else rule.max_eur
        return None


async def rules_in_force(session: AsyncSession, day: date) -> DeskRules:
    """Return the rules that two people set and that have begun by the day."""
    found = await fetch(session, RULES, day)
    rules = [Rule(*row) for row in found]
    return DeskRules(rules, day)


def waiting(rule: DeskRule) -> Select[UUID]:
    """Select what waits for a decision about the same: one product and desk, or one person's mandates."""
    same = select(DeskRule.id).where(DeskRule.rule == rule.rule, DeskRule.state == RuleState.PROPOSED)
    if rule.rule == MANDATE:
        return same.where(DeskRule.person_id == rule.person_id)
    return same.where(DeskRule.product == rule.product, DeskRule.desk_id.is_not_distinct_from(rule.desk_id))


async def desk_rules(
    session: AsyncSession,
    *,
    state: str | None = None,
    rule: str | None = None,
    cursor: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return the rules, newest first, from behind ``cursor``, one more than ``limit``."""
    by = ACCOUNT.alias("proposer")
    wanted = (
        select(DeskRule, UNIT.c.name.label("desk"), PERSON.c.name.label("person"), by.c.name.label("by"))
        .outerjoin(UNIT, UNIT.c.id == DeskRule.desk_id)
        .outerjoin(PERSON, PERSON.c.id == DeskRule.person_id)
        .outerjoin(by, by.c.id == DeskRule.proposed_by)
        .order_by(DeskRule.id.desc())
        .limit(limit + 1)
    )
    if state is not None:
        wanted = wanted.where(DeskRule.state == state)
    if rule is not None:
        wanted = wanted.where(DeskRule.rule == rule)
    if cursor is not None:
        wanted = wanted.where(DeskRule.id < cursor)
    return [
        rule_view(row.DeskRule) | {"desk_name": row.desk, "person_name": row.person, "proposed_by": row.by}
        for row in await session.execute(wanted)
    ]


def rule_view(rule: DeskRule) -> dict[str, Any]:
    """Return a rule as answers show it; what its kind does not have is null."""
    told = {
        "desk": rule.desk_id,
        "at": None if rule.at is None else rule.at.strftime("%H:%M"),
        "person": rule.person_id,
        "locations": rule.locations,
        "max_eur": rule.max_eur,
        "valid_from": None if rule.valid_from == date.min else rule.valid_from,
        "valid_to": rule.valid_to,
    }
    return {
        "id": str(rule.id),
        "version": rule.rev,
        "rule": rule.rule,
        "state": rule.state,
        "product": rule.product,
        **plain_facts(told),
        "reason": rule.reason,
    }
