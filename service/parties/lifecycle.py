"""A proposal of master data is put in force or turned down by a second person."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class ProposalState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


PROPOSAL = Lifecycle(
    "proposal",
    {
        (ProposalState.PROPOSED, Action.PROPOSAL_APPROVE): ProposalState.APPROVED,
        (ProposalState.PROPOSED, Action.PROPOSAL_REFUSE): ProposalState.REFUSED,
    },
)
