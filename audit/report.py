"""What a verification found: a verdict, the level it holds for, and every check by its number."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

LEVELS = {
    "L1": "self-signed",
    "L2": "separate signer",
    "L3": "witnessed",
    "L4": "anchored",
}

CHECKS = {
    "V1": "the checkpoint is a strict note without extension lines",
    "V2": "the origin is the pinned one",
    "V3": "the signature of the log is valid, by a key for this size",
    "V4": "a quorum of witnesses signed",
    "V5": "the log continues every checkpoint seen before",
    "V6": "all tiles and the root are what the leaves give",
    "V7": "the entries are those that the leaves hash",
    "V8": "every index has an entry",
    "V9": "every entry is strict JSON of the agreed shape",
    "V10": "every entry has its one spelling",
    "V11": "every entry keeps to its alphabets",
    "V12": "no id and no nonce occurs twice",
    "V13": "the entries of each object form a chain",
    "V14": "times run forward and end before now",
    "V15": "heartbeats are regular and gaps explained",
    "V16": "nobody acted on both sides where the policy demands two people",
    "V17": "every decision names a policy, and every start a schema, that the log holds",
    "V18": "every node is certified",
    "V19": "the key ring is a chain from the pinned key",
    "V20": "every receipt was kept by its deadline",
    "V21": "time stamps are valid",
    "V22": "exported business rows are those last recorded",
    "V24": "shards are linked",
    "V25": "the log did not shrink since it was seen last",
    "V26": "the pack is complete",
    "V27": "recoveries are declared",
    "V28": "filed documents are those recorded",
}

# From which level on a check must run.
_FROM_LEVEL = {"V4": "L3", "V21": "L4"}
# Checks of something that a log need not have; why each did not run.
_LATER = {
    "V15": "leaf 0 promises no heartbeat, and no entry is one",
    "V18": "leaf 0 does not say that nodes are certified; this verifier could not check it",
    "V19": "there is no key ring, and no entry speaks of one: only the pinned key counts",
    "V22": "no business rows were given",
    "V24": "the log has no shards",
    "V26": "this is a log, not a pack",
    "V27": "no entry declares a recovery, and no start says how much it found",
    "V28": "no documents were given",
}
_ON_REQUEST = {"V5": "a state file", "V20": "receipts", "V25": "a state file"}


class Verdict(StrEnum):
    VERIFIED = "VERIFIED"
    INCOMPLETE = "INCOMPLETE"  # something is missing, nothing is contradicted
    TAMPERED = "TAMPERED"


class Status(StrEnum):
    OK = "ok"
    FAILED = "failed"
    MISSING = "could not run"
    NOT_ASKED = "not asked for"
    NOT_PART = "not part"


@dataclass(frozen=True)
class Finding:
    """One thing that a check found: a contradiction, or something ``missing`` to decide."""

    check: str
    index: int | None
    sentence: str
    missing: bool = False


@dataclass(frozen=True)
class Check:
    """What became of one numbered check."""

    number: str
    status: Status
    sentence: str
    index: int | None = None


@dataclass(frozen=True)
class Report:
    """The outcome of a verification, for people (``lines``) and for programs (``as_dict``)."""

    level: str | None
    checks: tuple[Check, ...]
    size: int | None = None
    root: bytes | None = None
    remarks: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        statuses = {check.status for check in self.checks}
        if Status.FAILED in statuses:
            return Verdict.TAMPERED
        return Verdict.INCOMPLETE if Status.MISSING in statuses else Verdict.VERIFIED

    @property
    def first_bad_index(self) -> int | None:
        """Lowest index contradicted, or, if nothing is, the lowest one missing."""
        bad = Status.FAILED if self.verdict is Verdict.TAMPERED else Status.MISSING
        indices = [c.index for c in self.checks if c.status is bad and c.index is not None]
        return min(indices, default=None)

    def check(self, number: str) -> Check:
        """Find a check by its number."""
        return next(check for check in self.checks if check.number == number)

    def line(self) -> str:
        """Say verdict and level in one line: `VERIFIED (L1 self-signed)`."""
        level = "level unknown" if self.level is None else f"{self.level} {LEVELS[self.level]}"
        return f"{self.verdict} ({level})"

    def lines(self) -> list[str]:
        """Tell everything, the verdict first."""
        told = [self.line()]
        if self.size is not None and self.root is not None:
            told += [f"size {self.size}", f"root {self.root.hex()}"]
        if self.first_bad_index is not None:
            told.append(f"first bad index {self.first_bad_index}")
        told += [f"{c.number:<4}{c.status:<14} {c.sentence}" for c in self.checks]
        return [*told, *self.remarks]

    def as_dict(self) -> dict[str, Any]:
        """Give the same as JSON-able values."""
        return {
            "verdict": self.verdict.value,
            "level": self.level,
            "size": self.size,
            "root": None if self.root is None else self.root.hex(),
            "first_bad_index": self.first_bad_index,
            "checks": [
                {"number": c.number, "status": c.status.value, "sentence": c.sentence, "index": c.index}
                for c in self.checks
            ],
            "remarks": list(self.remarks),
        }


@dataclass
class Progress:
    """What a verification knows so far; every part of the verifier adds to it."""

    findings: list[Finding] = field(default_factory=list)
    ran: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)
    level: str | None = None

    def find(self, check: str, sentence: str, *, index: int | None = None, missing: bool = False) -> None:
        self.findings.append(Finding(check, index, sentence, missing))

    def report(self, size: int | None = None, root: bytes | None = None) -> Report:
        """Conclude from all of it."""
        checks = conclude(self.findings, frozenset(self.ran), self.level)
        return Report(self.level, checks, size, root, tuple(self.remarks))


def conclude(findings: Iterable[Finding], ran: frozenset[str], level: str | None) -> tuple[Check, ...]:
    """Turn findings into one check per number: contradictions outweigh what is missing.

    ``ran`` names the checks that went through all they had to; each of them without a finding is
    ok. No check of ``level`` can be left out: what neither ran nor found anything could not run.
    """
    worst: dict[str, Finding] = {}
    for finding in findings:
        known = worst.get(finding.check)
        if known is None or _weight(finding) < _weight(known):
            worst[finding.check] = finding
    return tuple(_conclude(number, worst.get(number), number in ran, level) for number in CHECKS)


def _conclude(number: str, finding: Finding | None, ran: bool, level: str | None) -> Check:  # noqa: FBT001
    if finding is not None:
        status = Status.MISSING if finding.missing else Status.FAILED
        return Check(number, status, finding.sentence, finding.index)
    if ran:
        return Check(number, Status.OK, CHECKS[number])
    below = number in _FROM_LEVEL and (level or "L1") < _FROM_LEVEL[number]
    if below or number in _LATER:
        reason = f"not part of {level or 'L1'}" if below else _LATER[number]
        return Check(number, Status.NOT_PART, f"{reason}: {CHECKS[number]}")
    if number in _ON_REQUEST:
        return Check(number, Status.NOT_ASKED, f"runs only with {_ON_REQUEST[number]}")
    if number in _FROM_LEVEL:
        return Check(number, Status.MISSING, f"belongs to {level}; this verifier cannot run it yet")
    return Check(number, Status.MISSING, "could not run, because of what else was found")


def _weight(finding: Finding) -> tuple[bool, bool, int]:
    """Contradictions first, those with an index before those without, the lowest index first."""
    return finding.missing, finding.index is None, finding.index or 0
