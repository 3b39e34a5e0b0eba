"""What the codes of deputies, absences, dead ends and explanations are called on a page."""

from typing import Final

from policies.vocabulary import Action
from service.kernel.items import Item
from service.ui.languages import N_

ACTS: Final[dict[str, str]] = {
    Action.DELEGATION_APPROVE: N_("Approve deputy"),
    Action.DELEGATION_END: N_("End deputising"),
    Action.DELEGATION_READ: N_("Read deputies"),
    Action.DELEGATION_REFUSE: N_("Refuse deputy"),
    Action.DELEGATION_REQUEST: N_("Name a deputy"),
}

DONE: Final[dict[str, str]] = {
    Action.DELEGATION_APPROVE: N_("The deputy is approved."),
    Action.DELEGATION_END: N_("The duties are back where they belong."),
    Action.DELEGATION_REFUSE: N_("The duties stay where they are."),
    Action.DELEGATION_REQUEST: N_("The deputy is named; another person decides."),
}

ITEMS: Final[dict[str, str]] = {
    Item.DECIDE_DELEGATION: N_("Decide on a deputy"),
}

FIELDS: Final[dict[str, str]] = {
    "deputy": N_("Deputy"),
    "roles": N_("Duties"),
    "valid_from": N_("Valid from"),
    "valid_to": N_("Valid to"),
}
