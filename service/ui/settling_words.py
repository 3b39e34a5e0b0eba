"""What the codes of settlement are called on a page: its states, acts, work, tables and reasons."""

from typing import Final, Literal

from policies.vocabulary import Action
from service.kernel.items import Item
from service.ui.languages import N_

SETTLING_ACTS: Final[dict[str, str]] = {
    Action.CALL_BACK_CHECK: N_("Check call-back"),
    Action.CALL_BACK_MAKE: N_("Record call-back"),
    Action.PAYMENT_BEGIN: N_("Begin to send payment message"),
    Action.PAYMENT_COMPLETE: N_("Send payment message"),
    Action.PAYMENT_FAIL: N_("Note payment message not delivered"),
    Action.PAYMENT_RETRY: N_("Send payment message again"),
    Action.PAYMENT_STATUS_APPLY: N_("Bring bank's word to payment"),
    Action.PAYMENT_STATUS_CLOSE: N_("Close bank's word"),
    Action.PAYMENT_STATUS_COLLECT: N_("Collect bank's word"),
    Action.PAYMENT_STATUS_RECEIVE: N_("Take in bank's word"),
    Action.SETTLEMENT_COMPLETE: N_("Record as settled"),
    Action.SETTLEMENT_COUNTERSIGN: N_("Sign second and release"),
    Action.SETTLEMENT_DEVIATE: N_("Name a route for this deal alone"),
    Action.SETTLEMENT_FAIL: N_("Record as failed"),
    Action.SETTLEMENT_FOLLOW: N_("Follow the net"),
    Action.SETTLEMENT_FREE: N_("Let the payment go on"),
    Action.SETTLEMENT_HOLD: N_("Hold the payment"),
    Action.SETTLEMENT_NET: N_("Net with others"),
    Action.SETTLEMENT_PART: N_("Record as settled in part"),
    Action.SETTLEMENT_POSTPONE: N_("Pay on the next day"),
    Action.SETTLEMENT_PREPARE: N_("Prepare settlement"),
    Action.SETTLEMENT_PROJECT: N_("Project settlement"),
    Action.SETTLEMENT_READ: N_("Read settlements"),
    Action.SETTLEMENT_RELEASE: N_("Release settlement"),
    Action.SETTLEMENT_RETURN: N_("Record as returned"),
    Action.SETTLEMENT_RULE_APPROVE: N_("Approve settlement rule"),
    Action.SETTLEMENT_RULE_PROPOSE: N_("Propose settlement rule"),
    Action.SETTLEMENT_RULE_READ: N_("Read settlement rules"),
    Action.SETTLEMENT_RULE_REFUSE: N_("Refuse settlement rule"),
    Action.SETTLEMENT_WITHDRAW: N_("Withdraw settlement"),
    Action.TRANSFER_BOOK: N_("Book transfer"),
}

SETTLING_STATES: Final[dict[str, tuple[str, Literal["open", "good", "bad", "gone"], str]]] = {
    "applied": ("✓", "good", N_("carried out")),
    "blocked": ("✕", "bad", N_("cannot be sent")),
    "broken": ("✕", "gone", N_("net broken")),
    "composed": ("○", "open", N_("net waits for its releases")),
    "confirmed": ("✓", "good", N_("confirmed")),
    "in_force": ("✓", "good", N_("in force")),
    "made": ("○", "open", N_("recorded")),
    "netted": ("◓", "open", N_("released into a net")),
    "noted": ("✓", "good", N_("noted")),
    "partial": ("◑", "bad", N_("settled in part")),
    "rejected": ("✕", "gone", N_("rejected")),
    "signed": ("◓", "open", N_("signed once")),
}

SETTLING_ITEMS: Final[dict[str, str]] = {
    Item.BOOK_TRANSFER: N_("Book transfer"),
    Item.CALL_BACK: N_("Call the counterparty back"),
    Item.CHECK_CALL_BACK: N_("Check call-back"),
    Item.COUNTERSIGN: N_("Sign second"),
    Item.DECIDE_SETTLEMENT_RULE: N_("Decide on settlement rule"),
    Item.FOLLOW: N_("Follow the net"),
    Item.FREE: N_("Decide on held payment"),
    Item.POSTPONE: N_("Decide on late payment"),
    Item.APPLY_STATUS: N_("Bring bank's word to payment"),
    Item.EXAMINE_STATUS: N_("Examine bank's word"),
    Item.REPAIR_PAYMENT: N_("Payment message not sent"),
    Item.SEND_PAYMENT: N_("Send payment message"),
    Item.POST_PART: N_("Post a payment in part"),
    Item.POST_RETURN: N_("Mirror the journals of a returned payment"),
}

SETTLING_DONE: Final[dict[str, str]] = {
    Action.CALL_BACK_CHECK: N_("The call is checked."),
    Action.CALL_BACK_MAKE: N_("The call is on record; another person checks it."),
    Action.PAYMENT_RETRY: N_("The payment message goes to the post again."),
    Action.PAYMENT_STATUS_CLOSE: N_("What was done is on record."),
    Action.PAYMENT_STATUS_RECEIVE: N_("What the bank says is filed; people compare it."),
    Action.SETTLEMENT_COMPLETE: N_("The leg is recorded as settled."),
    Action.SETTLEMENT_COUNTERSIGN: N_("The leg is released."),
    Action.SETTLEMENT_DEVIATE: N_("The leg is held until a call to the counterparty confirmed the route."),
    Action.SETTLEMENT_FAIL: N_("The leg is recorded as failed."),
    Action.SETTLEMENT_FREE: N_("The leg goes on; it is prepared anew."),
    Action.SETTLEMENT_HOLD: N_("The leg is held."),
    Action.SETTLEMENT_NET: N_("The leg is netted; each leg of the net is released by another person."),
    Action.SETTLEMENT_PART: N_("The part is on record; the rest stays due."),
    Action.SETTLEMENT_POSTPONE: N_("The leg is paid on the next day."),
    Action.SETTLEMENT_PREPARE: N_("The leg is prepared; another person releases it."),
    Action.SETTLEMENT_RELEASE: N_("Your release is on record."),
    Action.SETTLEMENT_RETURN: N_("The leg is recorded as returned; it is prepared anew."),
    Action.SETTLEMENT_RULE_APPROVE: N_("The rule is in force."),
    Action.SETTLEMENT_RULE_PROPOSE: N_("The rule is proposed; another person decides."),
    Action.SETTLEMENT_RULE_REFUSE: N_("The rule is refused."),
}

SETTLEMENT_RULES: Final[dict[str, str]] = {
    "call_back": N_("Call-back number"),
    "cut_off": N_("Cut-off of a currency"),
    "cycle": N_("Settlement cycle"),
    "freshness": N_("How long a payment route is fresh"),
    "ladder": N_("Amount up to which one signature is enough"),
    "netting": N_("Payment netting"),
    "penalty": N_("Penalty for late settlement"),
    "reason": N_("Reason code"),
}

ROUTE_REASONS: Final[dict[str, str]] = {
    "agreed_for_this_deal": N_("agreed for this deal alone and confirmed by a call"),
    "approved_last": N_("approved last, and so in force"),
    "not_confirmed": N_("named for this deal alone, not confirmed by a call"),
    "replaced": N_("replaced by one approved later"),
    "set_aside_for_this_deal": N_("in force, but another route was agreed for this deal"),
}
"""Why a payment route was taken or passed over."""
