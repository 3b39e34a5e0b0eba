"""The rights of each office's database login, as they follow from what its roles may do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies.policy import Policy
from policies.tables import Verb
from policies.vocabulary import Office


@dataclass(frozen=True, slots=True)
class TableGrant:
    """``verb`` on ``table``; no columns means the whole table."""

    table: str
    verb: Verb
    columns: tuple[str, ...]


def table_grants(policy: Policy) -> dict[Office, list[TableGrant]]:
    """What each office's login may do, by table and verb.

    Columns of several acts add up, and a whole table outweighs them.
    """
    return {office: _of_office(policy, office) for office in Office}


def _of_office(policy: Policy, office: Office) -> list[TableGrant]:
    actions = policy.actions_of_office(office)
    merged: dict[tuple[str, Verb], tuple[str, ...]] = {}
    for row in policy.table_rows:
        if row.action not in actions:
            continue
        key = (row.table, row.verb)
        before = merged.get(key, row.columns)
        whole = not before or not row.columns
        merged[key] = () if whole else tuple(dict.fromkeys((*before, *row.columns)))
    return [TableGrant(table, verb, columns) for (table, verb), columns in sorted(merged.items())]


def effect_kinds(policy: Policy) -> dict[Office, frozenset[str]]:
    """Tables each office's acts insert into or update: the kinds of effect its entries may carry."""
    return {
        office: frozenset(grant.table for grant in grants if grant.verb is not Verb.SELECT)
        for office, grants in table_grants(policy).items()
    }


def statements(policy: Policy, prefix: str) -> Iterator[str]:
    """The grants as SQL, to be read or held against a database.

    Logins are named ``prefix_office``, since PostgreSQL's roles are shared by all databases of a server.
    """
    for office, grants in table_grants(policy).items():
        for grant in grants:
            columns = f" ({', '.join(grant.columns)})" if grant.columns else ""
            yield f'GRANT {grant.verb.upper()}{columns} ON public.{grant.table} TO "{prefix}_{office}";'
