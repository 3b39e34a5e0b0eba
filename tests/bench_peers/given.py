"""What every peer is given: its database, a token that is signed in, and the trade as it comes in."""

import gc
import hashlib
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

URL = os.environ["PEER_URL"]
TOKEN = os.environ["PEER_TOKEN"]
SCHEMA = os.environ["PEER_SCHEMA"]
ACCOUNT = UUID("00000000-0000-4000-8000-000000000001")
ROLE = "trader"
POOL = int(os.environ.get("PEER_POOL", "16"))


def digest(token: str) -> bytes:
    """Return what the session table holds of a token."""
    return hashlib.sha256(token.encode()).digest()


def expiry() -> datetime:
    return datetime.now(UTC) + timedelta(hours=12)


def settle_down() -> None:
    """Keep the collector off what start-up made: it takes the long pauses out of the tail."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


class Terms(msgspec.Struct, frozen=True):
    """The trade as it comes in."""

    type: str
    side: str
    base: str
    quote: str
    base_amount: Decimal
    rate: Decimal
    trade_date: date
    value_date: date
    counterparty: str
    portfolio: str
    executed_at: datetime
    side_agreements: str
