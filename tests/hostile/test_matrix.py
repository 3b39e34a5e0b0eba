"""The authorisation matrix: route x role x relation to the deal x state of the deal, against an oracle of its own."""

import ast
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from policies import cooling_off, independence
from policies.apart import Act
from policies.policy import Policy, load
from policies.standing import Standing, judge
from policies.vocabulary import Action, Office
from service.app import every_route
from service.confirmations.lifecycle import CONFIRMATION, ConfirmationState
from service.control.lifecycle import CONTROL, REQUEST, ControlState, RequestState
from service.faces import action_of
from service.kernel.errors import IllegalTransition
from service.kernel.lifecycle import Lifecycle
from service.settlement.lifecycle import SETTLEMENT, SettlementState
from tests.hostile import oracle
from tests.hostile.oracle import DUTIES, RELATIONS, ROLES, STATES, Answer, expected

TODAY, A_MONTH_AGO = date(2026, 10, 27), date(2026, 9, 28)
LEFT = (oracle.MOVER, oracle.MOVER_ELSEWHERE)
MACHINES: dict[str, tuple[Lifecycle, type]] = {  # type: ignore[type-arg]
    "control": (CONTROL, ControlState),
    "request": (REQUEST, RequestState),
    "confirmation": (CONFIRMATION, ConfirmationState),
    "leg": (SETTLEMENT, SettlementState),
}


class Cell(NamedTuple):
    act: str
    role: str
    relation: str
    state: str


def cells() -> Iterator[Cell]:
    """Yield every cell that can be: nobody did what has not been done yet, or left trading and trades."""
    for state, now in STATES.items():
        did = {done.by for done in now.past}
        for relation in RELATIONS:
            if relation in oracle.IN_THE_PAST and relation not in did:
                continue
            for act in DUTIES:
                for role, office in ROLES.items():
                    if relation not in LEFT or office != "front office":
                        yield Cell(act, role, relation, state)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load()


def decided(policy: Policy, cell: Cell) -> Answer:
    """Decide as the gate does: the role, the history of the deal, where the person stands, whose turn it is."""
    action, now = Action(cell.act), STATES[cell.state]
    judged = judge(policy, standing_of(cell), action, history_of(cell))
    if not judged.decision.allowed:
        return Answer("right", judged.rule)
    if judged.broken is not None:
        return Answer("apart", judged.broken.control)
    if (near := nearness(policy, action, cell)) is not None:
        return Answer("stand", near)
    what, _ = oracle.TURN.get(cell.act, (None, ""))
    if what is not None and not may_follow(what, getattr(now, what), action):
        return Answer("state", "")
    return Answer("done", "")


def standing_of(cell: Cell) -> Standing:
    roles = frozenset({cell.role})
    if cell.relation == oracle.DEPUTY:
        return Standing("a deputy", roles, deputy_for={cell.role: oracle.ENTERER})
    if cell.relation == oracle.OWNER:
        return Standing("a service", roles, owner=oracle.ENTERER)
    return Standing(oracle.person_of(cell.relation), roles)


def history_of(cell: Cell) -> list[Act]:
    return list(_history(cell.act, cell.state))


@cache
def _history(act: str, state: str) -> tuple[Act, ...]:
    to = DUTIES[act].to
    return tuple(
        Act(done.act, done.by, None, "object" if done.to == to else "trade") for done in STATES[state].past
    )


def nearness(policy: Policy, action: Action, cell: Cell) -> str | None:
    rule = policy.independence.get(action)
    if rule is None:
        return None
    inside = cell.relation == oracle.COLLEAGUE
    there = independence.Standing(
        unit="FX desk" if inside else "elsewhere",
        function_class="front_office" if inside else "back_office",
        board="trading" if inside else "back",
        in_trading_line=inside or cell.relation == oracle.TRADING_LINE,
        entered=[("FX desk", "trading")],
    )
    if independence.shortfall(rule.level, there) is not None:
        return rule.control
    left = [cooling_off.Former("front_office", A_MONTH_AGO)] if cell.relation == oracle.MOVER else []
    office = Office.BACK_OFFICE if cell.relation == oracle.MOVER else None
    kept = cooling_off.barred(policy.cooling_off, office, left, TODAY)
    return None if kept is None else kept[0].control


def may_follow(what: str, state: str | None, action: Action) -> bool:
    machine, states = MACHINES[what]
    if state is None:
        return False
    try:
        machine.after(states(state), action)
    except IllegalTransition:
        return False
    return True


def test_every_cell_is_decided_as_the_oracle_expects(policy: Policy) -> None:
    wrong: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for cell in cells():
        wanted, found = expected(*cell), decided(policy, cell)
        words[wanted.word] += 1
        if wanted.word != found.word:
            wrong[f"{cell.act} by {cell.role}, {cell.relation}: {wanted} expected, {found}"] += 1
    print(f"{sum(words.values())} cells: " + ", ".join(f"{n} {word}" for word, n in sorted(words.items())))
    assert not wrong, "\n".join(f"{said} ({n} states)" for said, n in wrong.most_common(80))
    assert set(words) == {"done", "right", "apart", "stand", "state"}


@pytest.mark.parametrize("pair", oracle.PAIRS)
def test_nobody_finishes_what_they_began(policy: Policy, pair: str) -> None:
    began, finish = (words.split() for words in oracle.PAIRS[pair])
    everything = frozenset(policy.roles)
    for first in began:
        for then in finish:
            judged = judge(
                policy, Standing("one", everything), Action(then), [Act(first, "one", None, "object")]
            )
            other = judge(
                policy, Standing("one", everything), Action(then), [Act(first, "two", None, "object")]
            )
            assert judged.broken is not None, f"{then} after {first} by the same person"
            assert judged.broken.control[:4] == pair[:4] or judged.broken.control.startswith("D-")
            assert other.allowed, f"{then} after {first} by another person"


def test_the_oracle_has_never_seen_the_policy_or_the_service() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported == {"collections", "dataclasses", "typing"}
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not called & {"open", "eval", "exec", "__import__", "compile"}


def test_the_oracle_knows_every_role_of_people_and_every_act_of_control(policy: Policy) -> None:
    assert set(ROLES) == {role for role in policy.roles if not role.startswith("svc_")}
    acts = {str(rule.action) for rule in policy.apart if rule.control == "D-01"}
    assert acts <= set(DUTIES)


def test_every_route_stands_for_the_act_that_the_oracle_takes_it_for() -> None:
    stands = {
        route.path_format: str(action)
        for route in every_route().routes
        for handler in getattr(route, "route_handlers", ())
        if "POST" in handler.http_methods and (action := action_of(handler)) is not None
    }
    assert {path: stands.get(path) for path in oracle.ROUTES} == oracle.ROUTES
    assert set(oracle.ROUTES.values()) == set(DUTIES)
