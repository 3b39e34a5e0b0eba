"""A change of the organisation is proposed by one person and decided by another."""

from enum import StrEnum

from policies.vocabulary import Action
from service.kernel.lifecycle import Lifecycle


class ProposalState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"


ORGANISATION = Lifecycle(
    "organisation proposal",
    {
        (ProposalState.PROPOSED, Action.ORGANISATION_APPROVE): ProposalState.APPROVED,
        (ProposalState.PROPOSED, Action.ORGANISATION_REFUSE): ProposalState.REFUSED,
    },
)
