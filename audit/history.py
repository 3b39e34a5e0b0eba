"""The second pass of the verifier: what the entries say only together.

Identities occur once, objects form chains, time runs forward, and nobody acted on both sides
where the policy in force demanded two people.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from audit.report import Finding
from audit.scan import EFFECT, LINK, NO_TIME, UNIQUE, Declaration, Publication, Scan, Segment, mark

BACKWARD_SECONDS_MAX = 120  # entries are in the order of their commits, not of their clocks
FUTURE_SECONDS_MAX = 300
_MICROSECONDS = 1_000_000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Apart:
    """One rule of four eyes: who did ``act`` may not have done any of ``differs`` before."""

    rule: str
    act: bytes
    differs: frozenset[bytes]
    scope: str  # "trade" or "object"


@dataclass(frozen=True)
class Reign:
    """The rules of one policy, in force for the entries after ``index``."""

    index: int
    apart: tuple[Apart, ...]


@dataclass(frozen=True)
class Part:
    """The records of one part of all keys, each list in the order of the log."""

    ids: list[Segment]
    nonces: list[Segment]
    effects: list[Segment]
    links: list[Segment]
    reigns: tuple[Reign, ...]
    complete: bool  # no entry is missing: chains and rules can be judged


def examine(part: Part) -> list[Finding]:
    """Check uniqueness, chains and four eyes among the records of ``part``."""
    findings = [*_repeated("id", part.ids), *_repeated("nonce", part.nonces)]
    if part.complete:
        findings += _broken_chains(part.effects)
        findings += _same_hands(_objects(part.effects), part.reigns, "object")
        findings += _same_hands(_rows(LINK, part.links), part.reigns, "trade")
    return findings


def _rows(shape: Any, segments: Iterable[Segment]) -> Iterator[Any]:
    for segment in segments:
        yield from shape.iter_unpack(segment.read())


def _repeated(what: str, segments: list[Segment]) -> list[Finding]:
    seen: dict[bytes, int] = {}
    for key, index in _rows(UNIQUE, segments):
        earlier = seen.setdefault(key, index)
        if earlier != index:
            return [Finding("V12", index, f"Entry {index} has the {what} of entry {earlier}.")]
    return []


def _broken_chains(segments: list[Segment]) -> list[Finding]:
    last: dict[bytes, tuple[int, bytes]] = {}
    for key, index, rev, prev, leaf, *_ in _rows(EFFECT, segments):
        if rev == 0:
            continue  # no revision: it tells for whom else the one before it counts
        rev_before, leaf_before = last.get(key, (0, prev))
        if rev != rev_before + 1:
            sentence = f"Entry {index} makes rev {rev} of an object whose last rev was {rev_before}."
            return [Finding("V13", index, sentence)]
        if rev > 1 and prev != leaf_before:
            sentence = f"Entry {index} follows {prev.hex()}; the object's last was {leaf_before.hex()}."
            return [Finding("V13", index, sentence)]
        last[key] = rev, leaf
    return []


def _objects(segments: list[Segment]) -> Iterator[tuple[bytes, int, bytes, bytes]]:
    for key, index, _, _, _, act, person, allowed in _rows(EFFECT, segments):
        if allowed:
            yield key, index, act, person


def _same_hands(
    rows: Iterable[tuple[bytes, int, bytes, bytes]],
    reigns: tuple[Reign, ...],
    scope: str,
) -> list[Finding]:
    """Find the first act by someone who had done what it must be kept apart from."""
    rules = [rule for reign in reigns for rule in reign.apart if rule.scope == scope]
    acts = {rule.act for rule in rules}
    watched = acts.union(*(rule.differs for rule in rules))
    starts = [reign.index for reign in reigns]
    history: dict[tuple[bytes, bytes], dict[bytes, int]] = {}  # (key, person): act to first index
    for key, index, act, person in rows:
        if act not in watched:
            continue
        done = history.setdefault((key, person), {})
        if act in acts and (in_force := bisect_left(starts, index)):
            for rule in reigns[in_force - 1].apart:
                if rule.scope != scope or rule.act != act:
                    continue
                earlier = min((at for did, at in done.items() if did in rule.differs), default=index)
                if earlier < index:
                    sentence = f"Entry {index} breaks {rule.rule}: the same person made entry {earlier}."
                    return [Finding("V16", index, sentence)]
        done.setdefault(act, index)
    return []


def read_reigns(publications: Sequence[Publication]) -> tuple[tuple[Reign, ...], list[Finding]]:
    """Read the rules of four eyes out of the policies published, in their order."""
    reigns: list[Reign] = []
    findings: list[Finding] = []
    for publication in publications:
        apart = _read_apart(publication)
        if apart is None:
            sentence = f"The policy published by entry {publication.index} cannot be read."
            findings.append(Finding("V16", publication.index, sentence))
        else:
            reigns.append(Reign(publication.index, apart))
    return tuple(reigns), findings


def _read_apart(publication: Publication) -> tuple[Apart, ...] | None:
    """Read the rules of one policy; None if it does not have their form."""
    policy, rows = publication.policy, publication.apart
    if rows is None and publication.index == 0:
        rows = []  # a genesis may name its policy and leave the rules to the first publication
    if not isinstance(policy, str) or _DIGEST.fullmatch(policy) is None or not isinstance(rows, list):
        return None
    rules: list[Apart] = []
    for row in rows:
        if not isinstance(row, dict) or row.keys() != {"rule", "act", "differs", "scope"}:
            return None
        words = [row["rule"], row["act"], *(row["differs"] if isinstance(row["differs"], list) else [None])]
        if not all(isinstance(word, str) for word in words) or row["scope"] not in ("trade", "object"):
            return None
        differs = frozenset(map(mark, row["differs"]))
        rules.append(Apart(row["rule"], mark(row["act"]), differs, row["scope"]))
    return tuple(rules)


def unknown_policies(scans: Sequence[Scan], publications: Sequence[Publication]) -> list[Finding]:
    """Find decisions that name a policy before, or without, its publication."""
    published: dict[str, int] = {}
    for publication in publications:
        if isinstance(publication.policy, str):
            published.setdefault(publication.policy, publication.index)
    findings = []
    for scan in scans:
        for policy, index in scan.policies.items():
            if published.get(policy, index + 1) > index:
                sentence = f"Entry {index} was decided by {policy}, which no entry up to it publishes."
                findings.append(Finding("V17", index, sentence))
    return findings


def unknown_schemas(declarations: Sequence[Declaration]) -> list[Finding]:
    """Find starts on a database schema that no entry before them published (V17)."""
    published: set[str] = set()
    findings = []
    for told in declarations:
        named = told.data.get("schema")
        if told.act == "schema.publish":
            if not isinstance(named, str) or _DIGEST.fullmatch(named) is None:
                sentence = f"The schema published by entry {told.index} cannot be read."
                findings.append(Finding("V17", told.index, sentence))
            else:
                published.add(named)
        elif told.act == "log.restart" and named is not None and str(named) not in published:
            sentence = f"The start of entry {told.index} is on schema {named!r:.80}, which no entry before it publishes."
            findings.append(Finding("V17", told.index, sentence))
    return findings


def misplaced_times(all_times: Iterable["array[int]"], now_us: int) -> tuple[list[Finding], int]:
    """Find times that run backward or lie ahead; also give the newest time of all.

    Times are microseconds since 1970; entries that could not be read have none.
    """
    latest, index = NO_TIME, 0
    backward = BACKWARD_SECONDS_MAX * _MICROSECONDS
    future = now_us + FUTURE_SECONDS_MAX * _MICROSECONDS
    findings: list[Finding] = []
    for times in all_times:
        for at, time in enumerate(times, index):
            if time > latest:
                latest = time
                if time > future and not findings:
                    ahead = (time - now_us) // _MICROSECONDS
                    findings.append(Finding("V14", at, f"Entry {at} lies {ahead} seconds in the future."))
            elif latest - time > backward and time != NO_TIME and not findings:
                behind = (latest - time) // _MICROSECONDS
                sentence = f"Entry {at} is {behind} seconds older than one before it."
                findings.append(Finding("V14", at, sentence))
        index += len(times)
    return findings, latest
