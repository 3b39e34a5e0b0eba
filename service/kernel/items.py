"""The kinds of work item: who opens them, which office must act, and whether its service account can."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from policies.vocabulary import Action, Office

FRONT, BACK, BOOKS = Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.ACCOUNTING
RISK, CREDIT, BOARD = Office.RISK_CONTROL, Office.CREDIT, Office.MANAGEMENT


class Item(StrEnum):
    """What waits."""

    ABSENCE_BREACH = "absence_breach"
    ABSENCE_BREACH_RISK = "absence_breach_risk"
    ACCEPT_ABSENCE = "accept_absence"
    ACCEPT_INTERNAL = "accept_internal"
    ACKNOWLEDGE_DESK_REPORT = "acknowledge_desk_report"
    ACKNOWLEDGE_PREMISES = "acknowledge_premises"
    AMEND = "amend"
    BOOK_TRANSFER = "book_transfer"
    CASE_NOTICE = "case_notice"
    CALL_BACK = "call_back"
    CHECK_CALL_BACK = "check_call_back"
    CHECK_DOCUMENTS = "check_documents"
    CHECK_RIGHTS = "check_rights"
    ANSWER_ALLEGED = "answer_alleged"
    APPLY_STATUS = "apply_status"
    APPROVE_SUBSTITUTE = "approve_substitute"
    CLEAR_AGREEMENT = "clear_agreement"
    COMPLETE = "complete"
    CONFIRM = "confirm"
    CORRECT = "correct"
    COUNTERSIGN = "countersign"
    DEAD_END = "dead_end"
    DECIDE = "decide"
    DECIDE_BENCHMARK = "decide_benchmark"
    DECIDE_DELEGATION = "decide_delegation"
    DECIDE_DESK_RULE = "decide_desk_rule"
    DECIDE_ORGANISATION = "decide_organisation"
    DECIDE_POLICY = "decide_policy"
    DECIDE_PROPOSAL = "decide_proposal"
    DECIDE_SETTLEMENT_RULE = "decide_settlement_rule"
    DRAFT_CONFIRMATION = "draft_confirmation"
    ESCALATED_AUDIT = "escalated_audit"
    ESCALATED_BOARD = "escalated_board"
    ESCALATED_COMPLIANCE = "escalated_compliance"
    ESCALATED_HEAD = "escalated_head"
    ESCALATED_RISK = "escalated_risk"
    EXAMINE_ALERT = "examine_alert"
    EXAMINE_ALLEGED = "examine_alleged"
    EXAMINE_CASE = "examine_case"
    EXAMINE_MESSAGE = "examine_message"
    EXAMINE_STATUS = "examine_status"
    EXCESS = "excess"
    FILE_LONG_FORM = "file_long_form"
    FOLLOW = "follow"
    FREE = "free"
    GRANT_APPROVE = "grant_approve"
    GRANT_EXECUTE = "grant_execute"
    JUSTIFY = "justify"
    MATCH = "match"
    POSTPONE = "postpone"
    POST_PART = "post_part"
    POST_RETURN = "post_return"
    POST_SETTLEMENT = "post_settlement"
    POST_TRADE = "post_trade"
    PREPARE = "prepare"
    PREPARE_TRANSFER = "prepare_transfer"
    PROJECT = "project"
    RELEASE = "release"
    RELEASE_TRANSFER = "release_transfer"
    REPAIR_PAYMENT = "repair_payment"
    RECORD_BROKER_STATEMENT = "record_broker_statement"
    RESOLVE_CONFLICT = "resolve_conflict"
    RESEND = "resend"
    SECOND_DEVICE = "second_device"
    REVERSE = "reverse"
    REVIEW_ALERT = "review_alert"
    REVIEW_TRANSFER_BOOKS = "review_transfer_books"
    REVIEW_TRANSFER_RISK = "review_transfer_risk"
    SEND_PAYMENT = "send_payment"
    SIGN_CASE = "sign_case"
    TAKE_NOTICE = "take_notice"
    TRANSMIT = "transmit"
    UNWIND = "unwind"
    VERIFY = "verify"
    VOTE_LIMIT = "vote_limit"
    VOTE_MARKET_LIMIT = "vote_market_limit"
    WITHDRAW_CONFIRMATION = "withdraw_confirmation"
    WITHDRAW_SETTLEMENT = "withdraw_settlement"


@dataclass(frozen=True, slots=True)
class Route:
    """Who opens an item, for which office, the act that finishes it, and how long it may wait.

    ``also``: other offices that may open it. ``elsewhere``: other offices it may be opened for, one at a time.
    """

    opened_by: Office
    office: Office
    action: Action
    automatic: bool
    within: timedelta
    also: tuple[Office, ...] = ()
    elsewhere: tuple[Office, ...] = ()

    @property
    def openers(self) -> tuple[Office, ...]:
        """Every office that may open such an item."""
        return (self.opened_by, *self.also)

    @property
    def homes(self) -> tuple[Office, ...]:
        """Every office that such an item may be for."""
        return (self.office, *self.elsewhere)


MINUTES, HOURS = timedelta(minutes=30), timedelta(hours=4)
DAY = timedelta(days=1)

ANYBODY_BUT_FRONT = tuple(office for office in Office if office not in (Office.FRONT_OFFICE, Office.LOG))

ROUTES: dict[Item, Route] = {
    Item.ABSENCE_BREACH: Route(
        FRONT,
        Office.COMPLIANCE,
        Action.ABSENCE_REVIEW,
        automatic=False,
        within=DAY,
        also=ANYBODY_BUT_FRONT,
    ),
    Item.ABSENCE_BREACH_RISK: Route(
        FRONT, RISK, Action.ABSENCE_REVIEW, automatic=False, within=DAY, also=ANYBODY_BUT_FRONT
    ),
    Item.ACCEPT_ABSENCE: Route(FRONT, FRONT, Action.ABSENCE_ACCEPT, automatic=False, within=DAY),
    Item.ACCEPT_INTERNAL: Route(FRONT, FRONT, Action.INTERNAL_ACCEPT, automatic=False, within=HOURS),
    Item.ACKNOWLEDGE_DESK_REPORT: Route(
        RISK, FRONT, Action.DESK_REPORT_ACKNOWLEDGE, automatic=False, within=DAY
    ),
    Item.ACKNOWLEDGE_PREMISES: Route(FRONT, BACK, Action.PREMISES_ACKNOWLEDGE, automatic=False, within=DAY),
    Item.AMEND: Route(BACK, FRONT, Action.TRADE_AMEND, automatic=True, within=MINUTES),
    Item.BOOK_TRANSFER: Route(BACK, BOOKS, Action.TRANSFER_BOOK, automatic=True, within=HOURS),
    Item.CASE_NOTICE: Route(
        Office.COMPLIANCE,
        Office.INTERNAL_AUDIT,
        Action.CASE_ACKNOWLEDGE,
        automatic=False,
        within=DAY,
        also=(BACK, RISK),
    ),
    Item.CALL_BACK: Route(BACK, BACK, Action.CALL_BACK_MAKE, automatic=False, within=HOURS),
    Item.CHECK_CALL_BACK: Route(BACK, BACK, Action.CALL_BACK_CHECK, automatic=False, within=HOURS),
    Item.CHECK_DOCUMENTS: Route(BACK, BACK, Action.CHECKLIST_SIGN, automatic=False, within=DAY),
    Item.CHECK_RIGHTS: Route(
        Office.ADMINISTRATION,
        Office.COMPLIANCE,
        Action.RIGHT_CHECK,
        automatic=True,
        within=MINUTES,
        also=(Office.COMPLIANCE, Office.LOG),
    ),
    Item.ANSWER_ALLEGED: Route(BACK, FRONT, Action.ALLEGED_ANSWER, automatic=False, within=HOURS),
    Item.APPLY_STATUS: Route(BACK, BACK, Action.PAYMENT_STATUS_APPLY, automatic=True, within=MINUTES),
    Item.APPROVE_SUBSTITUTE: Route(BACK, BACK, Action.SUBSTITUTE_APPROVE, automatic=False, within=DAY),
    Item.CLEAR_AGREEMENT: Route(
        Office.MASTER_DATA, Office.LEGAL, Action.AGREEMENT_CLEAR, automatic=False, within=DAY
    ),
    Item.COMPLETE: Route(BACK, BACK, Action.SETTLEMENT_COMPLETE, automatic=False, within=DAY),
    Item.CONFIRM: Route(BACK, BACK, Action.CONFIRMATION_DISPATCH, automatic=False, within=HOURS),
    Item.CORRECT: Route(BACK, FRONT, Action.TRADE_RESUBMIT, automatic=False, within=MINUTES),
    Item.COUNTERSIGN: Route(BACK, BACK, Action.SETTLEMENT_COUNTERSIGN, automatic=False, within=HOURS),
    Item.DEAD_END: Route(
        FRONT,
        Office.COMPLIANCE,
        Action.DEAD_END_CLOSE,
        automatic=False,
        within=HOURS,
        also=ANYBODY_BUT_FRONT,
    ),
    Item.DECIDE: Route(FRONT, BACK, Action.REQUEST_APPROVE, automatic=False, within=HOURS),
    Item.DECIDE_BENCHMARK: Route(RISK, RISK, Action.BENCHMARK_APPROVE, automatic=False, within=HOURS),
    Item.DECIDE_DELEGATION: Route(
        Office.ADMINISTRATION,
        Office.ADMINISTRATION,
        Action.DELEGATION_APPROVE,
        automatic=False,
        within=HOURS,
        also=tuple(office for office in Office if office not in (Office.ADMINISTRATION, Office.LOG)),
    ),
    Item.DECIDE_DESK_RULE: Route(BACK, BACK, Action.DESK_RULE_APPROVE, automatic=False, within=DAY),
    Item.DECIDE_ORGANISATION: Route(
        Office.ADMINISTRATION, Office.ADMINISTRATION, Action.ORGANISATION_APPROVE, automatic=False, within=DAY
    ),
    Item.DECIDE_POLICY: Route(
        Office.COMPLIANCE, RISK, Action.POLICY_APPROVE, automatic=False, within=DAY, also=(RISK, Office.LOG)
    ),
    Item.DECIDE_PROPOSAL: Route(
        Office.MASTER_DATA, Office.MASTER_DATA, Action.PROPOSAL_APPROVE, automatic=False, within=DAY
    ),
    Item.DECIDE_SETTLEMENT_RULE: Route(
        Office.MASTER_DATA, Office.MASTER_DATA, Action.SETTLEMENT_RULE_APPROVE, automatic=False, within=DAY
    ),
    Item.DRAFT_CONFIRMATION: Route(BACK, BACK, Action.CONFIRMATION_DRAFT, automatic=True, within=MINUTES),
    Item.ESCALATED_AUDIT: Route(
        Office.COMPLIANCE, Office.INTERNAL_AUDIT, Action.ESCALATION_ANSWER, automatic=False, within=DAY
    ),
    Item.ESCALATED_BOARD: Route(
        Office.COMPLIANCE, BOARD, Action.ESCALATION_ANSWER, automatic=False, within=DAY
    ),
    Item.ESCALATED_COMPLIANCE: Route(
        Office.COMPLIANCE, Office.COMPLIANCE, Action.ESCALATION_ANSWER, automatic=False, within=DAY
    ),
    Item.ESCALATED_HEAD: Route(
        Office.COMPLIANCE,
        BOARD,
        Action.ESCALATION_LEAD,
        automatic=False,
        within=DAY,
        elsewhere=tuple(office for office in Office if office not in (BOARD, Office.LOG)),
    ),
    Item.ESCALATED_RISK: Route(
        Office.COMPLIANCE, RISK, Action.ESCALATION_ANSWER, automatic=False, within=DAY
    ),
    Item.EXAMINE_ALERT: Route(BACK, BACK, Action.ALERT_REVIEW, automatic=False, within=HOURS, also=(FRONT,)),
    Item.EXAMINE_ALLEGED: Route(
        BACK, BACK, Action.INBOUND_SHARE, automatic=False, within=HOURS, also=(FRONT,)
    ),
    Item.EXAMINE_CASE: Route(
        Office.COMPLIANCE,
        Office.COMPLIANCE,
        Action.CASE_DECIDE,
        automatic=False,
        within=DAY,
        also=(BACK, RISK),
        elsewhere=(BACK, RISK),
    ),
    Item.EXAMINE_MESSAGE: Route(BACK, BACK, Action.INBOUND_LINK, automatic=False, within=HOURS),
    Item.EXAMINE_STATUS: Route(BACK, BACK, Action.PAYMENT_STATUS_CLOSE, automatic=False, within=HOURS),
    Item.EXCESS: Route(
        FRONT, RISK, Action.EXCESS_CLOSE, automatic=False, within=HOURS, also=(BACK, CREDIT, RISK)
    ),
    Item.FILE_LONG_FORM: Route(BACK, BACK, Action.LONG_FORM_FILE, automatic=False, within=DAY),
    Item.FOLLOW: Route(BACK, BACK, Action.SETTLEMENT_FOLLOW, automatic=True, within=MINUTES),
    Item.FREE: Route(BACK, BACK, Action.SETTLEMENT_FREE, automatic=False, within=HOURS),
    Item.GRANT_APPROVE: Route(
        Office.ADMINISTRATION,
        Office.ADMINISTRATION,
        Action.GRANT_APPROVE,
        automatic=False,
        within=DAY,
        also=(FRONT, RISK, BOARD),
    ),
    Item.GRANT_EXECUTE: Route(
        Office.ADMINISTRATION, Office.ADMINISTRATION, Action.GRANT_EXECUTE, automatic=False, within=DAY
    ),
    Item.JUSTIFY: Route(FRONT, RISK, Action.TRADE_JUSTIFY, automatic=False, within=HOURS, also=(RISK,)),
    Item.MATCH: Route(BACK, BACK, Action.CONFIRMATION_MATCH, automatic=False, within=DAY),
    Item.POSTPONE: Route(BACK, BACK, Action.SETTLEMENT_POSTPONE, automatic=False, within=HOURS),
    Item.POST_PART: Route(BACK, BOOKS, Action.JOURNAL_POST, automatic=True, within=HOURS),
    Item.POST_RETURN: Route(BACK, BOOKS, Action.JOURNAL_POST, automatic=True, within=HOURS),
    Item.POST_SETTLEMENT: Route(BACK, BOOKS, Action.JOURNAL_POST, automatic=True, within=HOURS),
    Item.POST_TRADE: Route(BACK, BOOKS, Action.JOURNAL_POST, automatic=True, within=HOURS),
    Item.PREPARE: Route(BACK, BACK, Action.SETTLEMENT_PREPARE, automatic=False, within=HOURS),
    Item.PREPARE_TRANSFER: Route(FRONT, BACK, Action.TRANSFER_PREPARE, automatic=False, within=HOURS),
    Item.PROJECT: Route(BACK, BACK, Action.SETTLEMENT_PROJECT, automatic=True, within=MINUTES),
    Item.RELEASE: Route(BACK, BACK, Action.SETTLEMENT_RELEASE, automatic=False, within=HOURS),
    Item.RELEASE_TRANSFER: Route(
        BACK, BACK, Action.TRANSFER_RELEASE, automatic=False, within=HOURS, also=(RISK, BOOKS)
    ),
    Item.REPAIR_PAYMENT: Route(BACK, BACK, Action.PAYMENT_RETRY, automatic=False, within=HOURS),
    Item.RECORD_BROKER_STATEMENT: Route(
        BACK, BACK, Action.BROKER_STATEMENT_RECORD, automatic=False, within=DAY
    ),
    Item.RESOLVE_CONFLICT: Route(
        Office.COMPLIANCE, Office.COMPLIANCE, Action.CONFLICT_CLOSE, automatic=False, within=DAY
    ),
    Item.RESEND: Route(BACK, BACK, Action.TRANSMISSION_RETRY, automatic=False, within=HOURS),
    Item.SECOND_DEVICE: Route(
        FRONT,
        Office.COMPLIANCE,
        Action.SESSION_REVIEW,
        automatic=False,
        within=HOURS,
        also=ANYBODY_BUT_FRONT,
    ),
    Item.REVERSE: Route(BACK, BOOKS, Action.JOURNAL_REVERSE, automatic=True, within=HOURS),
    Item.REVIEW_ALERT: Route(
        BACK, Office.COMPLIANCE, Action.ALERT_REVIEW, automatic=False, within=DAY, also=(FRONT,)
    ),
    Item.REVIEW_TRANSFER_BOOKS: Route(BACK, BOOKS, Action.TRANSFER_REVIEW, automatic=False, within=HOURS),
    Item.REVIEW_TRANSFER_RISK: Route(BACK, RISK, Action.TRANSFER_REVIEW, automatic=False, within=HOURS),
    Item.SEND_PAYMENT: Route(BACK, BACK, Action.PAYMENT_COMPLETE, automatic=True, within=MINUTES),
    Item.SIGN_CASE: Route(
        BACK,
        Office.COMPLIANCE,
        Action.CASE_CLOSE,
        automatic=False,
        within=DAY,
        also=(Office.COMPLIANCE, RISK),
        elsewhere=(RISK,),
    ),
    Item.TAKE_NOTICE: Route(
        FRONT, BOARD, Action.NOTICE_TAKE, automatic=False, within=DAY, also=(CREDIT, RISK)
    ),
    Item.TRANSMIT: Route(BACK, BACK, Action.TRANSMISSION_COMPLETE, automatic=True, within=MINUTES),
    Item.UNWIND: Route(BACK, FRONT, Action.POSITION_UNWIND, automatic=True, within=MINUTES),
    Item.VERIFY: Route(FRONT, BACK, Action.TRADE_VERIFY, automatic=False, within=HOURS),
    Item.VOTE_LIMIT: Route(
        FRONT, CREDIT, Action.LIMIT_VOTE, automatic=False, within=DAY, also=(CREDIT, RISK)
    ),
    Item.VOTE_MARKET_LIMIT: Route(RISK, RISK, Action.MARKET_LIMIT_VOTE, automatic=False, within=DAY),
    Item.WITHDRAW_CONFIRMATION: Route(
        BACK, BACK, Action.CONFIRMATION_WITHDRAW, automatic=True, within=MINUTES
    ),
    Item.WITHDRAW_SETTLEMENT: Route(BACK, BACK, Action.SETTLEMENT_WITHDRAW, automatic=True, within=MINUTES),
}
