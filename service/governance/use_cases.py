"""A change of the policy: drafted, approved by two others, turned down."""

import hashlib
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sqlalchemy import select

from policies.changes import compared, raises_powers_of
from policies.policy import Policy, PolicyError, read
from policies.rows import FILE_BYTES_MAX
from policies.vocabulary import Action
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.governance import queries
from service.governance.lifecycle import POLICY_DRAFT, DraftState
from service.governance.model import PolicyApproval, PolicyDraft, PolicyText
from service.kernel.database import plain_value
from service.kernel.errors import KeptApart, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import Reason
from service.people.queries import roles_counting

OBJECTIONS_SHOWN = 5

FileText = Annotated[str, msgspec.Meta(max_length=FILE_BYTES_MAX)]
Files = Annotated[dict[str, FileText], msgspec.Meta(min_length=1, max_length=16)]


class UnreadablePolicy(Unprocessable):
    """422. A file does not say exactly one thing; nothing is drafted and the policy in force goes on."""


class NothingChanges(Unprocessable):
    """422. The draft is the policy in force, byte by byte."""


class PolicyObjection(Unprocessable):
    """422. A proof is refuted, a hard rule is gone, or somebody would hold what never meets."""


class TooEarly(Unprocessable):
    """422. A policy takes effect in the future."""


class OtherBase(Refusal):
    """409. Another policy is in force than the one this was drafted against."""


class ApprovedBefore(Refusal):
    """409. Two approvals are two people's."""


class OwnGain(KeptApart):
    """403. Nobody approves a change that raises their own rights."""


class DraftPolicy(Command, frozen=True, kw_only=True):
    """A whole set of policy files that shall be in force from a time on."""

    files: Files
    reason: Reason
    effective_at: datetime


class ApprovePolicy(Command, frozen=True, kw_only=True):
    """One of two approvals."""

    draft: UUID
    version: int


class RefusePolicy(Command, frozen=True, kw_only=True):
    """A change is turned down before it is in force."""

    draft: UUID
    version: int
    reason: Reason


@use_case(Action.POLICY_DRAFT)
async def draft_policy(attempt: Attempt, command: DraftPolicy) -> Changed:
    """Read the files as strictly as at a start, run every proof on them, and ask two others (ORG-14)."""
    contents = {file: content.encode() for file, content in command.files.items()}
    try:
        new = read(contents)
    except PolicyError as error:
        raise UnreadablePolicy(str(error), field="files", rule="ORG-13") from error
    if new.version == attempt.policy.version:
        raise NothingChanges("This is the policy in force.", field="files")
    if command.effective_at.tzinfo is None or command.effective_at < attempt.now:
        raise TooEarly("A policy takes effect in the future, at a time with its zone.", field="effective_at")
    people = await queries.holders(attempt.session, attempt.now)
    must_not_object(await queries.objections(attempt.policy, new, people))
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    await keep_texts(attempt, command.files, digests)
    draft = attempt.add(
        PolicyDraft(
            id=uuid7(),
            state=DraftState.DRAFTED.value,
            base=attempt.policy.version,
            version=new.version,
            effective_at=command.effective_at,
            files=digests,
            author_id=attempt.actor.person,
            reason=command.reason,
        )
    )
    attempt.note(
        changed=told_shortly(attempt.policy, new),
        simulation=await queries.simulated(attempt.session, attempt.policy, new, attempt.now),
        proof="holds",
    )
    attempt.open_item(Item.DECIDE_POLICY, draft)
    return Changed(answered(draft, 1), 201)


@use_case(Action.POLICY_APPROVE)
async def approve_policy(attempt: Attempt, command: ApprovePolicy) -> Changed:
    """Answer for a change: the first of two approvals endorses it, the second approves it (S-15, D-15)."""
    draft = await locked(attempt, PolicyDraft, command.draft, seen=command.version, what="policy draft")
    await attempt.admit(related=[(PolicyDraft.__tablename__, draft.id)])
    state = POLICY_DRAFT.after(DraftState(draft.state), attempt.action)
    if draft.base != attempt.policy.version:
        raise OtherBase("Another policy is in force by now; draft this change anew.")
    await must_be_second_person(attempt, draft)
    new = await queries.policy_of(attempt.session, draft)
    own = await roles_counting(attempt.session, attempt.actor.person, attempt.now)
    if gained := raises_powers_of(attempt.policy, new, own):
        raise OwnGain(f"This change gives you {min(gained)}; others answer for it (D-15).", rule="D-15")
    must_not_object(
        await queries.objections(attempt.policy, new, await queries.holders(attempt.session, attempt.now))
    )
    attempt.add(PolicyApproval(id=uuid7(), draft_id=draft.id, person_id=attempt.actor.person))
    attempt.change(draft, state=state.value)
    attempt.close_item(Item.DECIDE_POLICY, draft.id)
    if state is DraftState.ENDORSED:
        attempt.open_item(Item.DECIDE_POLICY, draft)
    return Changed(answered(draft, command.version + 1))


@use_case(Action.POLICY_REFUSE)
async def refuse_policy(attempt: Attempt, command: RefusePolicy) -> Changed:
    """Turn a change down; even one that was approved, until it is in force."""
    draft = await locked(attempt, PolicyDraft, command.draft, seen=command.version, what="policy draft")
    await attempt.admit(related=[(PolicyDraft.__tablename__, draft.id)])
    state = POLICY_DRAFT.after(DraftState(draft.state), attempt.action)
    attempt.change(draft, state=state.value, reason=command.reason)
    attempt.close_item(Item.DECIDE_POLICY, draft.id)
    return Changed(answered(draft, command.version + 1))


def must_not_object(found: list[str]) -> None:
    """Raise PolicyObjection with the first few of many."""
    if found:
        more = f" (and {len(found) - OBJECTIONS_SHOWN} more)" if len(found) > OBJECTIONS_SHOWN else ""
        raise PolicyObjection(f"{'; '.join(found[:OBJECTIONS_SHOWN])}{more}.", rule="ORG-14", field="files")


async def must_be_second_person(attempt: Attempt, draft: PolicyDraft) -> None:
    """Raise ApprovedBefore if this person approved the draft already."""
    wanted = select(PolicyApproval.id).where(
        PolicyApproval.draft_id == draft.id, PolicyApproval.person_id == attempt.actor.person
    )
    if await attempt.session.scalar(wanted) is not None:
        raise ApprovedBefore("You approved this change before; the second approval is another person's.")


async def keep_texts(attempt: Attempt, files: dict[str, str], digests: dict[str, str]) -> None:
    """Keep each text that is not kept already."""
    known = set(
        await attempt.session.scalars(
            select(PolicyText.sha256).where(PolicyText.sha256.in_(digests.values()))
        )
    )
    for file, content in files.items():
        if digests[file] not in known:
            known.add(digests[file])
            attempt.move(PolicyText(sha256=digests[file], content=content))


def told_shortly(old: Policy, new: Policy) -> dict[str, object]:
    """Return what the entry tells of a change: powers by role, and how many rules came and went."""
    change = compared(old, new)
    return {
        "roles": {
            role: {"gained": [str(one) for one in powers.gained], "lost": [str(one) for one in powers.lost]}
            for role, powers in change.roles.items()
        },
        "rules": {
            name: {"came": len(rules.came), "went": len(rules.went)}
            for name, rules in (
                ("separation", change.separation),
                ("apart", change.apart),
                ("tasks", change.tasks),
            )
        },
    }


def answered(draft: PolicyDraft, version: int) -> dict[str, object]:
    """Return what the caller is told."""
    return {
        "id": str(draft.id),
        "version": version,
        "state": draft.state,
        "policy": draft.version,
        "base": draft.base,
        "effective_at": plain_value(draft.effective_at),
    }
