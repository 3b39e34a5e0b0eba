"""Which roles meet in one natural person is decided over everything they hold and wait for."""

import pytest

from policies.policy import Policy, load
from policies.vocabulary import Action
from service.kernel.errors import IllegalTransition
from service.people.lifecycle import GRANT, GrantState
from service.people.rights import conflict_of, is_role_of


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load()


@pytest.mark.parametrize(
    ("role", "others", "control"),
    [
        ("verifier", {"trader"}, "S-01"),
        ("trader", {"confirmer", "settler"}, "S-01"),
        ("auditor", {"counsel"}, "S-06"),
        ("rights_owner", {"rights_admin"}, "S-12"),
        ("board_back", {"board_trading"}, "S-22"),
    ],
)
def test_a_role_conflicts_with_what_the_person_holds(
    policy: Policy, role: str, others: set[str], control: str
) -> None:
    conflict = conflict_of(policy, role, others)

    assert conflict is not None
    assert conflict.control == control


@pytest.mark.parametrize(
    ("role", "others"),
    [
        ("trader", set()),
        ("head_of_trading", {"trader"}),
        ("settler", {"verifier", "confirmer"}),
        ("counsel", {"trader_of_yore"}),  # a role the policy does not know gives no power
        ("counsel", {"rights_owner", "rights_admin"}),  # their conflict is not the new role's
    ],
)
def test_a_role_without_conflict_is_free(policy: Policy, role: str, others: set[str]) -> None:
    assert conflict_of(policy, role, others) is None


def test_people_hold_roles_of_their_office_but_not_its_service(policy: Policy) -> None:
    assert is_role_of(policy, "trader", "front_office")
    assert not is_role_of(policy, "trader", "back_office")
    assert not is_role_of(policy, "svc_front_office", "front_office")
    assert not is_role_of(policy, "front_office", "front_office")


@pytest.mark.parametrize("state", GrantState)
@pytest.mark.parametrize("action", [action for action in Action if action.value.startswith("grant.")])
def test_only_the_table_moves_a_grant(state: GrantState, action: Action) -> None:
    if (state, action) in GRANT.table:
        assert GRANT.after(state, action) in GrantState
    else:
        with pytest.raises(IllegalTransition):
            GRANT.after(state, action)
