"""A proposal of master data is decided by a second person, an agreement by legal."""

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


class AgreementState(StrEnum):
    """Where an agreement stands; only a cleared one carries deals."""

    DRAFT = "draft"
    CLEARED = "cleared"
    REFUSED = "refused"


AGREEMENT = Lifecycle(
    "agreement",
    {
        (AgreementState.DRAFT, Action.AGREEMENT_CLEAR): AgreementState.CLEARED,
        (AgreementState.DRAFT, Action.AGREEMENT_REFUSE): AgreementState.REFUSED,
    },
)
