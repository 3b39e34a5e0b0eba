"""Both sides of one trade in one pair of hands: everything that must not work, tried while the days are played."""

from collections.abc import Mapping
from typing import Any

from service.demo import bad_input, intruder, mover, offices, rules, staff
from service.demo.days import House, Interludes
from service.demo.offices import Entered
from service.demo.plan import Story
from service.demo.trials import Trials

NOT_PERMITTED = "403 not_permitted"
EXIT_NOT_PERMITTED = "exit 3 not_permitted"
TRADER, OTHER_TRADER, HEAD = "trader", "other-trader", "head-of-trading"


def interludes(trials: Trials) -> Interludes:
    """Return what is tried at which moment of the first day, and at the end."""

    async def captured(house: House) -> None:
        own = probe(house)
        await verify_the_own_deal(trials, own)
        await dealing_in_control(trials, own)
        await mover.change_sides(trials, house)
        await bad_input.try_all(trials, house, own)

    async def verified(house: House) -> None:
        own = probe(house)
        await confirm_and_book_the_own_deal(trials, own)
        await decide_the_own_request(trials, house)

    async def released(house: House) -> None:
        own = probe(house)
        await settle_the_own_deal(trials, own)
        await two_steps_in_one_hand(trials, own)
        await intruder.break_in(trials, own)

    async def evening(house: House) -> None:
        await staff.stand_in(trials, house)
        await staff.come_and_go(trials, house)
        await staff.plan_leave(trials, house)
        await rules.change(trials, house)

    async def away(house: House) -> None:
        await staff.be_away(trials, house)

    async def last(house: House) -> None:
        await touch_what_is_done(trials, probe(house))

    return Interludes(captured, verified, released, evening, away, last)


def probe(house: House) -> Entered:
    """Return the trader's own deal that everything is tried on."""
    return house.of(house.plan.one(Story.PLAIN, account=TRADER, day=0))


async def verify_the_own_deal(trials: Trials, own: Entered) -> None:
    """Agree the terms of a deal that one entered oneself."""
    path, seen = f"/api/trades/{own.id}/verification", own.seen()
    command = {"trade_id": own.id, "version": own.version}
    reason = {"reason": "let me correct it"}
    await trials.api(TRADER, "verifies the own deal", path, seen, NOT_PERMITTED)
    await trials.batch(TRADER, "verifies the own deal", [("trade.verify", command)], NOT_PERMITTED)
    await trials.command_line(TRADER, "verifies the own deal", "trade.verify", command, EXIT_NOT_PERMITTED)
    returned = f"/api/trades/{own.id}/return"
    await trials.api(TRADER, "returns the own deal to change it", returned, seen | reason, NOT_PERMITTED)
    await trials.api(OTHER_TRADER, "verifies a colleague's deal", path, seen, NOT_PERMITTED)
    await trials.api(HEAD, "verifies a deal of the desk", path, seen, NOT_PERMITTED)
    stale = {"version": own.version + 6}
    await trials.api("verifier", "verifies a version that was never seen", path, stale, "409 stale_version")


async def dealing_in_control(trials: Trials, own: Entered) -> None:
    """Deal without being a trader; look after rates, dates and parties without being trusted with them."""
    deal = own.deal
    body = {**deal.terms, "counterparty": deal.counterparty}
    for who in ("verifier", "releaser", HEAD, "auditor", "board-trading"):
        await trials.api(who, "captures a deal", "/api/trades", body, NOT_PERMITTED)
    rates = {
        "day": deal.terms["trade_date"],
        "source": "own",
        "source_sha256": "0" * 64,
        "rates": {"USD": "2"},
    }
    await trials.api(TRADER, "brings in own reference rates", "/api/fixings", rates, NOT_PERMITTED)
    party = {"lei": deal.counterparty, "name": "Own Bank", "bic": "OWNBDEF0"}
    await trials.api(TRADER, "proposes a counterparty", "/api/counterparties", party, NOT_PERMITTED)
    date = {"business_date": deal.terms["value_date"], "desk_clock": "09:00", "version": 1}
    await trials.api(TRADER, "moves the business date", "/api/business-date", date, NOT_PERMITTED)
    await trials.look(
        "second-desk-trader", "reads another desk's deal", f"/api/trades/{own.id}", "404 not_found"
    )
    await trials.look(TRADER, "searches the audit log", "/api/entries", NOT_PERMITTED)


async def confirm_and_book_the_own_deal(trials: Trials, own: Entered) -> None:
    """Agree with the counterparty on the own deal, and put it into the books."""
    path = f"/api/confirmations/{own.confirmation}"
    said = {"version": 1, "fields": own.ours}
    await trials.api(
        TRADER, "sends the confirmation of the own deal", f"{path}/dispatch", {"version": 1}, NOT_PERMITTED
    )
    await trials.api(TRADER, "answers for the counterparty", f"{path}/counter", said, NOT_PERMITTED)
    await trials.api(TRADER, "matches the own deal", f"{path}/match", {"version": 1}, NOT_PERMITTED)
    booking = {"event": "trade_date", "trade": own.id}
    await trials.api(TRADER, "books the own deal", "/api/journals", booking, NOT_PERMITTED)
    reversal = {"trade": own.id}
    await trials.api(TRADER, "reverses the own booking", "/api/journals/reversal", reversal, NOT_PERMITTED)
    seen = {"confirmation_id": own.confirmation, "version": 1}
    acts: list[tuple[str, Mapping[str, Any]]] = [
        ("confirmation.dispatch", seen),
        ("confirmation.match", seen),
        ("journal.post", {"event": "trade_date", "trade_id": own.id}),
    ]
    await trials.batch(TRADER, "confirms and books the own deal", acts, NOT_PERMITTED)
    for action, command in acts:
        what = f"confirms and books the own deal: {action}"
        await trials.command_line(TRADER, what, action, command, EXIT_NOT_PERMITTED)
    twice = "books a deal a second time"
    await trials.api("accountant", twice, "/api/journals", booking, "409 already_posted")


async def decide_the_own_request(trials: Trials, house: House) -> None:
    """Cancel a deal without anybody outside trading."""
    own = house.of(house.plan.one(Story.CANCELLED))
    request = await offices.ask_to_cancel(house.hands, own, offices.WRONG_BANK, own.key)
    path = f"/api/requests/{request['id']}/approval"
    body = {"version": request["version"], "reason": "I know best"}
    await trials.api(TRADER, "approves the own cancellation", path, body, NOT_PERMITTED)
    await trials.api(HEAD, "approves a cancellation of the desk", path, body, NOT_PERMITTED)
    await trials.api("accountant", "approves a cancellation", path, body, NOT_PERMITTED)
    command = {"request_id": request["id"], **body}
    await trials.batch(TRADER, "cancels the own deal", [("request.approve", command)], NOT_PERMITTED)
    await trials.command_line(TRADER, "cancels the own deal", "request.approve", command, EXIT_NOT_PERMITTED)


async def settle_the_own_deal(trials: Trials, own: Entered) -> None:
    """Move the money of a deal that one entered oneself."""
    leg = own.legs[0]
    path, seen = f"/api/settlements/{leg.id}", {"version": leg.version}
    command = {"settlement_id": leg.id, "version": leg.version}
    for step in ("preparation", "release", "completion"):
        await trials.api(TRADER, f"settles the own deal: {step}", f"{path}/{step}", seen, NOT_PERMITTED)
    acts = [(f"settlement.{verb}", command) for verb in ("prepare", "release", "complete")]
    await trials.batch(TRADER, "settles the own deal", acts, NOT_PERMITTED)
    for action, _ in acts:
        what = f"settles the own deal: {action}"
        await trials.command_line(TRADER, what, action, command, EXIT_NOT_PERMITTED)
    await trials.look(TRADER, "looks at payment routes", "/api/instructions", NOT_PERMITTED)


async def two_steps_in_one_hand(trials: Trials, own: Entered) -> None:
    """Do two steps of one payment, do one twice, or do it before its day."""
    leg = own.legs[0]
    path, seen = f"/api/settlements/{leg.id}", {"version": leg.version}
    settler, releaser = own.one_of("settler"), own.one_of("releaser")
    await trials.api(settler, "releases what they prepared", f"{path}/release", seen, NOT_PERMITTED)
    await trials.api(
        releaser, "attests that their own release settled", f"{path}/completion", seen, NOT_PERMITTED
    )
    await trials.api(releaser, "releases a payment twice", f"{path}/release", seen, "409 illegal_transition")
    before = "says it settled before its value date"
    await trials.api(settler, before, f"{path}/completion", seen, "409 before_value_date")
    await trials.api("steward", "releases along a route they made", f"{path}/release", seen, NOT_PERMITTED)


async def touch_what_is_done(trials: Trials, own: Entered) -> None:
    """Change a deal that has settled."""
    leg = own.legs[0]
    seen = {"version": leg.version}
    settler = own.one_of("settler")
    path = f"/api/settlements/{leg.id}/failure"
    reason = {"reason": "it did not settle after all"}
    await trials.api(settler, "takes a settled payment back", path, seen | reason, "409 illegal_transition")
    again = f"/api/trades/{own.id}/verification"
    await trials.api("verifier", "verifies a settled deal again", again, own.seen(), "409 illegal_transition")
