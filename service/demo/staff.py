"""People come, go, stand in for each other and take their leave: what each may do changes the same moment."""

from datetime import timedelta
from typing import Any

from service.demo import offices
from service.demo.days import House
from service.demo.hands import BrokenPromise, Hands
from service.demo.plan import Story, again
from service.demo.trials import Trials
from service.kernel.calendar import next_business_day
from service.kernel.clock import SystemClock

VERIFIER, OTHER_VERIFIER, DEPUTY = "verifier", "other-verifier", "confirmer"
OWNER, ADMIN = "rights-owner", "rights-admin"
ABSENT, SUBSTITUTE, HEAD = "other-trader", "trader", "head-of-trading"
WATCHERS = ("compliance", "risk-controller")
BLOCK = timedelta(days=21)  # ten trading days and more, whatever holidays lie between
NOT_PERMITTED, ON_LEAVE = "403 not_permitted", "403 TRD-19"
NEWCOMER, STAFF_NUMBER = "leaving-settler", "D-9001"
FIRST = {"version": 1}
INTERRUPTED = "interrupted"
ACCEPTED = 2  # the version of a block that was planned and taken over


async def stand_in(trials: Trials, house: House) -> None:
    """Have a verifier's duties taken over; the deputy controls a deal in the own name, then hands them back."""
    hands = house.hands
    deal = again(house.plan.one(Story.AMENDED), Story.DEPUTISED)
    entered = house.entered[deal.key] = await offices.capture(hands, deal)
    path = f"/api/trades/{entered.id}/verification"
    early = "verifies before anybody made them a deputy"
    await trials.api(DEPUTY, early, path, entered.seen(), NOT_PERMITTED)
    asked = await delegation_of(hands) or await delegate(hands)
    delegation = f"/api/delegations/{asked['id']}"
    await trials.api(VERIFIER, "approves who stands in", f"{delegation}/approval", FIRST, NOT_PERMITTED)
    approved = await hands.act(OWNER, f"{delegation}/approval", FIRST, "delegation-approval")
    entered.verifier = DEPUTY
    await offices.check(hands, entered)
    back = {"version": approved["version"], "reason": "back at work"}
    await hands.act(VERIFIER, f"{delegation}/end", back, "delegation-end")
    late = "returns a deal after the duties went back"
    reason = entered.seen() | {"reason": "one more look"}
    await trials.api(DEPUTY, late, f"/api/trades/{entered.id}/return", reason, NOT_PERMITTED)
    entered.verifier = OTHER_VERIFIER
    for step in (offices.find_confirmation, offices.confirm, offices.settle):
        await step(hands, entered)


async def delegation_of(hands: Hands) -> dict[str, Any] | None:
    """Return the delegation that an earlier start of this day has asked for already."""
    found = (await hands.get(OWNER, "/api/delegations"))["items"]
    return next((one for one in found if one["deputy_name"] == DEPUTY), None)


async def delegate(hands: Hands) -> dict[str, Any]:
    """Ask for a deputy from now on, for a week."""
    now = SystemClock().now()
    body = {
        "deputy": DEPUTY,
        "roles": ["verifier"],
        "valid_from": now.isoformat(),
        "valid_to": (now + timedelta(days=7)).isoformat(),
        "reason": "on leave",
    }
    return await hands.act(VERIFIER, "/api/delegations", body, f"delegation-{now.isoformat()}")


async def come_and_go(trials: Trials, house: House) -> None:
    """Let somebody join and leave again by the personnel department's word; nothing is left of them."""
    hands, today = house.hands, house.plan.trading_days[-1].isoformat()
    joined = {
        "staff_number": STAFF_NUMBER,
        "event": "joiner",
        "effective_on": today,
        "unit": "Settlement and control",
        "name": NEWCOMER,
    }
    told = await hands.act(ADMIN, "/api/staff-events", joined, "staff-joiner")
    account = {"name": NEWCOMER, "person": told["person"], "office": "back_office"}
    await hands.act(ADMIN, "/api/accounts", account, "staff-account")
    gone = {"staff_number": STAFF_NUMBER, "event": "leaver", "effective_on": today}
    await hands.act(ADMIN, "/api/staff-events", gone, "staff-leaver")
    again_ = joined | {"name": "somebody else"}
    await trials.api(ADMIN, "gives a leaver's number to another", "/api/staff-events", again_, "409 ORG-03")


async def plan_leave(trials: Trials, house: House) -> None:
    """Plan a trader's yearly block from the next working day on; only the substitute can take over."""
    hands = house.hands
    begins = next_business_day(house.plan.trading_days[-1], "EUR")
    body = {
        "substitute": SUBSTITUTE,
        "first_day": begins.isoformat(),
        "last_day": (begins + BLOCK).isoformat(),
        "reason": "yearly block of ten trading days",
    }
    planned = await hands.act(ABSENT, "/api/absences", body, "absence-plan")
    path = f"/api/absences/{planned['id']}/acceptance"
    await trials.api(ABSENT, "takes over from themselves", path, FIRST, ON_LEAVE)
    await hands.act(SUBSTITUTE, path, FIRST, "absence-acceptance")


async def be_away(trials: Trials, house: House) -> None:
    """Try to get in while absent; two offices look into it, and the head calls the trader back."""
    hands = house.hands
    (absence,) = (await hands.get(HEAD, "/api/absences"))["items"]
    if absence["state"] == INTERRUPTED:
        return  # played before: the trader is back, and nothing would be refused
    await trials.api(ABSENT, "deals while absent", "/api/trades", {}, ON_LEAVE)
    await trials.look(ABSENT, "looks at the own book while absent", "/api/positions", ON_LEAVE)
    path = f"/api/absences/{absence['id']}"
    for account in WATCHERS:
        finding = {"finding": "a program was left running"}
        await hands.act(account, f"{path}/reviews", finding, f"absence-review-{account}")
    back = {"version": ACCEPTED, "reason": "the market is in turmoil"}
    called = await hands.act(HEAD, f"{path}/interruption", back, "absence-interruption")
    if called["state"] != INTERRUPTED:
        raise BrokenPromise(f"a block ended before its time: {called}")
