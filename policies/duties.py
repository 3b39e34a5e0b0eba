"""Which duty each act belongs to: the sets of acts that must stay in different hands.

Every action of the vocabulary that is no read stands in a duty or, with a reason, in ``OUTSIDE``. One action
per line, alphabetised, so that a new act is one new line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.vocabulary import Action

# The life of a deal ------------------------------------------------------------------------------

STRIKE: Final = frozenset(
    {
        Action.INTERNAL_OFFER,
        Action.TRADE_CAPTURE,
    }
)
"""Acts that bring a deal into being."""

ASK: Final = frozenset(
    {
        Action.AMENDMENT_REQUEST,
        Action.CANCELLATION_REQUEST,
    }
)
"""Acts by which trading asks for a change of a deal."""

ENTER: Final = frozenset(
    {
        *STRIKE,
        *ASK,
        Action.INTERNAL_ACCEPT,
        Action.TRADE_RESUBMIT,
    }
)
"""Everything a person enters on the side of trading."""

DECIDE: Final = frozenset(
    {
        Action.REQUEST_APPROVE,
        Action.REQUEST_REFUSE,
    }
)
"""Acts that decide a change trading asked for."""

VERIFY: Final = frozenset(
    {
        *DECIDE,
        Action.ALERT_REVIEW,
        Action.CASE_CLOSE,
        Action.CASE_DECIDE,
        Action.CASE_NOTE,
        Action.CASE_OPEN,
        Action.CASE_RETURN,
        Action.PREMISES_ACKNOWLEDGE,
        Action.TRADE_JUSTIFY,
        Action.TRADE_RETURN,
        Action.TRADE_VERIFY,
    }
)
CONFIRM: Final = frozenset(
    {
        Action.BROKER_STATEMENT_RECORD,
        Action.CHECKLIST_SIGN,
        Action.CONFIRMATION_COUNTER,
        Action.CONFIRMATION_DISPATCH,
        Action.CONFIRMATION_MATCH,
        Action.CONFIRMATION_RECEIVE,
        Action.CONFIRMATION_REDRAFT,
        Action.INBOUND_DISMISS,
        Action.INBOUND_LINK,
        Action.INBOUND_SHARE,
        Action.LONG_FORM_FILE,
        Action.SUBSTITUTE_APPROVE,
        Action.SUBSTITUTE_PROPOSE,
        Action.SUBSTITUTE_REFUSE,
        Action.TRANSMISSION_RETRY,
    }
)
ROUTE: Final = frozenset(
    {
        Action.SETTLEMENT_DEVIATE,
        Action.SETTLEMENT_HOLD,
        Action.SETTLEMENT_NET,
        Action.SETTLEMENT_PREPARE,
    }
)
"""Acts that say along which route money goes, and whether it waits."""

SIGN: Final = frozenset(
    {
        Action.SETTLEMENT_COUNTERSIGN,
        Action.SETTLEMENT_FREE,
        Action.SETTLEMENT_RELEASE,
    }
)
LEAVE: Final = frozenset(
    {
        Action.SETTLEMENT_RELEASE,
        Action.TRANSFER_RELEASE,
    }
)
"""Acts after which money leaves the bank: no task with one of them takes fewer than three people."""
"""Acts that let money go, or go on."""

PAY: Final = frozenset(
    {
        *ROUTE,
        *SIGN,
    }
)
POSTPONE: Final = frozenset({Action.PAYMENT_RETRY, Action.SETTLEMENT_POSTPONE})
"""Acts that let a payment go on that was let go before: on another day, or by another try."""

ATTEST: Final = frozenset(
    {
        Action.SETTLEMENT_COMPLETE,
        Action.SETTLEMENT_FAIL,
        Action.SETTLEMENT_PART,
        Action.SETTLEMENT_RETURN,
    }
)
"""Acts that say how a payment ended."""

CLOSE: Final = frozenset({Action.PAYMENT_STATUS_CLOSE})
"""Acts that say what was done about a bank's word; how the payment ended is attested by another act."""

BOOK: Final = frozenset(
    {
        Action.JOURNAL_POST,
        Action.JOURNAL_REVERSE,
    }
)
CONTROL: Final = VERIFY | CONFIRM | PAY | POSTPONE | ATTEST | CLOSE | BOOK
"""Everything a person does on the other side: verify, confirm, settle or book."""

AUTOMATIC_ENTER: Final = frozenset(
    {
        Action.POSITION_UNWIND,
        Action.TRADE_AMEND,
    }
)
AUTOMATIC_CONTROL: Final = frozenset(
    {
        Action.CONFIRMATION_CHASE,
        Action.CONFIRMATION_COLLECT,
        Action.CONFIRMATION_DEEM,
        Action.CONFIRMATION_DRAFT,
        Action.CONFIRMATION_WITHDRAW,
        Action.PAYMENT_BEGIN,
        Action.PAYMENT_COMPLETE,
        Action.PAYMENT_FAIL,
        Action.PAYMENT_STATUS_APPLY,
        Action.PAYMENT_STATUS_COLLECT,
        Action.SETTLEMENT_FOLLOW,
        Action.SETTLEMENT_PROJECT,
        Action.SETTLEMENT_WITHDRAW,
        Action.TRANSMISSION_BEGIN,
        Action.TRANSMISSION_COMPLETE,
        Action.TRANSMISSION_FAIL,
    }
)
"""Acts of the service accounts without a judgement in them. The static proof counts them on their office's
side; in history they bar nobody, since no person does them."""

# What one person opens and another answers for ---------------------------------------------------

PROPOSE: Final = frozenset(
    {
        Action.CHANNEL_PROPOSE,
        Action.COUNTERPARTY_PROPOSE,
        Action.INSTRUCTION_PROPOSE,
        Action.PORTFOLIO_PROPOSE,
        Action.TOLERANCE_PROPOSE,
    }
)
"""Acts that propose master data."""

DELEGATION_DECIDE: Final = frozenset(
    {
        Action.DELEGATION_APPROVE,
        Action.DELEGATION_REFUSE,
    }
)
GRANT_DECIDE: Final = frozenset(
    {
        Action.GRANT_APPROVE,
        Action.GRANT_REFUSE,
    }
)
TRANSFER_DECIDE: Final = frozenset(
    {
        Action.TRANSFER_BOOK,
        Action.TRANSFER_PREPARE,
        Action.TRANSFER_REFUSE,
        Action.TRANSFER_RELEASE,
        Action.TRANSFER_REVIEW,
    }
)
OPEN: Final = frozenset(
    {
        *PROPOSE,
        Action.ABSENCE_PLAN,
        Action.AGREEMENT_PROPOSE,
        Action.BENCHMARK_PROPOSE,
        Action.DELEGATION_REQUEST,
        Action.CALL_BACK_MAKE,
        Action.DESK_RULE_PROPOSE,
        Action.GRANT_REQUEST,
        Action.MARKET_LIMIT_PROPOSE,
        Action.ORGANISATION_PROPOSE,
        Action.POLICY_DRAFT,
        Action.RECOVERY_REQUEST,
        Action.ROTATION_REQUEST,
        Action.SETTLEMENT_RULE_PROPOSE,
        Action.TRANSFER_REQUEST,
    }
)
"""Acts that ask for something another person decides."""

ANSWER: Final = frozenset(
    {
        *DELEGATION_DECIDE,
        *GRANT_DECIDE,
        *TRANSFER_DECIDE,
        Action.ABSENCE_ACCEPT,
        Action.ABSENCE_INTERRUPT,
        Action.AGREEMENT_CLEAR,
        Action.AGREEMENT_REFUSE,
        Action.BENCHMARK_APPROVE,
        Action.BENCHMARK_REFUSE,
        Action.CALL_BACK_CHECK,
        Action.DESK_RULE_APPROVE,
        Action.DESK_RULE_REFUSE,
        Action.GRANT_EXECUTE,
        Action.LOG_RECOVER,
        Action.MARKET_LIMIT_VOTE,
        Action.ORGANISATION_APPROVE,
        Action.ORGANISATION_REFUSE,
        Action.POLICY_APPROVE,
        Action.POLICY_REFUSE,
        Action.PROPOSAL_APPROVE,
        Action.PROPOSAL_REFUSE,
        Action.ROTATION_APPROVE,
        Action.SETTLEMENT_RULE_APPROVE,
        Action.SETTLEMENT_RULE_REFUSE,
    }
)
"""Acts that decide or carry out what another person opened."""

DUTIES: Final[Mapping[str, frozenset[Action]]] = {
    "enter": ENTER | AUTOMATIC_ENTER,
    "verify": VERIFY,
    "confirm": CONFIRM,
    "pay": PAY,
    "postpone": POSTPONE,
    "attest": ATTEST,
    "close": CLOSE,
    "book": BOOK,
    "control automatically": AUTOMATIC_CONTROL,
    "open": OPEN,
    "answer": ANSWER,
}

# What no duty needs ------------------------------------------------------------------------------

OUTSIDE: Final[Mapping[Action, str]] = {
    Action.ABSENCE_REVIEW: "finds out why an absent trader knocked; moves no deal and no money",
    Action.ABSENCE_WITHDRAW: "a plan that never begins changes nothing; the block is owed as before",
    Action.ACCOUNT_ASSIGN: "names who answers for a service account; its role then counts beside their own",
    Action.ACCOUNT_OPEN: "an account carries no right; each right takes three people",
    Action.ACCOUNT_OPEN: "an account carries no right; each right takes three people",
    Action.ALLEGED_ANSWER: "says what trading claims to know; the back office decides what it is worth",
    Action.BUSINESS_DATE_SET: "moves the date of all deals alike and none of them alone",
    Action.BUSINESS_DATE_SET: "moves the date of all deals alike and none of them alone",
    Action.CASE_ACKNOWLEDGE: "internal audit hears of a suspicion; decides nothing",
    Action.CASE_ASSIGN: "names who leads a case in the own office; decides nothing of it",
    Action.CONFIRMATION_FORWARD: "hands on what reached the wrong office; closes nothing and raises an alert",
    Action.CONFLICT_CLOSE: "says why a conflict came about, once it is gone; gives and takes no right",
    Action.DEAD_END_CLOSE: "says what was done where nobody was left; moves no deal and no money",
    Action.DELEGATION_END: "gives duties back at once; nobody gains by it",
    Action.DESK_REPORT_ACKNOWLEDGE: "takes notice of the own desk's day and decides nothing",
    Action.DESK_REPORT_ISSUE: "counts what a desk did; a service account does it",
    Action.DOCUMENT_FILE: "keeps a paper beside its object; moves no deal and no money",
    Action.ESCALATION_ANSWER: "says what was done about work that climbed; finishes none of it",
    Action.ESCALATION_LEAD: "says what was done about work that climbed to the own head; finishes none of it",
    Action.EVIDENCE_EXPORT: "hands out what is recorded and changes nothing of it",
    Action.EXCESS_CLOSE: "finds the cause of an excess that the system opened; moves no deal and no money",
    Action.FIXING_IMPORT: "brings in public rates; S-09 keeps it from trading",
    Action.GRANT_REVOKE: "takes a right away at once; nobody gains by it",
    Action.HANDOVER_ACCEPT: "looks at the work of another office, which alone may finish it",
    Action.HANDOVER_OFFER: "asks another office to look; the act that finishes the work stays",
    Action.HANDOVER_RETURN: "gives work back with what was found; finishes none of it",
    Action.LIMIT_PROPOSE: "a limit takes the votes of two officers, neither of whom proposed it (D-06)",
    Action.LIMIT_VOTE: "a limit takes the votes of two officers, neither of whom proposed it (D-06)",
    Action.LOG_BACKUP: "the log's own service; no person holds it",
    Action.LOG_CHECK: "a nightly act of a service account; no person holds it",
    Action.LOG_GENESIS: "the log's own service; no person holds it",
    Action.LOG_HEARTBEAT: "the log's own service; no person holds it",
    Action.LOG_RESTART: "the log's own service; no person holds it",
    Action.LOG_ROTATE: "carries out a change of key that two custodians wanted; no person holds it",
    Action.NOTICE_TAKE: "takes notice and decides nothing",
    Action.PASSWORD_CHANGE: "concerns nobody but the one who does it",
    Action.PASSWORD_RESET: "hands out a one-time password whose use is an entry; administration does no business",
    Action.PAYMENT_STATUS_RECEIVE: "keeps what a bank said; whoever takes it in by hand moves no payment by it",
    Action.PERSON_DISABLE: "ends every access at once; nobody gains by it",
    Action.PERSON_MOVE: "moves a person whose rights are checked anew; administration does no business",
    Action.PERSON_REGISTER: "a person without rights can do nothing",
    Action.POLICY_PUBLISH: "the log's own service; no person holds it",
    Action.RECOVERY_COMPLETE: "gives a row back the name that the log proves; whoever does it adds nothing",
    Action.RIGHT_CHECK: "finds conflicts and ends sessions; a service account does it, nobody gains by it",
    Action.ROTATION_REFUSE: "turns a new key down or takes the own request back; nobody gains by it",
    Action.SCHEMA_PUBLISH: "the log's own service; no person holds it",
    Action.SESSION_CLOSE: "concerns nobody but the one who does it",
    Action.SESSION_END: "signs somebody out, who may sign in again; nobody gains by it",
    Action.SESSION_NOISE: "the log's own service; no person holds it",
    Action.SESSION_OPEN: "concerns nobody but the one who does it",
    Action.SESSION_REVIEW: "says who used an identity on a second device; opens and ends nothing",
    Action.STAFF_EVENT_RECORD: "ends rights and gives none; a joiner without rights can do nothing",
    Action.WORK_ESCALATE: "an act of a service account by the clock; no person holds it",
    Action.WORK_LEAVE: "puts back what one took; finishes nothing",
    Action.WORK_TAKE: "holds work for a quarter of an hour; finishes nothing",
}
"""Acts that change something and stand in no duty, each with the reason why that is right."""
