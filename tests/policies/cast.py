"""The agreed roles and acts, written down apart from policy.csv so that the two can disagree."""

from policies.vocabulary import Action

COMMON = frozenset(
    {Action.SESSION_OPEN, Action.SESSION_CLOSE, Action.PASSWORD_CHANGE, Action.POWER_READ, Action.WORK_READ}
)
OFFICES = {
    role: office
    for office, roles in {
        "front_office": "trader head_of_trading svc_front_office",
        "back_office": "verifier confirmer settler releaser svc_back_office",
        "master_data": "steward steward_approver svc_master_data",
        "accounting": "accountant closer svc_accounting",
        "risk_control": "risk_controller head_of_risk svc_risk_control",
        "credit": "credit_officer svc_credit",
        "compliance": "compliance_officer svc_compliance",
        "internal_audit": "auditor svc_internal_audit",
        "legal": "counsel svc_legal",
        "administration": "rights_requester rights_owner rights_admin svc_administration",
        "management": "board_back board_trading svc_management",
        "log": "svc_log",
    }.items()
    for role in roles.split()
}
WRITING = {
    "compliance_officer": "evidence.export",
    "auditor": "evidence.export",
    "trader": "trade.capture trade.resubmit cancellation.request",
    "svc_front_office": "position.unwind",
    "verifier": "trade.verify trade.return request.approve request.refuse",
    "confirmer": "confirmation.dispatch confirmation.counter confirmation.match",
    "settler": "settlement.prepare settlement.complete settlement.fail",
    "releaser": "settlement.release",
    "svc_back_office": "confirmation.draft confirmation.withdraw settlement.project settlement.withdraw",
    "steward": "counterparty.propose instruction.propose portfolio.propose",
    "steward_approver": "proposal.approve proposal.refuse",
    "accountant": "journal.post journal.reverse",
    "closer": "business_date.set",
    "svc_accounting": "journal.post journal.reverse",
    "risk_controller": "fixing.import",
    "svc_risk_control": "fixing.import",
    "rights_requester": "grant.request person.register",
    "rights_owner": "grant.approve grant.refuse",
    "rights_admin": "grant.execute grant.revoke account.open person.disable person.move password.reset",
    "svc_log": "log.genesis log.heartbeat log.restart policy.publish session.noise",
}
EVERY_READ = (
    "balance.read confirmation.read entry.read fixing.read grant.read instruction.read journal.read log.read "
    "party.read person.read position.read settlement.read trade.read transaction.read"
)
READING = {
    "trader": "trade.read transaction.read position.read party.read fixing.read",
    "head_of_trading": "trade.read transaction.read position.read party.read fixing.read",
    "svc_front_office": "trade.read",
    "verifier": "trade.read transaction.read position.read confirmation.read settlement.read party.read fixing.read",
    "confirmer": "confirmation.read trade.read party.read",
    "settler": "settlement.read confirmation.read instruction.read trade.read party.read",
    "releaser": "settlement.read confirmation.read instruction.read trade.read party.read",
    "svc_back_office": "trade.read",
    "steward": "party.read instruction.read",
    "steward_approver": "party.read instruction.read",
    "svc_master_data": "party.read",
    "accountant": "journal.read balance.read trade.read settlement.read",
    "closer": "journal.read balance.read trade.read",
    "svc_accounting": "trade.read",
    "risk_controller": "fixing.read trade.read position.read party.read",
    "head_of_risk": "fixing.read trade.read position.read party.read",
    "svc_risk_control": "fixing.read",
    "credit_officer": "party.read trade.read",
    "svc_credit": "party.read",
    "compliance_officer": EVERY_READ,
    "svc_compliance": "log.read",
    "auditor": EVERY_READ,
    "svc_internal_audit": "log.read",
    "counsel": "party.read",
    "svc_legal": "party.read",
    "rights_requester": "person.read grant.read",
    "rights_owner": "person.read grant.read",
    "rights_admin": "person.read grant.read",
    "svc_administration": "person.read",
    "board_back": "trade.read position.read balance.read",
    "board_trading": "trade.read position.read balance.read",
    "svc_management": "trade.read",
}
