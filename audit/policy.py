"""The log policy: what leaf 0 promises about the log, and hence what the verifier must find."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.cosignature import CosignerKey
from audit.note import MalformedKey, VerifierKey
from audit.report import LEVELS

HEARTBEAT_SECONDS_MAX = 3600
KEYS_MAX = 15  # a note has sixteen signature lines, and one is the log's


class MalformedPolicy(ValueError):
    """Leaf 0 states a policy that cannot be held; ``check`` is the verifier's number for it."""

    def __init__(self, check: str, sentence: str) -> None:
        super().__init__(sentence)
        self.check = check


@dataclass(frozen=True)
class LogPolicy:
    """The promises of a log, made once in its genesis."""

    level: str
    keys: tuple[VerifierKey, ...] = ()  # who may sign at the beginning; none named: the pinned key
    witnesses: tuple[CosignerKey, ...] = ()
    quorum: int | None = None  # so many of the witnesses sign every checkpoint
    heartbeat_seconds: int | None = None
    nodes_certified: bool = False  # each entry would name a certified node (V18, not built)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "LogPolicy":
        """Read the ``data`` of leaf 0. Raises MalformedPolicy."""
        level = data.get("level")
        if not isinstance(level, str) or level not in LEVELS:
            raise MalformedPolicy("V2", "Leaf 0 is not a genesis that states a level.")
        policy = cls(
            level=level,
            keys=_keys("V19", "keys", data, VerifierKey),
            witnesses=_keys("V4", "witnesses", data, CosignerKey),
            quorum=_number("V4", "quorum", data, KEYS_MAX),
            heartbeat_seconds=_number("V15", "heartbeat_seconds", data, HEARTBEAT_SECONDS_MAX),
            nodes_certified="nodes" in data,
        )
        # One key under two names would count twice, for a cosignature does not say the name.
        if len({key.public.public_bytes_raw() for key in policy.witnesses}) != len(policy.witnesses):
            raise MalformedPolicy("V4", "Two witnesses of leaf 0 share one key.")
        if policy.quorum is not None and policy.quorum > len(policy.witnesses):
            sentence = f"Leaf 0 asks for {policy.quorum} of {len(policy.witnesses)} witnesses."
            raise MalformedPolicy("V4", sentence)
        return policy

    def data(self) -> dict[str, Any]:
        """Give the members for the ``data`` of a genesis, without those that say nothing."""
        members = {
            "level": self.level,
            "keys": [str(key) for key in self.keys],
            "witnesses": [str(key) for key in self.witnesses],
            "quorum": self.quorum,
            "heartbeat_seconds": self.heartbeat_seconds,
        }
        return {name: member for name, member in members.items() if member}


def _keys(check: str, name: str, data: Mapping[str, Any], kind: Any) -> tuple[Any, ...]:
    listed = data.get(name, [])
    if not isinstance(listed, list) or len(listed) > KEYS_MAX or (name in data and not listed):
        raise MalformedPolicy(check, f"{name} of leaf 0 is not a list of 1 to {KEYS_MAX} keys.")
    try:
        keys = tuple(kind.parse(text) for text in listed)
    except (MalformedKey, AttributeError) as broken:
        raise MalformedPolicy(check, f"{name} of leaf 0 holds what is no key: {broken}") from broken
    if len({str(key) for key in keys}) != len(keys):
        raise MalformedPolicy(check, f"{name} of leaf 0 names one key twice.")
    return keys


def _number(check: str, name: str, data: Mapping[str, Any], most: int) -> int | None:
    if name not in data:
        return None
    number = data[name]
    if type(number) is not int or not 1 <= number <= most:
        raise MalformedPolicy(check, f"{name} of leaf 0 is not a whole number from 1 to {most}.")
    return number
