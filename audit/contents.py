"""What the entries of a pack say: read one by one, set aside, and held against each other."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from audit import history, pack, rows, tiles
from audit.entry import MalformedEntry, decode, leaf_hash, microseconds, parse_timestamp
from audit.facts import others_of
from audit.history import BACKWARD_SECONDS_MAX, FUTURE_SECONDS_MAX
from audit.pack import Scope
from audit.replay import Decision, Rules, UnreadableRules, differs, published, unfounded
from audit.report import Progress
from audit.scan import DECLARATIONS, EFFECT, LINK, UNIQUE, Declaration, Publication, Segment, mark

GROUNDS = frozenset(("log.rotate", "policy.publish", "schema.publish"))
"""Entries of every pack, beside leaf 0 and those in scope."""
_DOCUMENT = frozenset(("sha256", "size"))


@dataclass(frozen=True)
class Effect:
    """One effect on one object, where it stands."""

    index: int
    rev: int
    prev: str
    leaf: str
    after: str


@dataclass
class Contents:
    """What the entries of a pack say together."""

    scope: Scope
    progress: Progress
    indices: list[int]
    listed: frozenset[int] = frozenset()  # places a report says it stands on
    leaves: dict[int, bytes] = field(default_factory=dict)
    genesis: dict[str, Any] | None = None
    publications: list[Publication] = field(default_factory=list)
    declarations: list[Declaration] = field(default_factory=list)
    policies: dict[str, int] = field(default_factory=dict)
    times: list[tuple[int, int]] = field(default_factory=list)
    effects: dict[rows.Object, list[Effect]] = field(default_factory=dict)
    demanded: set[rows.Object] = field(default_factory=set)  # whose whole life the pack has to show
    vouchers: dict[rows.Voucher, str] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    rules: dict[str, tuple[int, Rules]] = field(
        default_factory=dict
    )  # by policy, with its publication's index
    records: dict[str, bytearray] = field(
        default_factory=lambda: {name: bytearray() for name in ("id", "nonce", "effect", "link")}
    )
    complete: bool = True  # every entry could be read


def bytes_of(directory: Path, index: int) -> bytes:
    """Read an entry of a pack, as it lies there. Raises FileNotFoundError."""
    with (directory / pack.entry_name(index)).open("rb") as file:
        return file.read(tiles.FILE_BYTES_MAX)


def read(directory: Path, found: Contents) -> None:
    """Read every entry (V9 to V11) and set aside what it says."""
    progress = found.progress
    progress.ran |= {"V9", "V10", "V11"}
    for index in found.indices:
        try:
            data = bytes_of(directory, index)
            found.leaves[index] = leaf_hash(data)
            entry = decode(data)
        except FileNotFoundError:
            found.complete = False  # the manifest names it, and the finding that it is not there is made
        except MalformedEntry as malformed:
            progress.find(malformed.check, f"Entry {index}: {malformed}", index=index)
            found.complete = False
        else:
            _take_apart(index, entry, found)
            _check_in_scope(index, entry, found)


def _take_apart(index: int, entry: dict[str, Any], found: Contents) -> None:
    """Set aside what is compared with other entries, with rows and with documents."""
    leaf, records = found.leaves[index], found.records
    act, decision, data = entry["act"], entry["decision"], entry.get("data", {})
    allowed = decision["outcome"] == "allow"
    persons = entry["actor"]["person"], *others_of(entry["actor"])
    found.times.append((index, microseconds(parse_timestamp(entry["ts"]))))
    records["id"] += UNIQUE.pack(bytes.fromhex(entry["id"].replace("-", "")), index)
    records["nonce"] += UNIQUE.pack(bytes.fromhex(entry["nonce"]), index)
    for one in entry.get("eff", ()):
        prev = one.get("prev", "")
        effect = Effect(index, one["rev"], prev, leaf.hex(), one["after"])
        found.effects.setdefault((one["kind"], one["id"]), []).append(effect)
        key = hashlib.sha256(f"{one['kind']} {one['id']}".encode()).digest()[:16]
        for who in persons:
            rev = one["rev"] if who is persons[0] else 0
            before = bytes.fromhex(prev) if who is persons[0] else b""
            records["effect"] += EFFECT.pack(key, index, rev, before, leaf, mark(act), mark(who), allowed)
    trade = entry.get("links", {}).get("trade")
    if allowed and trade is not None:
        key = hashlib.sha256(trade.encode()).digest()[:16]
        for who in persons:
            records["link"] += LINK.pack(key, index, mark(act), mark(who))
    if index == 0:
        found.genesis = entry
    else:
        if act == "log.genesis":
            found.progress.find("V2", f"Entry {index} is a second genesis; a log begins once.", index=index)
        found.policies.setdefault(decision["policy"], index)
    if allowed and (act == "policy.publish" or (index == 0 and "policy" in data)):
        found.publications.append(Publication(index, data.get("policy"), data.get("apart")))
    if allowed and act in DECLARATIONS:
        found.declarations.append(Declaration(index, act, data, microseconds(parse_timestamp(entry["ts"]))))
    if allowed and act == "policy.publish":
        _keep_rules(index, data, found)
    found.decisions.append(Decision.of(index, entry))
    found.vouchers.update(rows.vouchers(entry))
    found.documents.update(_documents_in(data))


def _keep_rules(index: int, data: dict[str, Any], found: Contents) -> None:
    """Remember what a published policy allows; one that does not say it decides nothing again."""
    try:
        rules = published(data)
    except UnreadableRules as unreadable:
        found.progress.find("V17", f"Entry {index}: {unreadable}", index=index)
        return
    if rules is not None and isinstance(policy := data.get("policy"), str):
        found.rules.setdefault(policy, (index, rules))


def check_decisions(found: Contents) -> None:
    """Decide again what was decided, by the policy that each entry names (V17)."""
    by_policy = {policy: rules for policy, (_, rules) in found.rules.items()}
    replayed = [told for told in found.decisions if told.policy in by_policy]
    for told in replayed:
        if (sentence := differs(told, by_policy[told.policy])) is not None:
            found.progress.find("V17", f"Entry {told.index}: {sentence}.", index=told.index)
    if found.scope.kind == "trade":
        for index, sentence in unfounded(found.decisions, by_policy):
            found.progress.find("V17", f"Entry {index}: {sentence}.", index=index)
    if replayed:
        sentence = f"{len(replayed)} decisions were decided again by the policies they name."
        found.progress.remarks.append(sentence)


def _documents_in(value: Any) -> Iterator[tuple[str, int]]:
    """Give digest and size of every document that an entry files."""
    if isinstance(value, dict):
        if value.keys() == _DOCUMENT and isinstance(value["sha256"], str) and type(value["size"]) is int:
            yield value["sha256"].removeprefix("sha256:"), value["size"]
        for member in value.values():
            yield from _documents_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from _documents_in(member)


def _check_in_scope(index: int, entry: dict[str, Any], found: Contents) -> None:
    """Note which objects the scope is about; find an entry that is neither in scope nor a ground of all others."""
    scope = found.scope
    effects = {(one["kind"], one["id"]) for one in entry.get("eff", ())}
    actor = entry["actor"]
    if scope.kind == "trade":
        inside = entry.get("links", {}).get("trade") == scope.trade
        found.demanded |= effects if inside else set()
    elif scope.kind == "person":
        own = _own_objects(entry, effects, scope, found.demanded)
        found.demanded |= own
        known = {*scope.accounts, *(f"anonymous:{account}" for account in scope.accounts)}
        inside = bool(own) or actor["person"] == scope.person or actor["account"] in known
    elif scope.kind == "report":
        inside = index in found.listed
    else:
        inside = scope.first <= index < scope.end
    if not inside and index != 0 and entry["act"] not in GROUNDS:
        found.progress.find("V26", f"Entry {index} does not belong to this pack.", index=index)


def _own_objects(
    entry: dict[str, Any], effects: set[rows.Object], scope: Scope, known: set[rows.Object]
) -> set[rows.Object]:
    """Objects of the entry that are the person's own: the person, the accounts, and the rights of these."""
    own = {("person", scope.person), *(("account", account) for account in scope.accounts)} & effects
    told = entry.get("data", {}).get("rows", {})
    for kind, object_id in effects:
        facts = told.get(f"{kind}:{object_id}") if isinstance(told, dict) else None
        new = facts.get("new") if isinstance(facts, dict) else None
        holder = new.get("account_id") if isinstance(new, dict) else None
        if kind == "role_grant" and (holder in scope.accounts or (kind, object_id) in known):
            own.add((kind, object_id))
    return own


def check_times(found: Contents, now: datetime) -> None:
    """Find times that run backward or lie ahead (V14)."""
    found.progress.ran.add("V14")
    latest = -1
    limit = microseconds(now) + FUTURE_SECONDS_MAX * 1_000_000
    for index, time in found.times:
        if time > limit:
            found.progress.find("V14", f"Entry {index} lies in the future.", index=index)
            return
        if latest - time > BACKWARD_SECONDS_MAX * 1_000_000:
            behind = (latest - time) // 1_000_000
            found.progress.find(
                "V14", f"Entry {index} is {behind} seconds older than one before it.", index=index
            )
            return
        latest = max(latest, time)


def check_chains(found: Contents) -> None:
    """Follow every object through the pack (V13): those it is about from their first revision, without a gap."""
    scope = found.scope
    found.progress.ran.add("V13")
    for place, effects in found.effects.items():
        name, before = " ".join(place), None
        for one in effects:
            dense = place in found.demanded or (
                before is not None
                and scope.kind == "period"
                and scope.first <= before.index
                and one.index < scope.end
            )
            rev = 0 if before is None else before.rev
            if one.rev <= rev or (dense and one.rev != rev + 1):
                found.progress.find(
                    "V13",
                    f"Entry {one.index} makes rev {one.rev} of {name} after rev {rev}.",
                    index=one.index,
                )
                break
            if before is not None and one.rev == rev + 1 and one.prev != before.leaf:
                sentence = f"Entry {one.index} follows {one.prev} on {name}; its last was {before.leaf}."
                found.progress.find("V13", sentence, index=one.index)
                break
            before = one


def check_together(found: Contents) -> None:
    """Check that ids are unique (V12) and that nobody acted on both sides (V16), as for the whole log."""
    reigns, unreadable = history.read_reigns(found.publications)
    segments = {name: [Segment(bytes(data))] for name, data in found.records.items()}
    part = history.Part(
        ids=segments["id"],
        nonces=segments["nonce"],
        effects=segments["effect"],
        links=segments["link"],
        reigns=reigns,
        complete=True,
    )
    found.progress.ran |= {"V12", "V16"}
    found.progress.findings += unreadable
    found.progress.findings += [one for one in history.examine(part) if one.check in ("V12", "V16")]
