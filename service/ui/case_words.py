"""What the codes of cases, and the spans of exposures, are called on a page."""

from typing import Final, Literal

from policies.vocabulary import Action
from service.kernel.items import Item
from service.ui.languages import N_

STATES: Final[dict[str, tuple[str, Literal["quiet", "open", "good", "bad", "gone"], str]]] = {
    "decided": ("◐", "open", N_("decided, to be signed")),
}

ACTS: Final[dict[str, str]] = {
    Action.CASE_ACKNOWLEDGE: N_("Take notice of a suspicion"),
    Action.CASE_ASSIGN: N_("Hand case to a colleague"),
    Action.CASE_CLOSE: N_("Sign and close case"),
    Action.CASE_DECIDE: N_("Decide case"),
    Action.CASE_NOTE: N_("Note in case"),
    Action.CASE_OPEN: N_("Open case"),
    Action.CASE_READ: N_("Read cases"),
    Action.CASE_RETURN: N_("Return decision"),
}

ITEMS: Final[dict[str, str]] = {
    Item.CASE_NOTICE: N_("Take notice of a suspicion"),
    Item.EXAMINE_CASE: N_("Look into case"),
    Item.SIGN_CASE: N_("Sign decision of a case"),
}

DONE: Final[dict[str, str]] = {
    Action.CASE_ACKNOWLEDGE: N_("Your receipt is on record."),
    Action.CASE_ASSIGN: N_("The case has another owner."),
    Action.CASE_CLOSE: N_("The case is closed."),
    Action.CASE_DECIDE: N_("The decision waits for the signature of another office."),
    Action.CASE_NOTE: N_("The note is on record."),
    Action.CASE_OPEN: N_("The case is open."),
    Action.CASE_RETURN: N_("The decision is returned."),
}

FIELDS: Final[dict[str, str]] = {
    "decision": N_("Decision"),
    "document": N_("Document"),
    "entry": N_("Entry"),
    "item": N_("Alert"),
    "note": N_("Note"),
    "outcome": N_("Outcome"),
    "suspicion": N_("Suspicion"),
    "title": N_("Title"),
}

SPANS: Final[dict[str, str]] = {
    "due": N_("due"),
    "week": N_("1 to 7 days"),
    "month": N_("8 to 30 days"),
    "quarter": N_("31 to 90 days"),
    "year": N_("91 to 365 days"),
    "beyond": N_("more than a year"),
}

CASE_OUTCOMES: Final[dict[str, str]] = {
    "cleared": N_("plausibly explained"),
    "corrected": N_("wrong and set right"),
    "breach": N_("a rule was broken"),
}

CASE_NOTES: Final[dict[str, str]] = {
    "note": N_("note"),
    "claim": N_("claim"),
    "evidence": N_("evidence"),
}
