"""What the figures of the dashboards are called."""

from typing import Final

from service.ui.languages import N_

FIGURES: Final[dict[str, str]] = {
    "checkpoint_age": N_("Age of the last checkpoint"),
    "clearing_by_age": N_("Paid in part, by age"),
    "controls_tested": N_("Controls with a test of their own"),
    "deals_today": N_("Deals today"),
    "denied_attempts": N_("Denied attempts, seven days"),
    "due_within_an_hour": N_("Due within an hour"),
    "escalations": N_("Work that climbed, by age"),
    "failure_causes": N_("Why payments failed"),
    "fails_by_age": N_("Payments behind their value date"),
    "handed_over_to_us": N_("Offered to us by others"),
    "limit_use": N_("Most used limits"),
    "log.critical": N_("critically late"),
    "log.late": N_("late"),
    "log.ready": N_("ready"),
    "log.stopped": N_("stopped"),
    "log_state": N_("The log"),
    "marked_today": N_("Marks on today's deals"),
    "off_market": N_("Off the market, not justified"),
    "open_cases": N_("Open cases"),
    "open_excesses": N_("Open excesses"),
    "overdue": N_("Overdue"),
    "proof": N_("Sets of roles that could deal and control"),
    "returned_to_me": N_("Returned to me"),
    "straight_through": N_("Matched as first entered, thirty days"),
    "sums_proof": N_("Sum of all postings"),
    "time_until_done": N_("Median time until work is done"),
    "unconfirmed_by_age": N_("Not confirmed yet"),
    "unused_rights": N_("Rights nobody used for 90 days"),
    "waiting_by_age": N_("Waiting in our queue"),
}
