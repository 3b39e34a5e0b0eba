"""No step waits for nobody: every state of every machine has an act, somebody who may do it, and work that says so."""

import importlib
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint

from policies.policy import Policy, load
from policies.vocabulary import Action
from service import tables
from service.demo import cast
from service.kernel.items import ROUTES, Item
from service.kernel.lifecycle import Lifecycle
from service.work.ladder import ladder

SLICES = Path(__file__).parents[2] / "service"
assert tables.METADATA.tables, "every slice is loaded"

RESTS = {
    ("block of absence", "accepted"): "the desk's day begins and ends it",
    (
        "block of absence",
        "running",
    ): "a trader on leave; it ends with its last day or is cut short with a reason",
    ("policy draft", "approved"): "the service puts it in force at its time",
    ("policy draft", "active"): "in force until another one is",
    ("confirmation", "matched"): "both sides agree; only a change of the deal opens it again",
    ("control", "verified"): "agreed; only a request of trading or the payment goes on",
    ("control", "settling"): "the legs have states of their own",
    ("delegation", "approved"): "a deputy who may act; it ends when somebody ends it or its time is over",
    ("payment message", "queued"): "the office's own post sends it at once, and its work ends with the proof",
    ("settlement", "settled"): "paid; only a payment that comes back opens it again",
    ("grant", "executed"): "a right in force; it ends when somebody revokes it or its time is over",
}
"""States that wait for nobody though an act leads out of them."""
BY_CEREMONY = {
    ("rotation", "requested"): "two custodians and whoever runs the signer sit together (docs/operations.md)",
    ("rotation", "approved"): "two custodians and whoever runs the signer sit together (docs/operations.md)",
}
"""States that wait for people who are in the same room, and for no queue."""


MACHINE_OF = {
    "absence": "block of absence",
    "agreement": "agreement",
    "benchmark": "benchmark",
    "call_back": "call-back",
    "case_file": "case",
    "confirmation": "confirmation",
    "delegation": "delegation",
    "desk_rule": "desk rule",
    "document_checklist": "checklist",
    "inbound_message": "message",
    "key_rotation": "rotation",
    "long_form": "long form",
    "organisation_proposal": "organisation proposal",
    "payment": "payment message",
    "payment_status": "payment status",
    "policy_draft": "policy draft",
    "proposal": "proposal",
    "role_grant": "grant",
    "settlement": "settlement",
    "settlement_rule": "settlement rule",
    "substitute_verification": "verification",
    "trade_control": "control",
    "transfer_control": "transfer",
    "transmission": "transmission",
}
"""The machine that moves each table's state."""
BY_ANOTHER_ROW = {
    ("market_check", "alert"): Action.TRADE_JUSTIFY,
    ("market_check", "no_reference"): Action.TRADE_JUSTIFY,
    ("market_check", "ok"): None,
    ("net", "broken"): None,  # its legs are prepared anew
    ("net", "composed"): Action.SETTLEMENT_RELEASE,
    ("net", "failed"): None,
    ("net", "released"): Action.SETTLEMENT_COMPLETE,
    ("net", "returned"): None,
    ("net", "settled"): None,
    ("recovery", "recovered"): None,
    ("recovery", "requested"): Action.LOG_RECOVER,
    ("trading_limit", "in_force"): None,
    ("trading_limit", "proposed"): Action.LIMIT_VOTE,
    ("trading_limit", "refused"): None,
}
"""States of tables without a machine, and the act that answers them by a row of its own; None: nothing is owed."""
DOMAIN = {
    "A trade": ("control", "request"),
    "B checks": (),  # market_check; limits and terms are refused at once
    "C confirm": ("confirmation", "message", "transmission", "verification", "long form", "checklist"),
    "D leg": ("settlement", "payment message", "payment status"),
    "E journal": (),  # posted and never edited; a reversal is another journal
}
"""The machines of a deal as the domain draws them, and ours; reconciliation and reporting are not built."""


def machines() -> Iterator[Lifecycle[StrEnum]]:
    """Give every state machine of every slice."""
    for file in sorted(SLICES.glob("*/lifecycle.py")):
        module = importlib.import_module(f"service.{file.parent.name}.lifecycle")
        for found in vars(module).values():
            if isinstance(found, Lifecycle):
                yield found


def states_of(machine: Lifecycle[StrEnum]) -> list[StrEnum]:
    """Return all states of a machine, those included that no row of its table begins in."""
    return [*type(next(iter(machine.table))[0])]


WAITING = [
    pytest.param(machine, state, id=f"{machine.name}-{state.value}")
    for machine in machines()
    for state in states_of(machine)
    if machine.actions_from(state)
]
HELD = {role for plan in cast.ACCOUNTS for role in plan.roles}
"""Roles that somebody who exists holds."""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load()


def able(policy: Policy, actions: tuple[Action, ...], *, people: bool) -> set[str]:
    """Return the roles held by somebody that may do one of the acts."""
    held = {role for role in HELD if not (people and role.startswith("svc_"))}
    return {role for role in held for action in actions if policy.decide([role], action).allowed}


@pytest.mark.parametrize(("machine", "state"), WAITING)
def test_a_state_that_is_left_by_an_act_has_an_office_that_may_do_it(
    machine: Lifecycle[StrEnum], state: StrEnum, policy: Policy
) -> None:
    assert able(policy, machine.actions_from(state), people=False)


@pytest.mark.parametrize(("machine", "state"), WAITING)
def test_a_state_that_waits_has_a_kind_of_work_for_it(machine: Lifecycle[StrEnum], state: StrEnum) -> None:
    place = (machine.name, state.value)
    if place in RESTS or place in BY_CEREMONY:
        return
    acts = machine.actions_from(state)
    kinds = {item for item, route in ROUTES.items() if route.action in acts}
    assert kinds, f"{place}: nobody is told that this waits"
    assert all(ladder()[kind] for kind in kinds), "and nobody hears of it if it goes on waiting"


def test_what_is_said_to_rest_or_to_be_done_by_ceremony_exists() -> None:
    places = {(machine.name, state.value) for machine in machines() for state in states_of(machine)}
    assert places >= set(RESTS) | set(BY_CEREMONY)


def test_every_machine_ends_somewhere_or_rests() -> None:
    for machine in machines():
        states = states_of(machine)
        ends = [state for state in states if not machine.actions_from(state)]
        assert ends or any((machine.name, state.value) in RESTS for state in states), machine.name


@pytest.mark.parametrize("kind", Item)
def test_every_kind_of_work_has_somebody_who_does_it(kind: Item, policy: Policy) -> None:
    route = ROUTES[kind]
    roles = able(policy, (route.action,), people=not route.automatic)
    assert any(policy.office_of(role) is route.office for role in roles), kind


def test_every_table_with_a_state_is_moved_by_a_machine_or_answered_by_another_row(policy: Policy) -> None:
    with_state = {name for name, table in tables.METADATA.tables.items() if "state" in table.columns}
    assert with_state == MACHINE_OF.keys() | {table for table, _ in BY_ANOTHER_ROW}
    by_name = {machine.name: machine for machine in machines()}
    assert set(MACHINE_OF.values()) | {"request"} == by_name.keys(), (
        "request: a decision has a row, an open one none"
    )
    for table, machine in MACHINE_OF.items():
        known = told_states(table)
        assert known <= {state.value for state in states_of(by_name[machine])}, table
    for (table, state), action in BY_ANOTHER_ROW.items():
        known = told_states(table)
        assert not known or state in known, (table, state)
        if action is not None and action is not Action.LOG_RECOVER:  # done by two custodians who sit together
            (kind,) = {
                item for item, route in ROUTES.items() if route.action is action and "limit" not in item
            } or {Item.VOTE_LIMIT}
            assert able(policy, (action,), people=True), (table, state)
            assert ladder()[kind]
    assert {state for table, state in BY_ANOTHER_ROW if table == "market_check"} == told_states(
        "market_check"
    )


def told_states(table: str) -> set[str]:
    """Return the states that the database lets a table hold, where a constraint lists them."""
    for check in tables.METADATA.tables[table].constraints:
        if isinstance(check, CheckConstraint) and str(check.name).endswith("state_known"):
            return set(re.findall(r"'([a-z_]+)'", str(check.sqltext)))
    return set()


def test_every_machine_that_the_domain_draws_for_a_deal_is_among_those_that_were_walked() -> None:
    walked = {machine.name for machine in machines()}
    assert {name for names in DOMAIN.values() for name in names} <= walked
    modules = list(SLICES.glob("*/lifecycle.py"))
    told = {file.parent.name for file in modules if "Lifecycle(" in file.read_text(encoding="utf-8")}
    # a deal's state is derived; checks and limits are answered by rows of their own (BY_ANOTHER_ROW)
    assert {file.parent.name for file in modules} - told == {"conformity", "limits", "trades"}


class Planted(StrEnum):
    """States of a machine that waits for nobody."""

    STUCK = "stuck"
    FREE = "free"


def test_the_walk_finds_a_state_nobody_can_leave(policy: Policy) -> None:
    planted: Lifecycle[StrEnum] = Lifecycle("planted", {(Planted.STUCK, Action.LOG_GENESIS): Planted.FREE})
    with pytest.raises(AssertionError, match="nobody is told"):
        test_a_state_that_waits_has_a_kind_of_work_for_it(planted, Planted.STUCK)
    assert able(policy, (Action.LOG_GENESIS,), people=True) == set()
    assert len(WAITING) > 50
