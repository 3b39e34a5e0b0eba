"""What the codes of the house are called on a page: states, acts, items, offices, roles, fields, refusals."""

from typing import Final, Literal, NamedTuple

from policies.vocabulary import Action, Office
from service.kernel.items import Item
from service.ui.languages import N_

Tone = Literal["quiet", "open", "good", "bad", "gone"]


class Status(NamedTuple):
    """A state as people see it: never by colour alone."""

    icon: str
    tone: Tone
    text: str


STATES: Final[dict[str, Status]] = {
    "allow": Status("✓", "good", N_("done")),
    "approved": Status("✓", "good", N_("approved")),
    "cancelled": Status("✕", "gone", N_("cancelled")),
    "captured": Status("○", "open", N_("captured")),
    "disabled": Status("✕", "gone", N_("disabled")),
    "due": Status("○", "open", N_("due")),
    "ended": Status("✕", "gone", N_("ended")),
    "executed": Status("✓", "good", N_("in force")),
    "failed": Status("!", "bad", N_("failed")),
    "late": Status("!", "bad", N_("late")),
    "matched": Status("✓", "good", N_("matched")),
    "mismatched": Status("≠", "bad", N_("mismatched")),
    "open": Status("○", "open", N_("open")),
    "posted": Status("✓", "good", N_("posted")),
    "prepared": Status("◐", "open", N_("prepared")),
    "projected": Status("○", "open", N_("projected")),
    "proposed": Status("○", "open", N_("proposed")),
    "refuse": Status("✕", "bad", N_("refused")),
    "refused": Status("✕", "bad", N_("refused")),
    "released": Status("▸", "open", N_("released")),
    "requested": Status("○", "open", N_("requested")),
    "returned": Status("↩", "bad", N_("returned")),
    "reversed": Status("↺", "gone", N_("reversed")),
    "revoked": Status("✕", "gone", N_("revoked")),
    "sent": Status("→", "open", N_("sent")),
    "settled": Status("✓", "good", N_("settled")),
    "settling": Status("▸", "good", N_("settling")),
    "verified": Status("✓", "good", N_("verified")),
    "withdrawn": Status("✕", "gone", N_("withdrawn")),
}

ACTS: Final[dict[str, str]] = {
    Action.ACCOUNT_OPEN: N_("Open account"),
    Action.BALANCE_READ: N_("Read balances"),
    Action.BUSINESS_DATE_SET: N_("Set business date"),
    Action.CANCELLATION_REQUEST: N_("Request cancellation"),
    Action.CONFIRMATION_COUNTER: N_("Record their side"),
    Action.CONFIRMATION_DISPATCH: N_("Send confirmation"),
    Action.CONFIRMATION_DRAFT: N_("Draft confirmation"),
    Action.CONFIRMATION_MATCH: N_("Match both sides"),
    Action.CONFIRMATION_READ: N_("Read confirmations"),
    Action.CONFIRMATION_WITHDRAW: N_("Withdraw confirmation"),
    Action.COUNTERPARTY_PROPOSE: N_("Propose counterparty"),
    Action.ENTRY_READ: N_("Search the log"),
    Action.EVIDENCE_EXPORT: N_("Export evidence"),
    Action.FIXING_IMPORT: N_("Import reference rates"),
    Action.FIXING_READ: N_("Read reference rates"),
    Action.GRANT_APPROVE: N_("Approve right"),
    Action.GRANT_EXECUTE: N_("Put right in force"),
    Action.GRANT_READ: N_("Read rights"),
    Action.GRANT_REFUSE: N_("Refuse right"),
    Action.GRANT_REQUEST: N_("Request right"),
    Action.GRANT_REVOKE: N_("Revoke right"),
    Action.INSTRUCTION_PROPOSE: N_("Propose payment route"),
    Action.INSTRUCTION_READ: N_("Read payment routes"),
    Action.JOURNAL_POST: N_("Post journal"),
    Action.JOURNAL_READ: N_("Read journals"),
    Action.JOURNAL_REVERSE: N_("Reverse journals"),
    Action.LOG_GENESIS: N_("Begin the log"),
    Action.LOG_READ: N_("Fetch log tiles"),
    Action.LOG_HEARTBEAT: N_("Show that the log is alive"),
    Action.LOG_RESTART: N_("Restart the log"),
    Action.PARTY_READ: N_("Read parties"),
    Action.PASSWORD_CHANGE: N_("Change password"),
    Action.PASSWORD_RESET: N_("Reset password"),
    Action.PERSON_DISABLE: N_("Disable person"),
    Action.PERSON_MOVE: N_("Move person"),
    Action.PERSON_READ: N_("Read persons"),
    Action.PERSON_REGISTER: N_("Register person"),
    Action.POLICY_PUBLISH: N_("Publish policy"),
    Action.PORTFOLIO_PROPOSE: N_("Propose portfolio"),
    Action.POSITION_READ: N_("Read positions"),
    Action.POSITION_UNWIND: N_("Unwind position"),
    Action.POWER_READ: N_("Read own powers"),
    Action.PROPOSAL_APPROVE: N_("Approve proposal"),
    Action.PROPOSAL_REFUSE: N_("Refuse proposal"),
    Action.REQUEST_APPROVE: N_("Approve cancellation"),
    Action.REQUEST_REFUSE: N_("Refuse cancellation"),
    Action.SESSION_CLOSE: N_("Sign out"),
    Action.SESSION_NOISE: N_("Count failed sign-ins"),
    Action.SESSION_OPEN: N_("Sign in"),
    Action.SETTLEMENT_COMPLETE: N_("Record as settled"),
    Action.SETTLEMENT_FAIL: N_("Record as failed"),
    Action.SETTLEMENT_PREPARE: N_("Prepare settlement"),
    Action.SETTLEMENT_PROJECT: N_("Project settlement"),
    Action.SETTLEMENT_READ: N_("Read settlements"),
    Action.SETTLEMENT_RELEASE: N_("Release settlement"),
    Action.SETTLEMENT_WITHDRAW: N_("Withdraw settlement"),
    Action.TRADE_CAPTURE: N_("Capture deal"),
    Action.TRADE_READ: N_("Read deals"),
    Action.TRADE_RESUBMIT: N_("Resubmit deal"),
    Action.TRADE_RETURN: N_("Return deal"),
    Action.TRADE_VERIFY: N_("Verify deal"),
    Action.TRANSACTION_READ: N_("Read entered transactions"),
    Action.WORK_READ: N_("Read the queue"),
}

ITEMS: Final[dict[str, str]] = {
    Item.COMPLETE: N_("Record outcome of payment"),
    Item.CONFIRM: N_("Send confirmation"),
    Item.CORRECT: N_("Correct returned deal"),
    Item.DECIDE: N_("Decide on cancellation"),
    Item.DECIDE_PROPOSAL: N_("Decide on master data"),
    Item.DRAFT_CONFIRMATION: N_("Draft confirmation"),
    Item.GRANT_APPROVE: N_("Decide on a right"),
    Item.GRANT_EXECUTE: N_("Put right in force"),
    Item.MATCH: N_("Match confirmation"),
    Item.POST_SETTLEMENT: N_("Post settlement"),
    Item.POST_TRADE: N_("Post deal"),
    Item.PREPARE: N_("Prepare settlement"),
    Item.PROJECT: N_("Project settlement"),
    Item.RELEASE: N_("Release settlement"),
    Item.REVERSE: N_("Reverse journals"),
    Item.UNWIND: N_("Unwind position"),
    Item.VERIFY: N_("Verify deal"),
    Item.WITHDRAW_CONFIRMATION: N_("Withdraw confirmation"),
    Item.WITHDRAW_SETTLEMENT: N_("Withdraw settlement"),
}

OFFICES: Final[dict[str, str]] = {
    Office.FRONT_OFFICE: N_("Front office"),
    Office.BACK_OFFICE: N_("Back office"),
    Office.MASTER_DATA: N_("Master data"),
    Office.ACCOUNTING: N_("Accounting"),
    Office.RISK_CONTROL: N_("Risk control"),
    Office.CREDIT: N_("Credit"),
    Office.COMPLIANCE: N_("Compliance"),
    Office.INTERNAL_AUDIT: N_("Internal audit"),
    Office.LEGAL: N_("Legal"),
    Office.ADMINISTRATION: N_("Administration"),
    Office.MANAGEMENT: N_("Management"),
    Office.LOG: N_("Log keeping"),
}

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
    "head_of_risk": N_("Head of risk"),
    "head_of_trading": N_("Head of trading"),
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

FIELDS: Final[dict[str, str]] = {
    "account": N_("Account"),
    "action": N_("Act"),
    "actor": N_("Actor"),
    "again": N_("New password again"),
    "as_of": N_("Booked up to and on"),
    "account_number": N_("Account number"),
    "base": N_("Base currency"),
    "base_amount": N_("Amount"),
    "bic": N_("BIC"),
    "business_date": N_("Business date"),
    "buy_amount": N_("Amount bought"),
    "buy_currency": N_("Currency bought"),
    "counterparty": N_("Counterparty"),
    "counterparty_id": N_("Counterparty"),
    "currency": N_("Currency"),
    "day": N_("Day"),
    "desk": N_("Desk"),
    "desk_clock": N_("Time of day"),
    "desk_id": N_("Desk"),
    "executed_at": N_("Dealt at"),
    "from": N_("From"),
    "lei": N_("LEI"),
    "name": N_("Name"),
    "object": N_("Object id"),
    "our_lei": N_("Our LEI"),
    "password": N_("Password"),
    "portfolio": N_("Portfolio"),
    "quote": N_("Quote currency"),
    "rate": N_("Rate"),
    "reason": N_("Reason"),
    "reference": N_("Reference"),
    "role": N_("Role"),
    "sell_amount": N_("Amount sold"),
    "sell_currency": N_("Currency sold"),
    "side": N_("Side"),
    "side_agreements": N_("Side agreements"),
    "their_lei": N_("Their LEI"),
    "to": N_("Before"),
    "trade": N_("Deal id"),
    "trade_date": N_("Trade date"),
    "value_date": N_("Value date"),
    "version": N_("Version"),
}

KINDS: Final[dict[str, str]] = {
    "counterparty": N_("Counterparty"),
    "instruction": N_("Payment route"),
    "portfolio": N_("Portfolio"),
}

MARKS: Final[dict[str, str]] = {
    "backdated": N_("backdated"),
    "executed_ahead": N_("dealt ahead of the clock"),
    "executed_late": N_("entered late after dealing"),
    "late": N_("late"),
}

SIDES: Final[dict[str, str]] = {"buy": N_("Buy"), "sell": N_("Sell")}

DONE: Final[dict[str, str]] = {
    Action.BUSINESS_DATE_SET: N_("The business date is set."),
    Action.CANCELLATION_REQUEST: N_("The cancellation is requested; the back office decides."),
    Action.CONFIRMATION_COUNTER: N_("Their side is recorded."),
    Action.CONFIRMATION_DISPATCH: N_("The confirmation is sent."),
    Action.CONFIRMATION_MATCH: N_("Both sides are compared."),
    Action.COUNTERPARTY_PROPOSE: N_("The counterparty is proposed; another person decides."),
    Action.FIXING_IMPORT: N_("The reference rates are in."),
    Action.GRANT_APPROVE: N_("The right is approved; another person puts it in force."),
    Action.GRANT_EXECUTE: N_("The right is in force."),
    Action.GRANT_REFUSE: N_("The right is refused."),
    Action.GRANT_REQUEST: N_("The right is requested."),
    Action.GRANT_REVOKE: N_("The right is revoked."),
    Action.INSTRUCTION_PROPOSE: N_("The payment route is proposed; another person decides."),
    Action.JOURNAL_POST: N_("The journal is posted."),
    Action.JOURNAL_REVERSE: N_("The journals are reversed."),
    Action.PORTFOLIO_PROPOSE: N_("The portfolio is proposed; another person decides."),
    Action.PROPOSAL_APPROVE: N_("The proposal is in force."),
    Action.PROPOSAL_REFUSE: N_("The proposal is refused."),
    Action.REQUEST_APPROVE: N_("The deal is cancelled."),
    Action.REQUEST_REFUSE: N_("The cancellation is refused; the deal stays."),
    Action.SETTLEMENT_COMPLETE: N_("The leg is recorded as settled."),
    Action.SETTLEMENT_FAIL: N_("The leg is recorded as failed."),
    Action.SETTLEMENT_PREPARE: N_("The leg is prepared; another person releases it."),
    Action.SETTLEMENT_RELEASE: N_("The leg is released."),
    Action.TRADE_CAPTURE: N_("The deal is captured."),
    Action.TRADE_RESUBMIT: N_("The corrected deal is submitted."),
    Action.TRADE_RETURN: N_("The deal is returned to its trader."),
    Action.TRADE_VERIFY: N_("The deal is verified."),
}

REFUSALS: Final[dict[str, str]] = {
    "already_exists": N_("This exists already"),
    "illegal_transition": N_("Not possible in this state"),
    "kept_apart": N_("Kept apart"),
    "malformed": N_("Not readable"),
    "not_found": N_("Not found"),
    "not_permitted": N_("Not permitted"),
    "not_signed_in": N_("Not signed in"),
    "stale_version": N_("Changed meanwhile"),
    "too_many_tries": N_("Too many tries"),
    "wrong_password": N_("Sign-in failed"),
}
"""Headlines of the refusals people meet most; the others are headed by their status."""

HEADLINES: Final[dict[int, str]] = {
    400: N_("Not readable"),
    401: N_("Not signed in"),
    403: N_("Not permitted"),
    404: N_("Not found"),
    409: N_("Not possible now"),
    413: N_("Too large"),
    415: N_("Not a form"),
    422: N_("Against a rule"),
    429: N_("Too many tries"),
    500: N_("Fault of the service"),
    503: N_("Not available"),
}


NAMED: Final[dict[str, str]] = {
    **{code: status.text for code, status in STATES.items()},
    **ACTS,
    **OFFICES,
    **ROLES,
}
"""What stands for a code inside a refusal's sentence."""


def headline(code: str, status: int) -> str:
    """Return the headline of a refusal."""
    return REFUSALS.get(code) or HEADLINES.get(status, HEADLINES[500])


def act_named(action: str) -> str:
    """Return what an act is called; an act of another policy keeps its own name."""
    return ACTS.get(action, action)


def done(action: str) -> str:
    """Return the sentence that an act was done."""
    return DONE.get(action, N_("Done."))


def role_named(role: str) -> str:
    """Return what a role is called; an office's automatic account goes by its office."""
    return ROLES.get(role) or OFFICES.get(role.removeprefix("svc_"), role)
