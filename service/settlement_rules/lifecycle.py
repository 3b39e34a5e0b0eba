"""A line of the settlement tables is proposed by one person of master data and decided by another."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class RuleState(StrEnum):
    """Where a line stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REFUSED = "refused"


SETTLEMENT_RULE = Lifecycle(
    "settlement rule",
    {
        (RuleState.PROPOSED, Action.SETTLEMENT_RULE_APPROVE): RuleState.IN_FORCE,
        (RuleState.PROPOSED, Action.SETTLEMENT_RULE_REFUSE): RuleState.REFUSED,
    },
)
