"""What the kinds of work are called on a page."""

from typing import Final

from service.kernel.items import Item
from service.ui import case_words, confirming_words, deputy_words, staff_words
from service.ui.languages import N_
from service.ui.settling_words import SETTLING_ITEMS

ITEMS: Final[dict[str, str]] = {
    **deputy_words.ITEMS,
    **confirming_words.ITEMS,
    **SETTLING_ITEMS,
    **staff_words.ITEMS,
    **case_words.ITEMS,
    Item.ACCEPT_INTERNAL: N_("Accept internal deal"),
    Item.ACKNOWLEDGE_PREMISES: N_("Acknowledge off-premises deal"),
    Item.AMEND: N_("Amend deal"),
    Item.CLEAR_AGREEMENT: N_("Clear agreement"),
    Item.COMPLETE: N_("Record outcome of payment"),
    Item.CONFIRM: N_("Send confirmation"),
    Item.CORRECT: N_("Correct returned deal"),
    Item.DECIDE: N_("Decide on request"),
    Item.DECIDE_BENCHMARK: N_("Decide on benchmark"),
    Item.DECIDE_DESK_RULE: N_("Decide on desk rule"),
    Item.DECIDE_POLICY: N_("Decide on the policy"),
    Item.DECIDE_PROPOSAL: N_("Decide on master data"),
    Item.DRAFT_CONFIRMATION: N_("Draft confirmation"),
    Item.ESCALATED_AUDIT: N_("Unanswered work: internal audit"),
    Item.ESCALATED_BOARD: N_("Unanswered work: the board"),
    Item.ESCALATED_COMPLIANCE: N_("Unanswered work: compliance"),
    Item.ESCALATED_HEAD: N_("Unanswered work: the own head"),
    Item.ESCALATED_RISK: N_("Unanswered work: risk control"),
    Item.EXCESS: N_("Close excess"),
    Item.GRANT_APPROVE: N_("Decide on a right"),
    Item.GRANT_EXECUTE: N_("Put right in force"),
    Item.JUSTIFY: N_("Justify price"),
    Item.MATCH: N_("Match confirmation"),
    Item.POST_SETTLEMENT: N_("Post settlement"),
    Item.POST_TRADE: N_("Post deal"),
    Item.PREPARE: N_("Prepare settlement"),
    Item.PREPARE_TRANSFER: N_("Prepare transfer"),
    Item.PROJECT: N_("Project settlement"),
    Item.RELEASE: N_("Release settlement"),
    Item.RELEASE_TRANSFER: N_("Sign transfer"),
    Item.REVERSE: N_("Reverse journals"),
    Item.REVIEW_TRANSFER_BOOKS: N_("Judge transfer"),
    Item.REVIEW_TRANSFER_RISK: N_("Judge transfer"),
    Item.TAKE_NOTICE: N_("Take notice"),
    Item.UNWIND: N_("Unwind position"),
    Item.VERIFY: N_("Verify deal"),
    Item.VOTE_LIMIT: N_("Vote on limit"),
    Item.VOTE_MARKET_LIMIT: N_("Vote on market-risk limit"),
    Item.WITHDRAW_CONFIRMATION: N_("Withdraw confirmation"),
    Item.WITHDRAW_SETTLEMENT: N_("Withdraw settlement"),
}
