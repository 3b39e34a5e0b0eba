"""What a failed transaction amounts to: a refusal that users can act on, or a bug."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from service.kernel.errors import (
    AlreadyExists,
    DatabaseSilent,
    InOtherHands,
    Malformed,
    OnLeave,
    Refusal,
    RowLags,
    StaleVersion,
    WrongClock,
)
from service.kernel.lines import is_silent

LOGGER = logging.getLogger(__name__)
UNIQUE_VIOLATION = "23505"
OUT_OF_TIME = "TW002"
NO_TEXT = ("22021", "22P05")
"""A character that the database keeps in no text: of all that JSON can spell, NUL."""


def sqlstate(failure: Exception) -> str | None:
    """Return PostgreSQL's error code, if the failure carries one."""
    original = getattr(failure, "orig", None)
    return getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)


def translated(failure: Exception) -> Refusal | None:
    """Return the refusal behind what breaks a set: users racing each other, words that cannot stand in the log."""
    if isinstance(failure, Malformed):
        return failure
    if is_no_text(failure):
        return Malformed("A text holds a character that cannot be kept.")
    if isinstance(failure, StaleDataError):
        return StaleVersion("Somebody else changed this at the same moment. Look again.", field="version")
    if isinstance(failure, IntegrityError) and sqlstate(failure) == UNIQUE_VIOLATION:
        driver = getattr(failure.orig, "__cause__", None) or failure.orig
        constraint = getattr(driver, "constraint_name", None)
        return AlreadyExists(
            f"Somebody else was first: this exists already ({constraint or 'unique value'})."
        )
    return said_by_ours(failure) if isinstance(failure, DBAPIError) else None


def unanswered(failure: Exception) -> Refusal | None:
    """Return what a caller is told whose act was lost with the database; it has no entry, for nothing can be written."""
    return DatabaseSilent() if is_silent(failure) else None


def is_no_text(failure: Exception) -> bool:
    """Whether the database was given a text with a character that no text of it holds."""
    return isinstance(failure, DBAPIError) and sqlstate(failure) in NO_TEXT


def said_by_ours(failure: DBAPIError) -> Refusal | None:
    """Return the refusal behind an error code of our own."""
    match sqlstate(failure):
        case "TW001":
            return RowLags(
                "A recovery found this to lag behind the log; a log custodian knows what must be put right."
            )
        case "TW002":
            return WrongClock()
        case "TW003":
            return InOtherHands(
                "Somebody else has taken this work. Wait until they are done, or until it is free."
            )
        case "TW004":
            return OnLeave(None)
    return None


@asynccontextmanager
async def in_time_or_said(refusal: Refusal) -> AsyncIterator[None]:
    """Write a refusal's entry, or, where no entry could state a time that fits, the process's own log."""
    try:
        yield
    except DBAPIError as failure:
        if not is_out_of_time(failure):
            raise
        refusal.decision = None
        LOGGER.error("refused and not recorded, for the clock is wrong: %s: %s", refusal.code, failure.orig)  # noqa: TRY400


def is_out_of_time(failure: Exception) -> bool:
    """Whether the log took no entry because of the time it states."""
    return isinstance(failure, DBAPIError) and sqlstate(failure) == OUT_OF_TIME
