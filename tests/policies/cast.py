"""The agreed roles and acts, written down apart from policy.csv so that the two can disagree."""

from policies.vocabulary import Action

COMMON = frozenset(
    {
        *(
            Action.SESSION_OPEN,
            Action.SESSION_CLOSE,
            Action.PASSWORD_CHANGE,
            Action.POWER_READ,
            Action.WORK_LEAVE,
            Action.WORK_READ,
            Action.WORK_TAKE,
        ),
        *(Action.DELEGATION_REQUEST, Action.DELEGATION_END, Action.DELEGATION_READ, Action.EXPLANATION_READ),
    }
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
        "compliance": "compliance_officer log_custodian svc_compliance",
        "internal_audit": "auditor examiner svc_internal_audit",
        "legal": "counsel svc_legal",
        "administration": "rights_requester rights_owner rights_admin svc_administration",
        "management": "board_back board_trading svc_management",
        "log": "svc_log",
    }.items()
    for role in roles.split()
}
WRITING = {
    "compliance_officer": "conflict.close escalation.answer handover.accept handover.offer handover.return document.file evidence.export"
    " absence.interrupt absence.review dead_end.close",
    "auditor": "escalation.answer evidence.export",
    "examiner": "evidence.export",
    "trader": "trade.capture trade.resubmit amendment.request cancellation.request internal.offer internal.accept "
    "transfer.request"
    " absence.plan absence.accept absence.withdraw",
    "head_of_trading": "limit.propose absence.plan absence.withdraw absence.interrupt",
    "svc_front_office": "position.unwind trade.amend",
    "verifier": "handover.accept handover.offer handover.return trade.verify trade.return request.approve request.refuse desk_rule.propose desk_rule.approve "
    "desk_rule.refuse premises.acknowledge",
    "log_custodian": "log.recover recovery.complete recovery.request rotation.approve rotation.refuse rotation.request",
    "svc_compliance": "work.escalate log.check log.rotate right.check",
    "confirmer": "handover.accept handover.offer handover.return document.file confirmation.dispatch confirmation.counter confirmation.match",
    "settler": "handover.accept handover.offer handover.return document.file settlement.prepare settlement.complete settlement.fail settlement.part settlement.return settlement.hold "
    "settlement.deviate call_back.make transfer.prepare transfer.refuse",
    "releaser": "handover.accept handover.offer handover.return settlement.release settlement.countersign settlement.free settlement.postpone call_back.check "
    "transfer.release",
    "svc_back_office": "confirmation.draft confirmation.withdraw settlement.project settlement.withdraw",
    "steward": "handover.accept handover.offer handover.return document.file counterparty.propose instruction.propose portfolio.propose agreement.propose settlement_rule.propose",
    "steward_approver": "handover.accept handover.offer handover.return proposal.approve proposal.refuse settlement_rule.approve settlement_rule.refuse",
    "accountant": "handover.accept handover.offer handover.return journal.post journal.reverse transfer.book transfer.review",
    "closer": "business_date.set",
    "svc_accounting": "journal.post journal.reverse transfer.book",
    "risk_controller": "escalation.answer handover.accept handover.offer handover.return document.file fixing.import benchmark.propose benchmark.approve benchmark.refuse trade.justify limit.propose "
    "market_limit.propose market_limit.vote excess.close transfer.review"
    " absence.review",
    "head_of_risk": "escalation.answer handover.accept handover.offer handover.return benchmark.approve benchmark.refuse trade.justify market_limit.vote excess.close"
    " absence.review",
    "credit_officer": "handover.accept handover.offer handover.return limit.propose limit.vote",
    "counsel": "handover.accept handover.offer handover.return document.file agreement.clear agreement.refuse",
    "board_back": "escalation.answer notice.take",
    "board_trading": "escalation.answer notice.take",
    "svc_risk_control": "fixing.import",
    "rights_requester": "grant.request organisation.propose person.register",
    "rights_owner": "grant.approve grant.refuse delegation.approve delegation.refuse organisation.approve "
    "organisation.refuse",
    "rights_admin": "grant.execute grant.revoke account.assign account.open staff_event.record person.disable person.move password.reset",
    "svc_log": "log.backup log.genesis log.heartbeat log.restart policy.publish schema.publish session.noise",
}
EVERY_READ = (
    "absence.read balance.read confirmation.read conformity.read document.read entry.read fixing.read grant.read instruction.read journal.read limit.read "
    "log.read organisation.read party.read person.read position.read report.read settlement.read trade.read transaction.read transfer.read settlement_rule.read"
)
READING = {
    "trader": "trade.read transaction.read position.read party.read fixing.read limit.read transfer.read"
    " absence.read",
    "head_of_trading": "trade.read transaction.read position.read party.read fixing.read limit.read transfer.read"
    " absence.read",
    "svc_front_office": "trade.read",
    "verifier": "document.read trade.read transaction.read position.read confirmation.read settlement.read party.read fixing.read "
    "conformity.read limit.read",
    "confirmer": "document.read confirmation.read trade.read party.read conformity.read",
    "settler": "document.read settlement_rule.read settlement.read confirmation.read instruction.read trade.read party.read transfer.read",
    "releaser": "document.read settlement_rule.read settlement.read confirmation.read instruction.read trade.read party.read transfer.read",
    "svc_back_office": "trade.read conformity.read",
    "steward": "document.read party.read instruction.read settlement_rule.read",
    "steward_approver": "document.read party.read instruction.read settlement_rule.read",
    "svc_master_data": "party.read",
    "accountant": "document.read journal.read balance.read trade.read settlement.read transfer.read",
    "closer": "journal.read balance.read trade.read",
    "svc_accounting": "trade.read",
    "risk_controller": "document.read fixing.read trade.read position.read party.read conformity.read limit.read transfer.read"
    " absence.read",
    "head_of_risk": "fixing.read trade.read position.read party.read conformity.read limit.read absence.read",
    "svc_risk_control": "fixing.read",
    "credit_officer": "party.read trade.read limit.read",
    "svc_credit": "party.read",
    "compliance_officer": EVERY_READ,
    "log_custodian": "log.read",
    "svc_compliance": "log.read",
    "auditor": EVERY_READ,
    "examiner": "balance.read entry.read grant.read log.read party.read person.read report.read trade.read transaction.read",
    "svc_internal_audit": "log.read",
    "counsel": "document.read party.read",
    "svc_legal": "party.read",
    "rights_requester": "organisation.read person.read grant.read",
    "rights_owner": "organisation.read person.read grant.read",
    "rights_admin": "organisation.read person.read grant.read",
    "svc_administration": "person.read",
    "board_back": "trade.read position.read balance.read conformity.read limit.read",
    "board_trading": "trade.read position.read balance.read conformity.read limit.read",
    "svc_management": "trade.read",
}
