"""Everybody who could act in the bank, as its tables say: accounts with their own roles and those lent to them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.property.separation.oracle import Facts, Rules

ACCOUNTS = text(
    "SELECT a.name, a.id::text AS id, a.person_id::text AS person, a.owner_id::text AS owner, a.office, a.rev, "
    "ARRAY(SELECT g.role FROM public.role_grant g WHERE g.account_id = a.id AND g.state = 'executed' "
    "      AND coalesce(g.valid_from, '-infinity') <= clock_timestamp() "
    "      AND coalesce(g.valid_until, 'infinity') > clock_timestamp()) AS roles "
    "FROM public.account a JOIN public.person p ON p.id = a.person_id "
    "WHERE NOT a.disabled AND NOT p.disabled ORDER BY a.name"
)
LENT = text(
    "SELECT d.deputy_id::text AS deputy, g.person_id::text AS giver, d.account_id::text AS lender, d.roles "
    "FROM public.delegation d JOIN public.account g ON g.id = d.account_id WHERE d.state = 'approved' "
    "AND d.valid_from <= clock_timestamp() AND d.valid_to > clock_timestamp() AND NOT EXISTS ("
    "  SELECT FROM public.account a JOIN public.membership m ON m.person_id = a.person_id"
    "  WHERE a.id IN (d.account_id, d.deputy_id) AND m.id > d.id) AND NOT EXISTS ("
    "  SELECT FROM public.account a JOIN public.staff_event s ON s.person_id = a.person_id"
    "  WHERE a.id IN (d.account_id, d.deputy_id) AND s.event IN ('mover', 'leaver') AND s.id > d.id)"
)
MIRRORS = text("SELECT id::text, mirrors_id::text AS first FROM public.trade WHERE mirrors_id IS NOT NULL")
DESKS = text(
    "SELECT t.id::text, b.desk_id::text AS desk FROM public.trade t JOIN public.portfolio b ON b.id = t.portfolio_id"
)
UNITS = text("SELECT id::text, function_class, name FROM public.unit")
MOVES = text(
    "SELECT id, person_id::text AS person, unit_id::text AS unit, valid_from FROM public.membership "
    "ORDER BY valid_from, id"
)


@dataclass
class Hand:
    """One account, what it may do by itself, and for whom else it acts."""

    name: str
    id: str
    person: str
    office: str
    owner: str | None
    roles: frozenset[str]
    lent: dict[str, str] = field(default_factory=dict)  # a role, and whose it is

    def by_itself(self, rules: Rules, act: str) -> bool:
        """Tell whether the own roles give an act."""
        return any(act in rules.powers.get(role, ()) for role in self.roles)

    def able(self, rules: Rules, act: str) -> bool:
        """Tell whether any role gives an act."""
        return self.by_itself(rules, act) or bool(self.givers(rules, act))

    def givers(self, rules: Rules, act: str) -> set[str]:
        """Return whose deputy this hand would be in an act."""
        if self.by_itself(rules, act):
            return set()
        return {giver for role, giver in self.lent.items() if act in rules.powers.get(role, ())}

    def persons(self, rules: Rules, act: str) -> set[str]:
        """Return everybody an act of this hand would count for."""
        return {self.person, *self.givers(rules, act), *([self.owner] if self.owner else [])}


async def hands(connection: AsyncConnection) -> dict[str, Hand]:
    """Return every account that is not disabled, by name."""
    found = {
        row.name: Hand(row.name, row.id, row.person, row.office, row.owner, frozenset(row.roles))
        for row in await connection.execute(ACCOUNTS)
    }
    by_id = {hand.id: hand for hand in found.values()}
    for row in await connection.execute(LENT):
        if row.deputy in by_id and row.lender in by_id:
            still = [role for role in row.roles if role in by_id[row.lender].roles]
            by_id[row.deputy].lent |= dict.fromkeys(still, row.giver)
    return found


def together(everybody: Iterable[Hand]) -> dict[str, set[str]]:
    """Return all roles of each natural person: of all accounts, own and lent."""
    held = defaultdict(set)
    for hand in everybody:
        held[hand.person] |= hand.roles | set(hand.lent)
    return held


def born(key: UUID) -> datetime:
    """Return when an identifier was given, to the millisecond."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)


async def facts(connection: AsyncConnection) -> Facts:
    """Return what the bank's tables say about deals, units and persons."""
    moves: dict[str, list[Any]] = defaultdict(list)
    for row in await connection.execute(MOVES):
        stays = moves[row.person]
        if not stays or stays[-1][1] != row.unit:
            stays.append((row.valid_from, row.unit, born(row.id)))
    return Facts(
        {row.id: row.first for row in await connection.execute(MIRRORS)},
        {row.id: row.desk for row in await connection.execute(DESKS)},
        {row.id: row.function_class for row in await connection.execute(UNITS)},
        moves,
    )
