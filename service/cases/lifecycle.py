"""A case is open until somebody decides it; another office signs the decision, or returns it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from policies.vocabulary import Action, Office
from service.kernel.lifecycle import Lifecycle


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    DECIDED = "decided"
    RETURNED = "returned"
    CLOSED = "closed"


class CaseOutcome(StrEnum):
    """What a case came to."""

    CLEARED = "cleared"  # there was a plausible cause
    CORRECTED = "corrected"  # something was wrong and is set right
    BREACH = "breach"  # somebody broke a rule


class NoteKind(StrEnum):
    """What is added to a case. What trading says is a claim, and a claim is no evidence (SET-22)."""

    NOTE = "note"
    CLAIM = "claim"
    EVIDENCE = "evidence"


CASE = Lifecycle(
    "case",
    {
        (CaseState.OPEN, Action.CASE_DECIDE): CaseState.DECIDED,
        (CaseState.RETURNED, Action.CASE_DECIDE): CaseState.DECIDED,
        (CaseState.DECIDED, Action.CASE_CLOSE): CaseState.CLOSED,
        (CaseState.DECIDED, Action.CASE_RETURN): CaseState.RETURNED,
    },
)

SIGNS: Final[Mapping[Office, Office]] = {
    Office.BACK_OFFICE: Office.COMPLIANCE,
    Office.COMPLIANCE: Office.RISK_CONTROL,
    Office.RISK_CONTROL: Office.COMPLIANCE,
}
"""Who may lead a case, each with the office whose signature closes it: never trading, never the same twice."""

STATEMENTS: Final = frozenset({Action.ALLEGED_ANSWER, Action.CONFIRMATION_FORWARD})
"""Acts by which trading says something: their entries bear out that it was said, not that it is so."""
