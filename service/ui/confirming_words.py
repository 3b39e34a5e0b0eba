"""What the acts, items and codes around confirmations are called on a page."""

from typing import Final, Literal

from policies.vocabulary import Action
from service.kernel.items import Item
from service.ui.languages import N_

ACTS: Final[dict[str, str]] = {
    Action.ALERT_REVIEW: N_("Review alert"),
    Action.ALLEGED_ANSWER: N_("Answer about alleged deal"),
    Action.ALLEGED_READ: N_("Read alleged deals"),
    Action.BROKER_STATEMENT_RECORD: N_("Record broker's statement"),
    Action.CHANNEL_PROPOSE: N_("Propose confirmation channel"),
    Action.CHANNEL_READ: N_("Read confirmation channels"),
    Action.CHECKLIST_SIGN: N_("Sign off papers"),
    Action.CONFIRMATION_COUNTER: N_("Record their side"),
    Action.CONFIRMATION_DISPATCH: N_("Send confirmation"),
    Action.CONFIRMATION_DRAFT: N_("Draft confirmation"),
    Action.CONFIRMATION_MATCH: N_("Match both sides"),
    Action.CONFIRMATION_READ: N_("Read confirmations"),
    Action.CONFIRMATION_WITHDRAW: N_("Withdraw confirmation"),
    Action.CONFIRMATION_CHASE: N_("Chase confirmation"),
    Action.CONFIRMATION_COLLECT: N_("Collect confirmation"),
    Action.CONFIRMATION_DEEM: N_("Deem confirmed"),
    Action.CONFIRMATION_FORWARD: N_("Pass on confirmation"),
    Action.CONFIRMATION_RECEIVE: N_("Take in confirmation"),
    Action.CONFIRMATION_REDRAFT: N_("Draft anew"),
    Action.INBOUND_DISMISS: N_("Put message aside"),
    Action.INBOUND_LINK: N_("Join message to deal"),
    Action.INBOUND_SHARE: N_("Ask trading"),
    Action.LONG_FORM_FILE: N_("File long form"),
    Action.SUBSTITUTE_APPROVE: N_("Agree to other verification"),
    Action.SUBSTITUTE_PROPOSE: N_("Verify in another way"),
    Action.SUBSTITUTE_REFUSE: N_("Refuse other verification"),
    Action.TOLERANCE_PROPOSE: N_("Propose tolerance"),
    Action.TRANSMISSION_BEGIN: N_("Begin sending"),
    Action.TRANSMISSION_COMPLETE: N_("Send message"),
    Action.TRANSMISSION_FAIL: N_("Note failed delivery"),
    Action.TRANSMISSION_RETRY: N_("Send again"),
}

ITEMS: Final[dict[str, str]] = {
    Item.ANSWER_ALLEGED: N_("Answer about alleged deal"),
    Item.APPROVE_SUBSTITUTE: N_("Agree to other verification"),
    Item.CHECK_DOCUMENTS: N_("Sign off papers"),
    Item.EXAMINE_ALERT: N_("Examine alert"),
    Item.EXAMINE_ALLEGED: N_("Examine alleged deal"),
    Item.EXAMINE_MESSAGE: N_("Examine message"),
    Item.FILE_LONG_FORM: N_("File long form"),
    Item.RECORD_BROKER_STATEMENT: N_("Record broker's statement"),
    Item.RESEND: N_("Message not delivered"),
    Item.REVIEW_ALERT: N_("Review alert"),
    Item.TRANSMIT: N_("Send message"),
}

DONE: Final[dict[str, str]] = {
    Action.CONFIRMATION_RECEIVE: N_("The message is filed."),
    Action.CONFIRMATION_REDRAFT: N_("A new draft is written."),
    Action.SUBSTITUTE_PROPOSE: N_("Another person decides whether this proves the deal."),
    Action.TRANSMISSION_RETRY: N_("The message goes out again."),
}

STATES: Final[dict[str, tuple[str, Literal["good", "bad", "open", "gone"], str]]] = {
    "deemed": ("✓", "good", N_("deemed confirmed")),
    "substituted": ("✓", "good", N_("verified otherwise")),
    "complete": ("✓", "good", N_("complete")),
    "filed": ("✓", "good", N_("filed")),
    "signed": ("✓", "good", N_("signed off")),
    "void": ("✕", "gone", N_("void")),
    "alleged": ("?", "bad", N_("alleged")),
    "indirect": ("!", "bad", N_("came through trading")),
    "linked": ("✓", "good", N_("joined to a deal")),
    "waiting": ("○", "open", N_("waits for a person")),
    "dismissed": ("✕", "gone", N_("put aside")),
    "queued": ("○", "open", N_("to be sent")),
    "under_way": ("→", "open", N_("under way")),
    "delivered": ("✓", "good", N_("delivered")),
    "dropped": ("✕", "gone", N_("not sent any more")),
}
"""Icon, tone and text of each state of messages and of confirmations that were agreed otherwise."""

ALERTS: Final[dict[str, str]] = {
    "alleged": N_("a counterparty confirms a deal that is not ours"),
    "cancellations_cluster": N_("many cancellations of one trader's unconfirmed deals"),
    "clerk_cluster": N_("many cancellations approved by one clerk"),
    "counterparty_cluster": N_("many changes with one counterparty"),
    "indirect": N_("a confirmation came through trading"),
    "other_counterparty": N_("a message names another counterparty"),
    "payment_route_differs": N_("their message names another account"),
    "portfolio_cluster": N_("many changes in one book"),
    "rebooked_twice": N_("cancelled and booked anew, again"),
    "unconfirmed_3_days": N_("unconfirmed for three business days"),
    "unconfirmed_5_days": N_("unconfirmed for five business days"),
    "unknown_sender": N_("a message from an unknown sender"),
}
"""Why somebody outside trading looks into it."""

PURPOSES: Final[dict[str, str]] = {
    "cancellation": N_("Cancellation"),
    "chaser": N_("Reminder"),
    "confirmation": N_("Confirmation"),
}
WAYS: Final[dict[str, str]] = {
    "call_back": N_("call to their control desk"),
    "custodian_statement": N_("statement of the custodian"),
    "trade_repository": N_("trade repository"),
    "cash_receipt": N_("receipt of the money"),
}
PAPERS: Final[dict[str, str]] = {
    "our_confirmation": N_("Our confirmation"),
    "counter_confirmation": N_("Counter-confirmation"),
    "broker_statement": N_("Broker's statement"),
    "long_form": N_("Long form"),
}
CODES_SAID: Final[dict[str, str]] = {
    "no_message": N_("they sent no message"),
    "counterparty_late": N_("they were late"),
    "late_here": N_("we were late"),
    "other": N_("something else"),
}

FINDINGS_IN: Final[dict[str, str]] = {
    "alleged": N_("no deal of ours fits"),
    "ambiguous": N_("several deals fit"),
    "amends_or_cancels": N_("amends or cancels an earlier message"),
    "answered_already": N_("the deal is confirmed already"),
    "duplicate_reference": N_("its reference was used before"),
    "indirect": N_("it came through trading"),
    "no_confirmation": N_("it is no confirmation"),
    "not_taken_in": N_("the file was not taken in"),
    "other_counterparty": N_("it names another counterparty"),
    "unknown_sender": N_("master data knows no such sender"),
    "unreadable": N_("it cannot be read"),
}
"""Why a message from outside waits for a person."""
