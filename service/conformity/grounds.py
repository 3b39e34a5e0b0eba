"""On which grounds risk control lets a deal stand that is off the market or has no reference (TRD-04)."""

from enum import StrEnum
from typing import Final


class Ground(StrEnum):
    """Why such a deal may stand. The first four are the supervisor's; the last is for deals without a reference."""

    CUSTOMER_WISH = "customer_wish"
    INTERNAL_RULE = "internal_rule"
    DISCLOSED_IN_CONFIRMATION = "disclosed_in_confirmation"
    REPORTED_TO_BOARD = "reported_to_board"
    NO_REFERENCE_ASSESSED = "no_reference_assessed"


ALERT: Final = "alert"
NO_REFERENCE: Final = "no_reference"


class UnfitGround(ValueError):
    """The ground does not carry what the check found; ``field`` says what is missing or wrong."""

    def __init__(self, sentence: str, field: str) -> None:
        super().__init__(sentence)
        self.field = field


def must_carry(ground: Ground, found: str, document_sha256: str | None) -> None:
    """Raise UnfitGround unless the ground can justify a check that found an alert, or no reference."""
    if ground is Ground.NO_REFERENCE_ASSESSED and found == ALERT:
        sentence = "This deal has a reference and stands off it; an assessment without one is no ground"
        raise UnfitGround(sentence, "ground")
    if ground is Ground.DISCLOSED_IN_CONFIRMATION and found == NO_REFERENCE:
        sentence = "A confirmation says nothing about a deal without a reference; choose another ground"
        raise UnfitGround(sentence, "ground")
    if ground is Ground.CUSTOMER_WISH and document_sha256 is None:
        sentence = "A customer's wish is a ground only with the customer's document: state its SHA-256"
        raise UnfitGround(sentence, "document_sha256")
