"""What the codes of deputies, absences, dead ends and explanations are called on a page."""

from typing import Final, Literal

from policies.vocabulary import Action
from service.kernel.items import Item
from service.ui.languages import N_

STATES: Final[dict[str, tuple[str, Literal["quiet", "open", "good", "bad", "gone"], str]]] = {
    "planned": ("○", "open", N_("planned")),
    "running": ("▸", "good", N_("running")),
    "fulfilled": ("✓", "good", N_("fulfilled")),
    "interrupted": ("!", "bad", N_("interrupted")),
    "lapsed": ("✕", "gone", N_("lapsed")),
    "missing": ("!", "open", N_("missing")),
}

ACTS: Final[dict[str, str]] = {
    Action.ABSENCE_ACCEPT: N_("Take over positions"),
    Action.ABSENCE_INTERRUPT: N_("Interrupt absence"),
    Action.ABSENCE_PLAN: N_("Plan absence"),
    Action.ABSENCE_READ: N_("Read absences"),
    Action.ABSENCE_REVIEW: N_("Look into an access while absent"),
    Action.ABSENCE_WITHDRAW: N_("Withdraw absence"),
    Action.DEAD_END_CLOSE: N_("Close dead end"),
    Action.DELEGATION_APPROVE: N_("Approve deputy"),
    Action.DELEGATION_END: N_("End deputising"),
    Action.DELEGATION_READ: N_("Read deputies"),
    Action.DELEGATION_REFUSE: N_("Refuse deputy"),
    Action.DELEGATION_REQUEST: N_("Name a deputy"),
    Action.DESK_REPORT_ACKNOWLEDGE: N_("Take notice of the desk's day"),
    Action.DESK_REPORT_ISSUE: N_("Report the desk's day"),
    Action.DESK_REPORT_READ: N_("Read desk reports"),
    Action.EXPLANATION_READ: N_("Ask why"),
}

DONE: Final[dict[str, str]] = {
    Action.ABSENCE_ACCEPT: N_("You answer for the positions in these days."),
    Action.ABSENCE_INTERRUPT: N_("The absence is interrupted; the count begins anew."),
    Action.ABSENCE_PLAN: N_("The absence is planned; the substitute has to accept."),
    Action.ABSENCE_REVIEW: N_("The finding is on record."),
    Action.ABSENCE_WITHDRAW: N_("The plan is taken back."),
    Action.DEAD_END_CLOSE: N_("The measure is on record."),
    Action.DESK_REPORT_ACKNOWLEDGE: N_("Your receipt is on record."),
    Action.DELEGATION_APPROVE: N_("The deputy is approved."),
    Action.DELEGATION_END: N_("The duties are back where they belong."),
    Action.DELEGATION_REFUSE: N_("The duties stay where they are."),
    Action.DELEGATION_REQUEST: N_("The deputy is named; another person decides."),
}

ITEMS: Final[dict[str, str]] = {
    Item.ABSENCE_BREACH: N_("Access while absent"),
    Item.ABSENCE_BREACH_RISK: N_("Access while absent"),
    Item.ACCEPT_ABSENCE: N_("Take over positions"),
    Item.ACKNOWLEDGE_DESK_REPORT: N_("Take notice of the desk's day"),
    Item.DEAD_END: N_("Nobody is left for an act"),
    Item.DECIDE_DELEGATION: N_("Decide on a deputy"),
}

FIELDS: Final[dict[str, str]] = {
    "deputy": N_("Deputy"),
    "finding": N_("Finding"),
    "first_day": N_("First day"),
    "last_day": N_("Last day"),
    "substitute": N_("Substitute"),
    "roles": N_("Duties"),
    "valid_from": N_("Valid from"),
    "valid_to": N_("Valid to"),
}
