"""Confirmations by message: a stand-in for the counterparties reads ours out of their folders and answers in files."""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from service.demo.hands import BrokenPromise, Hands, until
from service.demo.master_data import BANKS
from service.demo.offices import TOO_MUCH, Entered
from service.demo.plan import Story
from service.kernel.money import Money
from service.messages import mt300
from service.messages.terms import ConfirmedTerms, as_the_other_sees
from service.settings import Settings

COMPLIANCE, CONFIRMER, VERIFIER, OTHER_VERIFIER = "compliance", "confirmer", "verifier", "other-verifier"
BICS = {bank.lei: bank.bic for bank in BANKS}
BY_MESSAGE = frozenset({Story.MESSAGED, Story.FORWARDED, Story.ALLEGED})
LOOKED_INTO = {"finding": "called the control desk of the counterparty; nothing else came that way"}
SURE_TO_BE_WHOLE = -3600  # seconds since 1970 from now: a file that nobody has touched for an hour
PAGE = 200
AS_IT_CAME = 1


@dataclass(frozen=True, slots=True)
class Folders:
    """Where messages between the bank and its counterparties lie."""

    out: Path
    inbox: Path

    @classmethod
    def of(cls, settings: Settings) -> "Folders":
        """Return the bank's."""
        return cls(settings.outbox_directory, settings.inbox_directory)

    def put(self, bic: str, name: str, content: bytes) -> None:
        """Lay a counterparty's file into the inbox, whole at once."""
        folder = self.inbox / bic
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f".{name}"
        half.write_bytes(content)
        long_ago = half.stat().st_mtime + SURE_TO_BE_WHOLE
        os.utime(half, (long_ago, long_ago))
        half.replace(folder / name)


async def confirm(hands: Hands, folders: Folders, entered: Entered) -> None:
    """Send our side as a message and have theirs matched by the service, after what the deal's story puts between."""
    path = f"/api/confirmations/{entered.confirmation}"
    key = f"{entered.key}-confirmation"
    await hands.act(entered.one_of("confirmer"), f"{path}/dispatch", {"version": 1}, f"{key}-dispatch")
    ours = await heard(hands, folders, entered)
    match entered.deal.story:
        case Story.MESSAGED:
            assert ours.sold is not None
            wrong = Money(ours.sold.amount + TOO_MUCH, ours.sold.currency)
            answer(folders, entered, replace(ours, sold=wrong), "wrong")
            await until(lambda: standing(hands, entered, "mismatched"), f"{key} is found to differ")
        case Story.FORWARDED:
            await forward(hands, entered)
        case Story.ALLEGED:
            await allege(hands, folders, entered, ours)
        case _:
            raise AssertionError(entered.deal.story)
    answer(folders, entered, ours, "right")
    await until(lambda: standing(hands, entered, "matched"), f"{key} is matched by message")


async def heard(hands: Hands, folders: Folders, entered: Entered) -> ConfirmedTerms:
    """Return what our message says, as the counterparty finds it in its folder."""
    path = f"/api/confirmations/{entered.confirmation}/transmissions"

    async def delivered() -> Path | None:
        sent = (await hands.get(CONFIRMER, path))["items"]
        gone = [one for one in sent if one["state"] == "delivered"]
        return folders.out / bic_of(entered) / gone[0]["message_key"] if gone else None

    file = await until(delivered, f"the confirmation of {entered.key} goes out")
    return mt300.read(file.read_bytes())


def answer(folders: Folders, entered: Entered, ours: ConfirmedTerms, name: str) -> None:
    """Put the counterparty's own message about the deal into the inbox."""
    reference = f"CP{entered.number}{name[0].upper()}"
    theirs = replace(as_the_other_sees(ours), our_reference=reference)
    folders.put(bic_of(entered), f"{entered.key}-{name}.txt", mt300.write(theirs))


def bic_of(entered: Entered) -> str:
    """Return the BIC of the deal's counterparty, after which its folders are named."""
    return BICS[entered.deal.counterparty]


async def standing(hands: Hands, entered: Entered, state: str) -> Mapping[str, Any] | None:
    """Return the confirmation once it stood in a state; one that has gone further has been there."""
    found: Mapping[str, Any] = await hands.get(CONFIRMER, f"/api/confirmations/{entered.confirmation}")
    return found if found["state"] in {state, "matched"} else None


async def forward(hands: Hands, entered: Entered) -> None:
    """Have the trader pass a confirmation on: it closes nothing, and two offices look into it."""
    path = f"/api/trades/{entered.id}/forwarded-confirmations"
    said = {"sender": "desk of the counterparty", "said": "we confirm the deal as agreed"}
    told = await hands.act(entered.deal.dealer.account, path, said, f"{entered.key}-forwarded")
    if told["state"] != "indirect":
        raise BrokenPromise(f"a confirmation that came through trading: {told}")


async def allege(hands: Hands, folders: Folders, entered: Entered, ours: ConfirmedTerms) -> None:
    """Have the counterparty confirm a deal that we do not have: trading hears of it last and denies it."""
    assert ours.bought is not None
    unknown = replace(
        ours,
        our_reference="NEW",
        bought=Money(ours.bought.amount * 2 + Decimal("0.01"), ours.bought.currency),
    )
    answer(folders, entered, unknown, "alleged")
    message = await until(inbound(hands, f"{entered.key}-alleged.txt"), f"{entered.key}: a deal is alleged")
    reason = {"version": AS_IT_CAME, "reason": "no deal of ours fits"}
    path = f"/api/inbound/{message['id']}"
    shared = await hands.act(VERIFIER, f"{path}/share", reason, f"{entered.key}-share")
    denied = {"known": False, "said": "the desk does not know this deal"}
    claim = f"/api/alleged-deals/{shared['alleged']}/answer"
    await hands.act(entered.deal.dealer.account, claim, denied, f"{entered.key}-answer")
    aside = {"version": shared["version"], "reason": "the counterparty withdrew it in writing"}
    await hands.act(OTHER_VERIFIER, f"{path}/dismissal", aside, f"{entered.key}-dismissal")


def inbound(hands: Hands, name: str) -> Callable[[], Awaitable[Mapping[str, Any] | None]]:
    """Return how to look for a message that came in under a name."""

    async def look() -> Mapping[str, Any] | None:
        found = await hands.get(CONFIRMER, "/api/confirmations/inbound", limit=PAGE)
        return next((one for one in found["items"] if one["name"] == name), None)

    return look


async def look_into_alerts(hands: Hands) -> None:
    """Have the back office and compliance each close what was raised."""
    for account, kind in ((CONFIRMER, "examine_alert"), (COMPLIANCE, "review_alert")):
        for alert in (await hands.get(account, "/api/work", kind=kind))["items"]:
            path = f"/api/alerts/{alert['id']}/review"
            await hands.act(account, path, LOOKED_INTO, f"review-{alert['id']}")
