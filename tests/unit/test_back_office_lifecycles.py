"""Only the tables move a confirmation or a leg; every other act on it is refused."""

import pytest

from policies.vocabulary import Action
from service.confirmations.lifecycle import CONFIRMATION, ConfirmationState
from service.kernel.errors import IllegalTransition
from service.kernel.lifecycle import Lifecycle
from service.settlement.lifecycle import SETTLEMENT, SettlementState


@pytest.mark.parametrize(
    ("lifecycle", "states"), [(CONFIRMATION, ConfirmationState), (SETTLEMENT, SettlementState)]
)
def test_only_the_table_moves_it(lifecycle: Lifecycle, states: type) -> None:
    for state in states:
        for action in Action:
            if (state, action) in lifecycle.table:
                assert lifecycle.after(state, action) in states
            else:
                with pytest.raises(IllegalTransition):
                    lifecycle.after(state, action)


def test_nothing_leads_out_of_a_withdrawn_confirmation_or_leg_and_only_its_return_out_of_a_settled_one() -> (
    None
):
    assert CONFIRMATION.actions_from(ConfirmationState.WITHDRAWN) == ()
    assert SETTLEMENT.actions_from(SettlementState.SETTLED) == (Action.SETTLEMENT_RETURN,)
    assert SETTLEMENT.actions_from(SettlementState.WITHDRAWN) == ()


def test_money_that_was_let_go_settles_or_does_not_and_is_never_withdrawn() -> None:
    assert SETTLEMENT.actions_from(SettlementState.RELEASED) == (
        Action.SETTLEMENT_HOLD,  # as long as its message has not left
        Action.SETTLEMENT_COMPLETE,
        Action.SETTLEMENT_PART,
        Action.SETTLEMENT_FAIL,
        Action.SETTLEMENT_RETURN,
    )
