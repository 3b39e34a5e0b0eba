"""What roles are called on a page."""

from typing import Final

from service.ui.languages import N_

ROLES: Final[dict[str, str]] = {
    "accountant": N_("Accountant"),
    "auditor": N_("Auditor"),
    "board_back": N_("Board member, back office"),
    "board_trading": N_("Board member, trading"),
    "closer": N_("Closing accountant"),
    "compliance_officer": N_("Compliance officer"),
    "confirmer": N_("Confirmation clerk"),
    "counsel": N_("Counsel"),
    "credit_officer": N_("Credit officer"),
    "examiner": N_("Examiner"),
    "head_of_risk": N_("Head of risk"),
    "head_of_trading": N_("Head of trading"),
    "log_custodian": N_("Log custodian"),
    "policy_approver": N_("Policy approver"),
    "policy_author": N_("Policy author"),
    "releaser": N_("Releaser"),
    "rights_admin": N_("Rights administrator"),
    "rights_owner": N_("Rights owner"),
    "rights_requester": N_("Rights requester"),
    "risk_controller": N_("Risk controller"),
    "settler": N_("Settlement clerk"),
    "steward": N_("Data steward"),
    "steward_approver": N_("Data approver"),
    "trader": N_("Trader"),
    "verifier": N_("Verifier"),
}
