"""One random stretch of the bank's life: deals, staff, deputies, a change of the policy, and attempts at all of it."""

import random  # noqa: TID251  # seeded: the seed tells the whole run
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.automatic import HANDLERS
from service.cli import Act, perform
from service.kernel.errors import Refusal
from service.people.directory import service_actor
from service.work.worker import Worker
from tests import promises, settling
from tests.bank import World
from tests.importing import actor, imported, table
from tests.keeping import publish
from tests.parties import a_portfolio
from tests.property.separation.hands import Hand, facts, hands, together
from tests.property.separation.moves import Move, moves
from tests.property.separation.oracle import Deed, Oracle, Rules, deed_of
from tests.settling import OFFICES, set_up

FACES = ("api", "api", "batch", "command line")
BOOKS = {"FX-EUR": "FX desk", "FX-TWO": "Second FX desk"}
TICKET = settling.TERMS | {"value_date": settling.TERMS["trade_date"], "type": "fx_spot"}
AMOUNTS = (1_000_000, 2_500_000, 30_000_000)
INDEXED = text(
    "SELECT e.bytes FROM public.audit_index i JOIN public.audit_entry e ON e.id = i.entry_id ORDER BY i.index"
)
WAITING = text(
    "SELECT p.seq, e.bytes, e.id::text, e.outcome, e.account FROM public.audit_pending p "
    "JOIN public.audit_entry e ON e.id = p.entry_id WHERE p.seq > :last ORDER BY p.seq"
)
TRAIL = 25


OPENING = date(2026, 10, 27)


class Violation(AssertionError):
    """Somebody did what a rule keeps from them, or a refusal left no entry."""


@dataclass(frozen=True)
class Ended:
    """What came of a try: its status, the code of a refusal, its entry, and the answer."""

    status: int
    code: str = ""
    decision: str | None = None
    told: Any = None

    @property
    def allowed(self) -> bool:
        """Tell whether it was done."""
        return self.status < 300


@dataclass
class Play:
    """A seeded run: everything random comes from ``rng``, so that the seed tells the whole of it."""

    world: World
    seed: int
    rng: random.Random = field(init=False)
    engine: AsyncEngine = field(init=False)
    oracle: Oracle = field(default_factory=Oracle)
    who: dict[str, Hand] = field(default_factory=dict)
    deals: list[str] = field(default_factory=list)
    seen: int = 0
    steps: int = 0
    refusals: dict[str, str] = field(default_factory=dict)  # the account of each refusal's entry
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)  # of paths: allowed, refused
    forbidden: Counter[str] = field(default_factory=Counter)  # tries a rule forbids, by its control
    codes: Counter[str] = field(default_factory=Counter)
    day: date = OPENING
    away: str | None = None  # the person whom a block of absence keeps out, on every account
    away_next: str | None = None  # who will be, once the day begins
    absence: tuple[str, int] | None = None  # the block, by id and version
    trail: deque[str] = field(default_factory=lambda: deque(maxlen=TRAIL))

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.engine = create_async_engine(self.world.bank.admin_url, pool_size=1)

    async def begin(self) -> None:
        """Set the bank up: two desks with a book each, a counterparty and its payment routes."""
        await set_up(self.world)
        await a_portfolio(self.world, "FX-TWO", BOOKS["FX-TWO"])
        await self.look()
        async with self.engine.connect() as connection:
            for row in await connection.execute(INDEXED):
                self.learn(deed_of(row.bytes))
        await self.listen()

    async def end(self) -> None:
        """Hold the whole bank against every promise: its signed log against every rule, its tables against the log."""
        await publish(self.world)
        if found := await promises.broken(promises.finished(self.world)):
            raise self.broken("\n".join(map(str, found)))

    def broken(self, what: str) -> Violation:
        """Return a violation that says how to see it again."""
        again = f"python -m tests.property.separation --seed {self.seed} --steps {self.steps}"
        return Violation(f"{what}\nagain with: {again}\nlast tries:\n" + "\n".join(self.trail))

    # What is known -------------------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """Return the rules in force."""
        policy = self.world.bank.gate.policy
        if policy.version not in self.oracle.rules:
            files = {file: content.decode() for file, content in policy.texts.items()}
            self.oracle.rules[policy.version] = Rules(files)
        return self.oracle.rules[policy.version]

    async def look(self) -> None:
        """See anew who is who; nobody may hold together what separation.csv keeps apart."""
        async with self.engine.connect() as connection:
            self.who = await hands(connection)
            self.oracle.facts = await facts(connection)
        for person, roles in together(self.who.values()).items():
            if control := self.rules.conflict(roles):
                raise self.broken(f"{control}: {person} holds {sorted(roles)}")

    async def listen(self) -> None:
        """Read what was written since, and judge it at once."""
        async with self.engine.connect() as connection:
            fresh = (await connection.execute(WAITING, {"last": self.seen})).all()
        for row in fresh:
            self.seen = row.seq
            if row.outcome == "refuse":
                self.refusals[row.id] = row.account
            else:
                self.learn(deed_of(row.bytes))

    def learn(self, deed: Deed | None) -> None:
        """Take a deed into the history; whoever is away does nothing."""
        if deed is not None and deed.person == self.away and deed.act != "session.close":
            raise self.broken(f"{deed.person} did {deed.act} while absent")
        if deed is not None:
            self.oracle.learn(deed)

    def barred(self, move: Move, hand: Hand) -> str | None:
        """Return the control that keeps a hand from a move, as the second opinion sees it.

        What was done before counts for everybody an act counts for; a former desk is that of who acts alone:
        that somebody else takes over what a mover keeps from is the remedy.
        """
        persons, person = hand.persons(self.rules, move.act), hand.person
        now, version = self.world.bank.gate.clock.now(), self.world.bank.gate.policy.version
        apart = self.oracle.barred(move.act, persons, move.trade, move.things, now, version)
        return apart or self.oracle.cooling(move.act, {person}, move.trade, now, version)

    # Trying --------------------------------------------------------------------------------------

    async def attempt(self, hand: Hand, move: Move, face: str | None = None) -> Ended:
        """Try a move; whatever the second opinion forbids must be refused, and each refusal must be an entry."""
        face = face or self.rng.choice(FACES)
        barred = self.barred(move, hand)
        able = hand.able(self.rules, move.act)
        try:
            ended = await self.through(face, hand, move)
        except Refusal as refusal:  # somebody without any role does not even sign in
            ended = Ended(refusal.status, refusal.code, refusal.decision)
        said = f"{self.steps}: {hand.name} {move.act} by {face}: {ended.status} {ended.code}"
        self.trail.append(f"{said} ({barred or ('' if able else 'no right')})")
        await self.listen()
        if ended.allowed and hand.person == self.away:
            raise self.broken(f"{said}, although on leave")
        if ended.allowed and (barred or not able):
            raise self.broken(f"{said}, although {barred or 'no role gives it'}")
        if not ended.allowed and ended.decision not in self.refusals:
            raise self.broken(f"{said} left no entry")
        if ended.status >= 500:
            raise self.broken(said)
        self.count(hand, move, face, ended, barred)
        return ended

    def count(self, hand: Hand, move: Move, face: str, ended: Ended, barred: str | None) -> None:
        """Add a try to the totals of its paths."""
        outcome = "allowed" if ended.allowed else "refused"
        paths = [face]
        if hand.givers(self.rules, move.act):
            paths.append("deputy")
        if sum(other.person == hand.person for other in self.who.values()) > 1:
            paths.append("second account")
        for path in paths:
            self.tally[path, outcome] += 1
        if barred:
            self.forbidden[barred.split()[0]] += 1
        if hand.person == self.away:
            self.forbidden["TRD-19"] += 1
        if ended.code:
            self.codes[ended.code] += 1

    async def through(self, face: str, hand: Hand, move: Move) -> Ended:
        """Do a move through one of the faces."""
        if face == "import":
            return await self.brought_in(hand, move)
        caller = await self.world.as_(hand.name)
        if face == "command line":
            who = await actor(self.world, hand.name)
            told = (await perform(self.world.bank.gate, who, Act(move.act, move.written))).told
            return Ended(int(told.get("status", 200)), str(told.get("code", "")), told.get("decision"), told)
        if face == "batch":
            answer = await caller.post("/api/acts", [{"action": move.act, "command": move.command}])
            (one,) = (
                answer.json()
                if answer.status_code == 200
                else ({"status": answer.status_code, "problem": answer.json()},)
            )
            problem = one.get("problem", {})
            return Ended(one["status"], problem.get("code", ""), problem.get("decision"), one.get("answer"))
        answer = await caller.post(move.path, move.body)
        told = answer.json()
        if answer.status_code < 300:
            return Ended(answer.status_code, told=told)
        return Ended(answer.status_code, str(told.get("code", "")), told.get("decision"), told)

    async def brought_in(self, hand: Hand, move: Move) -> Ended:
        """Enter a deal by a file on the command line."""
        before = len(self.refusals)
        file = Path(self.world.bank.settings.data) / "deals.csv"
        file.write_text(table(move.command), encoding="utf-8")
        outcome, report = await imported(self.world, file, by=hand.name)
        await self.listen()
        if report and report[0]["result"] == "entered":
            return Ended(201, told={"id": report[0]["id"]})
        last = [*self.refusals][-1] if len(self.refusals) > before else None
        return Ended(403, str(outcome.told.get("code", report[0]["code"] if report else "")), last)

    async def drain(self) -> None:
        """Let the offices' own accounts do what waits; a deal of the owner of such an account they leave."""
        for office in OFFICES:
            worker = Worker(self.world.bank.gate, office, HANDLERS, service_actor)
            done = await worker.drain()
            self.tally["service account", "allowed"] += done
            self.tally["service account", "refused"] += len(worker.troubles)
            if other := {one.code for one in worker.troubles.values()} - {"kept_apart"}:
                raise self.broken(f"the service of {office} met {other}")
        await self.listen()

    # Choosing ------------------------------------------------------------------------------------

    def able(self, act: str, among: Iterable[Hand] | None = None) -> list[Hand]:
        """Return whoever has a right to an act, service accounts aside."""
        everybody = self.who.values() if among is None else among
        return [hand for hand in everybody if hand.owner is None and hand.able(self.rules, act)]

    def hand_for(self, move: Move) -> Hand:
        """Return somebody for a move: mostly fit, often barred by what they did before, sometimes just anybody."""
        people = [hand for hand in self.who.values() if hand.owner is None]
        able = self.able(move.act)
        barred = [hand for hand in people if self.barred(move, hand)]
        with_right = [hand for hand in barred if hand in able]
        fit = [hand for hand in able if hand not in barred]
        lent = [hand for hand in fit if hand.givers(self.rules, move.act)]
        roll = self.rng.random()
        if roll < 0.25 and with_right:
            deputies = [hand for hand in with_right if hand.givers(self.rules, move.act)]
            return self.rng.choice(deputies or with_right)
        if roll < 0.35 and barred:
            return self.rng.choice(barred)
        if roll < 0.6 and lent:
            return self.rng.choice(lent)
        return self.rng.choice(people if roll < 0.42 or not fit else fit)

    def ticket(self) -> dict[str, str]:
        """Return the terms of a deal of today."""
        return TICKET | {
            "trade_date": str(self.day),
            "value_date": str(self.day),
            "executed_at": f"{self.day}T07:30:00Z",
        }

    async def capture(self) -> None:
        """Enter a deal, by any trader or somebody who is none."""
        book = self.rng.choice([*BOOKS])
        terms = self.ticket() | {
            "portfolio": book,
            "base_amount": f"{self.rng.choice(AMOUNTS) + self.steps}.00",
        }
        terms["side"] = self.rng.choice(["buy", "sell"])
        move = Move("trade.capture", terms, "/api/trades")
        face = self.rng.choice([*FACES, "import"])
        ended = await self.attempt(self.hand_for(move), move, face)
        if ended.allowed:
            self.deals.append(ended.told["id"])
            await self.look()

    async def offer(self) -> None:
        """Offer an internal deal from one desk to the other, and let somebody accept it."""
        terms = {key: value for key, value in self.ticket().items() if key != "counterparty"}
        terms |= {"portfolio": "FX-EUR", "other_portfolio": "FX-TWO", "purpose": "hedge"}
        move = Move("internal.offer", terms, "/api/internal-deals")
        ended = await self.attempt(self.hand_for(move), move)
        if ended.allowed:
            self.deals.append(ended.told["id"])
            await self.look()

    async def handle(self) -> None:
        """Do the next thing to some deal, the latest ones most."""
        if not self.deals:
            return await self.capture()
        recent = self.deals[-4:] if self.rng.random() < 0.8 else self.deals
        trade = self.rng.choice(recent)
        async with self.engine.connect() as connection:
            found = await moves(connection, trade)
        if not found:
            return await self.capture()
        move = self.rng.choice(found)
        ended = await self.attempt(self.hand_for(move), move)
        if ended.allowed:
            if move.act == "internal.accept" and ended.told.get("id") not in self.deals:
                self.deals.append(ended.told["id"])
                await self.look()
            await self.drain()
        return None
