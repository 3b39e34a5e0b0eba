"""Deals out of a file: looked at without writing anything, or entered by the person who imports, as one by one."""

import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from policies.vocabulary import Action
from service.attempt import Attempt, body_hash
from service.gate import BATCH_MAX, Done, Gate, Request
from service.importing.outcomes import Outcome
from service.importing.rows import Row
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, NotPermitted, NotSignedIn, Refusal, StalePolicy
from service.kernel.identifiers import uuid7
from service.limits.reserving import outcome as said_of_room
from service.market.ecb import NoFixing, to_eur
from service.market.queries import last_rates
from service.trades.api import read_deal
from service.trades.deals.deal import wording
from service.trades.deals.fx import FxTerms
from service.trades.deals.fx_forward import FxForwardTerms
from service.trades.entering import Judged, Known, judged, look_up
from service.trades.looking import ROOM, desk_of
from service.trades.reference import Reference, beside_reference
from service.trades.tickets import CaptureTrade
from service.trades.use_cases import capture_trades
from service.ui.dealing_words import FINDINGS
from service.ui.formats import Formats
from service.ui.languages import N_, Language, Words

BEFORE = text("SELECT * FROM public.entered_under(:account, :keys, :hashes)")
Keyed = Sequence[tuple[Row, str]]
Rates = tuple[date, Mapping[str, Decimal]] | None


class NoDeal(Malformed):
    """400. A row of a file is no deal that can be entered; the sentence says what to correct."""


class ImportEnded(Exception):
    """Nobody can go on: the session ended, or the bank's policy changed. What was told before stands."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


async def must_capture(gate: Gate, actor: Actor) -> None:
    """Raise NotPermitted, with one entry of it, unless the person may enter deals at all."""
    refusal = None
    if actor.restricted:
        refusal = NotPermitted("A one-time password only opens the change of the password.")
    elif not (decision := gate.policy.decide(actor.roles, Action.TRADE_CAPTURE)).allowed:
        refusal = NotPermitted(decision.reason, rule=decision.rule)
    if refusal is not None:
        await gate.refuse(actor, Action.TRADE_CAPTURE, refusal)
        raise refusal


def in_sets(rows: Iterable[tuple[Row, str]]) -> Iterator[Keyed]:
    """Part the rows into sets that are entered together."""
    remaining = iter(rows)
    while taken := list(islice(remaining, BATCH_MAX)):
        yield taken


# Entering -------------------------------------------------------------------------------------------


async def enter(
    gate: Gate, actor: Actor, rows: Iterable[tuple[Row, str]]
) -> AsyncGenerator[list[Outcome], None]:
    """Enter the deals set by set; yield what became of each row once it is committed.

    Stopped anywhere, a rerun finds under its keys what was entered and goes on with the rest; what was refused is tried anew.
    Raises ImportEnded.
    """
    for taken in in_sets(rows):
        read = [deal_of(row) for row, _ in taken]
        requests = [
            Request(actor, deal, key, again=True)
            for (_, key), deal in zip(taken, read, strict=True)
            if not isinstance(deal, Refusal)
        ]
        for deal in read:
            if isinstance(deal, Refusal):
                await gate.refuse(actor, Action.TRADE_CAPTURE, deal)
        done = iter(await gate.perform_many(capture_trades, requests) if requests else [])
        outcomes = [deal if isinstance(deal, Refusal) else next(done) for deal in read]
        yield [told(row, outcome) for (row, _), outcome in zip(taken, outcomes, strict=True)]
        for outcome in outcomes:
            if isinstance(outcome, NotSignedIn | StalePolicy):
                raise ImportEnded(outcome)


def deal_of(row: Row) -> CaptureTrade | Malformed:
    """Return the deal of a row, read as strictly as a body of ``POST /api/trades``, or why it is none."""
    if row.deal is None:
        assert row.refusal is not None
        return NoDeal(row.refusal, field=row.field)
    return read_deal(dict(row.deal))


def told(row: Row, outcome: Done | Refusal, language: Language | None = None) -> Outcome:
    """Return what to say of a row that was offered."""
    if isinstance(outcome, Refusal):
        return refused(row, outcome)
    return entered(row, outcome.answer, before=bool(outcome.replay), language=language)


def entered(
    row: Row, answer: Mapping[str, Any], *, before: bool, language: Language | None = None
) -> Outcome:
    """Return what to say of a row whose deal stands in the books; ``language``: of its reader, None for a machine.

    The deal is in the words of the answer, whatever the language.
    """
    return Outcome(
        line=row.number,
        row=row.source,
        result="entered before" if before else "entered",
        deal_number=answer["deal_number"],
        id=answer["id"],
        market=found(answer["checks"]["market"], language),
        marks=tuple(answer["marks"]),
        deal=answer["wording"],
        notes=row.notes,
    )


def found(market: Mapping[str, Any], language: Language | None) -> str:
    """Say what the check of a deal in the books found."""
    bp = market.get("deviation_bp")
    if language is None:
        return f"{market['result']} ({market['why']}{'' if bp is None else f' {bp} bp'})"
    say = Words(language)
    why = say(FINDINGS[market["why"]])
    return why if bp is None else say(N_("%(found)s: %(bp)s bp"), found=why, bp=Formats(language).signed(bp))


def refused(row: Row, refusal: Refusal) -> Outcome:
    """Return what to say of a row that is not entered."""
    return Outcome(
        line=row.number,
        row=row.source,
        result="refused",
        code=refusal.code,
        field=refusal.field,
        reason=str(refusal),
        decision=refusal.decision,
        notes=row.notes,
    )


# Looking --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Room:
    """How much of each limit the rows looked at so far would leave, had they been entered."""

    used: dict[tuple[str, UUID], Any] = field(default_factory=dict)
    rates: dict[date, Rates] = field(default_factory=dict)

    async def take(self, reads: AsyncSession, deal: Judged, rates: Rates) -> None:
        """Take what the deal would. Raises what the limits would say of it."""
        if rates is None:
            return  # the import may know a reference that trading does not see yet
        wants = deal.needs(1)
        asked = [
            ("counterparty", wants.counterparty_id, wants.exposure),
            ("portfolio", wants.portfolio_id, wants.nominal),
        ]
        takes = []
        for scope, owner, money in asked:
            try:
                worth = to_eur(money.amount, money.currency, rates[1])
            except NoFixing:
                raise said(scope, "no_rate", currency=money.currency) from None
            if scope == "portfolio" and wants.max_eur is not None and worth > wants.max_eur:
                raise said(scope, "mandate", limit_eur=wants.max_eur, asked_eur=worth)
            room = await self._of(reads, scope, owner)
            if room is None:
                raise said(scope, "no_limit")
            if worth > 0 and room.used_eur + worth > room.amount_eur:
                figures = {"limit_eur": room.amount_eur, "used_eur": room.used_eur, "asked_eur": worth}
                raise said(scope, "excess", limit_id=room.limit_id, **figures)
            takes.append((room, worth))
        for room, worth in takes:
            room.used_eur += worth

    async def _of(self, reads: AsyncSession, scope: str, owner: UUID) -> Any:
        if (scope, owner) not in self.used:
            row = (await reads.execute(ROOM, {"scope": scope, "owner": owner})).one()
            self.used[scope, owner] = None if row.limit_id is None else SimpleNamespace(**row._mapping)  # noqa: SLF001
        return self.used[scope, owner]

    async def fixing(self, reads: AsyncSession, until: date) -> Rates:
        """Return the newest reference up to a day that the reader may know."""
        if until not in self.rates:
            self.rates[until] = await last_rates(reads, until)
        return self.rates[until]


def said(scope: str, verdict: str, **facts: Any) -> Refusal:
    """Return the refusal that the limits would give."""
    row: Any = SimpleNamespace(scope=scope, verdict=verdict, **facts)
    refusal = said_of_room(row)
    assert isinstance(refusal, Refusal)
    return refusal


async def preview(
    gate: Gate, actor: Actor, rows: Iterable[tuple[Row, str]], language: Language | None = None
) -> AsyncGenerator[list[Outcome], None]:
    """Yield what would become of each row: the deal in words, or the first reason against it. Nothing is written.

    ``language``: that of who reads it; None where a machine may, which gets days and numbers as it writes them.

    The rows count against the limits as they stand now, one after the other; one that was entered before says so and
    counts no more. The market's check is the trade date's last published reference.
    """
    engine = gate.offices[actor.office].execution_options(postgresql_readonly=True)
    decision = gate.policy.decide(actor.roles, Action.TRADE_CAPTURE)
    room = Room()
    for taken in in_sets(rows):
        read = [deal_of(row) for row, _ in taken]
        async with AsyncSession(engine) as reads:
            now = gate.clock.now()
            known = await look_up(
                reads,
                [deal for deal in read if not isinstance(deal, Refusal)],
                today := await desk_of(reads, gate),
            )
            attempt = Attempt(reads, actor, decision, gate.policy, now, today, uuid7(), gate.entity_lei)
            before = await entered_before(reads, actor, taken, read)
            outcomes = []
            for (row, key), deal in zip(taken, read, strict=True):
                try:
                    if isinstance(deal, Refusal):
                        raise deal
                    if key in before:
                        one = entered(row, before[key], before=True, language=language)
                        outcomes.append(in_words(one, attempt, deal, known, language))
                        continue
                    outcomes.append(
                        await looked_at(row, judged(attempt, deal, known, uuid7()), room, language)
                    )
                except Refusal as refusal:
                    outcomes.append(refused(row, refusal))
        yield outcomes


async def entered_before(
    reads: AsyncSession, actor: Actor, taken: Keyed, read: Sequence[CaptureTrade | Malformed]
) -> dict[str, dict[str, Any]]:
    """Return what was answered of the rows that the same account entered before, by their keys."""
    asked = {
        key: body_hash(Action.TRADE_CAPTURE, deal)
        for (_, key), deal in zip(taken, read, strict=True)
        if not isinstance(deal, Refusal)
    }
    facts = {"account": actor.account, "keys": list(asked), "hashes": list(asked.values())}
    return {row.key: json.loads(row.answer) for row in await reads.execute(BEFORE, facts)}


def in_words(
    one: Outcome, attempt: Attempt, deal: CaptureTrade, known: Known, language: Language | None
) -> Outcome:
    """Return what became of a row with its deal in the reader's language; without words if it were refused today."""
    if language is None:
        return one
    try:
        again = judged(attempt, deal, known, uuid7())
    except Refusal:
        return msgspec.structs.replace(one, deal=None)
    return msgspec.structs.replace(one, deal=wording(again.terms, again.counterparty.name, language))


async def looked_at(row: Row, deal: Judged, room: Room, language: Language | None) -> Outcome:
    """Return what the row would become. Raises what the limits would say."""
    reads, terms = deal.attempt.session, deal.terms
    await room.take(reads, deal, await room.fixing(reads, deal.attempt.desk.business_date))
    market = None
    if isinstance(terms, FxTerms):
        dealt = terms.spot_rate if isinstance(terms, FxForwardTerms) else terms.rate
        beside = beside_reference(dealt, terms.base, terms.quote, await room.fixing(reads, terms.trade_date))
        market = None if beside is None else distance(beside, language)
    return Outcome(
        line=row.number,
        row=row.source,
        result="can be entered",
        market=market,
        marks=tuple(deal.marks),
        deal=wording(terms, deal.counterparty.name, language or "en"),
        notes=row.notes,
    )


def distance(reference: Reference, language: Language | None) -> str:
    """Say how far a deal would be from its reference."""
    if language is None:
        return f"reference of {reference.day}: {reference.deviation_bp} bp"
    fmt = Formats(language)
    day, bp = fmt.day(reference.day), fmt.points(reference.deviation_bp)
    return Words(language)(N_("reference of %(day)s: %(bp)s bp"), day=day, bp=bp)


# All or nothing -------------------------------------------------------------------------------------


class NotWhole(Refusal):
    """409. One deal of the file was refused, so none of it is entered."""

    def __init__(self, refused: Sequence[tuple[CaptureTrade, Refusal]]) -> None:
        super().__init__("A row of the file is refused, so none of its deals is entered.")
        self.refused = refused


async def enter_whole(gate: Gate, actor: Actor, rows: Keyed, language: Language) -> list[Outcome]:
    """Enter at most 128 deals in one transaction, every one or none; return what became of each row.

    What was entered before under the same key stays as it is. A refused row takes its neighbours with it: they come
    back as they were looked at, and only its refusal is recorded. Raises ImportEnded.
    """
    looked = [one async for outcomes in preview(gate, actor, rows, language) for one in outcomes]
    read = [deal_of(row) for row, _ in rows]
    deals = [deal for deal in read if not isinstance(deal, Refusal)]
    if len(deals) < len(read) or any(one.is_refused for one in looked):
        return looked
    requests = [Request(actor, deal, key, again=True) for deal, (_, key) in zip(deals, rows, strict=True)]
    try:
        done = await gate.perform_many(replace(capture_trades, run=whole), requests)
    except NotWhole as failed:
        against = {id(deal): refusal for deal, refusal in failed.refused}
        for refusal in against.values():
            await gate.refuse(actor, Action.TRADE_CAPTURE, refusal)
        return [
            refused(row, against[id(deal)]) if id(deal) in against else one
            for (row, _), deal, one in zip(rows, deals, looked, strict=True)
        ]
    for outcome in done:
        if isinstance(outcome, NotSignedIn | StalePolicy):
            raise ImportEnded(outcome)
    return [
        msgspec.structs.replace(told(row, outcome, language), deal=one.deal)
        for (row, _), outcome, one in zip(rows, done, looked, strict=True)
    ]


async def whole(attempts: Sequence[Attempt], commands: Sequence[CaptureTrade]) -> list[Any]:
    """Enter the deals, or raise NotWhole with what was said of each: then the transaction is rolled back."""
    outcomes: list[Any] = await capture_trades.run(attempts, commands)
    against = [
        (deal, outcome)
        for deal, outcome in zip(commands, outcomes, strict=True)
        if isinstance(outcome, Refusal)
    ]
    if against:
        raise NotWhole(against)
    return outcomes
