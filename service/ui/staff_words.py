"""What the codes of the organisation, of staff events and of conflicts of rights are called on a page."""

from typing import Final

from policies.vocabulary import Action
from service.kernel.items import Item
from service.ui.languages import N_

ACTS: Final[dict[str, str]] = {
    Action.ACCOUNT_ASSIGN: N_("Name owner of service account"),
    Action.CONFLICT_CLOSE: N_("Close conflict of rights"),
    Action.ORGANISATION_APPROVE: N_("Approve organisation"),
    Action.ORGANISATION_PROPOSE: N_("Propose organisation"),
    Action.ORGANISATION_READ: N_("Read organisation"),
    Action.ORGANISATION_REFUSE: N_("Refuse organisation"),
    Action.RIGHT_CHECK: N_("Check everybody's rights"),
    Action.SESSION_REVIEW: N_("Look into a second device"),
    Action.STAFF_EVENT_RECORD: N_("Report staff event"),
}

ITEMS: Final[dict[str, str]] = {
    Item.CHECK_RIGHTS: N_("Check everybody's rights"),
    Item.DECIDE_ORGANISATION: N_("Decide on organisation"),
    Item.RESOLVE_CONFLICT: N_("Resolve conflict of rights"),
    Item.SECOND_DEVICE: N_("Identity in use on two devices"),
}

DONE: Final[dict[str, str]] = {
    Action.ORGANISATION_APPROVE: N_("The organisation changes as proposed."),
    Action.ORGANISATION_PROPOSE: N_("The change is proposed; another person decides."),
    Action.ORGANISATION_REFUSE: N_("The change of the organisation is refused."),
    Action.SESSION_REVIEW: N_("The finding is on record."),
    Action.STAFF_EVENT_RECORD: N_("The event is on record; what it ends has ended."),
}

FIELDS: Final[dict[str, str]] = {
    "board_member": N_("Board member"),
    "disciplinary_head": N_("Disciplinary head"),
    "effective_on": N_("Effective on"),
    "event": N_("Event"),
    "function_class": N_("Function"),
    "functional_head": N_("Functional head"),
    "owner": N_("Owner"),
    "staff_number": N_("Staff number"),
}

STAFF_EVENTS: Final[dict[str, str]] = {
    "joiner": N_("joins"),
    "mover": N_("moves"),
    "leaver": N_("leaves"),
    "applies": N_("applies"),
    "withdraws": N_("withdraws the application"),
}
