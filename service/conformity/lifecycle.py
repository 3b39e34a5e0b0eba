"""Where a deal stands beside the market, and what the board was told; each state follows from rows, none is moved."""

from enum import StrEnum


class CheckState(StrEnum):
    """What the last check of a deal found, or that risk control justified it."""

    OK = "ok"
    ALERT = "alert"
    NO_REFERENCE = "no_reference"
    JUSTIFIED = "justified"


class Finding(StrEnum):
    """What a check found, in a word."""

    WITHIN = "within"
    OUTSIDE = "outside"
    INVERTED = "inverted"
    NO_TOLERANCE = "no_tolerance"
    POINTS = "points"
    UNKNOWN = "unknown"


class NoticeState(StrEnum):
    """Whether the board has taken note of what it was told."""

    OPEN = "open"
    TAKEN = "taken"
