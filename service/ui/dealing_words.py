"""What the codes of agreements, market checks, desk rules, internal deals and transfers are called on a page."""

from typing import Final

from service.ui.languages import N_

NEEDS: Final[dict[str, str]] = {
    "breakdown_differs": N_("its parts do not add up to the amount"),
    "exceeds_need": N_("more than the deal needs"),
    "no_breakdown": N_("it does not say which deals it is for"),
    "no_rate": N_("no rate is known"),
    "unknown_deal": N_("no verified deal of the desk"),
}
"""What was found about a transfer beside what booked deals need."""

TRANSFERS: Final[dict[str, str]] = {
    "margin": N_("Margin payment"),
    "own_accounts": N_("Between own accounts"),
}

PURPOSES: Final[dict[str, str]] = {
    "book_transfer": N_("Transfer between books"),
    "funding": N_("Funding"),
    "hedge": N_("Hedge"),
    "liquidity": N_("Liquidity"),
}
"""Why two books of the bank deal with each other."""

DESK_RULES: Final[dict[str, str]] = {"cut_off": N_("Cut-off"), "mandate": N_("Mandate off the premises")}

FINDINGS: Final[dict[str, str]] = {
    "inverted": N_("quoted upside down"),
    "no_tolerance": N_("no tolerance is set"),
    "outside": N_("outside the tolerance"),
    "points": N_("forward points have no reference"),
    "unknown": N_("no reference is known"),
    "within": N_("within the tolerance"),
}
"""What the check of a deal against the market found."""

GROUNDS: Final[dict[str, str]] = {
    "customer_wish": N_("the customer's wish, with its document"),
    "disclosed_in_confirmation": N_("disclosed in the confirmation"),
    "internal_rule": N_("an internal rule for such deals"),
    "no_reference_assessed": N_("assessed independently, for want of a reference"),
    "reported_to_board": N_("reported to the board"),
}

AGREEMENT_FORMS: Final[dict[str, str]] = {
    "master_agreement": N_("Master agreement"),
    "waiver": N_("Waiver"),
}

DEAL_TYPES: Final[dict[str, str]] = {
    "fx_spot": N_("FX spot"),
    "fx_forward": N_("FX forward"),
    "mm_deposit": N_("Deposit placed"),
    "mm_loan": N_("Loan taken"),
}

LOCATIONS: Final[dict[str, str]] = {
    "premises": N_("On the premises"),
    "home_office": N_("Home office"),
    "other": N_("Elsewhere"),
}

SIDES: Final[dict[str, str]] = {"buy": N_("Buy"), "sell": N_("Sell")}

LIMIT_SCOPES: Final[dict[str, str]] = {
    "counterparty": N_("Counterparty"),
    "mandate": N_("Your mandate off the premises"),
    "portfolio": N_("Portfolio"),
}
"""What a deal's limits are limits of."""
