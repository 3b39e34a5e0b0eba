"""The agreed roles and acts, written down apart from policy.csv so that the two can disagree."""

from policies.vocabulary import Action

COMMON = frozenset(
    {
        *(
            Action.ESCALATION_LEAD,
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
        "risk_control": "risk_controller head_of_risk policy_approver svc_risk_control",
        "credit": "credit_officer svc_credit",
        "compliance": "compliance_officer log_custodian policy_author svc_compliance",
        "internal_audit": "auditor examiner svc_internal_audit",
        "legal": "counsel svc_legal",
        "administration": "rights_requester rights_owner rights_admin svc_administration",
        "management": "board_back board_trading svc_management",
        "log": "svc_log",
    }.items()
    for role in roles.split()
}
WRITING = {
    "compliance_officer": (
        "absence.interrupt absence.review alert.review case.assign case.close case.decide "
        "case.note case.open case.return conflict.close dead_end.close document.file "
        "escalation.answer evidence.export handover.accept handover.offer handover.return "
        "session.review"
    ),
    "auditor": "case.acknowledge escalation.answer evidence.export",
    "examiner": "evidence.export",
    "trader": (
        "absence.accept absence.plan absence.withdraw alleged.answer amendment.request "
        "cancellation.request confirmation.forward internal.accept internal.offer trade.capture "
        "trade.resubmit transfer.request"
    ),
    "head_of_trading": (
        "absence.interrupt absence.plan absence.withdraw desk_report.acknowledge grant.request limit.propose"
    ),
    "svc_front_office": "position.unwind trade.amend",
    "verifier": (
        "case.assign case.decide case.note case.open checklist.sign desk_rule.approve "
        "desk_rule.propose desk_rule.refuse handover.accept handover.offer handover.return "
        "inbound.dismiss inbound.share premises.acknowledge request.approve request.refuse "
        "substitute.approve substitute.refuse trade.return trade.verify"
    ),
    "log_custodian": (
        "log.recover recovery.complete recovery.request rotation.approve rotation.refuse rotation.request"
    ),
    "svc_compliance": "log.check log.rotate right.check work.escalate",
    "confirmer": (
        "alert.review broker_statement.record confirmation.counter confirmation.dispatch "
        "confirmation.match confirmation.receive confirmation.redraft document.file "
        "handover.accept handover.offer handover.return inbound.link long_form.file "
        "substitute.propose transmission.retry"
    ),
    "settler": (
        "call_back.make document.file handover.accept handover.offer handover.return "
        "payment_status.close payment_status.receive settlement.complete settlement.deviate "
        "settlement.fail settlement.hold settlement.net settlement.part settlement.prepare "
        "settlement.return transfer.prepare transfer.refuse"
    ),
    "releaser": (
        "call_back.check handover.accept handover.offer handover.return payment.retry "
        "settlement.countersign settlement.free settlement.postpone settlement.release "
        "transfer.release"
    ),
    "svc_back_office": (
        "confirmation.chase confirmation.collect confirmation.deem confirmation.draft "
        "confirmation.withdraw payment.begin payment.complete payment.fail payment_status.apply "
        "payment_status.collect settlement.follow settlement.project settlement.withdraw "
        "transmission.begin transmission.complete transmission.fail"
    ),
    "steward": (
        "agreement.propose channel.propose counterparty.propose document.file handover.accept "
        "handover.offer handover.return instruction.propose portfolio.propose "
        "settlement_rule.propose tolerance.propose"
    ),
    "steward_approver": (
        "handover.accept handover.offer handover.return proposal.approve proposal.refuse "
        "settlement_rule.approve settlement_rule.refuse"
    ),
    "accountant": (
        "handover.accept handover.offer handover.return journal.post journal.reverse "
        "transfer.book transfer.review"
    ),
    "closer": "business_date.set",
    "svc_accounting": "journal.post journal.reverse transfer.book",
    "risk_controller": (
        "absence.review benchmark.approve benchmark.propose benchmark.refuse case.assign "
        "case.close case.decide case.note case.open case.return document.file escalation.answer "
        "excess.close fixing.import handover.accept handover.offer handover.return limit.propose "
        "market_limit.propose market_limit.vote trade.justify transfer.review"
    ),
    "head_of_risk": (
        "absence.review benchmark.approve benchmark.refuse case.assign case.close case.decide "
        "case.note case.open case.return escalation.answer excess.close grant.request "
        "handover.accept handover.offer handover.return market_limit.vote trade.justify"
    ),
    "credit_officer": "handover.accept handover.offer handover.return limit.propose limit.vote",
    "counsel": (
        "agreement.clear agreement.refuse document.file handover.accept handover.offer handover.return"
    ),
    "board_back": "escalation.answer grant.request notice.take",
    "board_trading": "grant.request notice.take",
    "svc_risk_control": "desk_report.issue fixing.import",
    "rights_requester": "grant.request organisation.propose person.register",
    "rights_owner": (
        "delegation.approve delegation.refuse grant.approve grant.refuse organisation.approve "
        "organisation.refuse"
    ),
    "rights_admin": (
        "account.assign account.open grant.execute grant.revoke password.reset person.disable "
        "person.move session.end staff_event.record"
    ),
    "svc_log": (
        "log.backup log.genesis log.heartbeat log.restart policy.publish schema.publish session.noise"
    ),
    "policy_approver": "policy.approve policy.refuse",
    "policy_author": "policy.draft",
}
EVERY_READ = (
    "absence.read balance.read confirmation.read conformity.read document.read entry.read fixing.read grant.read instruction.read journal.read limit.read "
    "log.read organisation.read party.read person.read position.read report.read settlement.read trade.read transaction.read transfer.read settlement_rule.read"
)
READING = {
    "trader": (
        "absence.read alleged.read fixing.read limit.read party.read position.read trade.read "
        "transaction.read transfer.read"
    ),
    "head_of_trading": (
        "absence.read desk_report.read fixing.read limit.read party.read position.read trade.read "
        "transaction.read transfer.read"
    ),
    "svc_front_office": "trade.read",
    "verifier": (
        "case.read channel.read confirmation.read conformity.read document.read fixing.read "
        "limit.read party.read position.read settlement.read trade.read transaction.read"
    ),
    "confirmer": "channel.read confirmation.read conformity.read document.read party.read trade.read",
    "settler": (
        "confirmation.read document.read instruction.read party.read settlement.read "
        "settlement_rule.read trade.read transfer.read"
    ),
    "releaser": (
        "confirmation.read document.read instruction.read party.read settlement.read "
        "settlement_rule.read trade.read transfer.read"
    ),
    "svc_back_office": "channel.read conformity.read trade.read",
    "steward": "channel.read document.read instruction.read party.read settlement_rule.read",
    "steward_approver": "channel.read document.read instruction.read party.read settlement_rule.read",
    "svc_master_data": "party.read",
    "accountant": "balance.read document.read journal.read settlement.read trade.read transfer.read",
    "closer": "balance.read journal.read trade.read",
    "svc_accounting": "trade.read",
    "risk_controller": (
        "absence.read case.read conformity.read desk_report.read document.read fixing.read "
        "limit.read party.read position.read trade.read transfer.read"
    ),
    "head_of_risk": (
        "absence.read case.read conformity.read desk_report.read fixing.read limit.read "
        "party.read position.read trade.read"
    ),
    "svc_risk_control": "fixing.read",
    "credit_officer": "limit.read party.read trade.read",
    "svc_credit": "party.read",
    "compliance_officer": (
        "absence.read alleged.read balance.read case.read channel.read confirmation.read "
        "conformity.read desk_report.read document.read entry.read fixing.read grant.read "
        "instruction.read journal.read limit.read log.read organisation.read party.read "
        "person.read policy.read position.read report.read settlement.read settlement_rule.read "
        "trade.read transaction.read transfer.read"
    ),
    "log_custodian": "log.read",
    "svc_compliance": "log.read",
    "auditor": (
        "absence.read alleged.read balance.read case.read channel.read confirmation.read "
        "conformity.read desk_report.read document.read entry.read fixing.read grant.read "
        "instruction.read journal.read limit.read log.read organisation.read party.read "
        "person.read policy.read position.read report.read settlement.read settlement_rule.read "
        "trade.read transaction.read transfer.read"
    ),
    "examiner": (
        "balance.read case.read entry.read grant.read log.read party.read person.read report.read "
        "trade.read transaction.read"
    ),
    "svc_internal_audit": "log.read",
    "counsel": "document.read party.read",
    "svc_legal": "party.read",
    "rights_requester": "grant.read organisation.read person.read",
    "rights_owner": "grant.read organisation.read person.read",
    "rights_admin": "grant.read organisation.read person.read",
    "svc_administration": "person.read",
    "board_back": "balance.read conformity.read limit.read position.read trade.read",
    "board_trading": "balance.read conformity.read desk_report.read limit.read position.read trade.read",
    "svc_management": "trade.read",
    "policy_approver": "policy.read",
    "policy_author": "policy.read",
}
