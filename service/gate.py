"""The gate: decide, act, record, commit. Every change of every kind goes through here."""

import inspect
import json
import logging
import secrets
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from audit.entry import MalformedEntry, encode, timestamp
from audit.note import SigningKey, VerifierKey
from policies.policy import Decision, Policy
from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, Desk, body_hash, opened_as_told, reported, written
from service.brake import Brake
from service.counting import counted
from service.effects import effect, previous_leaves
from service.handing_on import NeverDecoded, key_row, receipts_for, store_entries, warnings_of
from service.in_force import NOW, DamagedPolicy, policy_in_force
from service.kernel.actor import Actor
from service.kernel.clock import Clock
from service.kernel.database import Offices, undo
from service.kernel.direct import fetch, in_json
from service.kernel.errors import (
    KeyReused,
    Malformed,
    NotPermitted,
    NotSignedIn,
    OnLeave,
    Refusal,
    StalePolicy,
)
from service.kernel.failures import in_time_or_said, sqlstate, translated
from service.kernel.identifiers import traced, uuid7
from service.kernel.letting_in import kept_out
from service.kernel.problems import Replayed, problem
from service.together import Together

LOGGER = logging.getLogger(__name__)
BERLIN = ZoneInfo("Europe/Berlin")
BATCH_MAX = 128
RETRIES_MAX = 3
FIELD_CHARACTERS_MAX = 200
RETRYABLE = frozenset({"40001", "40P01"})  # serialisation failure, deadlock

BEGIN = (
    "SELECT n, verdict, status, answer, business_date, desk_clock, people_epoch "
    "FROM public.attempt_begin($1, $2::text::jsonb) ORDER BY n"
)


@dataclass(frozen=True, slots=True)
class UseCase:
    """An act as the gate runs it: its action, its command type, its function.

    ``many``: the function takes lists of attempts and commands and answers one outcome for each, having
    written nothing for those it refuses.
    """

    action: Action
    command: Any  # a type of command, or a union of them told apart by their tags
    run: Callable[..., Awaitable[Any]]
    many: bool


USE_CASES: dict[Action, UseCase] = {}


def use_case(action: Action, *, many: bool = False) -> Callable[[Callable[..., Awaitable[Any]]], UseCase]:
    """Register the function as the one way to do ``action``."""

    def register(function: Callable[..., Awaitable[Any]]) -> UseCase:
        assert action not in USE_CASES, f"{action} has two use cases"
        annotation = typing.get_type_hints(function)["commands" if many else "command"]
        command = typing.get_args(annotation)[0] if many else annotation
        kinds = typing.get_args(command) or (command,)
        assert all(inspect.isclass(kind) and issubclass(kind, Command) for kind in kinds)
        USE_CASES[action] = UseCase(action, command, function, many)
        return USE_CASES[action]

    return register


@dataclass(frozen=True, slots=True)
class Request:
    """One command of one actor; ``key`` is the caller's idempotency key. ``again``: a refusal leaves the key free."""

    actor: Actor
    command: Command
    key: str | None = None
    opening: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """An act that is committed together with its entry. ``answer`` holds its signed receipt."""

    answer: Mapping[str, Any]
    status: int
    replay: bool = False


@dataclass(slots=True)
class _Try:
    """A request on its way through one transaction."""

    request: Request
    decision: Decision
    body_hash: str
    entry_id: UUID = field(default_factory=uuid7)
    attempt: Attempt | None = None
    changed: Changed | None = None
    outcome: Done | Refusal | None = None
    entry: bytes = b""


@dataclass(slots=True)
class Gate:
    """What every face calls. It holds the offices' logins, the policy and the key that signs receipts.

    ``certificate`` is the log's word for that key where it is not the log's own; ``pinned`` is the log's first key.
    """

    offices: Offices
    policy: Policy
    clock: Clock
    key: SigningKey
    origin: str
    entity_lei: str = ""
    certificate: str | None = None
    pinned: VerifierKey | None = None
    brake: Brake | None = None
    kept: Path | None = None  # where this node keeps the policies it has read
    sets: dict[tuple[Action, Office], Together[Request, Done | Refusal]] = field(default_factory=dict)

    @property
    def log_key(self) -> VerifierKey:
        """The key that everybody pins to verify the log."""
        return self.key.verifier if self.pinned is None else self.pinned

    async def perform(
        self, actor: Actor, case: UseCase, command: Command, *, key: str | None = None, opening: bool = False
    ) -> Done:
        """Run ``case`` for ``actor`` and record what came of it.

        Returns the answer with its signed receipt, committed together with its entry.
        Raises Refusal after recording it in a transaction of its own.
        Any other exception is a bug: nothing is committed and nothing is recorded.
        """
        request = Request(actor, command, key, opening=opening)
        outcome = (
            await self._together(case, request)
            if case.many
            else (await self.perform_many(case, [request]))[0]
        )
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    async def _together(self, case: UseCase, request: Request) -> Done | Refusal:
        place = (case.action, request.actor.office)
        if place not in self.sets:
            self.sets[place] = Together(
                lambda requests: self.perform_many(case, requests),
                lambda one: one.key and (one.actor.account, one.key),
                BATCH_MAX,
            )
        return await self.sets[place].join(request)

    @counted
    async def perform_many(self, case: UseCase, requests: Sequence[Request]) -> list[Done | Refusal]:
        """Run ``case`` for each request in one transaction of their office: one outcome and one entry each.

        A refused request leaves its neighbours untouched. All actors belong to one office.
        """
        assert 0 < len(requests) <= BATCH_MAX
        assert len({request.actor.office for request in requests}) == 1
        tries = [
            _Try(
                request,
                request.actor.standing().decide(self.policy, case.action),
                body_hash(case.action, request.command),
            )
            for request in requests
        ]
        seen: set[tuple[UUID, str | None]] = set()
        for one in tries:
            mark = (one.request.actor.account, one.request.key)
            if one.request.key is not None and mark in seen:
                one.outcome = KeyReused("The same Idempotency-Key stands twice in this batch.")
            seen.add(mark)
            if (why := kept_out(one.request.actor, case.action)) is not None:
                one.outcome = why
            elif not one.decision.allowed:
                one.outcome = NotPermitted(one.decision.reason, rule=one.decision.rule)
            elif self.brake is not None:
                one.outcome = one.outcome or self.brake(case.action, service=one.request.actor.service)
        await self._run(case, [one for one in tries if one.outcome is None])
        await self._run_again(case, [one for one in tries if isinstance(one.outcome, StalePolicy)])
        for one in tries:
            if isinstance(one.outcome, Refusal) and not isinstance(one.outcome, Replayed):
                of_body = None if isinstance(one.outcome, KeyReused) else one.body_hash
                await self.record_refusal(one.request, case.action, one.outcome, of_body)
        return [typing.cast("Done | Refusal", one.outcome) for one in tries]

    async def reload(self) -> bool:
        """Take the policy in force from the database, if it is another one; tell whether it is now.

        Raises DamagedPolicy if it cannot be read: then nothing more is written here.
        """
        engine = next(iter(self.offices.engines.values()), None)
        if engine is None:
            return False
        async with engine.connect() as connection:
            if await connection.scalar(NOW) == self.policy.version:
                return False
            found = await policy_in_force(connection, self.policy, kept=self.kept)
        changed = found.version != self.policy.version
        self.policy = found
        return changed

    async def _run_again(self, case: UseCase, tries: list[_Try]) -> None:
        """Decide anew, under the policy that came into force meanwhile; under a stale one nothing is written."""
        try:
            if not tries or not await self.reload():
                return
        except DamagedPolicy as damaged:
            LOGGER.error("%s", damaged)  # noqa: TRY400 - it says all there is to say
            for one in tries:
                one.outcome = StalePolicy("The policy in force cannot be read here; only reading goes on.")
            return
        for one in tries:
            one.decision, one.outcome = self.policy.decide(one.request.actor.roles, case.action), None
            if not one.decision.allowed:
                one.outcome = NotPermitted(one.decision.reason, rule=one.decision.rule)
        await self._run(case, [one for one in tries if one.outcome is None])

    async def _run(self, case: UseCase, tries: list[_Try]) -> None:
        for trial in range(RETRIES_MAX):
            open_tries = [one for one in tries if one.outcome is None]
            if not open_tries:
                return
            try:
                await self._transaction(case, open_tries)
            except (DBAPIError, StaleDataError, Malformed) as failure:
                known = translated(failure)
                if known is None and (sqlstate(failure) not in RETRYABLE or trial == RETRIES_MAX - 1):
                    raise
                if known is not None and len(open_tries) == 1:
                    open_tries[0].outcome = known
                elif known is not None:
                    for one in open_tries:  # the whole set rolled back: find the culprit one by one
                        one.outcome = None
                        await self._run(case, [one])

    async def _transaction(self, case: UseCase, tries: list[_Try]) -> None:
        """Crash before the commit: nothing happened. Crash after it: the act stands, its key finds the answer."""
        engine = self.offices[tries[0].request.actor.office]
        finished: list[_Try] = []
        async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as session:
            for one in tries:
                one.entry_id, one.changed = uuid7(), None
            await self._begin(session, tries)
            running = [one for one in tries if one.attempt is not None and one.outcome is None]
            try:
                await self._act(case, session, running)
                finished = [one for one in running if one.changed is not None]
                if finished:
                    await self._record(session, finished)
                    await session.commit()
                else:
                    await session.rollback()
            except BaseException:
                for one in running:
                    one.attempt, one.changed, one.outcome = None, None, None
                raise
        for one in finished:
            assert one.changed is not None
            one.outcome = Done(one.changed.answer, one.changed.status)

    async def _begin(self, session: AsyncSession, tries: list[_Try]) -> None:
        requests = [
            {
                "n": n,
                "session": str(one.request.actor.session) if one.request.actor.session else None,
                "account": str(one.request.actor.account),
                "key": one.request.key,
                "hash": one.body_hash,
                "opening": one.request.opening,
                "closing": one.decision.action is Action.SESSION_CLOSE,
                "deputy_for": one.request.actor.standing().acts_for(self.policy, one.decision.action),
            }
            for n, one in enumerate(tries)
        ]
        begun = await fetch(session, BEGIN, self.policy.version, in_json(requests))
        now = self.clock.now()
        for row in begun:
            one = tries[row["n"]]
            match row["verdict"]:
                case "ok":
                    local = now.astimezone(BERLIN)
                    desk = Desk(
                        row["business_date"] or local.date(),
                        row["desk_clock"] or time(local.hour, local.minute),
                    )
                    one.attempt = Attempt(
                        session,
                        one.request.actor,
                        one.decision,
                        self.policy,
                        now,
                        desk,
                        one.entry_id,
                        self.entity_lei,
                        row["people_epoch"],
                    )
                case "replay":
                    one.outcome = replayed(row["status"], row["answer"])
                case "reused":
                    one.outcome = KeyReused("This Idempotency-Key was used before with another body.")
                case "absent":
                    one.outcome = OnLeave(one.request.actor.away)
                case "no_deputy":
                    one.outcome = NotPermitted(
                        "You no longer stand in for somebody else here.", rule="SEG-02"
                    )
                case "stale_policy":
                    one.outcome = StalePolicy("The bank's policy changed; this process must be restarted.")
                case _:
                    one.outcome = NotSignedIn()

    async def _act(self, case: UseCase, session: AsyncSession, tries: list[_Try]) -> None:
        if not tries:
            return
        if case.many:
            outcomes = await case.run([one.attempt for one in tries], [one.request.command for one in tries])
            assert len(outcomes) == len(tries)
            for one, outcome in zip(tries, outcomes, strict=True):
                if isinstance(outcome, Refusal):
                    one.outcome = outcome
                else:
                    one.changed = outcome
            await session.flush()
            await written([one.attempt for one in tries if one.attempt])
            return
        alone = len(tries) == 1  # a lone act needs no savepoint: its refusal rolls everything back
        for one in tries:
            savepoint = None if alone else await session.begin_nested()
            try:
                one.changed = await case.run(one.attempt, one.request.command)
                await session.flush()
                await written([one.attempt] if one.attempt else [])
                if savepoint is not None:
                    await savepoint.commit()
            except Refusal as refusal:
                one.changed, one.outcome = None, refusal
                if savepoint is not None:
                    await undo(session, savepoint)

    async def _record(self, session: AsyncSession, tries: list[_Try]) -> None:
        connection = await session.connection()
        warned = await warnings_of(connection, [one.attempt for one in tries if one.attempt])
        for one, warnings in zip(tries, warned, strict=True):
            if warnings and one.changed is not None:
                one.changed = Changed({**one.changed.answer, "warnings": warnings}, one.changed.status)
        prev = await previous_leaves(
            connection, [row for one in tries if one.attempt for row in one.attempt.rows]
        )
        for one in tries:
            assert one.attempt is not None
            one.attempt.must_have_admitted()
            one.entry = self._encode(one, prev)
        acts = [one.attempt for one in tries if one.attempt]
        receipts = receipts_for(
            (self.key, self.origin, self.certificate),
            [(one.entry_id, one.entry, one.attempt.now) for one in tries if one.attempt],
        )
        answers = []
        for one, receipt in zip(tries, receipts, strict=True):
            assert one.changed is not None
            one.changed = Changed({**one.changed.answer, "receipt": receipt}, one.changed.status)
            if (key := one.request.key) is not None:
                status, told = one.changed.status, one.changed.answer
                answers.append(key_row(one.request.actor, key, one.body_hash, status, told))
        await store_entries(
            session,
            [one.entry for one in tries],
            closed=[item for act in acts for item in act.closed],
            handled=[item for act in acts for item in act.handled],
            opened=[item for act in acts for item in act.opened],
            answers=answers,
        )

    def _encode(self, one: _Try, prev: Mapping[tuple[str, UUID, int], str]) -> bytes:
        assert one.attempt is not None
        entry = self._line(one.request.actor, one.decision.action, one.entry_id, traced(one.request.key))
        one.attempt.tell_trail()
        entry["ts"] = timestamp(one.attempt.now)
        entry["decision"] |= {"outcome": "allow", "rules": [one.decision.rule, *one.attempt.controls]}
        entry["data"] = one.attempt.data
        entry["links"] = one.attempt.links
        entry["eff"] = [effect(row, prev) for row in one.attempt.rows]
        try:
            return encode(entry)
        except MalformedEntry as malformed:
            raise Malformed(f"This cannot stand in the log: {malformed}") from malformed

    def _line(self, actor: Actor, action: Action, entry_id: UUID, trace: str | None) -> dict[str, Any]:
        line: dict[str, Any] = {
            "act": action.value,
            "actor": actor.frozen_view(actor.standing().acts_for(self.policy, action)),
            "decision": {"id": str(entry_id), "policy": self.policy.version},
            "id": str(entry_id),
            "nonce": secrets.token_hex(16),
            "v": 1,
        }
        if trace is not None:
            line["req"] = trace
        return line

    async def record_refusal(
        self, request: Request, action: Action, refusal: Refusal, digest_of_body: str | None
    ) -> None:
        """Write the refusal's own entry, with a digest of the body instead of the body, and set its decision id.

        A repeated request gets the same answer, kept under its key; that a session had ended is none to keep.
        """
        entry_id = uuid7()
        refusal.decision = str(entry_id)
        line = self._line(request.actor, action, entry_id, traced(request.key))
        line["ts"] = timestamp(self.clock.now())
        line["decision"] |= {"outcome": "refuse", "rules": [refusal.rule or refusal.code]}
        line["data"] = {"code": refusal.code, "status": refusal.status, **refusal.facts}
        if refusal.field is not None:
            line["data"]["field"] = ascii(refusal.field)[1:-1][
                :FIELD_CHARACTERS_MAX
            ]  # a caller may name it anything
        if digest_of_body is not None:
            line["data"]["body"] = digest_of_body
        trade = getattr(request.command, "trade_id", None)
        at = datetime.fromisoformat(line["ts"])
        told = [reported(one, entry_id, trade, at, refusal.code) for one in refusal.report]
        if told:
            line["data"]["opens"] = [opened_as_told(item, at) for item in told]
        line["links"] = {"trade": str(trade)} if isinstance(trade, UUID) else {}
        async with in_time_or_said(refusal), AsyncSession(self.offices[request.actor.office]) as session:
            final = refusal.status < 500 and not isinstance(refusal, NotSignedIn)  # noqa: PLR2004
            answers = []
            if request.key is not None and digest_of_body is not None and final and not request.again:
                answers.append(
                    key_row(request.actor, request.key, digest_of_body, refusal.status, problem(refusal))
                )
            await store_entries(session, [encode(line)], opened=told, answers=answers)
            await session.commit()

    async def refuse(
        self, actor: Actor, action: Action, refusal: Refusal, trade_id: UUID | None = None
    ) -> None:
        """Record a refusal that happened before the gate: an act without the right, a body of the wrong shape."""
        await self.record_refusal(Request(actor, NeverDecoded(trade_id=trade_id)), action, refusal, None)

    async def record_read(self, actor: Actor, action: Action, **data: str) -> None:
        """Write the entry of a sensitive read."""
        decision = actor.standing().decide(self.policy, action)
        line = self._line(actor, action, entry_id := uuid7(), None)
        line["ts"] = timestamp(self.clock.now())
        line["decision"] |= {"id": str(entry_id), "outcome": "allow", "rules": [decision.rule]}
        line |= {"data": data, "links": {}}
        async with AsyncSession(self.offices[actor.office]) as session:
            await store_entries(session, [encode(line)])
            await session.commit()


def replayed(status: int | None, answer: str | None) -> Done | Refusal:
    """Return the answer that was given before under the same key and body."""
    assert status is not None
    assert answer is not None
    body = json.loads(answer)
    return Done(body, status, replay=True) if status < 400 else Replayed(status, body)  # noqa: PLR2004
