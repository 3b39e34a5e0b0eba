"""Who may do what to a deal, as somebody says who has read the controls and never saw the policy.

Written from the domain's own texts: the duties and conflicts of roles.md, segregation.md, trading.md, settlement.md,
risk.md and access.md, the table of roles in the interfaces, and the states of lifecycle.md. It knows no file of
``policies`` and no module of ``service``; a test sees to that. Names of acts and roles are those that the interface
shows to everybody.

Four questions in their order, and the first "no" is the answer:

    right   has the role the duty?                                                        roles.md 2.1, interfaces
    apart   did this natural person, or whom the act counts for, do the other side of it?         roles.md 2.4
    stand   does the person stand far enough from trading, and from what they left?       SEG-01, SEG-04, SEG-09
    state   is it the turn of this act?                                                        lifecycle.md 3.2
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

# Duties ---------------------------------------------------------------------------------------------------

ENTER, CONTROL, SAY = "enter", "control", "say"
"""Sides of a deal: whoever enters, and whoever controls, confirms, settles or books; saying something is neither."""
AREA, UNIT, PERSON = "area", "unit", "person"
"""How far from trading: an area apart up to the board, another unit, another person (SEG-04, BTO Tz. 2)."""


class Duty(NamedTuple):
    """An act: what it is done to, on which side, how far from trading, by which roles, by which control."""

    to: str
    side: str
    level: str
    roles: frozenset[str]
    control: str


def duty(to: str, side: str, level: str, roles: str, control: str) -> Duty:
    return Duty(to, side, level, frozenset(roles.split()), control)


SIGNERS = "risk_controller head_of_risk compliance_officer"
LEADERS = f"verifier {SIGNERS}"
DUTIES = {
    # Trading enters, corrects and asks; it decides nothing (TRD-13, SET-19).
    "trade.resubmit": duty("deal", ENTER, PERSON, "trader", "TRD-13"),
    "amendment.request": duty("deal", ENTER, PERSON, "trader", "SET-19"),
    "cancellation.request": duty("deal", ENTER, PERSON, "trader", "SET-19"),
    "internal.accept": duty("deal", ENTER, PERSON, "trader", "TRD-03"),
    "confirmation.forward": duty("deal", SAY, PERSON, "trader", "SET-05"),
    # The back office verifies the deal and decides its changes.
    "trade.verify": duty("deal", CONTROL, AREA, "verifier", "SET-13 to SET-17"),
    "trade.return": duty("deal", CONTROL, AREA, "verifier", "SET-13 to SET-17"),
    "request.approve": duty("request", CONTROL, AREA, "verifier", "SET-19"),
    "request.refuse": duty("request", CONTROL, AREA, "verifier", "SET-19"),
    "premises.acknowledge": duty("deal", CONTROL, AREA, "verifier", "TRD-10"),
    # Risk control judges the price; roles.md gives rc.analyst and rc.head the same duties in one row.
    "trade.justify": duty("deal", CONTROL, AREA, "risk_controller head_of_risk", "TRD-04, SET-20"),
    # Confirmations.
    "confirmation.dispatch": duty("confirmation", CONTROL, AREA, "confirmer", "SET-01"),
    "confirmation.counter": duty("confirmation", CONTROL, AREA, "confirmer", "SET-05"),
    "confirmation.match": duty("confirmation", CONTROL, AREA, "confirmer", "SET-14"),
    "confirmation.redraft": duty("confirmation", CONTROL, AREA, "confirmer", "SET-01"),
    "confirmation.receive": duty("message", CONTROL, AREA, "confirmer", "SET-05"),
    "broker_statement.record": duty("confirmation", CONTROL, AREA, "confirmer", "SET-04"),
    "long_form.file": duty("confirmation", CONTROL, AREA, "confirmer", "SET-08"),
    "inbound.link": duty("message", CONTROL, AREA, "confirmer", "SET-05"),
    # "Link alleged: four eyes by BO_CHECK, FO only consulted": that trading is asked is the second person's word.
    "inbound.share": duty("message", CONTROL, AREA, "verifier", "SET-05"),
    "inbound.dismiss": duty("message", CONTROL, AREA, "verifier", "SET-05, D-08"),
    "substitute.propose": duty("substitute", CONTROL, AREA, "confirmer", "SET-07"),
    "substitute.approve": duty("substitute", CONTROL, AREA, "verifier", "SET-07, D-08"),
    "substitute.refuse": duty("substitute", CONTROL, AREA, "verifier", "SET-07, D-08"),
    "checklist.sign": duty("confirmation", CONTROL, AREA, "verifier", "SET-13"),
    "transmission.retry": duty("transmission", CONTROL, AREA, "confirmer", "SET-03"),
    # Money.
    "settlement.prepare": duty("leg", CONTROL, AREA, "settler", "SET-01"),
    "settlement.deviate": duty("leg", CONTROL, AREA, "settler", "SET-17"),
    "settlement.net": duty("leg", CONTROL, AREA, "settler", "SET-01"),
    # The interfaces say "releaser: release, hold"; but whoever frees a payment must not have held it ("unhold != hold"),
    # and freeing is a signature, so the side that prepares holds and the side that signs frees (D-02).
    "settlement.hold": duty("leg", CONTROL, AREA, "settler", "SET-17, D-02"),
    # Whether a late payment goes on another day, and whether one that could not leave is sent again, is a word of the
    # side that lets money go (BTO 2.2.1 Tz. 9), not of the one that prepares it.
    "settlement.postpone": duty("leg", CONTROL, AREA, "releaser", "BTO 2.2.1 Tz. 9"),
    "settlement.release": duty("leg", CONTROL, AREA, "releaser", "BTO 2.2.1 Tz. 9"),
    "settlement.countersign": duty("leg", CONTROL, AREA, "releaser", "D-04"),
    "settlement.free": duty("leg", CONTROL, AREA, "releaser", "SET-17"),
    "settlement.complete": duty("leg", CONTROL, AREA, "settler", "SET-26"),
    "settlement.fail": duty("leg", CONTROL, AREA, "settler", "SET-26"),
    "settlement.part": duty("leg", CONTROL, AREA, "settler", "SET-26"),
    "settlement.return": duty("leg", CONTROL, AREA, "settler", "SET-26"),
    "payment.retry": duty("payment", CONTROL, AREA, "releaser", "BTO 2.2.1 Tz. 9"),
    "payment_status.close": duty("payment status", CONTROL, AREA, "settler", "SET-26"),
    # Books.
    "journal.post": duty("journal", CONTROL, AREA, "accountant", "SEG-12"),
    "journal.reverse": duty("journal", CONTROL, AREA, "accountant", "SEG-12"),
    # Cases and alerts: led outside trading, by a unit independent of it (SET-22); rc.head does what rc.analyst does.
    "case.open": duty("case", CONTROL, UNIT, LEADERS, "SET-22"),
    "case.note": duty("case", CONTROL, UNIT, LEADERS, "SET-22"),
    "case.decide": duty("case", CONTROL, UNIT, LEADERS, "SET-22"),
    "case.close": duty("case", CONTROL, UNIT, SIGNERS, "SET-22, D-07"),
    "case.return": duty("case", CONTROL, UNIT, SIGNERS, "SET-22, D-07"),
    # "Thresholds owned by BO/compliance; the result goes to them": in the back office to those who confirm.
    "alert.review": duty("alert", CONTROL, UNIT, "confirmer compliance_officer", "SET-10"),
}

ROLES = {
    "trader": "front office",
    "head_of_trading": "front office",
    "verifier": "back office",
    "confirmer": "back office",
    "settler": "back office",
    "releaser": "back office",
    "steward": "master data",
    "steward_approver": "master data",
    "accountant": "accounting",
    "closer": "accounting",
    "risk_controller": "risk control",
    "head_of_risk": "risk control",
    "policy_approver": "risk control",
    "credit_officer": "credit",
    "compliance_officer": "compliance",
    "log_custodian": "compliance",
    "policy_author": "compliance",
    "auditor": "internal audit",
    "examiner": "internal audit",
    "counsel": "legal",
    "rights_requester": "administration",
    "rights_owner": "administration",
    "rights_admin": "administration",
    "board_back": "management",
    "board_trading": "management",
}
"""Every role a person can hold, with its office (interfaces)."""

# The other side -------------------------------------------------------------------------------------------

STRIKE = frozenset({"trade.capture", "trade.resubmit", "internal.offer", "internal.accept"})
ASK = frozenset({"amendment.request", "cancellation.request"})
ENTERED = STRIKE | ASK
CONTROLLED = frozenset(act for act, said in DUTIES.items() if said.side == CONTROL)
ROUTED = frozenset({"settlement.prepare", "settlement.deviate", "settlement.hold", "settlement.net"})
SIGNED = frozenset({"settlement.release", "settlement.countersign", "settlement.free"})
ATTESTED = frozenset({"settlement.complete", "settlement.fail", "settlement.part", "settlement.return"})
DECIDED = frozenset({"request.approve", "request.refuse"})
TYPED = frozenset({"confirmation.counter", "confirmation.match", "confirmation.receive"})
ROUTE_MADE = frozenset({"instruction.propose", "proposal.approve"})


class Apart(NamedTuple):
    """Whoever did one of ``did`` does none of ``then``; ``same``: to the same object only, else on the deal as a whole."""

    control: str
    did: frozenset[str]
    then: frozenset[str]
    same: bool = False


RULES = (
    # "Enterer, dealer or amendment requester of deal X != anyone who checks, confirms, ... clears a case of X (ever)".
    Apart("D-01", ENTERED, CONTROLLED),
    # Read the other way round: it holds whatever came first, or a controller would enter the next version.
    Apart("D-01", CONTROLLED, ENTERED),
    # Preparer != releaser, of one payment; what says where the money goes is its preparation.
    Apart("D-02", ROUTED, SIGNED, same=True),
    Apart("D-02", SIGNED, ROUTED, same=True),
    # Requester != approver of a change.
    Apart("D-03", ASK, DECIDED),
    # Signer 1 != signer 2.
    Apart("D-04", frozenset({"settlement.release"}), frozenset({"settlement.countersign"}), same=True),
    Apart("D-04", frozenset({"settlement.countersign"}), frozenset({"settlement.release"}), same=True),
    Apart("D-04", frozenset({"settlement.free"}), frozenset({"settlement.countersign"}), same=True),
    Apart("D-04", frozenset({"settlement.countersign"}), frozenset({"settlement.free"}), same=True),
    # lifecycle.md 3.3, release: "!= amend proposer/decider"; whoever decided a change neither routes nor signs its money.
    Apart("D-04", DECIDED, ROUTED | SIGNED),
    Apart("D-04", ROUTED | SIGNED, DECIDED),
    # Whoever let money go does not say how it ended: the signature would vouch for itself.
    Apart("D-04", SIGNED, ATTESTED, same=True),
    Apart("D-04", ATTESTED, SIGNED, same=True),
    # "creator/approver of the SSI used in last N days != signer" of the payment that goes along it.
    Apart("D-04", ROUTE_MADE, frozenset({"settlement.release", "settlement.countersign"}), same=True),
    # Internal deal: acceptor of leg A != acceptor of leg B.
    Apart("D-05", frozenset({"internal.offer"}), frozenset({"internal.accept"})),
    # Lead of a discrepancy != its closer.
    Apart("D-07", frozenset({"case.decide"}), frozenset({"case.close", "case.return"}), same=True),
    Apart("D-07", frozenset({"case.close", "case.return"}), frozenset({"case.decide"}), same=True),
    # Alternative verification: caller != approver; and whoever typed the other side does not sign that it is complete.
    Apart("D-08", frozenset({"substitute.propose"}), frozenset({"substitute.approve", "substitute.refuse"}), same=True),
    Apart("D-08", frozenset({"confirmation.receive", "inbound.share"}), frozenset({"inbound.dismiss"}), same=True),
    Apart("D-08", TYPED, frozenset({"checklist.sign"})),
    Apart("D-08", frozenset({"checklist.sign"}), TYPED),
    # What a bank says about payments is put aside by nobody who let one of them go.
    Apart("D-08", SIGNED, frozenset({"payment_status.close"})),
    Apart("D-08", frozenset({"payment_status.close"}), SIGNED),
    # Substitute of an absent trader != back office of these deals.
    Apart("D-11", frozenset({"absence.accept"}), CONTROLLED),
)  # fmt: skip

# What happened, and who ----------------------------------------------------------------------------------------


class Done(NamedTuple):
    """Something in a deal's past: the act, who did it, and to what."""

    act: str
    by: str
    to: str


ENTERER, VERIFIER, CONFIRMER, PREPARER, SIGNER, ASKER, JUDGE, STAND_IN, PAPERS = (
    "who entered it",
    "who verified or returned it",
    "who confirmed it",
    "who prepared its payment",
    "who released its payment",
    "a colleague who asked for its change",
    "who justified its price",
    "who stands in for its absent trader",
    "who made the payment route",
)
_NEW = (Done("trade.capture", ENTERER, "deal"),)
_RETURNED = (*_NEW, Done("trade.return", VERIFIER, "deal"))
_JUSTIFIED = (*_NEW, Done("trade.justify", JUDGE, "deal"))
_VERIFIED = (*_NEW, Done("trade.verify", VERIFIER, "deal"))
_ASKED = (*_VERIFIED, Done("cancellation.request", ASKER, "request"))
_SENT = (*_VERIFIED, Done("confirmation.dispatch", CONFIRMER, "confirmation"))
_MATCHED = (
    *_SENT,
    Done("confirmation.counter", CONFIRMER, "confirmation"),
    Done("confirmation.match", CONFIRMER, "confirmation"),
)
_PREPARED = (
    *_MATCHED,
    Done("settlement.prepare", PREPARER, "leg"),
    Done("instruction.propose", PAPERS, "leg"),
)
_RELEASED = (*_PREPARED, Done("settlement.release", SIGNER, "leg"))
_SETTLED = (*_RELEASED, Done("settlement.complete", PREPARER, "leg"))
_CANCELLED = (*_ASKED, Done("request.approve", VERIFIER, "request"))
_ABSENT = (*_VERIFIED, Done("absence.accept", STAND_IN, "deal"))


class State(NamedTuple):
    """Where a deal is: its past, and the state of each thing that belongs to it."""

    past: tuple[Done, ...]
    control: str
    request: str | None = None
    confirmation: str | None = None
    leg: str | None = None


STATES = {
    "captured": State(_NEW, "due"),
    "returned": State(_RETURNED, "returned"),
    "justified": State(_JUSTIFIED, "due"),
    "verified": State(_VERIFIED, "verified", confirmation="due"),
    "change asked for": State(_ASKED, "verified", request="open", confirmation="due"),
    "confirmation sent": State(_SENT, "verified", confirmation="sent"),
    "matched": State(_MATCHED, "verified", confirmation="matched", leg="projected"),
    "prepared": State(_PREPARED, "verified", confirmation="matched", leg="prepared"),
    "released": State(_RELEASED, "settling", confirmation="matched", leg="released"),
    "settled": State(_SETTLED, "settling", confirmation="matched", leg="settled"),
    "cancelled": State(_CANCELLED, "cancelled", request="approved", confirmation="withdrawn"),
    "trader absent": State(_ABSENT, "verified", confirmation="due"),
}

TURN = {
    "trade.verify": ("control", "due"),
    "trade.return": ("control", "due"),
    "trade.resubmit": ("control", "returned"),
    "request.approve": ("request", "open"),
    "request.refuse": ("request", "open"),
    "confirmation.dispatch": ("confirmation", "due"),
    "confirmation.counter": ("confirmation", "sent mismatched"),
    "confirmation.match": ("confirmation", "sent mismatched"),
    "confirmation.redraft": ("confirmation", "due sent mismatched"),
    "settlement.prepare": ("leg", "projected prepared failed returned"),  # again where its route was replaced
    "settlement.release": ("leg", "prepared"),
    "settlement.countersign": ("leg", "signed"),
    "settlement.complete": ("leg", "released partial netted"),
    "settlement.fail": ("leg", "released partial netted"),
    "settlement.part": ("leg", "released partial"),
    "settlement.return": ("leg", "released partial netted settled"),
    "settlement.net": ("leg", "prepared"),
    "settlement.free": ("leg", "held"),
}
"""Whose turn it is, where lifecycle.md says it (machines A, C and D)."""

STRANGER, COLLEAGUE, TRADING_LINE, MOVER, MOVER_ELSEWHERE = (
    "a stranger",
    "a colleague in the trading unit",
    "a unit outside trading, under trading's board member",
    "who left the deal's desk a month ago",
    "who left another desk a month ago",
)
SECOND_ACCOUNT, DEPUTY, OWNER = (
    "who entered it, by a second account",
    "the deputy of who entered it",
    "a service of who entered it",
)
IN_THE_PAST = (ENTERER, VERIFIER, CONFIRMER, PREPARER, SIGNER, ASKER, JUDGE, STAND_IN, PAPERS)
AS_ENTERER = (SECOND_ACCOUNT, DEPUTY, OWNER)
"""For whom an act counts as if who entered the deal did it: one natural person (ORG-03), stood in for (SEG-02), S-27."""
RELATIONS = (
    STRANGER, COLLEAGUE, TRADING_LINE, MOVER, MOVER_ELSEWHERE, *AS_ENTERER, *IN_THE_PAST,
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What must come of it, and by which control."""

    word: str  # done, right, apart, stand, state
    control: str


def person_of(relation: str) -> str:
    """Return the natural person whose past the act counts on."""
    return ENTERER if relation in AS_ENTERER else relation


def expected(act: str, role: str, relation: str, state: str) -> Answer:
    """Say what must come of an act by somebody with a role and a past, on a deal in a state."""
    said, now = DUTIES[act], STATES[state]
    if role not in said.roles:
        return Answer("right", said.control)
    past = [done for done in now.past if done.by == person_of(relation)]
    broken = next((rule.control for rule in RULES if breaks(rule, act, said.to, past)), None)
    if broken is not None:
        return Answer("apart", broken)
    if said.side == CONTROL and (near := too_near(said.level, relation)) is not None:
        return Answer("stand", near)
    what, turns = TURN.get(act, (None, ""))
    if what is not None and getattr(now, what) not in turns.split():
        return Answer("state", "lifecycle 3.2")
    return Answer("done", said.control)


def breaks(rule: Apart, act: str, to: str, past: Iterable[Done]) -> bool:
    """Tell whether a rule keeps somebody with this past from the act."""
    return act in rule.then and any(
        done.act in rule.did and (not rule.same or done.to == to) for done in past
    )


def too_near(level: str, relation: str) -> str | None:
    """Return the control by which somebody stands too near to trading for a control; None if they do not."""
    if relation == COLLEAGUE:
        return "SEG-01"
    if relation == TRADING_LINE and level == AREA:
        return "SEG-04"
    return "SEG-09" if relation == MOVER else None


# Two people for everything else ---------------------------------------------------------------------------

PAIRS = {
    "D-02 master data": ("counterparty.propose instruction.propose portfolio.propose channel.propose tolerance.propose",
                         "proposal.approve proposal.refuse"),
    "D-02 settlement tables": ("settlement_rule.propose", "settlement_rule.approve settlement_rule.refuse"),
    "D-02 tolerances and market data": ("benchmark.propose", "benchmark.approve benchmark.refuse"),
    "D-02 cut-offs and mandates": ("desk_rule.propose", "desk_rule.approve desk_rule.refuse"),
    "D-02 agreements": ("agreement.propose", "agreement.clear agreement.refuse"),
    "D-02 organisation": ("organisation.propose", "organisation.approve organisation.refuse"),
    "D-02 keys": ("rotation.request", "rotation.approve"),
    "D-02 recovery": ("recovery.request", "log.recover"),
    "D-02 transfers prepared": ("transfer.prepare", "transfer.release"),
    "D-02 transfers asked for": ("transfer.request", "transfer.prepare transfer.release transfer.refuse transfer.review transfer.book"),
    "D-06 limits": ("limit.propose", "limit.vote"),
    "D-06 market limits": ("market_limit.propose", "market_limit.vote"),
    "D-08 call-backs": ("call_back.make", "call_back.check"),
    "D-13 rights asked for": ("grant.request", "grant.approve grant.refuse grant.execute"),
    "D-13 rights approved": ("grant.approve", "grant.execute"),
    "D-13 deputies": ("delegation.request", "delegation.approve delegation.refuse"),
    "D-15 policy": ("policy.draft", "policy.approve"),
}  # fmt: skip
"""Who begins, and who must be somebody else to finish, on one object (roles.md 2.4)."""

# Routes ---------------------------------------------------------------------------------------------------

ROUTES = {
    "/api/trades/{trade}/verification": "trade.verify",
    "/api/trades/{trade}/return": "trade.return",
    "/api/trades/{trade}/resubmission": "trade.resubmit",
    "/api/trades/{trade}/amendments": "amendment.request",
    "/api/trades/{trade}/cancellations": "cancellation.request",
    "/api/trades/{trade}/justification": "trade.justify",
    "/api/trades/{trade}/premises-acknowledgement": "premises.acknowledge",
    "/api/trades/{trade}/forwarded-confirmations": "confirmation.forward",
    "/api/internal-deals/{trade}/acceptance": "internal.accept",
    "/api/requests/{request_id}/approval": "request.approve",
    "/api/requests/{request_id}/refusal": "request.refuse",
    "/api/confirmations/inbound": "confirmation.receive",
    "/api/confirmations/{confirmation_id}/dispatch": "confirmation.dispatch",
    "/api/confirmations/{confirmation_id}/counter": "confirmation.counter",
    "/api/confirmations/{confirmation_id}/match": "confirmation.match",
    "/api/confirmations/{confirmation_id}/redraft": "confirmation.redraft",
    "/api/confirmations/{confirmation_id}/substitutes": "substitute.propose",
    "/api/confirmations/{confirmation_id}/broker-statement": "broker_statement.record",
    "/api/confirmations/{confirmation_id}/checklist": "checklist.sign",
    "/api/confirmations/{confirmation_id}/long-form": "long_form.file",
    "/api/substitutes/{substitute_id}/approval": "substitute.approve",
    "/api/substitutes/{substitute_id}/refusal": "substitute.refuse",
    "/api/inbound/{message_id}/link": "inbound.link",
    "/api/inbound/{message_id}/share": "inbound.share",
    "/api/inbound/{message_id}/dismissal": "inbound.dismiss",
    "/api/transmissions/{transmission_id}/retry": "transmission.retry",
    "/api/alerts/{item_id}/review": "alert.review",
    "/api/settlements/{settlement_id}/preparation": "settlement.prepare",
    "/api/settlements/{settlement_id}/release": "settlement.release",
    "/api/settlements/{settlement_id}/countersignature": "settlement.countersign",
    "/api/settlements/{settlement_id}/deviation": "settlement.deviate",
    "/api/settlements/{settlement_id}/hold": "settlement.hold",
    "/api/settlements/{settlement_id}/freeing": "settlement.free",
    "/api/settlements/{settlement_id}/netting": "settlement.net",
    "/api/settlements/{settlement_id}/postponement": "settlement.postpone",
    "/api/settlements/{settlement_id}/completion": "settlement.complete",
    "/api/settlements/{settlement_id}/failure": "settlement.fail",
    "/api/settlements/{settlement_id}/part": "settlement.part",
    "/api/settlements/{settlement_id}/return": "settlement.return",
    "/api/payments/{payment_id}/retry": "payment.retry",
    "/api/payment-statuses/{status_id}/closing": "payment_status.close",
    "/api/journals": "journal.post",
    "/api/journals/reversal": "journal.reverse",
    "/api/cases": "case.open",
    "/api/cases/{case}/notes": "case.note",
    "/api/cases/{case}/decision": "case.decide",
    "/api/cases/{case}/closing": "case.close",
    "/api/cases/{case}/return": "case.return",
}
"""By which address an act on a deal is asked for."""
