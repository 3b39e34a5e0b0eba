"""Where a page of a list ends: a place that stays put while new rows arrive."""

import base64
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from service.kernel.errors import Malformed


class Place(NamedTuple):
    """The last row of a page, by time and id."""

    at: datetime
    id: UUID


def cursor_of(at: datetime, row_id: UUID) -> str:
    """Return the cursor that continues behind this row."""
    written = f"{at.astimezone(UTC).isoformat()} {row_id}"
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> Place | None:
    """Return the row a cursor continues behind, None for the first page.

    Raises Malformed for anything ``cursor_of`` did not write.
    """
    if cursor is None:
        return None
    try:
        written = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        at, row_id = written.split(" ")
        place = Place(datetime.fromisoformat(at), UUID(row_id))
        if place.at.tzinfo is not None and cursor_of(place.at, place.id) == cursor:
            return place
    except (ValueError, OverflowError):
        pass  # one refusal for whatever is wrong with it
    raise Malformed("This is no cursor of a page that was given out before.", field="cursor")
