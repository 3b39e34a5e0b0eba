"""Where one can go: the pages by the right they stand for, and the desks of the demo bank."""

from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from policies.vocabulary import Action, Office
from service.ui.languages import N_


class Place(NamedTuple):
    """A page in the menu and the rights of which one makes it worth a visit."""

    path: str
    text: str
    actions: tuple[Action, ...]


class Desk(NamedTuple):
    """A role of the demo bank with its accounts and what it does."""

    role: str
    accounts: tuple[str, ...]
    text: str


PLACES: Final = (
    Place("/work", N_("Queue"), (Action.WORK_READ,)),
    Place("/trades", N_("Deals"), (Action.TRADE_READ,)),
    Place("/trades/new", N_("New deal"), (Action.TRADE_CAPTURE,)),
    Place("/internal-deals", N_("Internal deals"), (Action.INTERNAL_OFFER, Action.ENTRY_READ)),
    Place("/positions", N_("Positions"), (Action.POSITION_READ,)),
    Place("/confirmations", N_("Confirmations"), (Action.CONFIRMATION_READ,)),
    Place("/alleged-deals", N_("Alleged deals"), (Action.ALLEGED_READ,)),
    Place("/alerts", N_("Alerts"), (Action.ALERT_REVIEW,)),
    Place("/settlements", N_("Settlements"), (Action.SETTLEMENT_READ,)),
    Place(
        "/payment-statuses",
        N_("What banks say"),
        (Action.PAYMENT_STATUS_CLOSE, Action.PAYMENT_RETRY, Action.ENTRY_READ),
    ),
    Place("/payments", N_("Payment messages"), (Action.SETTLEMENT_PREPARE, Action.PAYMENT_RETRY)),
    Place(
        "/call-backs", N_("Call-backs"), (Action.CALL_BACK_MAKE, Action.CALL_BACK_CHECK, Action.ENTRY_READ)
    ),
    Place("/settlement-rules", N_("Settlement rules"), (Action.SETTLEMENT_RULE_READ,)),
    Place("/transfers", N_("Transfers"), (Action.TRANSFER_READ,)),
    Place("/desk-rules", N_("Desk rules"), (Action.DESK_RULE_PROPOSE, Action.ENTRY_READ)),
    Place("/premises", N_("Off the premises"), (Action.PREMISES_ACKNOWLEDGE, Action.ENTRY_READ)),
    Place("/journals", N_("Journals"), (Action.JOURNAL_READ,)),
    Place("/balances", N_("Trial balance"), (Action.BALANCE_READ,)),
    Place("/parties", N_("Parties"), (Action.PARTY_READ,)),
    Place(
        "/proposals",
        N_("Proposals"),
        (Action.COUNTERPARTY_PROPOSE, Action.PROPOSAL_APPROVE, Action.ENTRY_READ),
    ),
    Place(
        "/agreements",
        N_("Agreements"),
        (Action.AGREEMENT_PROPOSE, Action.AGREEMENT_CLEAR, Action.ENTRY_READ),
    ),
    Place("/fixings", N_("Reference rates"), (Action.FIXING_READ,)),
    Place(
        "/benchmarks",
        N_("Tolerances"),
        (Action.BENCHMARK_PROPOSE, Action.BENCHMARK_APPROVE, Action.ENTRY_READ),
    ),
    Place("/checks", N_("Market checks"), (Action.TRADE_JUSTIFY, Action.NOTICE_TAKE, Action.ENTRY_READ)),
    Place("/notices", N_("Notices"), (Action.NOTICE_TAKE, Action.ENTRY_READ)),
    Place("/limits", N_("Limits"), (Action.LIMIT_READ,)),
    Place("/excesses", N_("Excesses"), (Action.EXCESS_CLOSE, Action.NOTICE_TAKE, Action.ENTRY_READ)),
    Place("/business-date", N_("Business date"), (Action.BUSINESS_DATE_SET,)),
    Place("/delegations", N_("Deputies"), (Action.DELEGATION_READ,)),
    Place("/explain", N_("Why"), (Action.EXPLANATION_READ,)),
    Place("/absences", N_("Absences"), (Action.ABSENCE_READ,)),
    Place("/rights", N_("Rights"), (Action.GRANT_READ,)),
    Place("/rights/request", N_("Request right"), (Action.GRANT_REQUEST,)),
    Place("/organisation", N_("Organisation"), (Action.ORGANISATION_READ,)),
    Place("/desk-reports", N_("Desk reports"), (Action.DESK_REPORT_READ,)),
    Place("/session-reviews", N_("Second devices"), (Action.SESSION_REVIEW,)),
    Place("/persons", N_("Persons"), (Action.PERSON_READ,)),
    Place("/staff-events", N_("Staff events"), (Action.PERSON_READ,)),
    Place("/policy", N_("Policy"), (Action.POLICY_READ,)),
    Place("/entries", N_("Audit log"), (Action.ENTRY_READ,)),
    Place("/reports", N_("Reports"), (Action.REPORT_READ,)),
    Place("/evidence", N_("Evidence"), (Action.EVIDENCE_EXPORT,)),
)

START: Final[dict[Office, str]] = {
    Office.FRONT_OFFICE: "/trades",
    Office.ACCOUNTING: "/balances",
    Office.RISK_CONTROL: "/checks",
    Office.COMPLIANCE: "/entries",
    Office.INTERNAL_AUDIT: "/entries",
}
"""Where an office begins its day; the others begin with their queue."""

DESKS: Final[dict[Office, tuple[Desk, ...]]] = {
    Office.FRONT_OFFICE: (
        Desk("trader", ("trader", "other-trader"), N_("Captures deals and corrects what was returned.")),
        Desk("head_of_trading", ("head-of-trading",), N_("Sees the desk; no control right of any kind.")),
    ),
    Office.BACK_OFFICE: (
        Desk("verifier", ("verifier", "other-verifier"), N_("Verifies or returns deals, decides requests.")),
        Desk("confirmer", ("confirmer", "other-confirmer"), N_("Sends and matches confirmations.")),
        Desk("settler", ("settler", "other-settler"), N_("Prepares settlements and records their outcome.")),
        Desk("releaser", ("releaser", "other-releaser"), N_("Releases what another person prepared.")),
    ),
    Office.MASTER_DATA: (
        Desk("steward", ("steward",), N_("Proposes counterparties, portfolios and payment routes.")),
        Desk("steward_approver", ("steward-approver",), N_("Puts in force what another person proposed.")),
    ),
    Office.ACCOUNTING: (
        Desk("accountant", ("accountant",), N_("Keeps journals and balances.")),
        Desk("closer", ("closer",), N_("Moves the business date.")),
    ),
    Office.RISK_CONTROL: (
        Desk("risk_controller", ("risk-controller",), N_("Keeps independent reference rates.")),
    ),
    Office.COMPLIANCE: (
        Desk("compliance_officer", ("compliance",), N_("Reads everything, searches the signed log.")),
    ),
    Office.INTERNAL_AUDIT: (
        Desk("auditor", ("auditor",), N_("Reads everything, verifies the log offline.")),
    ),
    Office.ADMINISTRATION: (
        Desk(
            "rights_requester",
            ("rights-requester", "rights-owner", "rights-admin"),
            N_("Request, approve and execute rights: three people, no business act."),
        ),
    ),
}


def places_for(powers: AbstractSet[Action]) -> list[Place]:
    """Return the menu of somebody with these rights: never a page that would refuse them."""
    return [place for place in PLACES if not powers.isdisjoint(place.actions)]


def start_of(office: Office, powers: AbstractSet[Action]) -> str:
    """Return the page an office begins its day with."""
    own = {place.path for place in places_for(powers)}
    start = START.get(office, "/work")
    return start if start in own else "/work" if "/work" in own else "/"
