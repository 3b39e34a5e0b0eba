"""Blocks of absence as steps of a random run: planned, accepted, overtaken by the day, interrupted; and every way in."""

from datetime import date, timedelta

from service.kernel.calendar import is_business_day, next_business_day
from tests.property.separation.hands import Hand
from tests.property.separation.moves import Move
from tests.property.separation.play import Play
from tests.property.separation.staff import WHY, ask, leave
from tests.settling import RATES, fix, on_business_date

HOME, BLOCK_DAYS, WAYS = "EUR", 10, ("api", "batch", "command line", "import")


async def go_away(play: Play) -> None:
    """Let a trader plan a block from tomorrow on, somebody accept it, and tomorrow come; one block at a time."""
    traders = [hand for hand in play.who.values() if "trader" in hand.roles and hand.owner is None]
    if play.away or len({hand.person for hand in traders}) < 3:
        return await knock(play)
    trader = play.rng.choice(traders)
    substitute = play.rng.choice([hand for hand in traders if hand.person != trader.person])
    first = next_business_day(play.day, HOME)
    facts = {"substitute": substitute.name, "first_day": str(first), "last_day": str(last_day(first)), **WHY}
    planned = await ask(play, "absence.plan", facts, "/api/absences", by=trader)
    if not planned.allowed:
        return None
    key = planned.told["id"]
    facts = {"absence": key, "version": planned.told["version"], "accept_dead_end": "as the block must be"}
    path, things = f"/api/absences/{key}/acceptance", frozenset({("absence", key)})
    hands = [
        play.rng.choice([*play.who.values()]),
        substitute,
    ]  # mostly somebody who is not meant, then who is
    for hand in hands:
        if hand.owner is None:
            accepted = await ask(play, "absence.accept", facts, path, "absence", by=hand, things=things)
            if accepted.allowed:
                play.absence = (key, accepted.told["version"])
                play.away_next = trader.person
                break
    await tomorrow(play)
    return await knock(play)


def last_day(first: date) -> date:
    """Return the last day of the shortest whole block."""
    last, days = first, 1
    while days < BLOCK_DAYS:
        last += timedelta(days=1)
        days += is_business_day(last, HOME)
    return last


async def tomorrow(play: Play) -> None:
    """Let the next business day begin, with yesterday's reference; whoever agreed to be away is."""
    yesterday, play.day = play.day, next_business_day(play.day, HOME)
    await on_business_date(play.world, str(play.day))
    await fix(play.world, str(yesterday), RATES)
    await play.listen()
    if play.away_next is not None:
        play.away, play.away_next = play.away_next, None


async def knock(play: Play) -> None:
    """Let the absent trader try to deal and to look, on some account and by some way."""
    hands = [hand for hand in play.who.values() if hand.person == play.away]
    if not hands:
        return await play.capture()
    hand = play.rng.choice(hands)
    terms = play.ticket() | {"portfolio": "FX-EUR", "base_amount": f"{1_000_000 + play.steps}.00"}
    move = Move("trade.capture", terms, "/api/trades")
    await play.attempt(hand, move, play.rng.choice(WAYS))
    return await looked(play, hand)


async def looked(play: Play, hand: Hand) -> None:
    """Read positions with a token from before the block, if there is one."""
    if hand.name not in play.world.callers:
        return
    answer = await play.world.callers[hand.name].get("/api/positions")
    await play.listen()
    if answer.status_code == 200:
        raise play.broken(f"{hand.name} read positions while absent")


async def come_back(play: Play) -> None:
    """Have the block interrupted: tried by the absent trader, then by somebody who has no part in it."""
    if play.absence is None or play.away is None:
        return await go_away(play)
    key, version = play.absence
    facts = {"absence": key, "version": version, **WHY}
    path, things = f"/api/absences/{key}/interruption", frozenset({("absence", key)})
    absent = [hand for hand in play.who.values() if hand.person == play.away]
    for hand in (*absent[:1], play.who["head-of-trading"]):
        ended = await ask(play, "absence.interrupt", facts, path, "absence", by=hand, things=things)
        if ended.allowed:
            names = [one.name for one in absent]
            play.absence = play.away = None
            await leave(play, *names)
            break
    return None
