"""A cut-off or a mandate is proposed by one person of the back office and decided by another."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class RuleState(StrEnum):
    """Where a desk rule stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REFUSED = "refused"


DESK_RULE = Lifecycle(
    "desk rule",
    {
        (RuleState.PROPOSED, Action.DESK_RULE_APPROVE): RuleState.IN_FORCE,
        (RuleState.PROPOSED, Action.DESK_RULE_REFUSE): RuleState.REFUSED,
    },
)
