"""The closed vocabulary of the policy: the offices of the house and every act that may be named."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Office(StrEnum):
    """An area of the bank with powers, a database login and a service account of its own."""

    FRONT_OFFICE = "front_office"
    BACK_OFFICE = "back_office"
    MASTER_DATA = "master_data"
    ACCOUNTING = "accounting"
    RISK_CONTROL = "risk_control"
    CREDIT = "credit"
    COMPLIANCE = "compliance"
    INTERNAL_AUDIT = "internal_audit"
    LEGAL = "legal"
    ADMINISTRATION = "administration"
    MANAGEMENT = "management"
    LOG = "log"  # the audit log's own service: sequences entries, touches no business


class Action(StrEnum):
    """Everything anyone may ask of the house: ``noun.verb``, alphabetised."""

    ACCOUNT_OPEN = "account.open"
    BALANCE_READ = "balance.read"
    BUSINESS_DATE_SET = "business_date.set"
    CANCELLATION_REQUEST = "cancellation.request"
    CONFIRMATION_COUNTER = "confirmation.counter"
    CONFIRMATION_DISPATCH = "confirmation.dispatch"
    CONFIRMATION_DRAFT = "confirmation.draft"
    CONFIRMATION_MATCH = "confirmation.match"
    CONFIRMATION_READ = "confirmation.read"
    CONFIRMATION_WITHDRAW = "confirmation.withdraw"
    COUNTERPARTY_PROPOSE = "counterparty.propose"
    ENTRY_READ = "entry.read"
    EVIDENCE_EXPORT = "evidence.export"
    FIXING_IMPORT = "fixing.import"
    FIXING_READ = "fixing.read"
    GRANT_APPROVE = "grant.approve"
    GRANT_EXECUTE = "grant.execute"
    GRANT_READ = "grant.read"
    GRANT_REFUSE = "grant.refuse"
    GRANT_REQUEST = "grant.request"
    GRANT_REVOKE = "grant.revoke"
    INSTRUCTION_PROPOSE = "instruction.propose"
    INSTRUCTION_READ = "instruction.read"
    JOURNAL_POST = "journal.post"
    JOURNAL_READ = "journal.read"
    JOURNAL_REVERSE = "journal.reverse"
    LOG_GENESIS = "log.genesis"
    LOG_HEARTBEAT = "log.heartbeat"
    LOG_READ = "log.read"
    LOG_RESTART = "log.restart"
    PARTY_READ = "party.read"
    PASSWORD_CHANGE = "password.change"  # noqa: S105  # the name of an act, not a secret
    PASSWORD_RESET = "password.reset"  # noqa: S105  # the name of an act, not a secret
    PERSON_DISABLE = "person.disable"
    PERSON_MOVE = "person.move"
    PERSON_READ = "person.read"
    PERSON_REGISTER = "person.register"
    POLICY_PUBLISH = "policy.publish"
    PORTFOLIO_PROPOSE = "portfolio.propose"
    POSITION_READ = "position.read"
    POSITION_UNWIND = "position.unwind"
    POWER_READ = "power.read"
    PROPOSAL_APPROVE = "proposal.approve"
    PROPOSAL_REFUSE = "proposal.refuse"
    REQUEST_APPROVE = "request.approve"
    REQUEST_REFUSE = "request.refuse"
    SESSION_CLOSE = "session.close"
    SESSION_NOISE = "session.noise"
    SESSION_OPEN = "session.open"
    SETTLEMENT_COMPLETE = "settlement.complete"
    SETTLEMENT_FAIL = "settlement.fail"
    SETTLEMENT_PREPARE = "settlement.prepare"
    SETTLEMENT_PROJECT = "settlement.project"
    SETTLEMENT_READ = "settlement.read"
    SETTLEMENT_RELEASE = "settlement.release"
    SETTLEMENT_WITHDRAW = "settlement.withdraw"
    TRADE_CAPTURE = "trade.capture"
    TRADE_READ = "trade.read"
    TRADE_RESUBMIT = "trade.resubmit"
    TRADE_RETURN = "trade.return"
    TRADE_VERIFY = "trade.verify"
    TRANSACTION_READ = "transaction.read"
    WORK_READ = "work.read"


READS: Final[frozenset[Action]] = frozenset(action for action in Action if action.value.endswith(".read"))
"""Actions that change nothing, so that no use case stands behind them."""
