"""Where one can go: the pages by the right they stand for, and the desks of the demo bank."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from policies.vocabulary import Action, Office
from service.ui.languages import N_

DEALS: Final = N_("Dealing")
CONFIRMING: Final = N_("Confirming")
SETTLING: Final = N_("Settling")
RISK: Final = N_("Risk")
BOOKS: Final = N_("Books")
MASTER_DATA: Final = N_("Master data")
PEOPLE: Final = N_("People and rights")
OVERSIGHT: Final = N_("Oversight")
MORE: Final = N_("More")
TASKS: Final = (DEALS, CONFIRMING, SETTLING, RISK, BOOKS, MASTER_DATA, PEOPLE, OVERSIGHT, MORE)
"""What the menus are called, in their order."""


class Place(NamedTuple):
    """A page in the menu and the rights of which one makes it worth a visit; ``key`` follows ``g`` on the keyboard."""

    path: str
    text: str
    actions: tuple[Action, ...]
    task: str = MORE
    key: str = ""


class Menu(NamedTuple):
    """Pages under one heading; without a heading they stand in the menu themselves."""

    text: str
    places: tuple[Place, ...]


class Desk(NamedTuple):
    """A role of the demo bank with its accounts and what it does."""

    role: str
    accounts: tuple[str, ...]
    text: str


PLACES: Final = (
    Place("/dashboard", N_("Overview"), (Action.WORK_READ, Action.TRADE_READ, Action.ENTRY_READ), MORE, "n"),
    Place("/work", N_("Queue"), (Action.WORK_READ,), MORE, "q"),
    Place("/trades", N_("Deals"), (Action.TRADE_READ,), DEALS, "b"),
    Place("/trades/new", N_("New deal"), (Action.TRADE_CAPTURE,), DEALS),
    Place("/internal-deals", N_("Internal deals"), (Action.INTERNAL_OFFER, Action.ENTRY_READ), DEALS, "i"),
    Place("/positions", N_("Positions"), (Action.POSITION_READ,), DEALS, "p"),
    Place("/confirmations", N_("Confirmations"), (Action.CONFIRMATION_READ,), CONFIRMING, "c"),
    Place("/alleged-deals", N_("Alleged deals"), (Action.ALLEGED_READ,), CONFIRMING, "a"),
    Place("/alerts", N_("Alerts"), (Action.ALERT_REVIEW,), CONFIRMING),
    Place("/settlements", N_("Settlements"), (Action.SETTLEMENT_READ,), SETTLING, "s"),
    Place(
        "/payment-statuses",
        N_("What banks say"),
        (Action.PAYMENT_STATUS_CLOSE, Action.PAYMENT_RETRY, Action.ENTRY_READ),
        SETTLING,
    ),
    Place(
        "/payments", N_("Payment messages"), (Action.SETTLEMENT_PREPARE, Action.PAYMENT_RETRY), SETTLING, "y"
    ),
    Place(
        "/call-backs",
        N_("Call-backs"),
        (Action.CALL_BACK_MAKE, Action.CALL_BACK_CHECK, Action.ENTRY_READ),
        SETTLING,
        "k",
    ),
    Place("/settlement-rules", N_("Settlement rules"), (Action.SETTLEMENT_RULE_READ,), SETTLING),
    Place("/transfers", N_("Transfers"), (Action.TRANSFER_READ,), DEALS, "t"),
    Place("/desk-rules", N_("Desk rules"), (Action.DESK_RULE_PROPOSE, Action.ENTRY_READ), DEALS),
    Place("/premises", N_("Off the premises"), (Action.PREMISES_ACKNOWLEDGE, Action.ENTRY_READ), DEALS),
    Place("/journals", N_("Journals"), (Action.JOURNAL_READ,), BOOKS, "j"),
    Place("/balances", N_("Trial balance"), (Action.BALANCE_READ,), BOOKS, "u"),
    Place("/parties", N_("Parties"), (Action.PARTY_READ,), MASTER_DATA, "m"),
    Place(
        "/proposals",
        N_("Proposals"),
        (Action.COUNTERPARTY_PROPOSE, Action.PROPOSAL_APPROVE, Action.ENTRY_READ),
        MASTER_DATA,
        "o",
    ),
    Place(
        "/agreements",
        N_("Agreements"),
        (Action.AGREEMENT_PROPOSE, Action.AGREEMENT_CLEAR, Action.ENTRY_READ),
        MASTER_DATA,
        "g",
    ),
    Place("/fixings", N_("Reference rates"), (Action.FIXING_READ,), RISK, "f"),
    Place(
        "/benchmarks",
        N_("Tolerances"),
        (Action.BENCHMARK_PROPOSE, Action.BENCHMARK_APPROVE, Action.ENTRY_READ),
        RISK,
    ),
    Place(
        "/checks",
        N_("Market checks"),
        (Action.TRADE_JUSTIFY, Action.NOTICE_TAKE, Action.ENTRY_READ),
        RISK,
        "h",
    ),
    Place("/notices", N_("Notices"), (Action.NOTICE_TAKE, Action.ENTRY_READ), RISK),
    Place("/exposures", N_("Exposures"), (Action.LIMIT_READ,), RISK),
    Place("/limits", N_("Limits"), (Action.LIMIT_READ,), RISK, "l"),
    Place("/limit-tree", N_("Limit tree"), (Action.LIMIT_READ,), RISK),
    Place(
        "/excesses", N_("Excesses"), (Action.EXCESS_CLOSE, Action.NOTICE_TAKE, Action.ENTRY_READ), RISK, "x"
    ),
    Place("/documents", N_("Papers"), (Action.DOCUMENT_READ,), MASTER_DATA),
    Place("/clearing", N_("Settlement clearing"), (Action.BALANCE_READ,), BOOKS),
    Place("/business-date", N_("Business date"), (Action.BUSINESS_DATE_SET,), BOOKS),
    Place("/delegations", N_("Deputies"), (Action.DELEGATION_READ,), PEOPLE, "d"),
    Place("/explain", N_("Why"), (Action.EXPLANATION_READ,), OVERSIGHT, "w"),
    Place("/absences", N_("Absences"), (Action.ABSENCE_READ,), PEOPLE),
    Place("/rights", N_("Rights"), (Action.GRANT_READ,), PEOPLE, "r"),
    Place("/rights/request", N_("Request right"), (Action.GRANT_REQUEST,), PEOPLE),
    Place("/organisation", N_("Organisation"), (Action.ORGANISATION_READ,), PEOPLE),
    Place("/desk-reports", N_("Desk reports"), (Action.DESK_REPORT_READ,), OVERSIGHT),
    Place("/session-reviews", N_("Second devices"), (Action.SESSION_REVIEW,), OVERSIGHT),
    Place("/staff-events", N_("Staff events"), (Action.PERSON_READ,), PEOPLE),
    Place("/policy", N_("Policy"), (Action.POLICY_READ,), OVERSIGHT, "v"),
    Place("/access", N_("Access matrix"), (Action.REPORT_READ,), OVERSIGHT),
    Place("/unused-rights", N_("Unused rights"), (Action.REPORT_READ,), OVERSIGHT),
    Place("/escalations", N_("Escalations"), (Action.ENTRY_READ,), OVERSIGHT),
    Place("/controls", N_("Controls"), (Action.ENTRY_READ,), OVERSIGHT),
    Place("/denials", N_("Denied attempts"), (Action.ENTRY_READ,), OVERSIGHT),
    Place("/cases", N_("Cases"), (Action.CASE_READ,), OVERSIGHT),
    Place("/entries", N_("Audit log"), (Action.ENTRY_READ,), OVERSIGHT, "e"),
    Place("/reports", N_("Reports"), (Action.REPORT_READ,), OVERSIGHT, "z"),
    Place("/health", N_("Health"), (Action.LOG_READ,), OVERSIGHT),
    Place("/evidence", N_("Evidence"), (Action.EVIDENCE_EXPORT,), OVERSIGHT),
    Place("/persons", N_("Persons"), (Action.PERSON_READ,), PEOPLE),
)

FIRST: Final[dict[Office, tuple[str, ...]]] = {
    Office.FRONT_OFFICE: ("/work", "/trades", "/trades/new", "/positions"),
    Office.BACK_OFFICE: ("/work", "/trades", "/confirmations", "/settlements"),
    Office.MASTER_DATA: ("/work", "/proposals", "/parties", "/agreements"),
    Office.ACCOUNTING: ("/work", "/balances", "/journals"),
    Office.RISK_CONTROL: ("/work", "/checks", "/limits", "/excesses"),
    Office.CREDIT: ("/work", "/limits", "/excesses"),
    Office.COMPLIANCE: ("/work", "/entries", "/trades", "/reports"),
    Office.INTERNAL_AUDIT: ("/work", "/entries", "/trades", "/reports"),
    Office.ADMINISTRATION: ("/work", "/rights", "/organisation", "/policy"),
}
"""What an office turns to all day: never more than a click away. The others begin with their queue alone."""

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


def menus_for(office: Office, powers: AbstractSet[Action]) -> list[Menu]:
    """Return the menu of somebody: what their office turns to all day, then the rest by task."""
    places = places_for(powers)
    first = FIRST.get(office, ("/work",))
    daily = sorted(
        (place for place in places if place.path in first), key=lambda place: first.index(place.path)
    )
    menus = [Menu("", tuple(daily))]
    for task in TASKS:
        of_task = tuple(place for place in places if place.task == task and place not in daily)
        if of_task:
            menus.append(Menu(task if len(of_task) > 1 else "", of_task))
    return menus


def place_of(path: str, places: Iterable[Place]) -> Place | None:
    """Return the menu's place that a page belongs to: the one whose address it begins with furthest."""
    above = [place for place in places if path == place.path or path.startswith(place.path + "/")]
    return max(above, key=lambda place: len(place.path), default=None)


def start_of(office: Office, powers: AbstractSet[Action]) -> str:
    """Return the page an office begins its day with."""
    own = {place.path for place in places_for(powers)}
    start = START.get(office, "/work")
    return start if start in own else "/work" if "/work" in own else "/"
