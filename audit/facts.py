"""What the verifier takes from an entry: read from its text where that is sure, else from its members."""

from collections.abc import Mapping
from typing import Any

from audit.entry import BYTES_MAX, Facts, decode, microseconds, parse_timestamp, plain


def read(data: bytes) -> Facts:
    """Read an entry, refusing everything that ``entry.decode`` refuses. Raises MalformedEntry."""
    try:
        facts = plain(data.decode()) if len(data) <= BYTES_MAX else None
    except UnicodeDecodeError:
        facts = None
    return _from_members(decode(data)) if facts is None else facts


def others_of(actor: Mapping[str, Any]) -> tuple[str, ...]:
    """For whom an act counts besides the person who did it."""
    return tuple(actor[name] for name in ("deputy_for", "owner") if name in actor)


def _from_members(entry: dict[str, Any]) -> Facts:
    decision = entry["decision"]
    return Facts(
        entry["id"],
        entry["nonce"],
        microseconds(parse_timestamp(entry["ts"])),
        entry["act"],
        entry["actor"]["person"],
        others_of(entry["actor"]),
        decision["outcome"] == "allow",
        decision["policy"],
        entry.get("links", {}).get("trade"),
        [(one["id"], one["kind"], one.get("prev", ""), str(one["rev"])) for one in entry.get("eff", ())],
    )
