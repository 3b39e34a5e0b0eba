"""The reports themselves: each a table that follows from how things stood, with the entries it stands on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from audit.entry import parse_timestamp
from policies.policy import Policy
from policies.separation import conflicts
from policies.vocabulary import READS, Action
from service.compliance.rebuild import Rebuilt
from service.kernel.database import plain_value
from service.kernel.errors import NotFound, Unprocessable
from service.reports.standing import STAFF, Event, Standing
from service.ui.languages import N_

PRIVILEGED: Final = frozenset(
    {
        Action.ACCOUNT_OPEN,
        Action.GRANT_EXECUTE,
        Action.GRANT_REVOKE,
        Action.LOG_RECOVER,
        Action.PASSWORD_RESET,
        Action.RECOVERY_REQUEST,
        Action.ROTATION_APPROVE,
        Action.ROTATION_REQUEST,
    }
)
"""Acts over access and over the log: whoever may do one holds a privileged account."""
HELD: Final = (
    *(N_("Account"), N_("Person"), N_("Unit"), N_("Office"), N_("Role"), N_("Since"), N_("Until")),
    N_("Deputy for"),
)
USED_WITHIN_DAYS: Final = 90
DENIED_WITHIN_DAYS: Final = 30


class RulesNotKept(Unprocessable):
    """422. The text of the policy of that day is not kept in this database; nobody judges by other rules."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An attempt that was refused."""

    at: datetime
    entry: UUID
    account: str
    act: str
    code: str
    rules: tuple[str, ...]


@dataclass(slots=True)
class Facts:
    """What the reports are made of. ``names`` are today's: the log knows people by their ids alone.

    ``policy``: the rules that were in force then; none if no text of them is kept here.
    """

    standing: Standing
    policy: Policy | None
    names: Mapping[str, str]
    act: Action
    used: Mapping[tuple[str, str], datetime] = field(default_factory=dict)  # account and act, when last
    refused: Iterable[Refused] = ()

    def named(self, object_id: object) -> str:
        """Return the name of an account, a person or a unit, or its id."""
        return self.names.get(str(object_id), str(object_id))

    def held_since(self, grant: Rebuilt) -> datetime:
        """Return when a right began to count: put in force, and its first day come."""
        begun, first = self.standing.since[grant.kind, grant.id], grant.columns.get("valid_from")
        return begun if first is None else max(begun, parse_timestamp(first))

    def unit_of(self, person_id: object) -> str:
        """Return the unit a person belonged to."""
        unit = self.standing.row("person", person_id).columns.get("unit_id")
        return "" if unit is None else self.named(unit)


@dataclass(slots=True)
class Table:
    """A report: its rows of text, and the entries that bear them out."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    entries: set[UUID] = field(default_factory=set)

    def add(self, entries: set[UUID], *cells: object) -> None:
        """Add a row with the entries it stands on."""
        self.rows.append(tuple("" if cell is None else str(plain_value(cell)) for cell in cells))
        self.entries |= entries


@dataclass(frozen=True, slots=True)
class Report:
    """A report by name: what it answers, and how it is made."""

    name: str
    title: str
    make: Callable[[Facts], Table]
    asks: frozenset[str] = frozenset()  # what has to be looked up beside rights: "used", "refused"


def access_concept(facts: Facts) -> Table:
    """What each role allowed, and why; reasons are known for every version whose text is kept."""
    table = Table((N_("Office"), N_("Role"), N_("Act"), N_("Reason")))
    told_by = set() if facts.standing.policy_entry is None else {facts.standing.policy_entry}
    for role in sorted(facts.standing.past.policy.get("roles", {})):
        for act in sorted(facts.standing.acts_of(role)):
            known = facts.policy is not None and act in set(Action)
            reason = facts.policy.decide((role,), Action(act)).reason if known and facts.policy else ""
            office = "" if facts.policy is None else facts.policy.offices.get(role, "")
            table.add(told_by, office, role, act, reason)
    return table


def holders(facts: Facts) -> Table:
    """Who held which role."""
    table = Table(HELD)
    for grant, account in facts.standing.held():
        _hold(table, facts, grant, account)
    for delegation, deputy, role, grant in facts.standing.lent():
        _stand_in(table, facts, delegation, deputy, role, grant)
    return table


def able(facts: Facts) -> Table:
    """Who could do one act, by which role."""
    table = Table(HELD)
    for grant, account in facts.standing.held():
        if facts.act in facts.standing.acts_of(grant.columns["role"]):
            _hold(table, facts, grant, account)
    for delegation, deputy, role, grant in facts.standing.lent():
        if facts.act in facts.standing.acts_of(role):
            _stand_in(table, facts, delegation, deputy, role, grant)
    if facts.standing.policy_entry is not None:
        table.entries.add(facts.standing.policy_entry)
    return table


def _hold(table: Table, facts: Facts, grant: Rebuilt, account: Rebuilt) -> None:
    person = account.columns.get("person_id")
    table.add(
        facts.standing.entries_of(grant, account),
        facts.named(account.id),
        facts.named(person),
        facts.unit_of(person),
        account.columns.get("office"),
        grant.columns["role"],
        facts.standing.since[grant.kind, grant.id],
        grant.columns.get("valid_until"),
        "",
    )


def _stand_in(
    table: Table, facts: Facts, delegation: Rebuilt, deputy: Rebuilt, role: str, grant: Rebuilt
) -> None:
    person = deputy.columns.get("person_id")
    giver = facts.standing.row("account", delegation.columns["account_id"])
    table.add(
        facts.standing.entries_of(delegation, deputy, grant, giver),
        facts.named(deputy.id),
        facts.named(person),
        facts.unit_of(person),
        deputy.columns.get("office"),
        role,
        delegation.columns["valid_from"],
        delegation.columns["valid_to"],
        facts.named(giver.columns.get("person_id")),
    )


def conflicting(facts: Facts) -> Table:
    """Persons whose roles break a rule of separation as it stood then: of all accounts, held for others, and owned."""
    table = Table((N_("Person"), N_("Roles"), N_("Control"), N_("Severity"), N_("Reason")))
    if facts.policy is None:
        raise RulesNotKept("The rules of that day are not kept here; take an evidence pack of the period.")
    by_person: dict[str, list[tuple[str, tuple[Rebuilt, ...]]]] = {}
    for grant, account in facts.standing.held():
        for person in {account.columns.get("person_id"), account.columns.get("owner_id")} - {None}:
            by_person.setdefault(str(person), []).append((grant.columns["role"], (grant, account)))
    for delegation, deputy, role, grant in facts.standing.lent():
        held_for = by_person.setdefault(str(deputy.columns.get("person_id")), [])
        held_for.append((role, (delegation, deputy, grant)))
    for person, held in sorted(by_person.items()):
        roles = sorted({role for role, _ in held} & set(facts.policy.roles))
        for conflict in conflicts(facts.policy, roles):
            told = facts.standing.entries_of(*(row for _, rows in held for row in rows))
            table.add(
                told, facts.named(person), ", ".join(roles), conflict.control, conflict.severity, conflict.why
            )
    return table


def unused(facts: Facts) -> Table:
    """Roles held for 90 days none of whose own acts and reads was used in them; what everybody may is left out."""
    table = Table((N_("Account"), N_("Person"), N_("Role"), N_("Since"), N_("Acts never used")))
    common, reads = _common(facts), {str(act) for act in READS}
    for grant, account in facts.standing.held():
        own = facts.standing.acts_of(grant.columns["role"]) - common
        changing = own - reads
        long_held = facts.held_since(grant) <= facts.standing.until - timedelta(days=USED_WITHIN_DAYS)
        if long_held and not any((account.id, act) in facts.used for act in changing or own):
            cells = (
                facts.named(account.id),
                facts.named(account.columns.get("person_id")),
                grant.columns["role"],
            )
            since = facts.standing.since[grant.kind, grant.id]
            table.add(
                facts.standing.entries_of(grant, account), *cells, since, ", ".join(sorted(changing or own))
            )
    return table


def _common(facts: Facts) -> set[str]:
    """Return what every role of people allowed."""
    roles = facts.standing.past.policy.get("roles", {})
    of_people = [set(acts) for role, acts in roles.items() if not role.startswith("svc_")]
    return set.intersection(*of_people) if of_people else set()


def comings_and_goings(facts: Facts) -> Table:
    """Joiners, movers and leavers, with when the rights of before were withdrawn and how long that took."""
    table = Table(
        (N_("At"), N_("Event"), N_("Person"), N_("Unit"), N_("Rights withdrawn"), N_("Hours"), N_("Entry"))
    )
    for event in facts.standing.events:
        if event.kind != "person":
            continue
        last = _withdrawn(event)
        hours = None if last is None else f"{max(0.0, (last.at - event.at).total_seconds() / 3600):.2f}"
        unit = event.change.get("unit_id", {}).get("new")
        where = facts.unit_of(event.object_id) if unit is None else facts.named(unit)
        table.add(
            {event.entry} | (set() if last is None else {last.entry}),
            event.at,
            happened(event),
            facts.named(event.object_id),
            where,
            None if last is None else last.at,
            hours,
            event.entry,
        )
    return table


def happened(event: Event) -> str:
    """Return what happened to somebody, by the act that tells of it."""
    if event.act != STAFF:
        return event.act
    kind = "leaver" if "disabled" in event.change else "mover" if event.change else "joiner"
    return f"{event.act}: {kind}"


def _withdrawn(event: Event) -> Event | None:
    """Return what took the last right of before away: moving and leaving themselves, which end every right."""
    return event if event.change else None


def denied(facts: Facts) -> Table:
    """What was tried and refused in the last 30 days, newest first."""
    table = Table((N_("At"), N_("Account"), N_("Act"), N_("Refused as"), N_("Rule"), N_("Entry")))
    for one in facts.refused:
        account = facts.named(one.account.removeprefix("anonymous:"))
        table.add({one.entry}, one.at, account, one.act, one.code, ", ".join(one.rules), one.entry)
    return table


def privileged(facts: Facts) -> Table:
    """Accounts with power over access or over the log."""
    table = Table((N_("Account"), N_("Person"), N_("Role"), N_("Since"), N_("Acts")))
    acts = {str(act) for act in PRIVILEGED}
    for grant, account in facts.standing.held():
        if powers := facts.standing.acts_of(grant.columns["role"]) & acts:
            cells = (
                facts.named(account.id),
                facts.named(account.columns.get("person_id")),
                grant.columns["role"],
            )
            since = facts.standing.since[grant.kind, grant.id]
            table.add(facts.standing.entries_of(grant, account), *cells, since, ", ".join(sorted(powers)))
    return table


def services(facts: Facts) -> Table:
    """Accounts that no person signs in to, with who answers for each."""
    table = Table((N_("Account"), N_("Office"), N_("Owner"), N_("Roles"), N_("Closed")))
    roles: dict[str, list[str]] = {}
    for grant, account in facts.standing.held():
        roles.setdefault(account.id, []).append(grant.columns["role"])
    for account in facts.standing.past.of_kind("account"):
        if account.columns.get("service"):
            owner = account.columns.get("owner_id") or account.columns.get("person_id")
            closed = N_("yes") if account.columns.get("disabled") else ""
            cells = facts.named(account.id), account.columns.get("office"), facts.named(owner)
            told = facts.standing.entries_of(account)
            table.add(told, *cells, ", ".join(sorted(roles.get(account.id, []))), closed)
    return table


REPORTS: Final = {
    report.name: report
    for report in (
        Report("access-concept", N_("What each role may do, and why"), access_concept),
        Report("holders", N_("Who held which role"), holders),
        Report("able", N_("Who could do one act"), able),
        Report("conflicts", N_("Whose roles break a rule of separation"), conflicting),
        Report("unused-rights", N_("Rights nobody used for 90 days"), unused, frozenset({"used"})),
        Report("comings-and-goings", N_("Joiners, movers and leavers"), comings_and_goings),
        Report("denied", N_("What was tried and refused"), denied, frozenset({"refused"})),
        Report("privileged", N_("Accounts with power over access or the log"), privileged),
        Report("services", N_("Service accounts and their owners"), services),
    )
}


def report_named(name: str) -> Report:
    """Return the report. Raises NotFound."""
    if name not in REPORTS:
        raise NotFound("report")
    return REPORTS[name]
