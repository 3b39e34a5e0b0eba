"""What the log promises: acts and refusals stand in it, once, in order, for ever, by the policy in force."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from audit.replay import entries_of, replay
from audit.report import Status, Verdict
from audit.tiles import written_size
from service.audit_trail.recovery import standing
from service.bank import open_signer
from service.compliance.books import BOOKS
from service.kernel.identifiers import traced
from tests.promises.asking import checks
from tests.promises.finished import Finished

BEHIND, AHEAD = timedelta(seconds=60), timedelta(seconds=10)
RECEIPTS = "V20"
IN_LOG = """
SELECT told.id, told.outcome FROM unnest(CAST(:ids AS text[]), CAST(:leaves AS text[])) AS told(id, outcome)
LEFT JOIN (public.audit_entry e JOIN public.audit_index i ON i.entry_id = e.id)
  ON e.id::text = told.id AND told.outcome IN (encode(e.leaf, 'hex'), e.outcome)
WHERE i.index IS NULL
"""
THERE = "SELECT id FROM public.audit_entry WHERE id::text = ANY(CAST(:ids AS text[]))"
KEPT_ANSWERS = """
SELECT k.key, k.answer::jsonb #>> '{receipt,entry}' AS entry FROM public.idempotency_key k
LEFT JOIN public.audit_entry e ON e.id::text = k.answer::jsonb #>> '{receipt,entry}'
WHERE k.status BETWEEN 200 AND 299 AND e.id IS NULL
"""
GAPS = """
SELECT count(*) - (coalesce(max(index), -1) + 1) AS missing, count(*) AS places,
       (SELECT next_index FROM public.audit_state) AS next,
       (SELECT count(*) FROM public.audit_entry) - (SELECT count(*) FROM public.audit_pending) AS entries
FROM public.audit_index
HAVING count(*) <> coalesce(max(index), -1) + 1 OR count(*) <> (SELECT next_index FROM public.audit_state)
    OR count(*) <> (SELECT count(*) FROM public.audit_entry) - (SELECT count(*) FROM public.audit_pending)
"""
REORDERED = """
SELECT kind, id, rev FROM (
  SELECT f.kind, f.id, f.rev, i.index, lag(i.index) OVER chain AS before, lag(f.rev) OVER chain AS rev_before
  FROM public.audit_effect f JOIN public.audit_index i ON i.entry_id = f.entry_id
  WINDOW chain AS (PARTITION BY f.kind, f.id ORDER BY f.rev)
) AS step
WHERE index < before OR rev <> coalesce(rev_before, 0) + 1
"""
# Each batch of indices is one transaction: a second leader's would lie between those of the first.
SECOND_LEADERS = """
SELECT min(index) AS first, max(index) AS last FROM public.audit_index GROUP BY xmin::text
HAVING max(index) - min(index) + 1 <> count(*)
"""


@checks(2)
async def every_row_is_what_its_last_entry_left(bank: Finished) -> list[str]:
    """The doctor's comparison: rows, movements, effects and entries against each other."""
    questions = tuple(BOOKS.questions)
    return [
        one.sentence for one in bank.findings if not one.sentence.endswith(tuple(f"{q}." for q in questions))
    ]


@checks(3)
async def every_refusal_told_is_an_entry(bank: Finished) -> list[str]:
    """Each refusal that somebody signed in was told stands in the log under the number they were given.

    An answer gives no number while the node's clock is wrong: then nothing can be written.
    """
    refused = [one for one in bank.heard if one.get("status", 0) >= 400]
    silent = [
        one for one in refused if not (bank.turned or one.get("decision")) and one["status"] not in (401, 503)
    ]
    found = [f"{one['account']} was told {one['status']} {one['code']} without an entry" for one in silent]
    ids = sorted({one["decision"] for one in refused if one.get("decision")})
    facts = {"ids": ids, "leaves": ["refuse"] * len(ids)}
    return found + await bank.wrong(IN_LOG, "the refusal {id} is not in the log", **facts)


@checks(4)
async def every_answered_act_stands_and_no_failed_one(bank: Finished) -> list[str]:
    """Each receipt's entry has its place, byte for byte; nothing is left of a commit that failed."""
    receipts = {one["receipt"]["entry"]: one["receipt"]["leaf"] for one in bank.heard if one.get("receipt")}
    facts = {"ids": list(receipts), "leaves": list(receipts.values())}
    lost = await bank.wrong(IN_LOG, "the act acknowledged as {id} is lost", **facts)
    left = await bank.wrong(THERE, "{id} is in the log, and its commit failed", ids=list(bank.undone))
    kept = [one for one in bank.report.checks if one.number == RECEIPTS and one.status is Status.FAILED]
    return lost + left + [one.sentence for one in kept]


@checks(5)
async def a_key_has_one_act_and_one_answer(bank: Finished) -> list[str]:
    """No key was used for two acts, in doubt or not; whoever asked again was told the same."""
    acts = Counter(
        (one["actor"]["account"], one["req"])
        for one in bank.entries
        if "req" in one and one["decision"]["outcome"] == "allow"
    )
    found = [f"{account} did two acts under one key" for (account, _), times in acts.items() if times > 1]
    answers: dict[Any, set[str]] = defaultdict(set)
    for one in bank.heard:
        if one.get("receipt"):
            answers[one["account"], one["key"]].add(one["receipt"]["entry"])
    found += [
        f"{account} was told two answers of {key}"
        for (account, key), told in answers.items()
        if len(told) > 1
    ]
    by_trace = {(one["id"]): one.get("req") for one in bank.entries}
    found += [
        f"the entry {entry} of {account} does not name the key {key}"
        for (account, key), told in answers.items()
        for entry in told
        if by_trace.get(entry) != traced(key)
    ]
    return found + await bank.wrong(KEPT_ANSWERS, "the answer kept for {key} tells of no entry ({entry})")


@checks(8)
async def the_log_verifies(bank: Finished) -> list[str]:
    """The offline verifier, with the public key alone and whatever it remembers from before."""
    return [] if bank.report.verdict is Verdict.VERIFIED else bank.report.lines()


@checks(11)
async def nothing_is_behind(bank: Finished) -> list[str]:
    """Neither the files lead the database nor the signer's memory the files; all entries are published."""
    engine = bank.engine()
    try:
        signed = open_signer(bank.settings).last() if bank.settings.signer is None else None
        found = await standing(engine, bank.settings.log_directory, signed)
    finally:
        await engine.dispose()
    sentences = [] if found.whole else [found.sentence()]
    if (size := written_size(bank.settings.log_directory)) != len(bank.contents):
        sentences.append(f"{size} of {len(bank.contents)} entries are published")
    return sentences


@checks(12)
async def entries_state_times_that_fit(bank: Finished) -> list[str]:
    """No entry states a time far from those before it, nor one to come."""
    times = [datetime.fromisoformat(one["ts"]) for one in bank.entries]
    newest = list(accumulate(times, max))
    return [
        f"entry {one['id']} states {at}, after one of {before}"
        for one, at, before in zip(bank.entries, times, newest, strict=True)
        if at < before - BEHIND - AHEAD
    ]


@checks(19)
async def decided_by_the_policy_in_force(bank: Finished) -> list[str]:
    """Every decision again, by the policy it names, to the same verdict; and no other policy than the one in force."""
    size = written_size(bank.settings.log_directory)
    again = replay(entries_of(bank.settings.log_directory, size))
    found = (
        []
        if again.first is None
        else [f"{again.differing} differ, entry {again.first[0]} first: {again.first[1]}"]
    )
    in_force = None
    for one in bank.entries:
        named = one["decision"]["policy"]
        if one["decision"]["outcome"] != "allow":
            continue
        if one["act"] == "policy.publish":
            in_force = one["data"]["policy"]
        elif in_force not in (None, named):
            found.append(f"entry {one['id']} was decided by {named} while {in_force} was in force")
    return found


@checks(25)
async def places_without_gap_and_in_order(bank: Finished) -> list[str]:
    """Each entry has one place, revisions follow each other, and one node at a time gave places."""
    gaps = await bank.wrong(GAPS, "{places} places up to {next} for {entries} entries, {missing} too many")
    order = await bank.wrong(REORDERED, "{kind} {id} revision {rev} does not follow the one before")
    leaders = await bank.wrong(SECOND_LEADERS, "two nodes gave places between {first} and {last}")
    return gaps + order + leaders
