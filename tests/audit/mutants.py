"""The verifier with one check taken out, by its number: what the mutation run and its tests break.

As a plugin of pytest (`-p tests.audit.mutants`, with the number in AUDIT_MUTANT) it breaks a whole run.
"""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from audit import entry, facts, opening, report, scan
from audit.checkpoint import Checkpoint
from audit.note import VerifierKey

Patch = pytest.MonkeyPatch

NOT_BUILT = frozenset(("V24",))  # there are no shards, and nothing to take out


def take_out(number: str, patch: Patch) -> None:
    """Make the verifier blind for what the check ``number`` looks at."""
    by_hand: dict[str, Callable[[Patch], None]] = {
        "V1": _lenient_checkpoint,
        "V3": _any_signature,
        "V8": _nothing_is_missed,
        "V21": _time_stamps_are_fine,
    }
    if number in by_hand:
        by_hand[number](patch)
    elif number in ("V9", "V10", "V11"):
        _lenient_entries(number, patch)
    else:
        _deaf(number, patch)


def _deaf(number: str, patch: Patch) -> None:
    """Throw away what the check finds."""
    conclude = report.conclude

    def deaf(findings: Iterable[report.Finding], ran: frozenset[str], level: str | None) -> Any:
        told = list(findings)
        kept = [finding for finding in told if finding.check != number]
        return conclude(kept, ran if kept == told else ran | {number}, level)

    patch.setattr(report, "conclude", deaf)


def _nothing_is_missed(patch: Patch) -> None:
    """Believe that every file is there."""
    conclude = report.conclude

    def blind(findings: Iterable[report.Finding], ran: frozenset[str], level: str | None) -> Any:
        told = list(findings)
        kept = [finding for finding in told if not finding.missing]
        return conclude(kept, ran if kept == told else frozenset(report.CHECKS), level)

    patch.setattr(report, "conclude", blind)


def _time_stamps_are_fine(patch: Patch) -> None:
    """Say of what no part of the verifier looks at that it was looked at."""
    conclude = report.conclude
    patch.setattr(report, "conclude", lambda found, ran, level: conclude(found, ran | {"V21"}, level))


def _lenient_checkpoint(patch: Patch) -> None:
    """Read the first three lines of a checkpoint and no further."""
    parse = Checkpoint.parse
    patch.setattr(
        opening.Checkpoint,
        "parse",
        classmethod(lambda _, text: parse("".join(text.splitlines(keepends=True)[:3]))),
    )


def _any_signature(patch: Patch) -> None:
    patch.setattr(VerifierKey, "verify", lambda *_: True)


def _lenient_entries(number: str, patch: Patch) -> None:
    """Take an entry as a reader of JSON would who does not have the rule."""
    read = facts.read

    def lenient(data: bytes) -> facts.Facts:
        try:
            return read(data)
        except entry.MalformedEntry as malformed:
            if malformed.check != number:
                raise
            return facts._from_members(json.loads(data.decode("utf-8-sig")))

    patch.setattr(scan, "read", lenient)


def pytest_configure() -> None:
    if number := os.environ.get("AUDIT_MUTANT"):
        take_out(number, pytest.MonkeyPatch())
