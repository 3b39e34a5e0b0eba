"""What somebody with an office's database login tries past the service: acts in the name of whom a rule bars."""

from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from policies.vocabulary import Office
from service.demo.access import actor_named
from service.kernel.failures import sqlstate
from tests.intruders import Intruder, append
from tests.property.separation.hands import Hand
from tests.property.separation.moves import Move, moves
from tests.property.separation.play import Play

KINDS = {
    "trade.verify": "trade_control",
    "trade.return": "trade_control",
    "request.approve": "request_decision",
}
OFFICES = (
    Office.FRONT_OFFICE,
    Office.BACK_OFFICE,
    Office.ACCOUNTING,
    Office.ADMINISTRATION,
    Office.MASTER_DATA,
)
STATEMENTS = (
    "UPDATE public.settlement SET state = 'settled'",
    "UPDATE public.role_grant SET state = 'executed'",
    "UPDATE public.audit_effect SET person = deputy_for",
    "INSERT INTO public.trade_control (id, rev, version, state) VALUES (gen_random_uuid(), 1, 1, 'verified')",
    "UPDATE public.trade_version SET rate = rate * 2",
    "DELETE FROM public.audit_entry",
)


async def break_in(play: Play) -> None:
    """Try, as some office's login, to write what the office or the named person may not."""
    absent = [hand for hand in play.who.values() if hand.person == play.away and hand.office in OFFICES]
    if absent and play.rng.random() < 0.5:
        hand = play.rng.choice(absent)
        act = play.rng.choice(["delegation.request", "password.change", "work.take"])  # any office's own
        return await in_the_name(play, hand, Move(act, {}, "", None))
    tried = await barred_acts(play)
    if tried and play.rng.random() < 0.7:
        hand, move = play.rng.choice(tried)
        return await in_the_name(play, hand, move)
    office = play.rng.choice(OFFICES)
    if play.rng.random() < 0.5:
        return await by_statement(play, office)
    people = [hand for hand in play.who.values() if hand.office == office and hand.owner is None]
    strangers = [hand for hand in play.who.values() if hand.office != office and hand.owner is None]
    me, other = play.rng.choice(people), play.rng.choice(strangers)
    act = play.rng.choice(sorted(foreign(play, office)))
    move = Move(act, {}, "", play.deals[-1] if play.deals else None)
    return await in_the_name(play, play.rng.choice([me, other]), move, office)


def foreign(play: Play, office: Office) -> set[str]:
    """Return the acts that other offices alone do."""
    own: set[str] = set()
    every: set[str] = set()
    for role, powers in play.rules.powers.items():
        every |= {act for act in powers if not act.endswith(".read")}
        if play.rules.office.get(role) == office:
            own |= powers
    return every - own


async def barred_acts(play: Play) -> list[tuple[Hand, Move]]:
    """Return acts on recent deals with people of the act's office whom a rule of apart.csv keeps from them."""
    found = []
    async with play.engine.connect() as connection:
        for trade in play.deals[-6:]:
            for move in await moves(connection, trade):
                offices = {
                    play.rules.office.get(role)
                    for role, powers in play.rules.powers.items()
                    if move.act in powers
                }
                for hand in play.who.values():
                    if hand.office in offices and hand.owner is None and held_apart(play, hand, move):
                        found.append((hand, move))  # noqa: PERF401
    return found


def held_apart(play: Play, hand: Hand, move: Move) -> bool:
    """Tell whether apart.csv keeps a person from an act, whatever roles they hold."""
    now, version = play.world.bank.gate.clock.now(), play.world.bank.gate.policy.version
    return play.oracle.barred(move.act, {hand.person}, move.trade, move.things, now, version) is not None


async def in_the_name(play: Play, hand: Hand, move: Move, office: Office | None = None) -> None:
    """Append an entry in which somebody does what they may not; the database must refuse it."""
    office = office or Office(hand.office)
    intruder = await intruder_of(play, office, hand.name)
    effects = [
        {"kind": kind, "id": key, "rev": 1, "after": "sha256:" + "0" * 64}
        for kind, key in move.things
        if kind in ("settlement", "confirmation")
    ]
    links = {"trade": move.trade} if move.trade else {}
    entry = intruder.line(act=move.act, links=links, eff=await following(play, effects))
    refused = "done"
    try:
        async with intruder.open() as connection:
            await append(connection, entry)
    except DBAPIError as failure:
        refused = str(sqlstate(failure))
    await told(play, f"the login of {office} writes {move.act} by {hand.name}", refused)


async def following(play: Play, effects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return effects that follow the last ones on their objects."""
    last = text(
        "SELECT rev, encode(leaf, 'hex') AS leaf FROM public.audit_effect "
        "WHERE kind = :kind AND id = CAST(:id AS uuid) ORDER BY rev DESC LIMIT 1"
    )
    async with play.engine.connect() as connection:
        for effect in effects:
            row = (await connection.execute(last, {"kind": effect["kind"], "id": effect["id"]})).one()
            effect |= {"rev": row.rev + 1, "prev": row.leaf}
    return effects


async def by_statement(play: Play, office: Office) -> None:
    """Run a bare statement that no office's login may."""
    statement = play.rng.choice(STATEMENTS)
    intruder = await intruder_of(play, office, None)
    await told(play, f"the login of {office} runs {statement}", await intruder.outcome_of(statement))


async def intruder_of(play: Play, office: Office, name: str | None) -> Intruder:
    """Return whoever stole the login of an office, speaking in the name of an account."""
    first = next(hand.name for hand in play.who.values() if hand.office == office)
    me = await actor_named(play.world.bank, name or first)
    return Intruder(play.world, office, me, me, uuid4(), b"")


async def told(play: Play, what: str, outcome: str) -> None:
    """Count a try past the service, which must have been refused."""
    play.trail.append(f"{play.steps}: {what}: {outcome}")
    play.tally["raw SQL", "refused" if outcome != "done" else "allowed"] += 1
    if outcome == "done":
        raise play.broken(f"{what}: the database let it")
    await play.listen()
