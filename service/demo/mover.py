"""Somebody changes sides: from dealing to control, by three people, and what they did before stays theirs."""

from typing import Any

from service.demo.cast import MOVER_CONTROL, MOVER_TRADING
from service.demo.days import House
from service.demo.hands import Hands
from service.demo.plan import Story
from service.demo.trials import Trials

REQUESTER, MANAGER = "rights-requester", "board-back"
OWNER, ADMIN = "rights-owner", "rights-admin"
NOT_PERMITTED = "403 not_permitted"
ANOTHER_DESK = "second-desk-trader"
FIRST = {"version": 1}
PAGE = 200


async def change_sides(trials: Trials, house: House) -> None:
    """Take the dealing right, move the person, grant a control right; try to use it on the deals of before."""
    hands = house.hands
    person, accounts = await find_person(hands)
    await ask_wrongly(trials)
    held = await hands.get(ADMIN, "/api/grants", account=accounts[MOVER_TRADING], role="trader")
    leaving = FIRST | {"reason": "changes to settlement and control"}
    unit = {"unit": "Settlement and control"}
    move = f"/api/persons/{person}/move"
    await trials.api(
        ADMIN, "moves a dealing person to the back office", move, leaving | unit, "409 rights_first"
    )
    await hands.act(ADMIN, f"/api/grants/{held['items'][0]['id']}/revocation", leaving, "mover-revocation")
    await deal_without_the_right(trials, house)
    await hands.act(ADMIN, move, leaving | unit, "mover-move")
    await grant_verifier(trials, hands)
    await use_the_new_right(trials, house)


async def find_person(hands: Hands) -> tuple[str, dict[str, str]]:
    """Return the mover's person and accounts."""
    cursor: dict[str, Any] = {}
    while True:
        page = await hands.get(ADMIN, "/api/persons", limit=PAGE, **cursor)
        for person in page["items"]:
            accounts = {account["name"]: account["id"] for account in person["accounts"]}
            if MOVER_TRADING in accounts:
                return person["id"], accounts
        cursor = {"cursor": page["next"]}


async def ask_wrongly(trials: Trials) -> None:
    """Ask for rights that may not meet, or that would be one's own."""
    for who, what, wanted, expected in (
        (REQUESTER, "asks for control rights of a dealing person", (MOVER_CONTROL, "verifier"), "403 S-01"),
        (REQUESTER, "asks to verify with a dealing account", ("trader", "verifier"), "422 foreign_role"),
        (REQUESTER, "asks for an own right", (REQUESTER, "rights_admin"), "403 D-13"),
        ("trader", "asks for the right to verify", ("trader", "verifier"), NOT_PERMITTED),
    ):
        body = {"account": wanted[0], "role": wanted[1], "reason": "to be quicker"}
        await trials.api(who, what, "/api/grants", body, expected)


async def deal_without_the_right(trials: Trials, house: House) -> None:
    """Deal after the right was revoked, with a new sign-in."""
    house.hands.tokens.pop(MOVER_TRADING, None)
    deal = house.plan.one(Story.PLAIN, account=MOVER_TRADING)
    body = {**deal.terms, "counterparty": deal.counterparty}
    await trials.api(MOVER_TRADING, "deals after the right was revoked", "/api/trades", body, NOT_PERMITTED)


async def grant_verifier(trials: Trials, hands: Hands) -> None:
    """Request, approve and execute by three people; no one of them can do two of the steps."""
    wanted = {"account": MOVER_CONTROL, "role": "verifier", "reason": "verifies deals from now on"}
    grant = await hands.act(MANAGER, "/api/grants", wanted, "mover-request")
    path = f"/api/grants/{grant['id']}"
    await trials.api(MANAGER, "approves what they asked for", f"{path}/approval", FIRST, NOT_PERMITTED)
    approved = await hands.act(OWNER, f"{path}/approval", FIRST, "mover-approval")
    seen = {"version": approved["version"]}
    await trials.api(OWNER, "puts in force what they approved", f"{path}/execution", seen, NOT_PERMITTED)
    await hands.act(ADMIN, f"{path}/execution", seen, "mover-execution")
    hands.tokens.pop(MOVER_CONTROL, None)


async def use_the_new_right(trials: Trials, house: House) -> None:
    """Verify another desk's deals; be kept from the own ones for ever and from the own former desk's for a time."""
    own = house.of(house.plan.one(Story.PLAIN, account=MOVER_TRADING))
    path, seen = f"/api/trades/{own.id}", own.seen()
    command = {"trade_id": own.id, "version": own.version}
    what = "verifies the deal of their other account"
    await trials.api(MOVER_CONTROL, what, f"{path}/verification", seen, "403 D-01")
    reason = {"reason": "let me have another look"}
    returned = "returns the deal of their other account"
    await trials.api(MOVER_CONTROL, returned, f"{path}/return", seen | reason, "403 D-01")
    await trials.batch(MOVER_CONTROL, what, [("trade.verify", command)], "403 D-01")
    await trials.command_line(MOVER_CONTROL, what, "trade.verify", command, "exit 3 D-01")
    other = house.of(house.plan.one(Story.PLAIN, account="other-trader", day=0))
    what = "verifies a deal of the desk they left"
    await trials.api(MOVER_CONTROL, what, f"/api/trades/{other.id}/verification", other.seen(), "403 D-12")
    elsewhere = (
        deal
        for deal in house.plan.deals
        if deal.story is Story.PLAIN
        and deal.dealer.account == ANOTHER_DESK
        and deal.day == 0
        and not deal.late
    )
    if (deal := next(elsewhere, None)) is not None:
        house.of(deal).verifier = MOVER_CONTROL
